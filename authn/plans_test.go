package authn

import (
	"os"
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { os.Exit(sqldbtest.Main(m)) }

// Statements find their rows by an index, but for these.
func TestPlans(t *testing.T) {
	const bounded = "trims what is bounded to its bound"
	sqldbtest.Plans(t, map[string]string{
		`SELECT COUNT(*), COUNT(CASE WHEN disabled_at > 0`:     "counts the accounts, for administrators",
		`FROM users WHERE role = 'admin' AND disabled_at = 0`:  "all administrators, of whom there are few",
		`FROM invitations ORDER BY id DESC LIMIT`:              "the newest ones",
		`DELETE FROM attempts WHERE key IN`:                    bounded,
		`DELETE FROM oidc_sign_ins WHERE state IN (SELECT`:     bounded,
		`DELETE FROM passkey_challenges WHERE hash IN (SELECT`: bounded,
	})
}
