package drive

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Each statement is a round trip on Postgres, and BEGIN and COMMIT are too: one more is seen here.
func TestRoundTrips(t *testing.T) {
	var trips atomic.Int64
	db, err := sqldb.Open(t.Context(), sqldbtest.PostgresURL(t), sqldb.Options{Ran: func(_ *sqldb.Tx, text string) {
		if !strings.Contains(text, "pg_notify") { // they leave when others have nothing to say
			trips.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, db: db, blobs: mem.New()}
	f.Drives = New(db, f.blobs, Options{})
	f.alice = f.user("alice")
	f.run("mkdir /d")
	for _, step := range []struct {
		script string
		want   int64
	}{
		{"put /d/a text", 8},
		{"put /d/a other", 10},
		{"mv /d/a /d/b", 10},
		{"cp /d/b /d/a", 10},
		{"mkdir /e", 8},
		{"rm /d/b", 9},
	} {
		trips.Store(0)
		f.run(step.script)
		if n := trips.Load(); n != step.want {
			t.Errorf("%s: %d round trips, want %d", step.script, n, step.want)
		}
	}
	for name, ask := range map[string]func() error{
		"stat": func() error { return errOf(f.Stat(t.Context(), f.alice, "/d/a")) },
		"list": func() error { return errOf(f.List(t.Context(), f.alice, "/d", Order{}, "", 10)) },
	} {
		trips.Store(0)
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if n, want := trips.Load(), map[string]int64{"stat": 1, "list": 7}[name]; n != want {
			t.Errorf("%s: %d round trips, want %d", name, n, want)
		}
	}
	f.clean()
}
