package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Proof is what shows once more that it is the owner who asks.
type Proof struct {
	Password string
	OTP      string // a code of the authenticator app or a recovery code, where a second factor is on
}

// byOwner runs do in a transaction that holds the account's row, after the password was shown again, and a code where a second factor is on:
// neither a stolen session nor a session and a password change what the factor is. Errors as confirm and checkOTP.
func (a *Accounts) byOwner(ctx context.Context, p Principal, proof Proof, c Client, do func(tx *sqldb.Tx, u User) error) error {
	if err := a.confirm(ctx, p, proof.Password, c); err != nil {
		return err
	}
	return a.decide(ctx, func(tx *sqldb.Tx) error {
		u, err := liveUser(ctx, tx, p)
		if err == nil && u.SecondFactor {
			err = a.checkOTP(ctx, tx, u.ID, p.UserID, proof.OTP, c)
		}
		if err != nil {
			return err
		}
		return do(tx, u)
	})
}

// owner takes and answers the row of p's account, after confirm and in the transaction (decide) of what changes the account and leaves the factor alone.
// It asks for a code as byOwner does, but where passkeys are the only factor: they make no codes, and using up recovery codes for every change would
// leave none, so there having just signed in with the factor does as well (factorJustShown).
func (a *Accounts) owner(ctx context.Context, tx *sqldb.Tx, p Principal, otp string, c Client) (User, error) {
	u, err := liveUser(ctx, tx, p)
	if err != nil || !u.SecondFactor {
		return u, err
	}
	if otp == "" {
		if shown, err := a.factorJustShown(ctx, tx, p); err != nil || shown {
			return u, err
		}
	}
	return u, a.checkOTP(ctx, tx, u.ID, p.UserID, otp, c)
}

// liveUser takes and answers the row of p's account, if p's session has not been ended since.
func liveUser(ctx context.Context, tx *sqldb.Tx, p Principal) (User, error) {
	u, err := lockedUser(ctx, tx, p.UserID)
	if err == nil {
		err = mustLive(ctx, tx, p)
	}
	return u, err
}

// factorJustShown reports whether passkeys are the only second factor of p's account, and its owner proved who they are for p's session while the
// factor was on and no longer ago than confirmRecent allows. Every sign-in shows the factor then, and a sign-in of before it was turned on does not count.
func (a *Accounts) factorJustShown(ctx context.Context, q sqldb.Querier, p Principal) (shown bool, err error) {
	err = q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at = 0 AND s.proven_at >= $3 AND u.factor_at > 0 AND s.proven_at > u.factor_at
		AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = u.id AND confirmed_at > 0))`,
		[]any{p.SessionID, p.UserID, a.now() - recentSignIn.Microseconds()}, &shown)
	return shown, err
}

// Asked is what the owner of an account is asked for when it is changed: by ChangePassword, ChangeEmail, ChangePhone, Rename and DeleteOwn.
type Asked struct {
	Password bool // the account has one; else a sign-in of the last ten minutes is
	Code     bool // of the second factor
	Passkeys bool // with Code: nothing but recovery codes and signing in again will do, since passkeys are the only factor
}

// Asks answers what p is asked for.
func (a *Accounts) Asks(ctx context.Context, p Principal) (asked Asked, err error) {
	err = a.db.Read(ctx, func(tx *sqldb.Tx) error {
		var on, app bool
		if err := tx.Row(ctx, `SELECT password_hash <> '', factor_at > 0, EXISTS (SELECT 1 FROM totp WHERE user_id = $1 AND confirmed_at > 0)
			FROM users WHERE id = $1`, []any{p.UserID}, &asked.Password, &on, &app); err != nil || !on {
			return err
		}
		shown, err := a.factorJustShown(ctx, tx, p)
		asked.Code, asked.Passkeys = !shown, !shown && !app
		return err
	})
	return asked, fault.Wrap(err, "authn.Asks")
}
