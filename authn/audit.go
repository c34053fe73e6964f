package authn

import (
	"context"

	"github.com/satchelhq/satchel/sqldb"
)

// What the audit log tells. The words are part of the API.
const (
	AuditRegister     = "register"
	AuditSignIn       = "sign_in"
	AuditSignInFailed = "sign_in_failed" // a name, a password or a second factor was wrong
	AuditSignOut      = "sign_out"
	AuditRefreshReuse = "refresh_reused" // a used refresh token came again and its session was ended
	AuditUserCreated  = "user_created"   // by an administrator or the command line
	AuditUserDeleted  = "user_deleted"
	AuditUserDisabled = "user_disabled"
	AuditUserEnabled  = "user_enabled"
	AuditPassword     = "password_changed"
)

// auditEntry is a line of the audit log.
type auditEntry struct {
	event  string // Audit…
	userID string // whose account it is about; empty if none
	actor  string // id of who did it; empty for a stranger and for the command line
	client Client // from where
	detail string // more of it for people, at most 500 bytes; never a secret, nor what a stranger typed as a password
}

// audit writes a line into the audit log, in the transaction of what it tells about.
func (a *Accounts) audit(ctx context.Context, tx *sqldb.Tx, e auditEntry) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit (id, at, event, user_id, actor_id, address, user_agent, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		sqldb.NewID(), a.now(), e.event, e.userID, e.actor, shown(e.client.Address, 64), shown(e.client.UserAgent, 256), shown(e.detail, 500))
	return err
}
