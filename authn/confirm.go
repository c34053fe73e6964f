package authn

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// recentSignIn is how long ago the owner of an account without a password may have signed in for what others confirm with theirs.
const recentSignIn = 10 * time.Minute

// confirm asks for the password again before what would lock the owner out, had somebody else found the session open. An account
// without a password confirms by having signed in just now. Forbidden with code "password_required" if it was not sent, which is no guess,
// "wrong_password", or "sign_in_again" where there is no password and the session is older; TooMany, Busy.
func (a *Accounts) confirm(ctx context.Context, p Principal, password string, c Client) error {
	_, err := a.confirmed(ctx, p, password, c)
	return err
}

// confirmed is confirm. It answers the password hash that the password was held against; empty for an account without a password.
func (a *Accounts) confirmed(ctx context.Context, p Principal, password string, c Client) (hash string, err error) {
	u, hash, err := userByID(ctx, a.db, p.UserID)
	if err != nil {
		return "", fault.Wrap(err, "authn.confirm")
	}
	if hash == "" {
		return "", fault.Wrap(a.confirmRecent(ctx, p), "authn.confirm")
	}
	if password == "" {
		return "", aboutPassword("password_required", "Give the password of your account as well.")
	}
	_, err = a.guess(ctx, attempt{what: guessConfirm, name: u.ID, userID: u.ID, client: c}, u, hash, nil, password)
	if fault.Is(err, fault.Unauthenticated) {
		return "", wrongPassword()
	}
	return hash, fault.Wrap(err, "authn.confirm")
}

func wrongPassword() error { return aboutPassword("wrong_password", "The password is wrong.") }

// aboutPassword names the field too, so that forms say it where the password is typed.
func aboutPassword(code, message string) error {
	return &fault.Error{Kind: fault.Forbidden, Op: "authn.confirm", Code: code, Public: message,
		Fields: []fault.Field{{Name: "password", Code: code, Message: message}}}
}

// ChangePassword gives the principal's own account another password and ends its other sessions; the one that asks goes on. An account
// without a password gets its first one. Invalid with code "invalid_fields"; else as confirm and checkOTP: Forbidden with code "wrong_password" or
// "sign_in_again", Unauthenticated with code "otp_required" or "invalid_otp", TooMany, Busy.
func (a *Accounts) ChangePassword(ctx context.Context, p Principal, proof Proof, newPassword string, c Client) error {
	if f, ok := checkPassword("new_password", newPassword); !ok {
		return invalidFields("authn.ChangePassword", []fault.Field{f})
	}
	old, err := a.confirmed(ctx, p, proof.Password, c)
	if err != nil {
		return fault.Wrap(err, "authn.ChangePassword")
	}
	prepared, _ := preparePassword(newPassword)
	hash, err := a.hasher.hash(ctx, prepared)
	if err != nil {
		return fault.Wrap(err, "authn.ChangePassword")
	}
	return fault.Wrap(a.decide(ctx, func(tx *sqldb.Tx) error {
		if _, err := a.owner(ctx, tx, p, proof.OTP, c); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3 AND disabled_at = 0`, hash, p.UserID, old)
		if err != nil {
			return err
		}
		if n == 0 { // it was changed since
			return wrongPassword()
		}
		if err := a.audit(ctx, tx, auditEntry{event: AuditPassword, userID: p.UserID, actor: p.UserID, client: c}); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND id <> $3 AND revoked_at = 0`, a.now(), p.UserID, p.SessionID)
		return err
	}), "authn.ChangePassword")
}

// confirmRecent takes it that the owner just proved who they are for this session, or for the one whose ticket opened it. That a session was refreshed
// or is new itself proves nothing: whoever stole a refresh token can do both.
func (a *Accounts) confirmRecent(ctx context.Context, p Principal) error {
	var proven int64
	err := a.db.Row(ctx, `SELECT proven_at FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at = 0`, []any{p.SessionID, p.UserID}, &proven)
	if err != nil && !sqldb.NoRow(err) {
		return err
	}
	if err != nil || a.now()-proven > recentSignIn.Microseconds() {
		return fault.New(fault.Forbidden, "authn.confirm", "Sign in again for this.").WithCode("sign_in_again")
	}
	return nil
}
