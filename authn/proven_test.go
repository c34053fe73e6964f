package authn

import (
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Whoever has a refresh token of an old session gets a new ticket for it, and with that a new page session. That session is new, but nobody has
// proven anything for it.
func TestAttackFreshSessionByTheTicketOfAnOldOne(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		fresh, err := n.RedeemTicket(t.Context(), s.Ticket, Client{})
		accepted(t, "ticket of a session that was just opened", err)
		p, err := n.Cookie(t.Context(), fresh.Cookie)
		accepted(t, "cookie", err)
		_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, "", Client{})
		accepted(t, "its page just after the sign-in", err)

		n.clock.advance(recentSignIn + time.Second)
		s, err = n.Refresh(t.Context(), s.RefreshToken, Client{})
		accepted(t, "refresh", err)
		page, err := n.RedeemTicket(t.Context(), s.Ticket, Client{})
		accepted(t, "ticket", err)
		byTicket, err := n.Cookie(t.Context(), page.Cookie)
		accepted(t, "cookie", err)
		for what, p := range map[string]Principal{"the page of a ticket": byTicket, "the refreshed session": n.bearer(t, s)} {
			_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, "", Client{})
			refused(t, what, err, fault.Forbidden, "password_required")
			if must, err := n.MustConfirm(t.Context(), p); !must || err != nil {
				t.Errorf("%s: the form does not ask for the password: %v", what, err)
			}
			refused(t, what+", confirming without a password", n.confirmRecent(t.Context(), p), fault.Forbidden, "sign_in_again")
		}

		again, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "sign in again", err)
		p, err = n.Cookie(t.Context(), again.Cookie)
		accepted(t, "cookie", err)
		_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, "", Client{})
		accepted(t, "after signing in again", err)
	})
}

// A thief who has turned a refresh token into a page session must not keep it when the theft shows.
func TestAttackPageSessionThatOutlivesAStolenRefreshToken(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		own, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "the owner's browser", err)
		stolen, err := n.Refresh(t.Context(), s.RefreshToken, Client{})
		accepted(t, "the thief refreshes", err)
		page, err := n.RedeemTicket(t.Context(), stolen.Ticket, Client{})
		accepted(t, "the thief's page", err)
		n.clock.advance(refreshGrace + time.Second)
		_, err = n.Refresh(t.Context(), s.RefreshToken, Client{})
		refused(t, "the owner's app refreshes", err, fault.Unauthenticated, "refresh_reused")
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "the thief's page", err, fault.Unauthenticated, "session_ended")
		_, err = n.Cookie(t.Context(), own.Cookie)
		accepted(t, "the owner's browser", err)
	})
}
