package authn

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// A half sign-in stands between the two steps on the pages: its password was right, and the second factor is to come. It is known by
// a secret that the second form carries, so that the password is in no page.
const (
	halfTTL = 5 * time.Minute
	// maxHalfTries is how many codes one half sign-in takes. The account counts them too (checkOTP).
	maxHalfTries = 5
	// maxHalves bounds the half sign-ins of one account. The oldest end for new ones.
	maxHalves = 20
)

// openPageOrHalf opens a page session for who has shown the password or signed in at a provider (how says which, for the audit log), or, where a second
// factor is on, a half sign-in. The caller holds the account's row.
func (a *Accounts) openPageOrHalf(ctx context.Context, tx *sqldb.Tx, userID, how string, c Client) (PageSession, error) {
	on, err := factorOn(ctx, tx, userID)
	if err != nil {
		return PageSession{}, err
	}
	if !on {
		return a.openPage(ctx, tx, userID, a.byProof(), c)
	}
	half, hash := newSecret()
	expires := a.o.Now().Add(halfTTL)
	if _, err := tx.Exec(ctx, `INSERT INTO half_sign_ins (hash, user_id, password_hash, how, expires_at)
		SELECT $1, id, password_hash, $2, $3 FROM users WHERE id = $4`, hash, how, sqldb.Micros(expires), userID); err != nil {
		return PageSession{}, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM half_sign_ins WHERE hash IN
		(SELECT hash FROM half_sign_ins WHERE user_id = $1 ORDER BY expires_at DESC LIMIT 1000 OFFSET $2)`, userID, maxHalves)
	return PageSession{Half: half, Expires: expires}, err
}

// FinishPage ends a half sign-in (PageSession.Half) by a code of the authenticator app or a recovery code, and opens the page session.
// Unauthenticated with code "sign_in_expired" if it is too old, was used, had too many tries, or the password was changed meanwhile; "otp_required",
// "invalid_otp"; TooMany.
func (a *Accounts) FinishPage(ctx context.Context, half, otp string, c Client) (PageSession, error) {
	if !secretShape(half) {
		return PageSession{}, halfEnded()
	}
	var page PageSession
	err := a.decide(ctx, func(tx *sqldb.Tx) error {
		hash := hashSecret(half)
		u, how, err := a.halfOwner(ctx, tx, hash)
		if err != nil {
			return err
		}
		if err := a.checkOTP(ctx, tx, u.ID, "", otp, c); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM half_sign_ins WHERE hash = $1`, hash); err != nil {
			return err
		}
		if page, err = a.openPage(ctx, tx, u.ID, a.byProof(), c); err != nil {
			return err
		}
		page.User = u
		return a.noteSignIn(ctx, tx, u.ID, how+" and code, on the pages", c)
	})
	switch {
	case err == nil:
		a.o.Observe(EventLoginOK)
		return page, nil
	case fault.Is(err, fault.Unauthenticated) && !codeMissing(err):
		a.o.Observe(EventLoginFailed)
	case fault.Is(err, fault.TooMany):
		a.o.Observe(EventLoginLimited)
	}
	return PageSession{}, fault.Wrap(err, "authn.FinishPage")
}

// halfOwner counts a try of a half sign-in and takes the row of its account, which has a second factor and the password that was right. how is what was shown.
func (a *Accounts) halfOwner(ctx context.Context, tx *sqldb.Tx, hash []byte) (u User, how string, err error) {
	var userID, password string
	err = tx.Row(ctx, `UPDATE half_sign_ins SET tries = tries + 1 WHERE hash = $1 AND expires_at > $2 AND tries < $3
		RETURNING user_id, password_hash, how`, []any{hash, a.now(), maxHalfTries}, &userID, &password, &how)
	if sqldb.NoRow(err) {
		return User{}, "", halfEnded()
	}
	if err != nil {
		return User{}, "", err
	}
	u, err = lockedUser(ctx, tx, userID)
	if fault.Is(err, fault.Unauthenticated) || err == nil && !u.SecondFactor {
		return User{}, "", halfEnded()
	}
	if err != nil {
		return User{}, "", err
	}
	var same bool // asked now that nobody can change it any more
	err = tx.Row(ctx, `SELECT password_hash = $1 FROM users WHERE id = $2`, []any{password, u.ID}, &same)
	if err == nil && !same {
		err = halfEnded()
	}
	return u, how, err
}

func halfEnded() error {
	return fault.New(fault.Unauthenticated, "authn.FinishPage", "This sign-in took too long or was used already. Begin again with your password.").WithCode("sign_in_expired")
}
