package authn

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// recentSignIn is how old the session of an account without a password may be for what others confirm with theirs.
const recentSignIn = 10 * time.Minute

// confirm asks for the password again before what would lock the owner out, had somebody else found the session open. An account
// without a password confirms by having signed in just now. Forbidden with code "wrong_password", or "sign_in_again" where there is no password
// and the session is older; TooMany, Busy.
func (a *Accounts) confirm(ctx context.Context, p Principal, password string, c Client) error {
	u, hash, err := userByID(ctx, a.db, p.UserID)
	if err != nil {
		return fault.Wrap(err, "authn.confirm")
	}
	if hash == "" {
		return fault.Wrap(a.confirmRecent(ctx, p), "authn.confirm")
	}
	_, err = a.guess(ctx, attempt{what: guessConfirm, name: u.ID, userID: u.ID, client: c}, u, hash, nil, password)
	if fault.Is(err, fault.Unauthenticated) {
		return fault.New(fault.Forbidden, "authn.confirm", "The password is wrong.").WithCode("wrong_password")
	}
	return fault.Wrap(err, "authn.confirm")
}

func (a *Accounts) confirmRecent(ctx context.Context, p Principal) error {
	var created int64
	err := a.db.Row(ctx, `SELECT created_at FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at = 0`, []any{p.SessionID, p.UserID}, &created)
	if err != nil && !sqldb.NoRow(err) {
		return err
	}
	if err != nil || a.now()-created > recentSignIn.Microseconds() {
		return fault.New(fault.Forbidden, "authn.confirm", "Sign in again for this.").WithCode("sign_in_again")
	}
	return nil
}
