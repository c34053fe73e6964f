package rowcopy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// location is a database of its own for one side of a copy.
func location(t *testing.T, engine sqldb.Engine) string {
	if engine == sqldb.Postgres {
		return sqldbtest.PostgresURL(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
}

func openFor(t *testing.T, where string, o sqldb.Options) *sqldb.DB {
	t.Helper()
	o.MaxConns, o.Relaxed = 1, true
	db, err := sqldb.Open(t.Context(), where, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// filled is a database with the whole schema and rows in every table of it, whatever tables there are: in row i every text and every
// bytes is "i" with what sorts and compares in a special way, so that foreign keys lead from each row to the one of the same number.
func filled(t *testing.T, engine sqldb.Engine, rows int) *sqldb.DB {
	db := openFor(t, location(t, engine), sqldb.Options{Unlinked: true})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx *sqldb.Tx) error { return begin(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	all, err := tables(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range all {
		b := newBatch(db, table)
		for i := range rows {
			if err := b.add(t.Context(), sample(table, i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(link(t.Context(), db), Finish(t.Context(), db)); err != nil {
		t.Fatal(err)
	}
	return db
}

var odd = []string{"a", "A", "z", "é", "e\u0301", "\U0001F600", "\ufffd", "'\"\\$1?", "\n\t\x7f", "ß", " ", "_", "%"}

func sample(t table, i int) []cell {
	row := make([]cell, len(t.columns))
	for n, c := range t.columns {
		word := fmt.Sprintf("%s%d", odd[i%len(odd)], i)
		row[n] = cell{kind: c.kind}
		switch c.kind {
		case integer:
			row[n].whole = []int64{int64(i), -int64(i), math.MaxInt64 - int64(i), math.MinInt64 + int64(i)}[i%4]
		case boolean:
			row[n].whole = int64(i % 2)
		case text:
			row[n].bytes = []byte(word)
		case octets:
			row[n].bytes = append([]byte{0, 255, 0x27}, word...)
		}
	}
	return row
}

// nulls makes values NULL or empty in some rows, and has children that are read before their parents.
func nulls(t *testing.T, db *sqldb.DB) {
	if _, err := db.Exec(t.Context(), `UPDATE users SET email_key = NULL, email = '' WHERE id LIKE '%1'`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `UPDATE uploads SET content = $1, digest = NULL WHERE id LIKE '%2'`, []byte{}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `UPDATE nodes SET parent_id = (SELECT MAX(id) FROM nodes) WHERE id < (SELECT MAX(id) FROM nodes)`); err != nil {
		t.Fatal(err)
	}
}

// contents is what every table holds.
func contents(t *testing.T, db *sqldb.DB) map[string]content {
	t.Helper()
	all, err := tables(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]content{}
	for _, table := range all {
		c, err := eachRow(t.Context(), db, table, nil)
		if err != nil {
			t.Fatal(err)
		}
		found[table.name] = c
	}
	return found
}

func wantSame(t *testing.T, from, to *sqldb.DB, rows int64) {
	t.Helper()
	want, got := contents(t, from), contents(t, to)
	if len(want) < 40 || len(want) != len(got) {
		t.Fatalf("%d tables became %d", len(want), len(got))
	}
	for name, c := range want {
		if c != got[name] {
			t.Errorf("%s: %d rows became %d, or others", name, c.rows, got[name].rows)
		}
		if c.rows < rows {
			t.Errorf("%s: only %d rows were copied: the test fills every table", name, c.rows)
		}
	}
}

func eachWay(t *testing.T, fn func(t *testing.T, from, to sqldb.Engine)) {
	for _, from := range []sqldb.Engine{sqldb.SQLite, sqldb.Postgres} {
		for _, to := range []sqldb.Engine{sqldb.SQLite, sqldb.Postgres} {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) { fn(t, from, to) })
		}
	}
}

// Every table of the schema, whatever tables there are, arrives with all its rows, with the same keys and links as before.
func TestEveryTableIsCopied(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to sqldb.Engine) {
		source, target := filled(t, from, 1200), openFor(t, location(t, to), sqldb.Options{Unlinked: true})
		nulls(t, source)
		told := map[string]State{}
		if err := Copy(t.Context(), source, target, Options{}, func(p Progress) { told[p.Table] = p.State }); err != nil {
			t.Fatal(err)
		}
		wantSame(t, source, target, 1200)
		for table := range contents(t, source) {
			if told[table] != Copied {
				t.Errorf("%s is told to be %q", table, told[table])
			}
		}
		if err := Whole(t.Context(), target); err != nil {
			t.Errorf("the copy is done, and: %v", err)
		}
		if err := Copy(t.Context(), source, target, Options{}, func(p Progress) { told[p.Table] = p.State }); err != nil || told["users"] != Kept {
			t.Errorf("the same once more, as after a kill at the end: users are %s, %v", told["users"], err)
		}
		var before, after int
		count := `SELECT COUNT(*) FROM loose_blobs`
		err := target.Row(t.Context(), count, nil, &before)
		if err == nil {
			_, err = target.Exec(t.Context(), `DELETE FROM versions WHERE id = (SELECT MIN(id) FROM versions)`)
		}
		if err == nil {
			err = target.Row(t.Context(), count, nil, &after)
		}
		if err != nil || after != before+1 {
			t.Errorf("the target's triggers are not back: %d rows became %d, %v", before, after, err)
		}
		if to == sqldb.Postgres {
			if _, err := target.Exec(t.Context(), `DELETE FROM blobs`); err == nil {
				t.Error("the target's foreign keys are not back")
			}
		}
		if err := Copy(t.Context(), source, target, Options{}, func(Progress) {}); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("copying onto rows: %v", err)
		}
	})
}

// A copy that ends anywhere leaves a target that nobody may serve, and goes on: what is whole and the same at the source is kept.
func TestACopyThatWasCutGoesOn(t *testing.T) {
	eachWay(t, func(t *testing.T, from, to sqldb.Engine) {
		source, where := filled(t, from, 40), location(t, to)
		copied := map[string]int{}
		for cut := 0; ; cut++ {
			target := openFor(t, where, sqldb.Options{Unlinked: true})
			ctx, stop := context.WithCancel(t.Context())
			now, before := 0, len(copied)
			err := Copy(ctx, source, target, Options{}, func(p Progress) {
				if p.State == Kept && copied[p.Table] == 0 {
					t.Errorf("cut %d: %s is kept, and was never copied", cut, p.Table)
				}
				if p.State == Copied {
					copied[p.Table]++
					if now++; now == 9 {
						stop()
					}
				}
			})
			stop()
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) || len(copied) == before {
				t.Fatalf("cut %d: %v", cut, err)
			}
			if err := Whole(t.Context(), target); !errors.Is(err, ErrFilling) {
				t.Fatalf("cut %d: the half copy may be served: %v", cut, err)
			}
			if cut == 2 { // somebody served the source meanwhile
				if _, err := source.Exec(t.Context(), `UPDATE audit SET detail = 'changed'`); err != nil {
					t.Fatal(err)
				}
			}
			if err := target.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for table, times := range copied {
			if want := map[bool]int{true: 2, false: 1}[table == "audit"]; times != want {
				t.Errorf("%s was copied %d times, want %d", table, times, want)
			}
		}
		target := openFor(t, where, sqldb.Options{Unlinked: true})
		wantSame(t, source, target, 40)
	})
}

// What was changed in a target that is not finished, as a restore does, is brought anew by the next copy: else tables of two moments would meet.
func TestAChangedTargetIsNotKept(t *testing.T) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			source, target := filled(t, sqldb.SQLite, 40), openFor(t, location(t, engine), sqldb.Options{Unlinked: true})
			again := map[string]State{}
			for range 2 {
				if err := Copy(t.Context(), source, target, Options{Unfinished: true}, func(p Progress) { again[p.Table] = p.State }); err != nil {
					t.Fatal(err)
				}
				if again["uploads"] != Copied {
					t.Errorf("uploads are %s", again["uploads"])
				}
				if _, err := target.Exec(t.Context(), `UPDATE uploads SET gone_at = 5`); err != nil {
					t.Fatal(err)
				}
			}
			if again["users"] != Kept {
				t.Errorf("users are %s, and nobody changed them", again["users"])
			}
			if err := Copy(t.Context(), source, target, Options{}, func(Progress) {}); err != nil {
				t.Fatal(err)
			}
			wantSame(t, source, target, 40)
		})
	}
}

// What cannot be copied is refused, and says what is wrong.
func TestRefusals(t *testing.T) {
	change := func(t *testing.T, db *sqldb.DB, statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	none := func(*testing.T, *sqldb.DB) {}
	schema := func(t *testing.T, db *sqldb.DB) {
		if _, err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name           string
		source, target func(t *testing.T, db *sqldb.DB)
		want           string
	}{
		{"another installation", none, func(t *testing.T, db *sqldb.DB) {
			schema(t, db)
			change(t, db, `INSERT INTO signing_keys (id, private_key, public_key, created_at) VALUES ('k', $1, $1, 1)`, []byte{1})
		}, "not empty: there are rows in signing_keys"},
		{"a newer target", none, func(t *testing.T, db *sqldb.DB) {
			schema(t, db)
			change(t, db, `INSERT INTO schema_steps (number, name) VALUES (9999, 'later')`)
		}, "newer"},
		{"an older source", func(t *testing.T, db *sqldb.DB) {
			change(t, db, `DELETE FROM schema_steps WHERE number = (SELECT MAX(number) FROM schema_steps)`)
		}, none, "satchel migrate"},
		{"a half source", func(t *testing.T, db *sqldb.DB) { change(t, db, `CREATE TABLE copying (what TEXT)`) }, none, "not whole"},
		{"another schema", none, func(t *testing.T, db *sqldb.DB) {
			schema(t, db)
			change(t, db, `ALTER TABLE audit ADD COLUMN other BIGINT NOT NULL DEFAULT 0`)
		}, "the target has audit.other bigint"},
		{"text with a zero", func(t *testing.T, db *sqldb.DB) {
			change(t, db, `UPDATE nodes SET name = $1 WHERE id = 'a0'`, "a\x00b")
		}, none, `table nodes, row`},
		{"text that is no UTF-8", func(t *testing.T, db *sqldb.DB) { change(t, db, `UPDATE locks SET owner = $1`, "a\xffb") }, none, `table locks, row 1`},
		{"bytes for text", func(t *testing.T, db *sqldb.DB) { change(t, db, `UPDATE audit SET at = $1`, "yesterday") }, none, `table audit, row 1`},
		{"a link to nothing", func(t *testing.T, db *sqldb.DB) { change(t, db, `DELETE FROM users`) }, none, `violates foreign key constraint`},
	} {
		t.Run(test.name, func(t *testing.T) {
			source, target := filled(t, sqldb.SQLite, 3), openFor(t, location(t, sqldb.Postgres), sqldb.Options{})
			test.source(t, source)
			test.target(t, target)
			if err := Copy(t.Context(), source, target, Options{}, func(Progress) {}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want a refusal that says %q: %v", test.want, err)
			}
		})
	}
}

// Nobody writes to a Postgres source while it is copied, and whoever is connected to it is noticed before.
func TestTheSourceStandsStill(t *testing.T) {
	where := location(t, sqldb.Postgres)
	source := openFor(t, where, sqldb.Options{})
	if _, err := source.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := tables(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if err := Alone(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	other := openFor(t, where+"&lock_timeout=100&application_name=the+other", sqldb.Options{})
	if err := Alone(t.Context(), source); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "the other of") {
		t.Errorf("another program is connected: %v", err)
	}
	write := func() error {
		_, err := other.Exec(t.Context(), `INSERT INTO link_keys (id, secret, created_at) VALUES ('k', $1, 1)`, []byte{1})
		return err
	}
	err = still(t.Context(), source, all, func(*sqldb.Tx) error {
		if err := write(); !fault.Is(err, fault.Busy) {
			t.Errorf("the other could write: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A copy of one moment is made while others write, without what the caller leaves out, and nobody serves it before it is finished.
func TestACopyOfOneMoment(t *testing.T) {
	for _, engine := range []sqldb.Engine{sqldb.SQLite, sqldb.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			where := location(t, engine)
			source := openFor(t, where, sqldb.Options{})
			if _, err := source.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			other := openFor(t, where, sqldb.Options{})
			add := func(id string) {
				if _, err := other.Exec(t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $1, $1, '', 0)`, id); err != nil {
					t.Fatal(err)
				}
				if _, err := other.Exec(t.Context(), `INSERT INTO s3_contents (key, version, epoch, sealed, live, settling, object, size, upload, upload_id, next_part, tail, tail_size, modified_at)
					VALUES ($1, 1, 1, TRUE, FALSE, FALSE, 'o', 1, '', '', 0, '', 0, 0)`, id); err != nil {
					t.Fatal(err)
				}
			}
			add("before")
			place := location(t, sqldb.SQLite)
			target := openFor(t, place, sqldb.Options{Unlinked: true})
			o := Options{Online: true, Without: []string{"s3_contents", "s3_parts"}, Unfinished: true}
			for _, moment := range []string{"first", "second"} { // the second is of another moment, over the first
				once := sync.OnceFunc(func() { add(moment) })
				if err := Copy(t.Context(), source, target, o, func(Progress) { once() }); err != nil {
					t.Fatal(err)
				}
			}
			if err := Whole(t.Context(), target); !errors.Is(err, ErrFilling) {
				t.Errorf("it is not finished: %v", err)
			}
			if err := Finish(t.Context(), target); err != nil {
				t.Fatal(err)
			}
			if got := contents(t, target); got["users"].rows != 2 || got["s3_contents"].rows != 0 {
				t.Errorf("%d users and %d contents are in the copy, want 2 and 0", got["users"].rows, got["s3_contents"].rows)
			}
			if err := Whole(t.Context(), target); err != nil {
				t.Error(err)
			}
		})
	}
}

// The schema has nothing that rows do not show, such as a sequence that would have to be set.
func TestTheSchemaHasNoSequences(t *testing.T) {
	found, err := sqldb.All(t.Context(), sqldbtest.OpenPostgres(t), `SELECT relname FROM pg_class WHERE relkind IN ('S', 'v', 'm') AND relnamespace = current_schema()::regnamespace`, nil,
		func(scan sqldb.Scan) (name string, err error) { return name, scan(&name) })
	if err != nil || len(found) > 0 {
		t.Errorf("rowcopy copies tables only, and there are %v: %v", slices.Clip(found), err)
	}
}
