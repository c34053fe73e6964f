package sqldbtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
)

// Each runs fn as the subtests "sqlite" and "postgres", each on a fresh database with the whole schema.
func Each(t *testing.T, fn func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, OpenSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, OpenPostgres(t)) })
}

// OpenSQLite opens a fresh migrated SQLite database that the end of the test closes and removes.
func OpenSQLite(t testing.TB) *sqldb.DB {
	t.Helper()
	file := filepath.Join(t.TempDir(), "satchel.db")
	migrated, err := migratedSQLite()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, migrated, 0o600); err != nil {
		t.Fatal(err)
	}
	o := relaxed
	o.Ran = ran().record(sqldb.SQLite)
	return open(t, "sqlite:"+file, o)
}

// OpenPostgres opens a fresh migrated Postgres database that the end of the test closes and drops.
func OpenPostgres(t testing.TB) *sqldb.DB {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatal(err)
	}
	name, done, err := server.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return open(t, lend(t, server, name, done), sqldb.Options{Ran: ran().record(sqldb.Postgres)})
}

// PostgresURL makes an empty Postgres database, dropped at the end of the test, and answers its URL.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server, err := sharedServer()
	if err != nil {
		t.Fatal(err)
	}
	name, drop, err := server.create(t.Context(), "template1")
	if err != nil {
		t.Fatal(err)
	}
	return lend(t, server, name, drop)
}

// lend gives the database to the test until its end, and answers its URL.
func lend(t testing.TB, server *server, name string, done func() error) string {
	t.Helper()
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Errorf("clear the test database away: %v", err)
		}
	})
	return server.of(name)
}

func open(t testing.TB, location string, o sqldb.Options) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), location, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
