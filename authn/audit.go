package authn

import (
	"context"
	"encoding/json"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// What the audit log tells. The words are part of the API.
const (
	AuditRegister      = "register"
	AuditSignIn        = "sign_in"
	AuditSignInFailed  = "sign_in_failed" // a name, a password or a second factor was wrong
	AuditSignOut       = "sign_out"
	AuditSessionsEnded = "sessions_ended" // by their owner, from another one
	AuditRefreshReuse  = "refresh_reused" // a used refresh token came again and its session was ended
	AuditUserCreated   = "user_created"   // by an administrator or the command line
	AuditUserDeleted   = "user_deleted"   // by the user, an administrator or the command line
	AuditUserDisabled  = "user_disabled"
	AuditUserEnabled   = "user_enabled"
	AuditKeysRotated   = "keys_rotated"
	AuditPassword      = "password_changed"
	AuditSignedOut     = "signed_out" // everywhere, by an administrator or the command line
	AuditRole          = "role_changed"
	AuditQuota         = "quota_changed"
	AuditExport        = "data_downloaded" // a user took all of the own data
	AuditUploadEnded   = "upload_ended"    // before its end, by an administrator
	AuditEventsRetried = "events_retried"  // an event, all dead letters, or the delivery that was paused; by an administrator

	AuditAppPasswordCreated = "app_password_created"
	AuditAppPasswordUsed    = "app_password_used" // for the first time
	AuditAppPasswordRevoked = "app_password_revoked"

	AuditFactorOn          = "second_factor_on" // the first one: from here on the password alone opens nothing
	AuditFactorOff         = "second_factor_off"
	AuditFactorReset       = "second_factor_reset" // by an administrator or the command line
	AuditTOTPOn            = "totp_on"
	AuditTOTPOff           = "totp_off"
	AuditOTPFailed         = "otp_failed"
	AuditRecoveryCodes     = "recovery_codes_made"
	AuditRecoveryCodeUsed  = "recovery_code_used"
	AuditPasskeyAdded      = "passkey_added"
	AuditPasskeyRemoved    = "passkey_removed"
	AuditPasskeyFailed     = "passkey_failed" // a passkey that is known answered what does not hold
	AuditPasskeyCloned     = "passkey_cloned" // its counter went back: somebody may have a copy
	AuditInvited           = "invitation_created"
	AuditInvitationUsed    = "invitation_used"
	AuditInvitationRevoked = "invitation_revoked"
	AuditCodeSent          = "code_sent" // asked for, to an address that is only hinted at
	AuditCodeWrong         = "code_wrong"
	AuditPasswordReset     = "password_reset"
	AuditEmail             = "email_changed" // or confirmed
	AuditPhone             = "phone_changed"
	AuditUsername          = "username_changed"
	AuditAddressLost       = "address_lost" // never confirmed, and somebody else has proven that it is theirs

	AuditShareMade  = "share_made" // a link that opens a file or folder to whoever has it
	AuditShareEnded = "share_ended"

	AuditRewound = "drive_rewound" // a drive, or a folder of it, was put back to a moment

	AuditIdentityLinked   = "identity_linked" // an account at an OpenID Connect provider now opens this one
	AuditIdentityUnlinked = "identity_unlinked"
)

// AuditEvents are all that the audit log tells.
func AuditEvents() []string {
	return []string{
		AuditSignIn, AuditSignInFailed, AuditSignOut, AuditSessionsEnded, AuditSignedOut, AuditRefreshReuse, AuditOTPFailed,
		AuditRegister, AuditUserCreated, AuditUserDeleted, AuditUserDisabled, AuditUserEnabled, AuditRole, AuditQuota, AuditUploadEnded, AuditEventsRetried, AuditExport,
		AuditPassword, AuditPasswordReset, AuditUsername, AuditEmail, AuditPhone, AuditAddressLost, AuditCodeSent, AuditCodeWrong,
		AuditFactorOn, AuditFactorOff, AuditFactorReset, AuditTOTPOn, AuditTOTPOff, AuditRecoveryCodes, AuditRecoveryCodeUsed,
		AuditPasskeyAdded, AuditPasskeyRemoved, AuditPasskeyFailed, AuditPasskeyCloned, AuditIdentityLinked, AuditIdentityUnlinked,
		AuditAppPasswordCreated, AuditAppPasswordUsed, AuditAppPasswordRevoked, AuditShareMade, AuditShareEnded, AuditRewound,
		AuditInvited, AuditInvitationUsed, AuditInvitationRevoked, AuditKeysRotated,
	}
}

// auditEntry is a line of the audit log.
type auditEntry struct {
	event  string // Audit…
	userID string // whose account it is about; empty if none
	actor  string // id of who did it; empty for a stranger and for the command line
	client Client // from where
	detail string // more of it for people, at most 500 bytes; never a secret, nor what a stranger typed as a password
	always bool   // has a line of its own, however many there are: only for what strangers and users cannot repeat at will
}

// How many lines one event may have in an hour: about one account, and about none in particular. The last of them counts those that have no line of
// their own, so that nobody fills the disk by failing to sign in.
const (
	maxAuditLines         = 20
	maxStrangerAuditLines = 200
)

// audit writes a line into the audit log, in the transaction of what it tells about.
func (a *Accounts) audit(ctx context.Context, tx *sqldb.Tx, e auditEntry) error {
	id := sqldb.NewID()
	if !e.always {
		if counted, err := a.auditFlood(ctx, tx, e, id); counted || err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit (id, at, event, user_id, actor_id, address, user_agent, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, a.now(), e.event, e.userID, e.actor, shown(e.client.Address, 64), shown(e.client.UserAgent, 256), shown(e.detail, 500))
	return err
}

// auditFlood reports whether an entry was counted by an earlier line. If not, its own line is to have the id.
func (a *Accounts) auditFlood(ctx context.Context, tx *sqldb.Tx, e auditEntry, id string) (counted bool, err error) {
	most := maxAuditLines
	if e.userID == "" {
		most = maxStrangerAuditLines
	}
	var newest string
	err = tx.Row(ctx, `INSERT INTO audit_floods (event, user_id, hour, lines, line_id) VALUES ($1, $2, $3, 1, $4) ON CONFLICT (event, user_id) DO UPDATE SET
			lines = CASE WHEN audit_floods.hour = excluded.hour THEN audit_floods.lines + 1 ELSE 1 END,
			line_id = CASE WHEN audit_floods.hour = excluded.hour AND audit_floods.lines >= $5 THEN audit_floods.line_id ELSE excluded.line_id END,
			hour = excluded.hour RETURNING line_id`,
		[]any{e.event, e.userID, a.now() / time.Hour.Microseconds(), id, most}, &newest)
	if err != nil || newest == id {
		return false, err
	}
	n, err := tx.Exec(ctx, `UPDATE audit SET times = times + 1 WHERE id = $1`, newest)
	return n > 0, err
}

// auditBatch is how many lines one transaction of sweepAudit removes.
const auditBatch = 1000

// sweepAudit removes lines that are older than AuditExpiry, a batch at a time, and counts that no longer matter.
func (a *Accounts) sweepAudit(ctx context.Context) error {
	if _, err := a.db.Exec(ctx, `DELETE FROM audit_floods WHERE hour < $1`, a.now()/time.Hour.Microseconds()); err != nil {
		return err
	}
	expiry := a.adjusted.Load().AuditExpiry
	if expiry < 0 {
		return nil
	}
	for {
		ids, err := sqldb.All(ctx, a.db, `SELECT id FROM audit WHERE at <= $1 ORDER BY at, id LIMIT $2`, []any{a.now() - expiry.Microseconds(), auditBatch},
			func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
		if err != nil || len(ids) == 0 {
			return err
		}
		list, err := json.Marshal(ids)
		if err != nil {
			return err
		}
		if _, err := a.db.Exec(ctx, `DELETE FROM audit WHERE id`+a.db.Engine().Among(), string(list)); err != nil || len(ids) < auditBatch {
			return err
		}
	}
}
