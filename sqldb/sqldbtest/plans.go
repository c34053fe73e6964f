package sqldbtest

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/bench/crowd"
	"github.com/satchelhq/satchel/sqldb"
)

// golden is a file with the plan of every statement that a package's rules run on an engine: the statement in a line, its plan in the lines below.
func golden(engine sqldb.Engine) string { return filepath.Join("testdata", "plans."+string(engine)) }

var engines = [...]sqldb.Engine{sqldb.Postgres, sqldb.SQLite}

// Main runs the tests of a package that has SQL, and fails if its rules ran a statement whose plan is not in testdata. With -update it
// writes those down, and the plans of the ones that are there anew. It answers the exit code.
func Main(m *testing.M) int {
	update := flag.Bool("update", false, "write the plans of statements anew")
	ran().room = caller()
	code := m.Run()
	if code != 0 {
		return code
	}
	for _, engine := range engines {
		var err error
		if *update {
			err = rewrite(engine)
		} else {
			err = missing(engine)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// caller is the import path of the package that calls Main.
func caller() string {
	at, _, _, _ := runtime.Caller(2)
	function := runtime.FuncForPC(at).Name()
	slash := strings.LastIndexByte(function, '/')
	name, _, _ := strings.Cut(function[slash+1:], ".")
	return function[:slash+1] + strings.TrimSuffix(name, "_test")
}

func missing(engine sqldb.Engine) error {
	known, err := readPlans(engine)
	if err != nil {
		return err
	}
	for _, text := range ran().of(engine) {
		if _, ok := known[text]; !ok {
			return fmt.Errorf("the plan of this statement on %s is not in %s: go test . -update writes it down, look whether it is a good one\n%s", engine, golden(engine), text)
		}
	}
	return nil
}

// rewrite keeps statements that this run did not have: a run of some tests must not forget those of others.
func rewrite(engine sqldb.Engine) error {
	known, err := readPlans(engine)
	if err != nil {
		return err
	}
	texts := ran().of(engine)
	for text := range known {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	e, err := newExplainer(context.Background(), engine)
	if err != nil {
		return err
	}
	defer e.close()
	var b strings.Builder
	for _, text := range slices.Compact(texts) {
		p, err := e.explain(text)
		if err != nil {
			return err
		}
		b.WriteString(text + "\n")
		for _, line := range p {
			b.WriteString("\t" + line + "\n")
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		return err
	}
	return os.WriteFile(golden(engine), []byte(b.String()), 0o644)
}

func readPlans(engine sqldb.Engine) (map[string]plan, error) {
	text, err := os.ReadFile(golden(engine))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	all := map[string]plan{}
	statement := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if step, ok := strings.CutPrefix(line, "\t"); ok {
			all[statement] = append(all[statement], step)
		} else {
			statement = line
			all[statement] = nil
		}
	}
	return all, nil
}

// Plans compares the plans of a package's statements with those in testdata, in a database of some thousand files, and takes away each index that
// they name to see that the comparison would tell. reads names the statements that may read all of a table, by a part of their text, and says why that is no harm.
func Plans(t *testing.T, reads map[string]string) {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		return // Main writes them when all tests have run
	}
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			known, err := readPlans(engine)
			if err != nil || len(known) == 0 {
				t.Fatalf("%d plans in %s, %v", len(known), golden(engine), err)
			}
			e, err := newExplainer(t.Context(), engine)
			if err != nil {
				t.Fatal(err)
			}
			defer e.close()
			for text, want := range known {
				got, err := e.explain(text)
				if err != nil {
					t.Error(err)
					continue
				}
				line := got.whole()
				if line != "" && excused(text, reads) {
					continue
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s\n got %s\nwant %s\n(go test -update writes it down)", text, strings.Join(got, "; "), strings.Join(want, "; "))
				}
				if line != "" {
					t.Errorf("%s\nreads %s", text, line)
				}
			}
			e.lose(t, known)
		})
	}
}

// lose takes away each index that plans name, one at a time.
func (e *explainer) lose(t *testing.T, known map[string]plan) {
	lost := map[string]bool{}
	for text, want := range known {
		for _, line := range want {
			index := indexIn(line)
			if index == "" || lost[index] {
				continue
			}
			lost[index] = true
			err := e.without(index, func() error {
				got, err := e.explain(text)
				if err == nil && slices.Equal(got, want) {
					t.Errorf("without %s the plan is the same:\n%s", index, text)
				}
				return err
			})
			if err != nil {
				t.Errorf("without %s: %v", index, err)
			}
		}
	}
	if len(lost) == 0 {
		t.Log("no index but those of keys")
	}
}

// indexIn is the index that a line of a plan names, "" for none and for those that belong to a key.
func indexIn(line string) string {
	found := regexp.MustCompile(`(?: by | INDEX )(\w+)`).FindStringSubmatch(line)
	if found == nil || strings.HasPrefix(found[1], "sqlite_autoindex") || strings.HasSuffix(found[1], "_key") || strings.HasSuffix(found[1], "_pkey") {
		return ""
	}
	return found[1]
}

// few are tables that stay small, whatever the server holds: keys, and a row for each process.
var few = []string{"signing_keys", "link_keys", "code_keys", "holders", "event_delivery", "upload_wants"}

// whole is the line of a plan that reads all of a table that grows, or "".
func (p plan) whole() string {
	for _, line := range p {
		table, ok := strings.CutPrefix(line, whole)
		table, _, _ = strings.Cut(table, ",")
		if ok && !slices.Contains(few, strings.Fields(table)[0]) {
			return line
		}
	}
	return ""
}

func excused(text string, reads map[string]string) bool {
	for part := range reads {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// moderate is a database of which ANALYZE reads all rows, so that plans do not depend on chance.
var moderate = crowd.Size{Users: 2000, Files: 20_000, Large: 5000, Folder: 1000}

// aMillion makes Postgres believe that each table has 50 times the rows that it has: nothing is read whole because there is so little of it. How far
// VACUUM came depends on who looked at the server meanwhile.
const aMillion = `UPDATE pg_class SET reltuples = reltuples * 50, relallvisible = relpages WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`

// explainer answers plans in a database of its own.
type explainer struct {
	explain func(text string) (plan, error)
	without func(index string, fn func() error) error
	close   func()
}

func newExplainer(ctx context.Context, engine sqldb.Engine) (*explainer, error) {
	if engine == sqldb.SQLite {
		return explainerSQLite(ctx)
	}
	return explainerPostgres(ctx)
}

func explainerSQLite(ctx context.Context) (*explainer, error) {
	folder, err := os.MkdirTemp("", "satchel-plans-")
	if err != nil {
		return nil, err
	}
	location := "sqlite:" + filepath.Join(folder, "satchel.db")
	db, err := sqldb.Open(ctx, location, relaxed)
	if err == nil {
		_, err = db.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	at := db
	return &explainer{
		explain: func(text string) (plan, error) { return explainSQLite(ctx, at, text) },
		without: func(index string, fn func() error) error {
			var again string
			if err := db.Row(ctx, `SELECT sql FROM sqlite_schema WHERE name = $1`, []any{index}, &again); err != nil {
				return err
			}
			if _, err := db.Exec(ctx, `DROP INDEX `+index); err != nil {
				return err
			}
			// An open connection does not look whether the schema has changed when it only explains.
			other, err := sqldb.Open(ctx, location, relaxed)
			if err != nil {
				return err
			}
			at = other
			err = fn()
			at = db
			_, restored := db.Exec(ctx, again)
			return errors.Join(err, other.Close(), restored)
		},
		close: func() { db.Close(); os.RemoveAll(folder) },
	}, nil
}

func explainerPostgres(ctx context.Context) (*explainer, error) {
	s, err := sharedServer()
	if err != nil {
		return nil, err
	}
	name, drop, err := s.create(ctx, "template1")
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*explainer, error) { return nil, errors.Join(err, drop()) }
	if err := migrate(s.of(name), sqldb.Options{}); err != nil {
		return fail(err)
	}
	size := moderate
	size.Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if err := crowd.Fill(ctx, s.of(name), size); err != nil {
		return fail(err)
	}
	pool, err := sql.Open("postgres", s.of(name))
	if err != nil {
		return fail(err)
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return fail(err)
	}
	if _, err = conn.ExecContext(ctx, aMillion); err != nil {
		conn.Close()
		pool.Close()
		return fail(err)
	}
	plans, err := newPostgresPlans(ctx, conn)
	if err != nil {
		conn.Close()
		pool.Close()
		return fail(err)
	}
	return &explainer{
		explain: func(text string) (plan, error) { return plans.explain(ctx, text) },
		without: func(index string, fn func() error) error {
			if _, err := conn.ExecContext(ctx, `BEGIN; DROP INDEX `+index); err != nil {
				return err
			}
			err := fn()
			_, restored := conn.ExecContext(ctx, `ROLLBACK`)
			return errors.Join(err, restored)
		},
		close: func() { conn.Close(); pool.Close(); _ = drop() }, // a server that is private ends with the process
	}, nil
}
