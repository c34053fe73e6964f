package sqldb_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// memoDB is a SQLite database with a table of one number.
func memoDB(t *testing.T, location string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), location, sqldb.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t *testing.T, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func TestMemo(t *testing.T) {
	location := "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
	db := memoDB(t, location)
	execute(t, db, `CREATE TABLE numbers (n INTEGER NOT NULL)`)
	execute(t, db, `INSERT INTO numbers (n) VALUES (1)`)

	memo := sqldb.NewMemo[string, int64](db, 10, false)
	reads := 0
	number := func(key string) int64 {
		t.Helper()
		n, mark, ok := memo.Find(key)
		if ok {
			return n
		}
		reads++
		if err := db.Row(t.Context(), `SELECT n FROM numbers`, nil, &n); err != nil {
			t.Fatal(err)
		}
		memo.Keep(key, mark, n)
		return n
	}
	want := func(key string, n int64, queries int) {
		t.Helper()
		if got := number(key); got != n || reads != queries {
			t.Errorf("%s is %d after %d queries; want %d after %d", key, got, reads, n, queries)
		}
	}
	want("a", 1, 1)
	want("a", 1, 1)
	want("b", 1, 2)

	execute(t, db, `UPDATE numbers SET n = 2`)
	want("a", 2, 3)
	want("a", 2, 3)
	want("b", 2, 4)

	// A transaction that is not committed, or never will be, is nobody's news.
	err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE numbers SET n = 3`); err != nil {
			return err
		}
		want("a", 2, 4)
		return os.ErrInvalid
	})
	if err == nil {
		t.Error("the transaction was committed")
	}
	if n := number("a"); n != 2 {
		t.Errorf("after a rollback it is %d", n)
	}
}

// A full memo lets go of something that it holds.
func TestMemoHoldsSoMany(t *testing.T) {
	db := memoDB(t, "sqlite:"+filepath.Join(t.TempDir(), "satchel.db"))
	memo := sqldb.NewMemo[int, int](db, 2, false)
	for key := range 5 {
		_, mark, _ := memo.Find(key)
		memo.Keep(key, mark, key)
		held := 0
		for other := range 5 {
			if value, _, ok := memo.Find(other); ok {
				if held++; value != other {
					t.Errorf("%d is remembered as %d", other, value)
				}
			}
		}
		if held != min(2, key+1) {
			t.Errorf("it holds %d of %d", held, key+1)
		}
	}
}

// Another process commits, and another one writes what the log holds into the file and begins the log anew.
func TestMemoOtherProcess(t *testing.T) {
	if path := os.Getenv("SATCHEL_TEST_MEMO"); path != "" {
		other := memoDB(t, "sqlite:"+path)
		execute(t, other, os.Getenv("SATCHEL_TEST_MEMO_SQL"))
		return
	}
	path := filepath.Join(t.TempDir(), "satchel.db")
	db := memoDB(t, "sqlite:"+path)
	execute(t, db, `CREATE TABLE numbers (n INTEGER NOT NULL)`)
	execute(t, db, `INSERT INTO numbers (n) VALUES (1)`)
	memo := sqldb.NewMemo[string, string](db, 10, false)
	for range 3 {
		_, mark, ok := memo.Find("key")
		if ok {
			t.Fatal("it remembers what was read before another process's commit")
		}
		memo.Keep("key", mark, "value")
		if _, _, ok := memo.Find("key"); !ok {
			t.Fatal("it does not remember")
		}
		other := exec.Command(os.Args[0], "-test.run=^TestMemoOtherProcess$")
		other.Env = append(os.Environ(), "SATCHEL_TEST_MEMO="+path, "SATCHEL_TEST_MEMO_SQL=UPDATE numbers SET n = n + 1")
		if out, err := other.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	var n int64
	if err := db.Row(t.Context(), `SELECT n FROM numbers`, nil, &n); err != nil || n != 4 {
		t.Errorf("the number is %d (%v)", n, err)
	}
}

// What a memo answers is never older than a commit that was answered before it was asked.
func TestMemoIsNeverStale(t *testing.T) {
	db := memoDB(t, "sqlite:"+filepath.Join(t.TempDir(), "satchel.db"))
	execute(t, db, `CREATE TABLE numbers (n INTEGER NOT NULL)`)
	execute(t, db, `INSERT INTO numbers (n) VALUES (0)`)
	memo := sqldb.NewMemo[string, int64](db, 10, false)
	var committed atomic.Int64
	var group sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				atLeast := committed.Load()
				n, mark, ok := memo.Find("n")
				if !ok {
					if err := db.Row(t.Context(), `SELECT n FROM numbers`, nil, &n); err != nil {
						t.Error(err)
						return
					}
					memo.Keep("n", mark, n)
				}
				if n < atLeast {
					t.Errorf("%d, after %d was committed", n, atLeast)
					return
				}
			}
		})
	}
	for i := range int64(2000) { // the log is begun anew some times
		execute(t, db, `UPDATE numbers SET n = $1`, i+1)
		committed.Store(i + 1)
	}
	close(done)
	group.Wait()
}

func TestMemoWithoutWALIndex(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		memo := sqldb.NewMemo[string, int](db, 10, false)
		_, mark, _ := memo.Find("key")
		memo.Keep("key", mark, 1)
		if _, _, ok := memo.Find("key"); ok != (db.Engine() == sqldb.SQLite) {
			t.Errorf("%s: remembered is %v", db.Engine(), ok)
		}
	})
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "satchel.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	memo := sqldb.NewMemo[string, int](db, 10, false)
	_, mark, _ := memo.Find("key")
	memo.Keep("key", mark, 1)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := memo.Find("key"); ok {
		t.Error("it remembers after the database was closed")
	}
}

// Settled values outlive the updates that say not to touch them, alone or beside others in a commit, and nothing else.
func TestMemoOfSettledValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "satchel.db")
	db, other := memoDB(t, "sqlite:"+path), memoDB(t, "sqlite:"+path)
	execute(t, db, `CREATE TABLE numbers (n INTEGER NOT NULL)`)
	execute(t, db, `INSERT INTO numbers (n) VALUES (0)`)
	bump := func(update func(context.Context, func(*sqldb.Tx) error) error) {
		t.Helper()
		if err := update(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE numbers SET n = n + 1`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name          string
		do            func()
		settled, rest bool // whether they are remembered
	}{
		{"nothing", func() {}, true, true},
		{"an update", func() { bump(db.Update) }, false, false},
		{"one that changes nothing settled", func() { bump(db.UpdateUnsettled) }, true, false},
		{"several such", func() {
			for range 10 {
				bump(db.UpdateUnsettled)
			}
		}, true, false},
		{"one that fails", func() {
			if err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(t.Context(), `UPDATE numbers SET n = 0`); err != nil {
					return err
				}
				return os.ErrInvalid
			}); err == nil {
				t.Error("it succeeded")
			}
		}, true, true},
		{"another connection's", func() { bump(other.UpdateUnsettled) }, false, false},
		{"another connection's before ours", func() { bump(other.Update); bump(db.UpdateUnsettled) }, false, false},
		{"another connection's after ours", func() { bump(db.UpdateUnsettled); bump(other.Update) }, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			settled, rest := sqldb.NewMemo[int, int](db, 1, true), sqldb.NewMemo[int, int](db, 1, false)
			for _, memo := range []*sqldb.Memo[int, int]{settled, rest} {
				_, mark, _ := memo.Find(1)
				memo.Keep(1, mark, 1)
			}
			test.do()
			if _, _, ok := settled.Find(1); ok != test.settled {
				t.Errorf("what is settled is remembered: %v", ok)
			}
			if _, _, ok := rest.Find(1); ok != test.rest {
				t.Errorf("what is not settled is remembered: %v", ok)
			}
		})
	}
	t.Run("at the same time", func(t *testing.T) {
		settled := sqldb.NewMemo[int, int64](db, 1, true)
		var group sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			group.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						bump(db.UpdateUnsettled)
					}
				}
			})
		}
		execute(t, db, `CREATE TABLE accounts (n INTEGER NOT NULL)`)
		execute(t, db, `INSERT INTO accounts (n) VALUES (0)`)
		for i := range int64(500) {
			execute(t, db, `UPDATE accounts SET n = $1`, i)
			n, mark, ok := settled.Find(1)
			if !ok {
				if err := db.Row(t.Context(), `SELECT n FROM accounts`, nil, &n); err != nil {
					t.Fatal(err)
				}
				settled.Keep(1, mark, n)
			}
			if n != i {
				t.Fatalf("it is remembered as %d; want %d", n, i)
			}
		}
		close(done)
		group.Wait()
	})
}
