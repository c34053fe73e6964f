package rowcopy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// still runs fn on one moment of a database, in which nobody else writes until fn returns.
func still(ctx context.Context, db *sqldb.DB, all []table, fn func(tx *sqldb.Tx) error) error {
	var result error
	err := db.Update(ctx, func(tx *sqldb.Tx) error { // on SQLite that is enough
		if db.Engine() == sqldb.Postgres {
			names := make([]string, len(all))
			for i, t := range all {
				names[i] = quoted(t.name)
			}
			if _, err := tx.Exec(ctx, `LOCK TABLE `+strings.Join(names, ", ")+` IN SHARE MODE NOWAIT`); err != nil {
				return fmt.Errorf("somebody writes to the source: %w", err)
			}
		}
		result = fn(tx)
		return result
	})
	if result != nil {
		return result
	}
	return err
}

// ErrInUse says that others are connected to a Postgres database.
var ErrInUse = errors.New("others are connected to the database")

// leaveTime is how long Alone waits for others to leave: Postgres may still be at a statement of a copy that was killed.
const leaveTime = 5 * time.Second

// Alone answers ErrInUse if anybody else stays connected to a Postgres database, a server of Satchel perhaps, and who that is. db was
// opened with one connection. A SQLite file is known to be free by opening it Exclusive.
func Alone(ctx context.Context, db *sqldb.DB) error {
	if db.Engine() != sqldb.Postgres {
		return nil
	}
	for begun := time.Now(); ; {
		others, err := sqldb.All(ctx, db, `SELECT COALESCE(NULLIF(application_name, ''), 'a program') || ' of ' || COALESCE(usename, '?') || ' (process ' || pid || ')'
			FROM pg_stat_activity WHERE datname = current_database() AND usesysid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY pid LIMIT 5`, nil,
			func(scan sqldb.Scan) (who string, err error) { return who, scan(&who) })
		if err != nil || len(others) == 0 {
			return err
		}
		if time.Since(begun) > leaveTime {
			return fmt.Errorf("%w: %s", ErrInUse, strings.Join(others, ", "))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
