package ledger_test

import (
	"os"
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { os.Exit(sqldbtest.Main(m)) }

// Every statement of this package finds its rows by an index.
func TestPlans(t *testing.T) { sqldbtest.Plans(t, nil) }
