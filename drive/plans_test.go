package drive

import (
	"os"
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { os.Exit(sqldbtest.Main(m)) }

// Statements find their rows by an index, but for these.
func TestPlans(t *testing.T) {
	const check, total = "of Check, which looks at everything", "adds up all drives, for administrators and metrics"
	sqldbtest.Plans(t, map[string]string{
		`SELECT d.id FROM drives d WHERE d.`:                        check,
		`SELECT n.id FROM nodes n JOIN nodes p`:                     check,
		`SELECT n.id FROM nodes n JOIN trash t`:                     check,
		`SELECT n.id FROM nodes n LEFT JOIN blobs b`:                check,
		`SELECT n.id FROM nodes n WHERE n.folder AND n.children`:    check,
		`SELECT n.id FROM nodes n WHERE n.parent_id IS NULL`:        check,
		`WITH RECURSIVE tree (id) AS (SELECT id FROM nodes WHERE p`: check,
		`SELECT u.id FROM uploads u WHERE u.kind = 'chunked'`:       check,
		`SELECT u.id FROM uploads u WHERE u.waits_for <> ''`:        check,
		`SELECT id, size, FALSE, FALSE FROM blobs`:                  check,

		`SELECT (SELECT COUNT(*) FROM nodes)`:                     total,
		`SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT)`:           total,
		`UPDATE drives SET oldest_at = 0 WHERE sequence - pruned`: "once after the start",
		`FROM uploads WHERE completed_at = 0`:                     total,

		`SELECT COUNT(*) FROM damaged_blobs`: "of what is damaged, which is little",
		`LEFT JOIN damaged_blobs d`:          "of what is damaged, which is little",
		`FROM damaged_blobs d WHERE d.blob`:  "of what is damaged, which is little",

		`SELECT DISTINCT drive_id FROM checksum_wishes`: "of a job, once for 200 files that it reads",

		`AND NOT EXISTS (SELECT 1 FROM loose_blobs`: check,
	})
}
