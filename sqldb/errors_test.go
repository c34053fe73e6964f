package sqldb_test

import (
	"context"
	"testing"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestErrorKinds(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		addUser(t, db, "ann")
		for _, test := range []struct {
			name, query string
			args        []any
			want        fault.Kind
		}{
			{"a unique column", insertUser, []any{sqldb.NewID(), "ann"}, fault.Exists},
			{"a primary key", insertKey, []any{"k"}, fault.Exists},
			{"a foreign key", `INSERT INTO drives (id, root_id, quota, created_at) VALUES ($1, 'r', 0, 1)`, []any{"nobody"}, fault.NotFound},
			{"a NOT NULL column", insertUser, []any{sqldb.NewID(), nil}, fault.Internal},
			{"a table that is not there", `DELETE FROM nothing`, nil, fault.Internal},
		} {
			t.Run(test.name, func(t *testing.T) {
				_, err := db.Exec(t.Context(), insertKey+` ON CONFLICT DO NOTHING`, "k")
				if err != nil {
					t.Fatal(err)
				}
				_, err = db.Exec(t.Context(), test.query, test.args...)
				if err == nil || fault.KindOf(err) != test.want {
					t.Errorf("%v is %v; want %v", err, fault.KindOf(err), test.want)
				}
			})
		}
		t.Run("no row", func(t *testing.T) {
			var id string
			err := db.Row(t.Context(), `SELECT id FROM users WHERE id = $1`, []any{"nobody"}, &id)
			if !fault.Is(err, fault.NotFound) || !sqldb.NoRow(err) {
				t.Errorf("%v; want NotFound and NoRow", err)
			}
		})
		t.Run("a context that ended", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var n int
			for name, err := range map[string]error{
				"Row":    db.Row(ctx, `SELECT COUNT(*) FROM users`, nil, &n),
				"Read":   db.Read(ctx, func(*sqldb.Tx) error { return nil }),
				"Update": db.Update(ctx, func(*sqldb.Tx) error { return nil }),
			} {
				if err != context.Canceled {
					t.Errorf("%s answers %v; want context.Canceled", name, err)
				}
			}
		})
		t.Run("a rule's own error passes as it is", func(t *testing.T) {
			own := fault.New(fault.Full, "test", "full")
			if err := db.Update(t.Context(), func(*sqldb.Tx) error { return own }); err != own {
				t.Errorf("%v; want the error that the function answered", err)
			}
		})
	})
}

// database/sql ends a transaction with its context, in between two calls: that is no failure of ours either.
func TestContextThatEndsWithinATransaction(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx *sqldb.Tx) error {
		cancel()
		for {
			if _, err := tx.Exec(context.Background(), `SELECT 1`); err != nil {
				return nil
			}
		}
	})
	if err != context.Canceled {
		t.Errorf("%v; want context.Canceled", err)
	}
}

const (
	insertUser = `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $2, $2, '', 1)`
	insertKey  = `INSERT INTO signing_keys (id, private_key, public_key, created_at) VALUES ($1, '', '', 1)`
)

func addUser(t *testing.T, db *sqldb.DB, name string) (id string) {
	t.Helper()
	id = sqldb.NewID()
	if _, err := db.Exec(t.Context(), insertUser, id, name); err != nil {
		t.Fatal(err)
	}
	return id
}

func countUsers(t *testing.T, q sqldb.Querier) (n int) {
	t.Helper()
	if err := q.Row(t.Context(), `SELECT COUNT(*) FROM users`, nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
