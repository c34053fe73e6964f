package sqldbtest_test

import (
	"os"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestEachDatabaseIsFreshAndMigrated(t *testing.T) {
	for range 3 {
		sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
			var users int
			if err := db.Row(t.Context(), `SELECT COUNT(*) FROM users`, nil, &users); err != nil || users != 0 {
				t.Fatalf("%d users, %v; want an empty table", users, err)
			}
			for _, table := range tables(t, db) {
				var rows int
				if err := db.Row(t.Context(), `SELECT COUNT(*) FROM `+table, nil, &rows); err != nil || (rows != 0) != (table == "schema_steps") {
					t.Errorf("%s has %d rows (%v)", table, rows, err)
				}
			}
			const insert = `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, 'a', 'a', '', 1)`
			if _, err := db.Exec(t.Context(), insert, sqldb.NewID()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What a test did to the schema, no other test sees; of one that changed rows alone, the next gets the database, empty.
func TestADatabaseIsReusedOnlyAsItWas(t *testing.T) {
	if os.Getenv("SATCHEL_TEST_POSTGRES") != "" {
		t.Log("on a server that stays, no database is reused")
	}
	const user = `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ('u', 'a', 'a', '', 1)`
	name := func(t *testing.T, db *sqldb.DB) (name string) {
		t.Helper()
		if err := db.Row(t.Context(), `SELECT current_database()`, nil, &name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, test := range []struct {
		change string
		reused bool
	}{
		{user, true},
		{`CREATE TABLE more (x TEXT)`, false},
		{`ALTER TABLE users ADD COLUMN x TEXT`, false},
		{`ALTER TABLE users ALTER COLUMN phone SET DEFAULT 'x'`, false},
		{`ALTER TABLE users ALTER COLUMN username DROP NOT NULL`, false},
		{`DROP INDEX app_passwords_user`, false},
		{`DROP TABLE app_passwords`, false},
		{`CREATE FUNCTION nothing() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`, false},
		{`DELETE FROM schema_steps WHERE number = 1`, false},
		{`INSERT INTO attempts (key, failures, failed_at, blocked_until, expires_at) SELECT decode(md5(i::text), 'hex'), 1, 1, 1, 1 FROM generate_series(1, 60000) i`, false},
	} {
		t.Run(test.change, func(t *testing.T) {
			var before string
			t.Run("one", func(t *testing.T) {
				db := sqldbtest.OpenPostgres(t)
				before = name(t, db)
				if _, err := db.Exec(t.Context(), test.change); err != nil {
					t.Fatal(err)
				}
			})
			t.Run("the next", func(t *testing.T) {
				db := sqldbtest.OpenPostgres(t)
				if reused := name(t, db) == before; reused != (test.reused && os.Getenv("SATCHEL_TEST_POSTGRES") == "") {
					t.Errorf("reused: %v", reused)
				}
				if _, err := db.Exec(t.Context(), user); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func tables(t *testing.T, db *sqldb.DB) (names []string) {
	t.Helper()
	query := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`
	if db.Engine() == sqldb.Postgres {
		query = `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`
	}
	err := db.Each(t.Context(), query, nil, func(scan sqldb.Scan) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	})
	if err != nil || len(names) < 20 {
		t.Fatal(names, err)
	}
	return names
}
