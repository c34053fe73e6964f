package certificate

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What certmagic expects of a storage.
func TestItems(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, s := t.Context(), newStorage(db)
		for key, value := range map[string]string{
			"certificates/ca/a.example/a.example.crt": "crt", "certificates/ca/a.example/a.example.key": "key", "certificates/ca/b.example/b.example.crt": "b",
			"certificates/ca0/x": "beside", "acme/account": "old", "acme.json": "beside too",
		} {
			if err := s.Store(ctx, key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Store(ctx, "acme/account", []byte("new")); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(ctx, "acme/account"); err != nil || string(got) != "new" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := s.Load(ctx, "acme"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a path is read: %v", err)
		}
		for _, c := range []struct {
			path      string
			recursive bool
			want      []string
		}{
			{"certificates/ca", false, []string{"certificates/ca/a.example", "certificates/ca/b.example"}},
			{"certificates/ca/", true, []string{"certificates/ca/a.example/a.example.crt", "certificates/ca/a.example/a.example.key", "certificates/ca/b.example/b.example.crt"}},
			{"acme", false, []string{"acme/account"}},
		} {
			if got, err := s.List(ctx, c.path, c.recursive); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, %v, want %v", c.path, got, err, c.want)
			}
		}
		if _, err := s.List(ctx, "nothing", true); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("nothing is listed: %v", err)
		}
		if info, err := s.Stat(ctx, "certificates/ca/a.example/a.example.crt"); err != nil || info.Size != 3 || !info.IsTerminal || time.Since(info.Modified) > time.Hour {
			t.Errorf("%+v, %v", info, err)
		}
		if info, err := s.Stat(ctx, "certificates"); err != nil || info.IsTerminal {
			t.Errorf("%+v, %v", info, err)
		}
		if err := s.Delete(ctx, "certificates/ca"); err != nil {
			t.Fatal(err)
		}
		for key, there := range map[string]bool{"certificates/ca": false, "certificates/ca/b.example": false, "certificates/ca0/x": true, "acme.json": true} {
			if s.Exists(ctx, key) != there {
				t.Errorf("%s is there: %v", key, !there)
			}
		}
		if err := s.Delete(ctx, "certificates/ca"); err != nil {
			t.Errorf("once more: %v", err)
		}
	})
}

// Of those who want a lock, on any node, one has it at a time; one who is told to stop stops waiting.
func TestLocks(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var holding, had atomic.Int32
		var all sync.WaitGroup
		for range 6 {
			node := newStorage(db)
			node.beat = 10 * time.Millisecond
			all.Go(func() {
				for range 3 {
					if err := node.Lock(t.Context(), "issue"); err != nil {
						t.Error(err)
						return
					}
					if n := holding.Add(1); n != 1 {
						t.Errorf("%d hold the lock", n)
					}
					had.Add(1)
					holding.Add(-1)
					if err := node.Unlock(t.Context(), "issue"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if had.Load() != 18 {
			t.Errorf("it was had %d times", had.Load())
		}
		holder, other := newStorage(db), newStorage(db)
		if err := holder.Lock(t.Context(), "issue"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := other.Lock(ctx, "issue"); !errors.Is(err, context.Canceled) {
			t.Errorf("who was told to stop: %v", err)
		}
		if err := other.Unlock(t.Context(), "issue"); err == nil {
			t.Error("somebody let go of what another holds")
		}
		if err := holder.Unlock(t.Context(), "issue"); err != nil {
			t.Error(err)
		}
	})
}

// A lock of a process that is dead is taken over; one whose process lives is not, however long it is held.
func TestStaleLocks(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		dead, live, heir := newStorage(db), newStorage(db), newStorage(db)
		live.beat, heir.beat, heir.late = 5*time.Millisecond, 5*time.Millisecond, 100*time.Millisecond
		if there, err := dead.take(t.Context(), "dead", "somebody", "", false); there != "" || err != nil { // and never beats
			t.Fatal(there, err)
		}
		if err := heir.Lock(t.Context(), "dead"); err != nil {
			t.Fatal(err)
		}
		if err := heir.Unlock(t.Context(), "dead"); err != nil {
			t.Error(err)
		}
		if err := live.Lock(t.Context(), "live"); err != nil {
			t.Fatal(err)
		}
		var holder string
		for beats := 0; beats == 0; {
			if err := db.Row(t.Context(), `SELECT holder, beats FROM acme_locks WHERE name = 'live'`, nil, &holder, &beats); err != nil {
				t.Fatal(err)
			}
		}
		// Whoever saw it long ago finds that it has beaten meanwhile.
		if there, err := heir.take(t.Context(), "live", "heir", holder+" 0", true); !strings.HasPrefix(there, holder) || err != nil {
			t.Fatalf("what lives was taken: %q, %v", there, err)
		}
		if err := live.Unlock(t.Context(), "live"); err != nil {
			t.Error(err)
		}
	})
}
