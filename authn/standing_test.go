package authn

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Who asks again is known without a query, until anybody commits anything; then it is asked, and remembered, anew.
func TestWhoAsksAgainCostsNoQueryUntilSomethingChanges(t *testing.T) {
	var queries atomic.Int64
	location := "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
	db, err := sqldb.Open(t.Context(), location, sqldb.Options{Relaxed: true, Observe: func(context.Context, string, time.Time, error) { queries.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, db)
	s := n.register(t, ann())
	_, secret := n.app(t, s, NewAppPassword{Name: "a"})
	_, err = n.Basic(t.Context(), "ann", secret, Client{}) // the first use is written down
	accepted(t, "app password", err)
	asks := func(what string, want bool) {
		t.Helper()
		for _, ask := range []func() error{
			func() error { _, err := n.Basic(t.Context(), "ann", password, Client{}); return err },
			func() error { _, err := n.Basic(t.Context(), "ann", secret, Client{}); return err },
			func() error { _, err := n.Bearer(t.Context(), s.AccessToken); return err },
		} {
			before := queries.Load()
			accepted(t, what, ask())
			if asked := queries.Load() > before; asked != want {
				t.Errorf("%s: the database was asked: %v", what, asked)
			}
		}
	}
	asks("the first time", true)
	asks("again", false)

	// A tool of another process, which has a database of its own.
	tool, err := sqldb.Open(t.Context(), location, sqldb.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tool.Close() })
	if _, err := tool.Exec(t.Context(), `UPDATE users SET email = 'new@example.org'`); err != nil {
		t.Fatal(err)
	}
	asks("after a commit", true)
	asks("and again", false)
	if _, err := tool.Exec(t.Context(), `UPDATE users SET disabled_at = 1`); err != nil {
		t.Fatal(err)
	}
	_, err = n.Basic(t.Context(), "ann", password, Client{})
	refused(t, "a disabled account, by its password", err, fault.Unauthenticated, "invalid_credentials")
	_, err = n.Bearer(t.Context(), s.AccessToken)
	refused(t, "a disabled account, by its token", err, fault.Unauthenticated, "session_ended")
}
