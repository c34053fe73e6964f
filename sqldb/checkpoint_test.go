package sqldb_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// What updates write reaches the database file without one of them doing it.
func TestTheLogIsMovedBesideTheUpdates(t *testing.T) {
	db, _ := openCounted(t)
	wide := strings.Repeat("x", 64<<10)
	for range 2 * sqldb.CheckpointPages / 16 { // 16 pages each
		if err := add(t.Context(), db, wide+sqldb.NewID()); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		pages, moved, err := db.Log()
		if err != nil {
			t.Fatal(err)
		}
		if pages == moved || moved >= sqldb.CheckpointPages {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d pages in the log %d were moved", pages, moved)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A log that has grown long begins anew, in the midst of updates and readers, and loses nothing.
func TestALongLogBeginsAnew(t *testing.T) {
	db, _ := openCounted(t)
	const writers, each = 8, 50
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				name := sqldb.NewID()
				if err := add(t.Context(), db, name); err != nil {
					t.Error(err)
				}
				var n int
				if err := db.Row(t.Context(), `SELECT COUNT(*) FROM users WHERE username = $1`, []any{name}, &n); err != nil || n != 1 {
					t.Errorf("%d rows, %v; want 1", n, err)
				}
			}
		})
	}
	for range 20 {
		if err := db.RestartLog(); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	if n := countUsers(t, db); n != writers*each {
		t.Errorf("%d users; want %d", n, writers*each)
	}
	if err := db.RestartLog(); err != nil {
		t.Fatal(err)
	}
	if err := add(t.Context(), db, "last"); err != nil {
		t.Fatal(err)
	}
	if pages, _, err := db.Log(); err != nil || pages > 20 {
		t.Errorf("the log holds %d pages after one update (%v); want it to have begun anew", pages, err)
	}
}

// A reader that goes on keeps nobody waiting for long: the log is left as it is, and begins anew later.
func TestALongLogAndALongReader(t *testing.T) {
	db, _ := openCounted(t)
	addUser(t, db, "ann")
	err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
		if n := countUsers(t, tx); n != 1 {
			t.Errorf("%d users; want 1", n)
		}
		if err := add(t.Context(), db, "bob"); err != nil {
			return err
		}
		if err := db.RestartLog(); err != nil {
			return err
		}
		if err := add(t.Context(), db, "cid"); err != nil {
			return err
		}
		if n := countUsers(t, tx); n != 1 {
			t.Errorf("the snapshot sees %d users; want 1", n)
		}
		return nil
	})
	if err != nil || countUsers(t, db) != 3 {
		t.Errorf("%v and %d users; want 3", err, countUsers(t, db))
	}
}

// An update may end its goroutine, as a test's Fatal does: the others go on.
func TestAnUpdateThatEndsItsGoroutine(t *testing.T) {
	db, _ := openCounted(t)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if i%3 == 0 {
				_ = db.Update(t.Context(), func(tx *sqldb.Tx) error {
					if _, err := tx.Exec(t.Context(), insertUser, sqldb.NewID(), "ends"); err != nil {
						return err
					}
					runtime.Goexit()
					return nil
				})
				return
			}
			// One that a leader ran whose goroutine ended may be told so, and then has not happened.
			err := add(t.Context(), db, sqldb.NewID())
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var ends int
	if err := db.Row(t.Context(), `SELECT COUNT(*) FROM users WHERE username = 'ends'`, nil, &ends); err != nil || ends != 0 {
		t.Errorf("%d rows of updates that ended (%v); want none", ends, err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := add(t.Context(), db, "late"); err == nil || errors.Is(err, t.Context().Err()) {
		t.Errorf("an update after Close: %v; want an error", err)
	}
}
