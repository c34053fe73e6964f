package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestUpdateHappensWhollyOrNotAtAll(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		refused := errors.New("refused")
		insert := func(tx *sqldb.Tx, name string) error {
			_, err := tx.Exec(t.Context(), insertUser, sqldb.NewID(), name)
			return err
		}
		err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
			if err := insert(tx, "ann"); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) || countUsers(t, db) != 0 {
			t.Errorf("after an error: %v and %d users; want the error and none", err, countUsers(t, db))
		}

		func() {
			defer func() {
				if recover() != "broken" {
					t.Error("the panic did not reach the caller")
				}
			}()
			_ = db.Update(t.Context(), func(tx *sqldb.Tx) error {
				if err := insert(tx, "ann"); err != nil {
					return err
				}
				panic("broken")
			})
		}()
		if n := countUsers(t, db); n != 0 {
			t.Errorf("after a panic: %d users; want none", n)
		}

		err = db.Update(t.Context(), func(tx *sqldb.Tx) error {
			if err := insert(tx, "ann"); err != nil {
				return err
			}
			if n := countUsers(t, tx); n != 1 {
				t.Errorf("the transaction sees %d users; want its own", n)
			}
			if n := countUsers(t, db); n != 0 {
				t.Errorf("others see %d users before the commit; want none", n)
			}
			return insert(tx, "bob")
		})
		if err != nil || countUsers(t, db) != 2 {
			t.Errorf("after success: %v and %d users; want 2", err, countUsers(t, db))
		}
	})
}

// A request that ends in the middle of an update takes back all of it and nothing else.
func TestUpdateCancelledInTheMiddle(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := db.Update(ctx, func(tx *sqldb.Tx) error {
			if _, err := tx.Exec(ctx, insertUser, sqldb.NewID(), "ann"); err != nil {
				return err
			}
			cancel()
			_, err := tx.Exec(ctx, insertUser, sqldb.NewID(), "bob")
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v; want context.Canceled", err)
		}
		addUser(t, db, "cleo")
		if n := countUsers(t, db); n != 1 {
			t.Errorf("%d users; want only the one of the update that was not cancelled", n)
		}
	})
}

// A statement that runs when its request ends is stopped, and answers as a request that ended.
func TestPostgresCancelledWithinAStatement(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	const sleep = `SELECT pg_sleep(60)::text`
	var text string
	for name, run := range map[string]func(ctx context.Context) error{
		"Row": func(ctx context.Context) error { return db.Row(ctx, sleep, nil, &text) },
		"Update": func(ctx context.Context) error {
			return db.Update(ctx, func(tx *sqldb.Tx) error { return tx.Row(ctx, sleep, nil, &text) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			outcome := make(chan error)
			go func() { outcome <- run(ctx) }()
			for sleeping := 0; sleeping == 0; { // until the server is in the middle of it
				if err := db.Row(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`, nil, &sleeping); err != nil {
					t.Fatal(err)
				}
			}
			cancel()
			if err := <-outcome; !errors.Is(err, context.Canceled) {
				t.Errorf("%v; want context.Canceled", err)
			}
		})
	}
}

func TestReadSeesOneSnapshot(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
			before := countUsers(t, tx)
			addUser(t, db, "ann")
			if after := countUsers(t, tx); after != before {
				t.Errorf("one read saw %d users and then %d", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Read(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM users`)
			return err
		}); err == nil {
			t.Error("a read deleted rows; want an error")
		}
	})
}

// More transactions than connections, each with statements that nobody has prepared yet: no transaction
// may wait for a second connection while it holds one.
func TestTransactionsNeedOneConnectionEach(t *testing.T) {
	run := func(t *testing.T, location string) {
		db, err := sqldb.Open(t.Context(), location, sqldb.Options{MaxConns: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 16 {
			transact := db.Update
			if i%2 == 0 {
				transact = db.Read
			}
			all.Go(func() {
				err := transact(t.Context(), func(tx *sqldb.Tx) error {
					var n int
					for j := range 4 {
						if err := tx.Row(t.Context(), fmt.Sprintf(`SELECT COUNT(*) + %d FROM users`, i*100+j), nil, &n); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+t.TempDir()+"/satchel.db") })
	t.Run("postgres", func(t *testing.T) { run(t, sqldbtest.PostgresURL(t)) })
}

// A transaction that loses against another is run again, from its beginning.
func TestPostgresSerialisationFailureIsRetried(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	id := addUser(t, db, "ann")
	tries := 0
	err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
		tries++
		if _, err := tx.Exec(t.Context(), `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`); err != nil {
			return err
		}
		var created int64
		if err := tx.Row(t.Context(), `SELECT created_at FROM users WHERE id = $1`, []any{id}, &created); err != nil {
			return err
		}
		if tries == 1 { // somebody else is faster
			if _, err := db.Exec(t.Context(), `UPDATE users SET created_at = created_at + 10 WHERE id = $1`, id); err != nil {
				return err
			}
		}
		_, err := tx.Exec(t.Context(), `UPDATE users SET created_at = $2 WHERE id = $1`, id, created+100)
		return err
	})
	var created int64
	if err := db.Row(t.Context(), `SELECT created_at FROM users WHERE id = $1`, []any{id}, &created); err != nil {
		t.Fatal(err)
	}
	if err != nil || tries != 2 || created != 111 || db.Retries() != 1 {
		t.Errorf("%v, %d tries, %d counted, value %d; want success at the second try and 111 (both updates)", err, tries, db.Retries(), created)
	}
}

func TestPostgresDeadlockIsRetried(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	ids := [2]string{addUser(t, db, "ann"), addUser(t, db, "bob")}
	var tries atomic.Int32
	var met, all sync.WaitGroup
	met.Add(2)
	for i := range 2 {
		first := true
		all.Go(func() {
			err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
				tries.Add(1)
				const touch = `UPDATE users SET created_at = created_at + 1 WHERE id = $1`
				if _, err := tx.Exec(t.Context(), touch, ids[i]); err != nil {
					return err
				}
				if first { // both hold one row and want the other's
					first = false
					met.Done()
					met.Wait()
				}
				_, err := tx.Exec(t.Context(), touch, ids[1-i])
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var sum int64
	if err := db.Row(t.Context(), `SELECT SUM(created_at)::bigint FROM users`, nil, &sum); err != nil {
		t.Fatal(err)
	}
	if sum != 6 || tries.Load() < 3 {
		t.Errorf("sum %d after %d tries; want 6 (every touch once) and one try lost", sum, tries.Load())
	}
}
