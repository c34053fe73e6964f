package sqldbtest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// A plan is how a database runs a statement: which tables it reads by which index, and where it sorts. Costs and joins are left out.
type plan []string

// whole begins what a plan says of a table that is read from end to end.
const whole = "all of "

var parameter = regexp.MustCompile(`\$(\d+)`)

// parameters is how many a text has.
func parameters(text string) (n int) {
	for _, found := range parameter.FindAllStringSubmatch(text, -1) {
		i, err := strconv.Atoi(found[1])
		if err == nil {
			n = max(n, i)
		}
	}
	return n
}

// postgresPlans explains on a connection of its own.
type postgresPlans struct {
	conn *sql.Conn
	// short are tables of so few rows that Postgres reads all of them rather than an index.
	short map[string]bool
}

// manyRows is from which number on it does not.
const manyRows = 2000

func newPostgresPlans(ctx context.Context, conn *sql.Conn) (*postgresPlans, error) {
	p := &postgresPlans{conn: conn, short: map[string]bool{}}
	rows, err := conn.QueryContext(ctx, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples < $1`, manyRows)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		p.short[name] = true
	}
	return p, rows.Err()
}

// explain answers the plan that Postgres has for any arguments. Where it reads all of a short table, the plan is the one that it would have if it avoided that.
func (p *postgresPlans) explain(ctx context.Context, text string) (plan, error) {
	got, err := p.ask(ctx, text, "on")
	if err != nil {
		return nil, err
	}
	for _, line := range got {
		table, ok := strings.CutPrefix(line, whole)
		if ok && p.short[table] {
			return p.ask(ctx, text, "off")
		}
	}
	return got, nil
}

func (p *postgresPlans) ask(ctx context.Context, text, seqScan string) (got plan, err error) {
	text, ordered := strings.CutPrefix(text, inOrder)
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", parameters(text)), ", ")
	if nulls != "" {
		nulls = "(" + nulls + ")"
	}
	sort := "on"
	if ordered {
		sort = "off"
	}
	for _, before := range []string{`SET plan_cache_mode = force_generic_plan`, `SET enable_sort = ` + sort, `SET enable_seqscan = ` + seqScan, `PREPARE asked AS ` + text} {
		if _, err := p.conn.ExecContext(ctx, before); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	defer func() {
		if _, e := p.conn.ExecContext(ctx, `DEALLOCATE asked`); err == nil {
			err = e
		}
	}()
	var told []byte
	if err := p.conn.QueryRowContext(ctx, `EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE asked`+nulls).Scan(&told); err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	var answer []struct{ Plan planNode }
	if err := json.Unmarshal(told, &answer); err != nil {
		return nil, err
	}
	for _, a := range answer {
		a.Plan.tell("", &got)
	}
	return got.sorted(), nil
}

// planNode is a node of Postgres' plan (EXPLAIN, FORMAT JSON).
type planNode struct {
	Type      string     `json:"Node Type"`
	Operation string     `json:"Operation"`
	Table     string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	Condition string     `json:"Index Cond"`
	Plans     []planNode `json:"Plans"`
}

func (n planNode) tell(table string, to *plan) {
	if n.Table != "" {
		table = n.Table
	}
	switch {
	case n.Type == "Seq Scan":
		*to = append(*to, whole+table)
	case n.Index != "" && n.Condition == "":
		*to = append(*to, whole+table+", by "+n.Index)
	case n.Index != "" && !strings.Contains(n.Condition, " = ") && !strings.Contains(n.Condition, " @@ "):
		*to = append(*to, table+" by "+n.Index+", a stretch of it")
	case n.Index != "":
		*to = append(*to, table+" by "+n.Index)
	case n.Type == "Sort" || n.Type == "Incremental Sort":
		*to = append(*to, "a sort")
	}
	for _, below := range n.Plans {
		below.tell(table, to)
	}
}

// sorted has each line once: in which order tables are joined may be chance.
func (p plan) sorted() plan {
	slices.Sort(p)
	return slices.Compact(p)
}

// explainSQLite answers SQLite's plan (sqlite.org/eqp.html). It knows nothing of how large tables are.
func explainSQLite(ctx context.Context, db *sqldb.DB, text string) (p plan, err error) {
	var id, parent, unused int64
	var detail string
	err = db.Each(ctx, "EXPLAIN QUERY PLAN "+text, make([]any, parameters(text)), func(scan sqldb.Scan) error {
		err := scan(&id, &parent, &unused, &detail)
		what, rest, _ := strings.Cut(detail, " ")
		name, how, _ := strings.Cut(rest, " ")
		table := named(text, name)
		switch {
		case err != nil:
		case strings.HasPrefix(detail, "USE TEMP B-TREE"):
			p = append(p, "a sort"+strings.TrimPrefix(strings.ToLower(detail), "use temp b-tree"))
		case table == "":
		case what == "SCAN":
			p = append(p, strings.TrimSpace(whole+table+" "+how))
		case what == "SEARCH":
			p = append(p, table+" "+how)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	return p.sorted(), nil
}

// named is the table that a statement calls name; "" if it is none, but what the statement itself has put together.
func named(text, name string) string {
	if name == "CONSTANT" || strings.HasPrefix(name, "(") || strings.HasSuffix(name, "-ROW") || name == "json_each" || name == "sqlite_master" ||
		strings.Contains(text, ") "+name+" ") || // a query in brackets
		regexp.MustCompile(`(?:WITH|RECURSIVE|,) `+regexp.QuoteMeta(name)+` (?:\([^)]*\) )?AS \(`).MatchString(text) {
		return ""
	}
	of := regexp.MustCompile(`(?:FROM|JOIN) (\w+) (?:AS )?` + regexp.QuoteMeta(name) + `\b`).FindStringSubmatch(text)
	if of == nil || of[1] == "JOIN" {
		return name
	}
	return of[1]
}
