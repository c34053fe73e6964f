package preview_test

import (
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Every statement of this package finds its rows by an index.
func TestPlans(t *testing.T) { sqldbtest.Plans(t, nil) }
