package sqldb_test

import (
	"context"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// While a node brings the schema up to date, another one of the last release lets go of content: that is on record afterwards.
func TestContentIsLetGoOfDuringTheUpgrade(t *testing.T) {
	location := sqldbtest.PostgresURL(t)
	var nodes [2]*sqldb.DB
	for i := range nodes {
		var err error
		if nodes[i], err = sqldb.Open(t.Context(), location, sqldb.Options{}); err != nil {
			t.Fatal(err)
		}
		defer nodes[i].Close()
	}
	old, upgraded := nodes[0], nodes[1]
	const before = 17 // the step before gc's own records
	if err := old.MigrateTo(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	user := addUser(t, old, "ann")
	for _, statement := range []string{
		`INSERT INTO drives (id, root_id, quota, created_at) VALUES ($1, 'root', -1, 1)`,
		`INSERT INTO blobs (id, sha256, size, created_at) SELECT 'held', '\x01', 1, 1 WHERE $1 <> ''`,
		`INSERT INTO nodes (id, drive_id, name, name_key, folder, blob_id, created_at, modified_at, revision) VALUES ('node', $1, 'f', 'f', FALSE, 'held', 1, 1, 1)`,
	} {
		if _, err := old.Exec(t.Context(), statement, user); err != nil {
			t.Fatal(err)
		}
	}
	migrated := make(chan error, 1)
	err := old.Update(t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(t.Context(), `DELETE FROM nodes WHERE id = 'node'`); err != nil {
			return err
		}
		go func() {
			_, err := upgraded.Migrate(context.Background())
			migrated <- err
		}()
		for waits := 0; waits == 0; time.Sleep(10 * time.Millisecond) {
			select {
			case err := <-migrated:
				t.Fatalf("the upgrade did not wait for who writes: %v", err)
			default:
			}
			if err := tx.Row(t.Context(), `SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, nil, &waits); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = <-migrated
	}
	if err != nil {
		t.Fatal(err)
	}
	var loose int
	if err := old.Row(t.Context(), `SELECT COUNT(*) FROM loose_blobs WHERE blob_id = 'held'`, nil, &loose); err != nil || loose != 1 {
		t.Errorf("gc has %d rows of content that nobody holds, want 1, %v", loose, err)
	}
}
