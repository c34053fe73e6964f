package authn

import (
	"context"
	"fmt"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Session is a place where somebody is signed in: an app or a browser.
type Session struct {
	ID        string
	Kind      string // "token" for an app's, "page" for a browser's
	Device    Device
	UserAgent string // as it was sent
	Address   string
	Created   time.Time
	Seen      time.Time // within a minute of its last use
	Current   bool      // the one that asks
}

// Sessions lists the live sessions of the principal's account, the one seen last first; there are at most 200.
func (a *Accounts) Sessions(ctx context.Context, p Principal) ([]Session, error) {
	all, err := sqldb.All(ctx, a.db, `SELECT id, kind, user_agent, address, created_at, seen_at FROM sessions
		WHERE user_id = $1 AND revoked_at = 0 AND expires_at > $2 ORDER BY seen_at DESC, id DESC LIMIT $3`,
		[]any{p.UserID, a.now(), maxSessions},
		func(scan sqldb.Scan) (s Session, err error) {
			var created, seen int64
			err = scan(&s.ID, &s.Kind, &s.UserAgent, &s.Address, &created, &seen)
			s.Created, s.Seen, s.Current = sqldb.Time(created), sqldb.Time(seen), s.ID == p.SessionID
			s.Device = deviceOf(s.UserAgent)
			return s, err
		})
	return all, fault.Wrap(err, "authn.Sessions")
}

// EndSession ends one session of the principal's account. NotFound, also for one that has ended or is somebody else's.
func (a *Accounts) EndSession(ctx context.Context, p Principal, id string, c Client) error {
	if !sqldb.ValidID(id) {
		return fault.New(fault.NotFound, "authn.EndSession", "There is no such session.").WithCode("no_such_session")
	}
	n, err := a.endOwn(ctx, p, `id = $3`, id, c)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "authn.EndSession", "There is no such session.").WithCode("no_such_session")
	}
	return fault.Wrap(err, "authn.EndSession")
}

// EndSessions ends every session of the principal's account but the one that asks, or all of them, and answers how many.
func (a *Accounts) EndSessions(ctx context.Context, p Principal, all bool, c Client) (int64, error) {
	keep := p.SessionID
	if all {
		keep = ""
	}
	n, err := a.endOwn(ctx, p, `id <> $3`, keep, c)
	return n, fault.Wrap(err, "authn.EndSessions")
}

// endOwn ends the account's sessions that where names, a constant of this package with value as $3.
func (a *Accounts) endOwn(ctx context.Context, p Principal, where, value string, c Client) (n int64, err error) {
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if err := lockUser(ctx, tx, p.UserID); err != nil {
			return err
		}
		now := a.now()
		n, err = tx.Exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND revoked_at = 0 AND expires_at > $1 AND `+where, now, p.UserID, value)
		if err != nil || n == 0 {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditSessionsEnded, userID: p.UserID, actor: p.UserID, client: c, detail: fmt.Sprintf("%d ended", n)})
	})
	return n, err
}

// LeavePage ends the page session that a cookie holds, if there is one: another has taken its place in the same browser.
func (a *Accounts) LeavePage(ctx context.Context, cookie string, c Client) error {
	if !secretShape(cookie) {
		return nil
	}
	l, err := a.session(ctx, `s.cookie = $1 AND s.kind = $2`, hashSecret(cookie), kindPage)
	if fault.Is(err, fault.Unauthenticated) {
		return nil
	}
	if err == nil {
		err = a.Logout(ctx, l.Principal, c)
	}
	return fault.Wrap(err, "authn.LeavePage")
}

// Logout ends the principal's session, of whatever kind. Its tokens, tickets and cookie are refused from the
// next request on. Invalid with code "no_session" for Basic, which has nothing to end.
func (a *Accounts) Logout(ctx context.Context, p Principal, c Client) error {
	if p.SessionID == "" {
		return fault.New(fault.Invalid, "authn.Logout", "There is no session to end: these credentials are sent with every request.").WithCode("no_session")
	}
	var n int64
	err := a.db.Update(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE id = $2 AND user_id = $3 AND revoked_at = 0`, a.now(), p.SessionID, p.UserID)
		if err != nil || n == 0 {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditSignOut, userID: p.UserID, actor: p.UserID, client: c})
	})
	if err != nil {
		return fault.Wrap(err, "authn.Logout")
	}
	if n > 0 {
		a.o.Observe(EventLogout)
	}
	return nil
}
