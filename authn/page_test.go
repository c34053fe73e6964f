package authn

import (
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestAPageSession(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		page, err := n.RegisterPage(t.Context(), ann(), Client{})
		if err != nil || page.User.Username != "Ann" || !page.Expires.Equal(n.clock.now().Add(n.o.PageTTL)) {
			t.Fatalf("%+v, %v", page, err)
		}
		p, err := n.beside(t).Cookie(t.Context(), page.Cookie)
		if err != nil || p.UserID != page.User.ID || p.Username != "Ann" || p.Method != MethodCookie || p.SessionID == "" {
			t.Errorf("%+v, %v", p, err)
		}
		made, _ := newSecret()
		for _, cookie := range []string{"", "x", "\x00", made, strings.Repeat("x", 1<<16), p.SessionID, page.Cookie + "x"} {
			_, err := n.Cookie(t.Context(), cookie)
			refused(t, cookie[:min(len(cookie), 20)], err, fault.Unauthenticated, "session_ended")
		}
		n.clock.advance(n.o.PageTTL - time.Second)
		_, err = n.Cookie(t.Context(), page.Cookie)
		accepted(t, "shortly before the end", err)
		n.clock.advance(time.Second)
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "after the end", err, fault.Unauthenticated, "session_ended")
	})
}

func TestATicketOpensOnePage(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		page, err := n.RedeemTicket(t.Context(), s.Ticket, Client{})
		if err != nil || page.User != s.User {
			t.Fatalf("%+v, %v", page, err)
		}
		_, err = n.RedeemTicket(t.Context(), s.Ticket, Client{})
		refused(t, "twice", err, fault.Unauthenticated, "invalid_ticket")

		// The page's session is its own: the app signs out and the page stays, and the other way round.
		app, err := n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "bearer", err)
		p, err := n.Cookie(t.Context(), page.Cookie)
		if err != nil || p.SessionID == app.SessionID {
			t.Errorf("%+v, %v", p, err)
		}
		accepted(t, "the app signs out", n.Logout(t.Context(), app, Client{}))
		_, err = n.Cookie(t.Context(), page.Cookie)
		accepted(t, "the page", err)
		accepted(t, "the page signs out", n.Logout(t.Context(), p, Client{}))
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "the page", err, fault.Unauthenticated, "session_ended")
		if out := n.events.count(EventLogout); out != 2 {
			t.Errorf("%d sign-outs", out)
		}
	})
}

func TestTicketsThatOpenNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		made, _ := newSecret()
		for _, ticket := range []string{"", "x", "\x00", made, s.RefreshToken, s.AccessToken} {
			_, err := n.RedeemTicket(t.Context(), ticket, Client{})
			refused(t, ticket, err, fault.Unauthenticated, "invalid_ticket")
		}
		n.clock.advance(n.o.TicketTTL)
		_, err := n.RedeemTicket(t.Context(), s.Ticket, Client{})
		refused(t, "an old one", err, fault.Unauthenticated, "invalid_ticket")

		s, err = n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in", err)
		p, err := n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "bearer", err)
		accepted(t, "sign out", n.Logout(t.Context(), p, Client{}))
		_, err = n.RedeemTicket(t.Context(), s.Ticket, Client{})
		refused(t, "after the sign-out", err, fault.Unauthenticated, "invalid_ticket")
	})
}

func TestATicketRedeemedByManyAtOnceOpensOnePage(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes := []*node{newNode(t, db), newNode(t, db)}
		s := nodes[0].register(t, ann())
		errs := together(10, func(i int) error {
			_, err := nodes[i%2].RedeemTicket(t.Context(), s.Ticket, Client{})
			return err
		})
		if n := successes(errs); n != 1 {
			t.Errorf("%d pages: %v", n, errs)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM sessions WHERE kind = 'page'`); n != 1 {
			t.Errorf("%d page sessions", n)
		}
	})
}

func TestTheUseOfASessionIsWrittenOnceAMinute(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		page, err := n.RegisterPage(t.Context(), ann(), Client{})
		accepted(t, "register", err)
		start := n.now()
		for _, step := range []struct {
			wait time.Duration
			want int64 // seconds after the start at which the session counts as seen
		}{{0, 0}, {59 * time.Second, 0}, {time.Second, 60}, {30 * time.Second, 60}, {time.Hour, 3690}} {
			n.clock.advance(step.wait)
			_, err := n.Cookie(t.Context(), page.Cookie)
			accepted(t, "cookie", err)
			var seen int64
			if err := db.Row(t.Context(), `SELECT seen_at FROM sessions`, nil, &seen); err != nil {
				t.Fatal(err)
			}
			if got := (seen - start) / 1e6; got != step.want {
				t.Errorf("after another %v: seen at %d s, want %d", step.wait, got, step.want)
			}
		}
	})
}

func TestTheSessionsOfAUserAreBounded(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		oldest, err := n.RegisterPage(t.Context(), ann(), Client{})
		accepted(t, "register", err)
		var last PageSession
		for range maxSessions {
			n.clock.advance(time.Millisecond)
			err := db.Update(t.Context(), func(tx *sqldb.Tx) (err error) {
				last, err = n.openPage(t.Context(), tx, oldest.User.ID, n.byProof(), Client{})
				return err
			})
			accepted(t, "open", err)
		}
		if live := count(t, db, `SELECT COUNT(*) FROM sessions WHERE revoked_at = 0`); live != maxSessions {
			t.Errorf("%d live sessions, want %d", live, maxSessions)
		}
		_, err = n.Cookie(t.Context(), oldest.Cookie)
		refused(t, "the oldest", err, fault.Unauthenticated, "session_ended")
		_, err = n.Cookie(t.Context(), last.Cookie)
		accepted(t, "the newest", err)
	})
}
