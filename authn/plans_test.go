package authn

import (
	"os"
	"testing"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestMain(m *testing.M) { os.Exit(sqldbtest.Main(m)) }

// Statements find their rows by an index, but for these.
func TestPlans(t *testing.T) {
	const bounded, sweep = "trims what is bounded to its bound", "of Sweep, once in a quarter of an hour"
	sqldbtest.Plans(t, map[string]string{
		`SELECT COUNT(*), COUNT(CASE WHEN disabled_at > 0`:              "counts the accounts, for administrators",
		`FROM users WHERE role = 'admin' AND disabled_at = 0`:           "all administrators, of whom there are few",
		`FROM invitations ORDER BY id DESC LIMIT`:                       "the newest ones",
		`DELETE FROM attempts WHERE key IN`:                             bounded,
		`DELETE FROM oidc_sign_ins WHERE state IN (SELECT`:              bounded,
		`DELETE FROM passkey_challenges WHERE hash IN (SELECT`:          bounded,
		`DELETE FROM app_passwords WHERE expires_at > 0`:                sweep,
		`DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at `: sweep,
		`DELETE FROM audit_floods WHERE hour`:                           sweep,
		`DELETE FROM refresh_tokens WHERE used_at > 0`:                  sweep,
		`DELETE FROM sessions WHERE expires_at`:                         sweep,
		`DELETE FROM totp WHERE confirmed_at = 0`:                       sweep,
	})
}
