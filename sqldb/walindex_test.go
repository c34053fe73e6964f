package sqldb

import (
	"path/filepath"
	"testing"
)

// Only what this process committed by itself leaves the settled epoch as it is: not what another one commits right after it.
func TestCommitOfNothingSettled(t *testing.T) {
	location := "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
	open := func() *DB {
		db, err := Open(t.Context(), location, Options{Relaxed: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	db, other := open(), open()
	if _, err := db.Exec(t.Context(), `CREATE TABLE numbers (n INTEGER NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	insert := func(db *DB) {
		t.Helper()
		if _, err := db.writer.conn.exec(`INSERT INTO numbers (n) VALUES (1)`, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name         string
		commit       func()
		any, settled bool // which epoch is another one after it
	}{
		{"one commit", func() { insert(db) }, true, false},
		{"none", func() {}, false, false},
		{"one, and another process's after it", func() { insert(db); insert(other) }, true, true},
	} {
		all, _ := db.index.epoch(false)
		settled, known := db.index.epoch(true)
		if !known {
			t.Fatal("there is no epoch")
		}
		if err := db.index.committing(func() error { c.commit(); return nil }); err != nil {
			t.Fatal(err)
		}
		allAfter, _ := db.index.epoch(false)
		settledAfter, _ := db.index.epoch(true)
		if (allAfter != all) != c.any || (settledAfter != settled) != c.settled {
			t.Errorf("%s: epochs %d and %d became %d and %d", c.name, all, settled, allAfter, settledAfter)
		}
	}
}
