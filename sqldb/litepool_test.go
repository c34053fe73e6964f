package sqldb_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// SQLite's reading connections are bounded: who finds none waits for one, or until its context ends.
func TestReadersWaitForAConnection(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "satchel.db"), sqldb.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	addUser(t, db, "ann")
	count := func(ctx context.Context) (n int, err error) {
		return n, db.Row(ctx, `SELECT COUNT(*) FROM users`, nil, &n)
	}
	var waiting sync.WaitGroup
	err = db.Read(t.Context(), func(one *sqldb.Tx) error {
		return db.Read(t.Context(), func(two *sqldb.Tx) error {
			if s := db.Stats(); s.InUse != 2 || s.Idle != 0 || s.MaxOpenConnections != 2 {
				t.Errorf("while both are in use: %+v", s)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if _, err := count(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a third one: %v; want that it waits until its context ends", err)
			}
			for range 10 {
				waiting.Go(func() {
					if n, err := count(t.Context()); n != 1 || err != nil {
						t.Errorf("one that waited: %d, %v; want 1", n, err)
					}
				})
			}
			for db.Stats().WaitCount < 11 {
				time.Sleep(time.Millisecond)
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
	waiting.Wait()
	if s := db.Stats(); s.InUse != 0 || s.Idle == 0 || s.Idle > 2 {
		t.Errorf("afterwards: %+v", s)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if _, err := count(t.Context()); err == nil {
		t.Error("a closed database was read")
	}
}
