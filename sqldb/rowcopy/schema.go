package rowcopy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// kind is a type of column that both engines have.
type kind string

const (
	integer kind = "bigint"
	boolean kind = "boolean"
	text    kind = "text"
	octets  kind = "bytea"
)

// kinds are the words of both engines.
var kinds = map[string]kind{"bigint": integer, "boolean": boolean, "text": text, "bytea": octets, "INTEGER": integer, "BOOLEAN": boolean, "TEXT": text, "BLOB": octets}

type column struct {
	name string
	kind kind
}

// table is as the schema has it. Its columns are in the order of their names, which is the same wherever they were added.
type table struct {
	name    string
	columns []column
	key     []string // the columns of the primary key, in its order
}

// schemaSteps is the table of package sqldb about the schema itself. It is not copied: each side has its own.
const schemaSteps = "schema_steps"

// columnsOf answers the table, column, type and place in the primary key (0 for none) of every column.
var columnsOf = map[sqldb.Engine]string{
	sqldb.SQLite: `SELECT t.name, c.name, c.type, c.pk FROM sqlite_master t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.name`,
	sqldb.Postgres: `SELECT t.relname, a.attname, format_type(a.atttypid, NULL), COALESCE(k.place, 0)
		FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN (SELECT i.indrelid, k.attnum, k.place FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k (attnum, place) WHERE i.indisprimary) k
			ON k.indrelid = t.oid AND k.attnum = a.attnum
		WHERE t.relkind IN ('r', 'p') AND t.relnamespace = current_schema()::regnamespace
		ORDER BY t.relname COLLATE "C", a.attname COLLATE "C"`,
}

// tables are those of the schema, by name, but for its own and those of a copy under way.
func tables(ctx context.Context, q sqldb.Querier) ([]table, error) {
	var all []table
	keys := map[string]map[int]string{}
	err := q.Each(ctx, columnsOf[q.Engine()], nil, func(scan sqldb.Scan) error {
		var of, name, word string
		var place int
		if err := scan(&of, &name, &word, &place); err != nil {
			return err
		}
		if of == schemaSteps || of == marker {
			return nil
		}
		k, known := kinds[word]
		if !known {
			return fmt.Errorf("rowcopy: column %s.%s is of type %s, which cannot be copied", of, name, word)
		}
		if len(all) == 0 || all[len(all)-1].name != of {
			all = append(all, table{name: of})
			keys[of] = map[int]string{}
		}
		t := &all[len(all)-1]
		t.columns = append(t.columns, column{name, k})
		if place > 0 {
			keys[of][place] = name
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		t := &all[i]
		for place := 1; place <= len(keys[t.name]); place++ {
			t.key = append(t.key, keys[t.name][place])
		}
		if len(t.key) == 0 {
			return nil, fmt.Errorf("rowcopy: table %s has no primary key, so its rows have no order", t.name)
		}
	}
	return all, nil
}

// sameTables answers what differs between two schemas, or nil.
func sameTables(from, to []table) error {
	describe := func(all []table) (lines []string) {
		for _, t := range all {
			for _, c := range t.columns {
				lines = append(lines, fmt.Sprintf("%s.%s %s", t.name, c.name, c.kind))
			}
			lines = append(lines, fmt.Sprintf("%s (%s)", t.name, strings.Join(t.key, ", ")))
		}
		return lines
	}
	source, target := describe(from), describe(to)
	for _, line := range source {
		if !slices.Contains(target, line) {
			return fmt.Errorf("the source has %s and the target has not", line)
		}
	}
	for _, line := range target {
		if !slices.Contains(source, line) {
			return fmt.Errorf("the target has %s and the source has not", line)
		}
	}
	return nil
}

// quoted is a name as a part of a statement.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (t table) names(of []string) string {
	all := make([]string, len(of))
	for i, name := range of {
		all[i] = quoted(name)
	}
	return strings.Join(all, ", ")
}

func (t table) columnNames() []string {
	all := make([]string, len(t.columns))
	for i, c := range t.columns {
		all[i] = c.name
	}
	return all
}

// read is the query for all rows in order.
func (t table) read() string {
	return "SELECT " + t.names(t.columnNames()) + " FROM " + quoted(t.name) + " ORDER BY " + t.names(t.key)
}
