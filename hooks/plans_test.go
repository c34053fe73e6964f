package hooks_test

import (
	"os"
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { os.Exit(sqldbtest.Main(m)) }

// Statements find their rows by an index, but for these. max_events bounds what they read.
func TestPlans(t *testing.T) {
	const total, everything = "counts what waits", "an administrator has all of them sent again, or there is a new receiver"
	sqldbtest.Plans(t, map[string]string{
		`SELECT COUNT(*) FILTER (WHERE dead_at = 0)`:                            total,
		`SELECT COUNT(*) FROM events`:                                           "once an hour, and when max_events may be kept",
		`DELETE FROM events WHERE id <> ''`:                                     everything,
		`UPDATE event_queues SET next_at = 0 WHERE drive_id <> ''`:              everything,
		`SELECT DISTINCT drive_id, 1, CAST($1 AS BIGINT) FROM events`:           everything,
		`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE dead_at`:   "drops the oldest, in their order",
		`AND ($2 = '' OR ($2 = 'dead') = (dead_at > 0)) ORDER BY id DESC LIMIT`: "a page of them, in their order",
	})
}
