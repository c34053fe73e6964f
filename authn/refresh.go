package authn

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// A refresh token is used once and answers its successor. If a used one comes again, either it
// was stolen or the answer that held its successor was lost on the way. The rule that tells them apart:
//
//   - Within refreshGrace of its first use, and as long as nothing newer of the session was used, a
//     token may be used again and gets a further successor, beside the first.
//   - Using one of several successors uses up all of them.
//   - Any other use of a used token ends the session for everyone, and the page sessions that its tickets opened.
//
// So a client that lost an answer simply asks again; of two that hold the same chain,
// the slower one ends it, at the latest when it refreshes next.
const (
	refreshGrace = 10 * time.Second
	// maxSuccessors bounds how many successors of one token are open at a time.
	maxSuccessors = 8
	// maxRefreshes bounds the refreshes of one session in an hour: each leaves a row behind for RefreshTTL, which every
	// further one reads.
	maxRefreshes = 120
)

// opened is a session of tokens as its transaction made or renewed it.
type opened struct {
	sessionID, refresh, ticket string
}

// openTokens opens a session for an app.
func (a *Accounts) openTokens(ctx context.Context, tx *sqldb.Tx, userID string, c Client) (s opened, err error) {
	if s.sessionID, err = a.openSession(ctx, tx, userID, kindTokens, nil, a.o.RefreshTTL, a.byProof(), c); err != nil {
		return opened{}, err
	}
	return s, a.extend(ctx, tx, &s, userID, a.now())
}

// extend adds a refresh token and a ticket to a session.
func (a *Accounts) extend(ctx context.Context, tx *sqldb.Tx, s *opened, userID string, at int64) (err error) {
	var hash []byte
	s.refresh, hash = newSecret()
	if _, err := tx.Exec(ctx, `INSERT INTO refresh_tokens (hash, session_id, created_at) VALUES ($1, $2, $3)`, hash, s.sessionID, at); err != nil {
		return err
	}
	s.ticket, err = a.openTicket(ctx, tx, userID, s.sessionID)
	return err
}

// signIn makes the answer to a sign-in or a refresh, after its transaction.
func (a *Accounts) signIn(ctx context.Context, u User, s opened) (SignIn, error) {
	token, err := a.accessToken(ctx, u.ID, s.sessionID)
	if err != nil {
		return SignIn{}, fault.Wrap(err, "authn.signIn")
	}
	return SignIn{AccessToken: token, ExpiresIn: a.o.AccessTTL, RefreshToken: s.refresh, User: u, Ticket: s.ticket}, nil
}

// Refresh answers new tokens for a refresh token, and a new ticket. Unauthenticated with code "invalid_refresh_token",
// or "refresh_reused" when this use has ended the session; TooMany.
func (a *Accounts) Refresh(ctx context.Context, refreshToken string, c Client) (SignIn, error) {
	if !secretShape(refreshToken) {
		return SignIn{}, invalidRefreshToken()
	}
	if err := a.keys.ready(ctx); err != nil {
		return SignIn{}, fault.Wrap(err, "authn.Refresh")
	}
	var u User
	var s opened
	var reused bool
	err := a.db.Update(ctx, func(tx *sqldb.Tx) (err error) {
		u, s, reused, err = a.rotate(ctx, tx, hashSecret(refreshToken), c)
		return err
	})
	switch {
	case sqldb.NoRow(err):
		return SignIn{}, invalidRefreshToken()
	case err != nil:
		return SignIn{}, fault.Wrap(err, "authn.Refresh")
	case reused:
		a.o.Observe(EventRefreshReused)
		a.o.Log.Warn("a used refresh token came again: its session was ended", "session", s.sessionID, "user", u.ID, "address", c.Address)
		return SignIn{}, fault.New(fault.Unauthenticated, "authn.Refresh", "This session was ended because its refresh token was used twice. Sign in again.").WithCode("refresh_reused")
	}
	a.o.Observe(EventRefresh)
	return a.signIn(ctx, u, s)
}

// rotate uses a refresh token up. It answers reused instead of an error when it has ended the session,
// because that must be committed.
func (a *Accounts) rotate(ctx context.Context, tx *sqldb.Tx, hash []byte, c Client) (u User, s opened, reused bool, err error) {
	now := a.now()
	// Taking the session's row puts refreshes of one session in a row, also on Postgres.
	err = tx.Row(ctx, `UPDATE sessions SET seen_at = $1, address = $2, user_agent = $3
		WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $4) AND kind = $5 AND revoked_at = 0 AND expires_at > $1
		RETURNING id`, []any{now, shown(c.Address, 64), shown(c.UserAgent, 256), hash, kindTokens}, &s.sessionID)
	if err != nil {
		return User{}, opened{}, false, err
	}
	if u, err = scanUser(func(dest ...any) error {
		return tx.Row(ctx, `SELECT `+userColumns+` FROM users WHERE id = (SELECT user_id FROM sessions WHERE id = $1)`, []any{s.sessionID}, dest...)
	}); err != nil {
		return User{}, opened{}, false, err
	}
	if u.Disabled {
		return User{}, opened{}, false, invalidRefreshToken()
	}
	var used, lastUsed, newest, open, recent int64
	if err := tx.Row(ctx, `SELECT (SELECT used_at FROM refresh_tokens WHERE hash = $1), MAX(used_at), MAX(created_at),
		SUM(CASE WHEN used_at = 0 THEN 1 ELSE 0 END), SUM(CASE WHEN created_at > $3 THEN 1 ELSE 0 END)
		FROM refresh_tokens WHERE session_id = $2`,
		[]any{hash, s.sessionID, now - time.Hour.Microseconds()}, &used, &lastUsed, &newest, &open, &recent); err != nil {
		return User{}, opened{}, false, err
	}
	// Clocks of several nodes differ; within a session time only goes forward.
	at := max(now, lastUsed+1, newest+1)
	switch {
	case used == 0 && recent > maxRefreshes:
		return User{}, opened{}, false, fault.New(fault.TooMany, "authn.Refresh", "This session was refreshed too often. Use the access token until it ends.").WithCode("refresh_too_often")
	case used == 0:
		if _, err := tx.Exec(ctx, `UPDATE refresh_tokens SET used_at = $1 WHERE session_id = $2 AND used_at = 0`, at, s.sessionID); err != nil {
			return User{}, opened{}, false, err
		}
	case used < lastUsed || at-used > refreshGrace.Microseconds():
		if _, err := tx.Exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND (id = $3 OR opened_by = $3) AND revoked_at = 0`, now, u.ID, s.sessionID); err != nil {
			return User{}, opened{}, false, err
		}
		return u, s, true, a.audit(ctx, tx, auditEntry{event: AuditRefreshReuse, userID: u.ID, client: c})
	case open >= maxSuccessors:
		return User{}, opened{}, false, fault.New(fault.TooMany, "authn.Refresh", "This token was just refreshed several times. Use the newest one.").WithCode("refresh_too_often")
	}
	if err := a.extend(ctx, tx, &s, u.ID, at); err != nil {
		return User{}, opened{}, false, err
	}
	_, err = tx.Exec(ctx, `UPDATE sessions SET expires_at = $1 WHERE id = $2`, now+a.o.RefreshTTL.Microseconds(), s.sessionID)
	return u, s, false, err
}

func invalidRefreshToken() error {
	return fault.New(fault.Unauthenticated, "authn.Refresh", "The refresh token is not valid. Sign in again.").WithCode("invalid_refresh_token")
}
