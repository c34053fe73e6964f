package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// queue holds SQLite's writer until all updates wait for it, and then lets them go.
// It answers how many commits they took.
func queue(t *testing.T, db *sqldb.DB, commits *atomic.Int32, updates ...func()) int32 {
	t.Helper()
	before := commits.Load()
	var all sync.WaitGroup
	hold := make(chan struct{})
	held := make(chan struct{})
	announce := sync.OnceFunc(func() { close(held) })
	all.Go(func() {
		if err := db.Update(t.Context(), func(*sqldb.Tx) error {
			announce() // once: an update may run again
			<-hold
			return nil
		}); err != nil {
			t.Errorf("the update that held the others back: %v", err)
		}
	})
	<-held
	for _, update := range updates {
		all.Go(update)
	}
	for db.UpdatesWaiting() < len(updates) {
		runtime.Gosched()
	}
	close(hold)
	all.Wait()
	return commits.Load() - before
}

func openCounted(t *testing.T) (db *sqldb.DB, commits *atomic.Int32) {
	t.Helper()
	commits = new(atomic.Int32)
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "satchel.db"), sqldb.Options{
		Observe: func(_ context.Context, op string, _ time.Time, _ error) {
			if op == "commit" {
				commits.Add(1)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, commits
}

func add(ctx context.Context, db *sqldb.DB, name string) error {
	return db.Update(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, insertUser, sqldb.NewID(), name)
		return err
	})
}

func TestWaitingWritersShareOneCommit(t *testing.T) {
	db, commits := openCounted(t)
	var updates []func()
	for i := range 32 {
		updates = append(updates, func() {
			if err := add(t.Context(), db, fmt.Sprint("user ", i)); err != nil {
				t.Error(err)
			}
		})
	}
	if n := queue(t, db, commits, updates...); n != 1 {
		t.Errorf("33 updates that waited together took %d commits; want 1", n)
	}
	if n := countUsers(t, db); n != 32 {
		t.Errorf("%d users; want 32", n)
	}
}

// What goes wrong in one update of a shared commit stays with it.
func TestSharedCommitKeepsUpdatesApart(t *testing.T) {
	refused := errors.New("refused")
	for _, test := range []struct {
		name string
		bad  func(t *testing.T, db *sqldb.DB)
	}{
		{"an update that answers an error", func(t *testing.T, db *sqldb.DB) {
			err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(t.Context(), insertUser, sqldb.NewID(), "bad"); err != nil {
					return err
				}
				return refused
			})
			if !errors.Is(err, refused) {
				t.Errorf("%v; want its own error", err)
			}
		}},
		{"an update that panics", func(t *testing.T, db *sqldb.DB) {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.Update(t.Context(), func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(t.Context(), insertUser, sqldb.NewID(), "bad"); err != nil {
					return err
				}
				panic("broken")
			})
		}},
		{"an update whose context has ended", func(t *testing.T, db *sqldb.DB) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := add(ctx, db, "bad"); !errors.Is(err, context.Canceled) {
				t.Errorf("%v; want context.Canceled", err)
			}
		}},
		{"an update whose context ends in the middle", func(t *testing.T, db *sqldb.DB) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := db.Update(ctx, func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(ctx, insertUser, sqldb.NewID(), "bad"); err != nil {
					return err
				}
				cancel()
				_, err := tx.Exec(ctx, insertUser, sqldb.NewID(), "worse")
				return err
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v; want context.Canceled", err)
			}
		}},
		{"an error after which SQLite takes back the whole transaction", func(t *testing.T, db *sqldb.DB) {
			err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
				_, err := tx.Exec(t.Context(), `INSERT OR ROLLBACK INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, 'first', 'first', '', 1)`, sqldb.NewID())
				return err
			})
			if err == nil {
				t.Error("a taken name was given twice")
			}
		}},
		{"an update that goes on after such an error", func(t *testing.T, db *sqldb.DB) {
			err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
				_, _ = tx.Exec(t.Context(), `INSERT OR ROLLBACK INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, 'first', 'first', '', 1)`, sqldb.NewID())
				_, _ = tx.Exec(t.Context(), insertUser, sqldb.NewID(), "bad") // would be a transaction of its own
				return nil
			})
			if !fault.Is(err, fault.Busy) {
				t.Errorf("%v; want busy: of the update nothing is there", err)
			}
		}},
		{"an update that wrote nothing before SQLite took back the whole transaction", func(t *testing.T, db *sqldb.DB) {
			err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(t.Context(), `DELETE FROM users WHERE id = 'nobody'`); err != nil {
					return err
				}
				if _, err := tx.Exec(t.Context(), `ROLLBACK`); err != nil { // as after a query that met a full disk
					return err
				}
				return refused
			})
			if !errors.Is(err, refused) {
				t.Errorf("%v; want its own error", err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db, commits := openCounted(t)
			addUser(t, db, "first")
			var updates []func()
			for i := range 16 {
				if i%4 == 2 {
					updates = append(updates, func() { test.bad(t, db) })
				}
				updates = append(updates, func() {
					if err := add(t.Context(), db, fmt.Sprint("good ", i)); err != nil {
						t.Error(err)
					}
				})
			}
			queue(t, db, commits, updates...)
			if n := countUsers(t, db); n != 17 {
				t.Errorf("%d users; want the 17 of the updates that succeeded", n)
			}
		})
	}
}

// An update whose request has ended does not wait for another process that writes.
func TestAnEndedUpdateWaitsForNobody(t *testing.T) {
	path := "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
	var both [2]*sqldb.DB
	for i := range both {
		db, err := sqldb.Open(t.Context(), path, sqldb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		both[i] = db
	}
	if _, err := both[0].Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := both[0].Update(t.Context(), func(tx *sqldb.Tx) error {
		if err := add(ctx, both[1], "late"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v; want context.Canceled", err)
		}
		_, err := tx.Exec(t.Context(), insertUser, sqldb.NewID(), "ann")
		return err
	})
	if n := countUsers(t, both[1]); err != nil || n != 1 {
		t.Errorf("%d users, %v; want 1", n, err)
	}
}

// Nobody's commit is forgotten when writers come and go as they like.
func TestManyWriters(t *testing.T) {
	db, commits := openCounted(t)
	const writers, each = 32, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == 0 {
					go cancel() // at any moment: before, within or after
				}
				err := add(ctx, db, fmt.Sprint(w, " ", i))
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if err == nil { // what Update answered is there
					var n int
					if err := db.Row(t.Context(), `SELECT COUNT(*) FROM users WHERE username = $1`, []any{fmt.Sprint(w, " ", i)}, &n); err != nil || n != 1 {
						t.Errorf("%d rows, %v; want 1", n, err)
					}
				}
				cancel()
			}
		})
	}
	all.Wait()
	if n := commits.Load(); n >= writers*each {
		t.Errorf("%d updates took %d commits; want fewer", writers*each, n)
	}
}
