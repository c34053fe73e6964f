package preview_test

import (
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Statements find their rows by an index, but for this.
func TestPlans(t *testing.T) {
	sqldbtest.Plans(t, map[string]string{`LEFT JOIN thumbnail_positions t`: "of a job, which looks at each drive every ten minutes"})
}
