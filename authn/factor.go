package authn

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// A second factor is on as soon as an account has an authenticator app (totp.go) or a passkey (passkey.go). From then on the password
// alone opens nothing: no session, and no request with Basic credentials, which app passwords are for. Sessions that are open
// stay, since each of them was opened by whoever had the right to: who doubts that ends them.

// maxCode bounds a code as it is typed, in bytes, with spaces and hyphens.
const maxCode = 64

// SecondFactor is what an account has on besides its password.
type SecondFactor struct {
	Since         time.Time // zero if there is none
	TOTP          bool      // an authenticator app
	RecoveryCodes int       // that are left
	Passkeys      []Passkey // in the order in which they were added
}

// On reports whether there is a second factor.
func (f SecondFactor) On() bool { return !f.Since.IsZero() }

// SecondFactor answers what p's account has on.
func (a *Accounts) SecondFactor(ctx context.Context, p Principal) (SecondFactor, error) {
	var f SecondFactor
	err := a.db.Read(ctx, func(tx *sqldb.Tx) (err error) {
		var since int64
		if err := tx.Row(ctx, `SELECT factor_at, EXISTS (SELECT 1 FROM totp WHERE user_id = $1 AND confirmed_at > 0),
			(SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1) FROM users WHERE id = $1`, []any{p.UserID}, &since, &f.TOTP, &f.RecoveryCodes); err != nil {
			return err
		}
		if since > 0 {
			f.Since = sqldb.Time(since)
		}
		f.Passkeys, err = passkeys(ctx, tx, p.UserID)
		return err
	})
	return f, fault.Wrap(err, "authn.SecondFactor")
}

// lockedUser is lockUser, and answers the account.
func lockedUser(ctx context.Context, tx *sqldb.Tx, userID string) (User, error) {
	if err := lockUser(ctx, tx, userID); err != nil {
		return User{}, err
	}
	return scanUser(func(dest ...any) error {
		return tx.Row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, []any{userID}, dest...)
	})
}

// factorOn reports whether an account has a second factor. The caller holds its row.
func factorOn(ctx context.Context, tx *sqldb.Tx, userID string) (on bool, err error) {
	err = tx.Row(ctx, `SELECT factor_at > 0 FROM users WHERE id = $1`, []any{userID}, &on)
	return on, err
}

// checkOTP takes a code of the authenticator app, or a recovery code, and uses it up. The caller holds the account's row. What it refuses is a
// refusal: Unauthenticated with code "otp_required" if there is none and "invalid_otp" if it is wrong, or TooMany with the wait.
func (a *Accounts) checkOTP(ctx context.Context, tx *sqldb.Tx, userID, actor, otp string, c Client) error {
	if otp == "" {
		return refusal{errCodeMissing}
	}
	// The account's row is held, so guesses that are made at once are counted one after the other.
	t := attempt{what: guessOTP, name: userID, userID: userID, client: c}
	if err := a.admit(ctx, tx, t); err != nil {
		return refuseWait(err)
	}
	right, err := a.useCode(ctx, tx, userID, actor, otp, c)
	if err != nil || right {
		return err
	}
	if err := a.failedIn(ctx, tx, t, auditEntry{event: AuditOTPFailed, userID: userID, actor: actor, detail: "wrong code"}); err != nil {
		return refuseWait(err)
	}
	return refusal{fault.New(fault.Unauthenticated, "authn.checkOTP", "This code is wrong, or was used already.").WithCode("invalid_otp")}
}

// refuseWait makes a wait a refusal, which keeps what was counted before it.
func refuseWait(err error) error {
	if fault.Is(err, fault.TooMany) {
		return refusal{err}
	}
	return err
}

func (a *Accounts) useCode(ctx context.Context, tx *sqldb.Tx, userID, actor, otp string, c Client) (right bool, err error) {
	switch code := bareCode(otp); len(code) {
	case totpDigits:
		return a.useTOTP(ctx, tx, userID, code, false)
	case recoveryLength:
		return a.useRecoveryCode(ctx, tx, userID, actor, code, c)
	}
	return false, nil
}

// bareCode is a code without the spaces and hyphens of people who type what they read in groups; empty if it is far too long.
func bareCode(otp string) string {
	if len(otp) > maxCode {
		return ""
	}
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(otp))
}

// errCodeMissing asks for the second factor. Only who knows the password hears it.
var errCodeMissing = fault.New(fault.Unauthenticated, "authn.checkOTP",
	"This account has a second factor: send the code of your authenticator app, or a recovery code, as well.").WithCode("otp_required")

// errAppPassword refuses a password that is right where only app passwords are taken.
var errAppPassword = fault.New(fault.Unauthenticated, "authn.Basic",
	"This account has a second factor, so its password alone does not open it here: make an app password on the account's pages and use that.").WithCode("app_password_required")

// settleFactor writes down whether an account has a second factor, after one was added or removed. u is how it was. The first
// factor answers recovery codes, in case the device is lost; with the last one they end.
func (a *Accounts) settleFactor(ctx context.Context, tx *sqldb.Tx, u User, c Client) (codes []string, err error) {
	var on bool
	if err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = $1 AND confirmed_at > 0) OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = $1)`,
		[]any{u.ID}, &on); err != nil || on == u.SecondFactor {
		return nil, err
	}
	if !on {
		if err := dropFactor(ctx, tx, u.ID); err != nil {
			return nil, err
		}
		return nil, a.audit(ctx, tx, auditEntry{event: AuditFactorOff, userID: u.ID, actor: u.ID, client: c})
	}
	if _, err := tx.Exec(ctx, `UPDATE users SET factor_at = $1 WHERE id = $2`, a.now(), u.ID); err != nil {
		return nil, err
	}
	if codes, err = newRecoveryCodes(ctx, tx, u.ID); err != nil {
		return nil, err
	}
	return codes, a.audit(ctx, tx, auditEntry{event: AuditFactorOn, userID: u.ID, actor: u.ID, client: c})
}

// dropFactor removes every factor and what hangs on it.
func dropFactor(ctx context.Context, tx *sqldb.Tx, userID string) error {
	for _, query := range [...]string{
		`UPDATE users SET factor_at = 0 WHERE id = $1`,
		`DELETE FROM totp WHERE user_id = $1`,
		`DELETE FROM passkeys WHERE user_id = $1`,
		`DELETE FROM recovery_codes WHERE user_id = $1`,
		`DELETE FROM half_sign_ins WHERE user_id = $1`,
		`DELETE FROM passkey_challenges WHERE user_id = $1`,
	} {
		if _, err := tx.Exec(ctx, query, userID); err != nil {
			return err
		}
	}
	return nil
}

// ResetFactor takes every second factor off an account whose owner has lost all of them. Its sessions stay. NotFound; Forbidden with code "own_account":
// whoever finds an administrator's session open must not get around the factor.
func (d Administration) ResetFactor(ctx context.Context, id string) error {
	return fault.Wrap(d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, err := d.target(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := d.notOwn(u.ID); err != nil {
			return err
		}
		if err := dropFactor(ctx, tx, u.ID); err != nil {
			return err
		}
		return d.audit(ctx, tx, AuditFactorReset, u.ID, "")
	}), "authn.ResetFactor")
}

// ResetFactor takes every second factor off an account from the command line. NotFound.
func (a *Accounts) ResetFactor(ctx context.Context, login string) error {
	return a.byCommand(ctx, login, func(d Administration, id string) error { return d.ResetFactor(ctx, id) })
}

// codeMissing reports whether a sign-in wants nothing but the second factor.
func codeMissing(err error) bool { return errors.Is(err, errCodeMissing) }
