package authn

import (
	"context"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// The kinds of session.
const (
	kindTokens = "token" // an app's, held by its refresh token
	kindPage   = "page"  // a browser's, held by its cookie
)

// maxSessions bounds the live sessions of one user: the ones seen longest ago are ended for new ones.
const maxSessions = 200

// seenEvery is how exact sessions.seen_at is: a session's use is written down this often and no more.
const seenEvery = time.Minute

// opener is what a session is opened by: its owner, who just showed who they are, or a ticket of another session. What that one
// has not proven lately the new one has not either (confirmRecent).
type opener struct {
	sessionID string // whose ticket it was; empty for the owner
	provenAt  int64
}

func (a *Accounts) byProof() opener { return opener{provenAt: a.now()} }

// openSession adds a session. The caller holds the user's row (lockUser, or has just inserted it), so that
// what ends all of a user's sessions does not miss one that is being opened.
func (a *Accounts) openSession(ctx context.Context, tx *sqldb.Tx, userID, kind string, cookie []byte, ttl time.Duration, by opener, c Client) (id string, err error) {
	now := a.now()
	id = sqldb.NewID()
	if _, err := tx.Exec(ctx, `INSERT INTO sessions (id, user_id, kind, cookie, user_agent, address, created_at, seen_at, expires_at, proven_at, opened_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10)`,
		id, userID, kind, cookie, shown(c.UserAgent, 256), shown(c.Address, 64), now, now+ttl.Microseconds(), by.provenAt, by.sessionID); err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE id IN
		(SELECT id FROM sessions WHERE user_id = $2 AND revoked_at = 0 ORDER BY seen_at DESC, id DESC LIMIT 1000 OFFSET $3)`,
		now, userID, maxSessions)
	return id, err
}

// shown makes a stranger's text storable: UTF-8 without NUL (Postgres takes no other), at most max bytes.
func shown(s string, max int) string {
	s = strings.ReplaceAll(s, "\x00", "")
	return strings.ToValidUTF8(s[:min(len(s), max)], "")
}

// lockUser takes the row of an account that may sign in.
func lockUser(ctx context.Context, tx *sqldb.Tx, userID string) error {
	n, err := tx.Exec(ctx, `UPDATE users SET disabled_at = 0 WHERE id = $1 AND disabled_at = 0`, userID)
	if err == nil && n == 0 {
		err = sessionEnded()
	}
	return err
}

// mustLive refuses what p's session asked for if it was ended since: what is made now would stay. The caller holds the account's row, which
// whoever throws others out holds too.
func mustLive(ctx context.Context, tx *sqldb.Tx, p Principal) error {
	if p.SessionID == "" {
		return nil
	}
	var lives bool
	err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM sessions WHERE id = $1 AND user_id = $2 AND revoked_at = 0)`, []any{p.SessionID, p.UserID}, &lives)
	if err == nil && !lives {
		err = sessionEnded()
	}
	return err
}

// live is a session that was found, with its user.
type live struct {
	Principal
	seenAt, expires int64
}

// sessionKey names a token's session as the token does.
type sessionKey struct{ id, userID string }

// tokenSession is session for the session of an access token.
func (a *Accounts) tokenSession(ctx context.Context, key sessionKey) (live, error) {
	l, mark, ok := a.sessions.Find(key)
	if ok && a.now() < l.expires {
		return l, nil
	}
	l, err := a.session(ctx, `s.id = $1 AND s.user_id = $2 AND s.kind = $3`, key.id, key.userID, kindTokens)
	if err == nil {
		a.sessions.Keep(key, mark, l)
	}
	return l, err
}

// session reads the one session that where names and refuses it unless it is alive and its user may sign in.
// where is a constant of this package.
func (a *Accounts) session(ctx context.Context, where string, args ...any) (live, error) {
	var l live
	var revoked, disabled int64
	err := a.db.Row(ctx, `SELECT s.id, s.seen_at, s.expires_at, s.revoked_at, u.id, u.username, u.role, u.disabled_at
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE `+where, args,
		&l.SessionID, &l.seenAt, &l.expires, &revoked, &l.UserID, &l.Username, &l.Role, &disabled)
	if err != nil && !sqldb.NoRow(err) {
		return live{}, err
	}
	if err != nil || revoked != 0 || disabled != 0 || l.expires <= a.now() {
		return live{}, sessionEnded()
	}
	return l, nil
}

// seen writes down that a session was used. It is worth no request's failure, so errors go to the log.
func (a *Accounts) seen(ctx context.Context, l live) {
	now := a.now()
	if now-l.seenAt < seenEvery.Microseconds() {
		return
	}
	if _, busy := a.seeing.LoadOrStore(l.SessionID, struct{}{}); busy {
		return // a request beside this one writes it
	}
	defer a.seeing.Delete(l.SessionID)
	_, err := a.db.Exec(ctx, `UPDATE sessions SET seen_at = $1 WHERE id = $2 AND seen_at < $1`, now, l.SessionID)
	if err != nil && ctx.Err() == nil {
		a.o.Log.Warn("session use was not written", "session", l.SessionID, "err", err)
	}
}

func sessionEnded() error {
	return fault.New(fault.Unauthenticated, "authn.session", "The session has ended. Sign in again.").WithCode("session_ended")
}
