package sqldbtest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"

	"github.com/satchelhq/satchel/sqldb"
)

// relaxed is how tests open SQLite: none of them cuts the power, so none has to wait for the disk.
var relaxed = sqldb.Options{Relaxed: true}

// migratedSQLite is a file of a migrated database. Most of a short test's time would be spent on the schema.
var migratedSQLite = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "satchel-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "satchel.db")
	if err := migrate("sqlite:"+file, relaxed); err != nil {
		return nil, err
	}
	return os.ReadFile(file) // whole: the last one to close it has moved the write-ahead log into it
})

// migrate makes a database whose copies need no migrating. On a server that stays it would stay too: there each test migrates its own.
func (s *server) migrate() (template string, err error) {
	if s.log == "" {
		return "template1", nil
	}
	name, _, err := s.create(context.Background(), "template1")
	if err != nil {
		return "", err
	}
	if err := migrate(s.of(name), sqldb.Options{}); err != nil {
		return "", err
	}
	pool, err := sql.Open("postgres", s.of(name))
	if err != nil {
		return "", err
	}
	defer pool.Close() // Postgres copies no database that somebody is connected to
	s.mu.Lock()
	defer s.mu.Unlock()
	var size int64
	return name, pool.QueryRow(state).Scan(&s.schema, &size)
}

func migrate(location string, o sqldb.Options) error {
	db, err := sqldb.Open(context.Background(), location, o)
	if err != nil {
		return err
	}
	if _, err := db.Migrate(context.Background()); err != nil {
		db.Close()
		return err
	}
	return db.Close()
}
