package sqldbtest_test

import (
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
			const insert = `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, 'a', 'a', '', 1)`
			if _, err := db.Exec(t.Context(), insert, sqldb.NewID()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
