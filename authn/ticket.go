package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// openTicket makes a ticket, which takes an app's user to the H5 pages without a second sign-in.
func (a *Accounts) openTicket(ctx context.Context, tx *sqldb.Tx, userID, sessionID string) (string, error) {
	ticket, hash := newSecret()
	_, err := tx.Exec(ctx, `INSERT INTO tickets (hash, user_id, session_id, expires_at) VALUES ($1, $2, $3, $4)`,
		hash, userID, sessionID, a.now()+a.o.TicketTTL.Microseconds())
	return ticket, err
}

// RedeemTicket turns a ticket into a page session, once, within TicketTTL, and only while the session that got the
// ticket lives. Unauthenticated with code "invalid_ticket".
func (a *Accounts) RedeemTicket(ctx context.Context, ticket string, c Client) (PageSession, error) {
	if !secretShape(ticket) {
		return PageSession{}, invalidTicket()
	}
	var p PageSession
	err := a.db.Update(ctx, func(tx *sqldb.Tx) error {
		now := a.now()
		var userID, sessionID string
		err := tx.Row(ctx, `DELETE FROM tickets WHERE hash = $1 AND expires_at > $2 RETURNING user_id, session_id`,
			[]any{hashSecret(ticket), now}, &userID, &sessionID)
		if err != nil {
			return err
		}
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		by := opener{sessionID: sessionID}
		err = tx.Row(ctx, `UPDATE sessions SET seen_at = $1 WHERE id = $2 AND revoked_at = 0 AND expires_at > $1 RETURNING proven_at`,
			[]any{now, sessionID}, &by.provenAt)
		if sqldb.NoRow(err) {
			return sessionEnded()
		}
		if err != nil {
			return err
		}
		if p, err = a.openPage(ctx, tx, userID, by, c); err != nil {
			return err
		}
		p.User, err = scanUser(func(dest ...any) error {
			return tx.Row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, []any{userID}, dest...)
		})
		return err
	})
	if sqldb.NoRow(err) || fault.Is(err, fault.Unauthenticated) {
		return PageSession{}, invalidTicket()
	}
	if err != nil {
		return PageSession{}, fault.Wrap(err, "authn.RedeemTicket")
	}
	return p, nil
}

// TicketUser answers whose account a ticket opens, and does not use it up. Errors as RedeemTicket.
func (a *Accounts) TicketUser(ctx context.Context, ticket string) (User, error) {
	if !secretShape(ticket) {
		return User{}, invalidTicket()
	}
	now := a.now()
	u, err := scanUser(func(dest ...any) error {
		return a.db.Row(ctx, `SELECT `+userColumns+` FROM users WHERE disabled_at = 0 AND id = (SELECT t.user_id FROM tickets t JOIN sessions s ON s.id = t.session_id
			WHERE t.hash = $1 AND t.expires_at > $2 AND s.revoked_at = 0 AND s.expires_at > $2)`, []any{hashSecret(ticket), now}, dest...)
	})
	if sqldb.NoRow(err) {
		return User{}, invalidTicket()
	}
	return u, fault.Wrap(err, "authn.TicketUser")
}

func invalidTicket() error {
	return fault.New(fault.Unauthenticated, "authn.RedeemTicket", "This link has been used or has expired. Sign in again.").WithCode("invalid_ticket")
}
