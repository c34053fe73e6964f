package authn

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// PageSession is a browser that is signed in. One that a ticket opened outlives the session of the ticket, unless that one's refresh token was stolen.
type PageSession struct {
	Cookie  string // the value of CookieName; empty if the second factor is still to come
	Half    string // what FinishPage takes then
	Expires time.Time
	User    User
}

func (a *Accounts) openPage(ctx context.Context, tx *sqldb.Tx, userID string, by opener, c Client) (PageSession, error) {
	cookie, hash := newSecret()
	expires := a.o.Now().Add(a.o.PageTTL)
	_, err := a.openSession(ctx, tx, userID, kindPage, hash, a.o.PageTTL, by, c)
	return PageSession{Cookie: cookie, Expires: expires}, err
}

// Cookie answers whose page session a cookie holds. Unauthenticated with code "session_ended".
func (a *Accounts) Cookie(ctx context.Context, cookie string) (Principal, error) {
	if !secretShape(cookie) {
		return Principal{}, sessionEnded()
	}
	l, err := a.session(ctx, `s.cookie = $1 AND s.kind = $2`, hashSecret(cookie), kindPage)
	if err != nil {
		return Principal{}, fault.Wrap(err, "authn.Cookie")
	}
	a.seen(ctx, l)
	l.Method = MethodCookie
	return l.Principal, nil
}
