package authn

import (
	"slices"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func (n *node) bearer(t *testing.T, s SignIn) Principal {
	t.Helper()
	p, err := n.Bearer(t.Context(), s.AccessToken)
	accepted(t, "bearer", err)
	return p
}

// auditedOf are the events of an account, oldest first.
func (n *node) auditedOf(t *testing.T, userID string) []string {
	t.Helper()
	all, err := sqldb.All(t.Context(), n.db, `SELECT event FROM audit WHERE user_id = $1 ORDER BY id`, []any{userID},
		func(scan sqldb.Scan) (event string, err error) { return event, scan(&event) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSessions(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		first := n.register(t, ann())
		other := n.register(t, Registration{Username: "bob", Password: password})
		n.clock.advance(time.Minute)
		firefox := Client{Address: "2001:db8::7", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"}
		page, err := n.LoginPage(t.Context(), "ann", password, firefox)
		accepted(t, "sign in", err)
		here, there := n.bearer(t, first), n.bearer(t, other)
		browser, err := n.Cookie(t.Context(), page.Cookie)
		accepted(t, "cookie", err)

		all, err := n.Sessions(t.Context(), here)
		accepted(t, "sessions", err)
		if len(all) != 2 || !all[0].Seen.Equal(n.clock.now()) || all[0].Current == all[1].Current {
			t.Fatalf("%+v", all)
		}
		i := slices.IndexFunc(all, func(s Session) bool { return s.ID == browser.SessionID })
		if i < 0 || all[i].Kind != "page" || all[i].Device != (Device{"Firefox", "Windows"}) || all[i].Address != firefox.Address || all[i].Current {
			t.Errorf("%+v", all)
		}

		refused(t, "somebody else's", n.EndSession(t.Context(), there, browser.SessionID, Client{}), fault.NotFound, "no_such_session")
		refused(t, "no id", n.EndSession(t.Context(), here, "../", Client{}), fault.NotFound, "no_such_session")
		accepted(t, "one's own", n.beside(t).EndSession(t.Context(), here, browser.SessionID, Client{}))
		refused(t, "again", n.EndSession(t.Context(), here, browser.SessionID, Client{}), fault.NotFound, "no_such_session")
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "the cookie", err, fault.Unauthenticated, "session_ended")

		second, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in", err)
		ended, err := n.EndSessions(t.Context(), here, false, Client{})
		if err != nil || ended != 1 {
			t.Errorf("%d ended, %v", ended, err)
		}
		_, err = n.Bearer(t.Context(), second.AccessToken)
		refused(t, "the other session", err, fault.Unauthenticated, "session_ended")
		n.bearer(t, first)
		ended, err = n.EndSessions(t.Context(), here, true, Client{})
		if err != nil || ended != 1 {
			t.Errorf("%d ended, %v", ended, err)
		}
		_, err = n.Bearer(t.Context(), first.AccessToken)
		refused(t, "this session", err, fault.Unauthenticated, "session_ended")
		n.bearer(t, other)

		accepted(t, "sign out", n.Logout(t.Context(), there, Client{}))
		if got, want := n.auditedOf(t, first.User.ID), []string{AuditRegister, AuditSignIn, AuditSessionsEnded, AuditSignIn, AuditSessionsEnded, AuditSessionsEnded}; !slices.Equal(got, want) {
			t.Errorf("the log tells %q, want %q", got, want)
		}
		if got := n.auditedOf(t, other.User.ID); !slices.Equal(got, []string{AuditRegister, AuditSignOut}) {
			t.Errorf("the log tells %q", got)
		}
	})
}

func TestAChangedPasswordKeepsTheSessionThatAsks(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		here := n.register(t, ann())
		p := n.bearer(t, here)
		there, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in", err)
		_, err = n.Basic(t.Context(), "ann", password, Client{})
		accepted(t, "basic", err)

		const next = "battery staple"
		refused(t, "a wrong one", n.ChangePassword(t.Context(), p, Proof{Password: "wrong password"}, next, Client{}), fault.Forbidden, "wrong_password")
		refused(t, "none", n.ChangePassword(t.Context(), p, Proof{}, next, Client{}), fault.Forbidden, "password_required")
		refused(t, "one that is too short", n.ChangePassword(t.Context(), p, Proof{Password: password}, "short", Client{}), fault.Invalid, "invalid_fields")
		accepted(t, "change", n.beside(t).ChangePassword(t.Context(), p, Proof{Password: password}, next, Client{}))

		n.bearer(t, here)
		_, err = n.Refresh(t.Context(), here.RefreshToken, Client{})
		accepted(t, "refresh", err)
		_, err = n.Bearer(t.Context(), there.AccessToken)
		refused(t, "the other session", err, fault.Unauthenticated, "session_ended")
		_, err = n.Basic(t.Context(), "ann", password, Client{})
		refused(t, "basic", err, fault.Unauthenticated, "invalid_credentials")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: next}, Client{})
		accepted(t, "the new one", err)
		if got := n.auditedOf(t, here.User.ID); !slices.Contains(got, AuditPassword) {
			t.Errorf("the log tells %q", got)
		}
	})
}

func TestTheReplacedPageSessionEnds(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		page, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "sign in", err)
		accepted(t, "a cookie of nobody's", n.LeavePage(t.Context(), "x", Client{}))
		unknown, _ := newSecret()
		accepted(t, "an unknown one", n.LeavePage(t.Context(), unknown, Client{}))
		accepted(t, "leave", n.LeavePage(t.Context(), page.Cookie, Client{}))
		accepted(t, "twice", n.LeavePage(t.Context(), page.Cookie, Client{}))
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "the cookie", err, fault.Unauthenticated, "session_ended")
	})
}

func TestATicketTellsItsAccountWithoutBeingUsed(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		for range 2 {
			u, err := n.TicketUser(t.Context(), s.Ticket)
			if err != nil || u.ID != s.User.ID {
				t.Errorf("%+v, %v", u, err)
			}
		}
		_, err := n.RedeemTicket(t.Context(), s.Ticket, Client{})
		accepted(t, "redeem", err)
		_, err = n.TicketUser(t.Context(), s.Ticket)
		refused(t, "used", err, fault.Unauthenticated, "invalid_ticket")
		s, err = n.Refresh(t.Context(), s.RefreshToken, Client{})
		accepted(t, "refresh", err)
		n.clock.advance(n.o.TicketTTL)
		_, err = n.TicketUser(t.Context(), s.Ticket)
		refused(t, "too old", err, fault.Unauthenticated, "invalid_ticket")
	})
}

func TestDevice(t *testing.T) {
	for agent, want := range map[string]string{
		"": "",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                      "Safari on Mac",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":              "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36":      "Chrome on Android",
		"rclone/v1.71.0":           "rclone",
		"Notes (iPhone; iOS 18.0)": "Notes on iPhone",
		"curl/8.5.0":               "curl",
		"Mozilla/5.0":              "",
	} {
		if got := deviceOf(agent).String(); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}
