package authn

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestOneAccountHasThreeLogins(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		u := n.register(t, ann()).User
		for _, login := range []string{"Ann", "ANN", "ａｎｎ", "ann@example.org", "ANN@EXAMPLE.ORG", "+4915112345678"} {
			s, err := n.Login(t.Context(), Credentials{Login: login, Password: password}, Client{})
			if err != nil || s.User.ID != u.ID {
				t.Errorf("%s: %+v, %v", login, s.User, err)
				continue
			}
			_, err = n.Bearer(t.Context(), s.AccessToken)
			accepted(t, "its token", err)
			p, err := n.LoginPage(t.Context(), login, password, Client{})
			if err != nil || p.User.ID != u.ID || !p.Expires.Equal(n.clock.now().Add(n.o.PageTTL)) {
				t.Errorf("page of %s: %+v, %v", login, p, err)
			}
		}
		if ok := n.events.count(EventLoginOK); ok != 12 {
			t.Errorf("%d sign-ins were observed", ok)
		}
	})
}

// failedLogins are all the ways not to sign in.
func failedLogins() []struct{ what, login, password string } {
	return []struct{ what, login, password string }{
		{"a wrong password", "ann", "wrong password"},
		{"no password", "ann", ""},
		{"a password that none can be", "ann", strings.Repeat("x", 5000)},
		{"a password that is not UTF-8", "ann", password + "\xff"},
		{"an unknown name", "nobody", password},
		{"an unknown address", "nobody@example.org", password},
		{"an unknown number", "+4915100000000", password},
		{"a name that none can be", "a\x00b", password},
		{"a name that is not UTF-8", "\xff", password},
		{"a name without an end", strings.Repeat("x", 100_000), password},
		{"no name", "", password},
	}
}

func TestUserEnumerationAttackByText(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		want := ""
		for _, c := range failedLogins() {
			for _, try := range []func() error{
				func() error {
					_, err := n.Login(t.Context(), Credentials{Login: c.login, Password: c.password}, Client{})
					return err
				},
				func() error { _, err := n.LoginPage(t.Context(), c.login, c.password, Client{}); return err },
				func() error { _, err := n.Basic(t.Context(), c.login, c.password, Client{}); return err },
			} {
				err := try()
				refused(t, c.what, err, fault.Unauthenticated, "invalid_credentials")
				_, sentence, _ := fault.Public(err)
				if want == "" {
					want = sentence
				}
				if sentence != want {
					t.Errorf("%s: %q instead of %q", c.what, sentence, want)
				}
			}
		}
		if failed := n.events.count(EventLoginFailed); failed != 3*len(failedLogins()) {
			t.Errorf("%d failures were observed", failed)
		}
	})
}

// With no hash to be had, every way to fail waits for one: each costs the same.
func TestUserEnumerationAttackByCost(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	n.register(t, ann())
	n.fullHasher(t)
	for _, c := range failedLogins() {
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := n.Login(ctx, Credentials{Login: c.login, Password: c.password}, Client{})
			done <- err
		}()
		for n.hasher.waiting.Load() == 0 {
			select {
			case err := <-done:
				t.Fatalf("%s was answered without a hash: %v", c.what, err)
			default:
			}
		}
		leave()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestADisabledAccountIsShutOutAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		page, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "sign in", err)
		_, err = n.Basic(t.Context(), "ann", password, Client{})
		accepted(t, "basic", err)
		_, err = n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "bearer", err)

		accepted(t, "disable", n.beside(t).SetDisabled(t.Context(), "ann", true))
		_, err = n.Bearer(t.Context(), s.AccessToken)
		refused(t, "bearer", err, fault.Unauthenticated, "session_ended")
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "cookie", err, fault.Unauthenticated, "session_ended")
		_, err = n.Refresh(t.Context(), s.RefreshToken, Client{})
		refused(t, "refresh", err, fault.Unauthenticated, "invalid_refresh_token")
		_, err = n.RedeemTicket(t.Context(), s.Ticket, Client{})
		refused(t, "ticket", err, fault.Unauthenticated, "invalid_ticket")
		_, err = n.Basic(t.Context(), "ann", password, Client{})
		refused(t, "basic", err, fault.Unauthenticated, "invalid_credentials")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		refused(t, "the right password", err, fault.Forbidden, "account_disabled")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: "wrong password"}, Client{})
		refused(t, "a wrong password", err, fault.Unauthenticated, "invalid_credentials")

		accepted(t, "enable", n.SetDisabled(t.Context(), "ann", false))
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in again", err)
		_, err = n.Bearer(t.Context(), s.AccessToken)
		refused(t, "the old session", err, fault.Unauthenticated, "session_ended")
	})
}

func TestANewPasswordEndsEverySession(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		page, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "sign in", err)
		_, err = n.Basic(t.Context(), "ann@example.org", password, Client{})
		accepted(t, "basic", err)
		_, err = n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "bearer", err)

		accepted(t, "change", n.beside(t).SetPassword(t.Context(), "ann", "battery staple"))
		_, err = n.Bearer(t.Context(), s.AccessToken)
		refused(t, "bearer", err, fault.Unauthenticated, "session_ended")
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "cookie", err, fault.Unauthenticated, "session_ended")
		_, err = n.Basic(t.Context(), "ann@example.org", password, Client{})
		refused(t, "basic", err, fault.Unauthenticated, "invalid_credentials")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		refused(t, "the old password", err, fault.Unauthenticated, "invalid_credentials")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: "battery staple"}, Client{})
		accepted(t, "the new password", err)
	})
}

func TestAPasswordIsTheSameHoweverItIsComposed(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	n.register(t, Registration{Username: "ann", Password: "caf\u00e9 au lait"})
	_, err := n.Login(t.Context(), Credentials{Login: "ann", Password: "cafe\u0301 au lait"}, Client{})
	accepted(t, "decomposed", err)
}

func TestAnOldHashIsRenewedAtTheNextSignIn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		hash := func() (phc string) {
			t.Helper()
			if err := db.Row(t.Context(), `SELECT password_hash FROM users`, nil, &phc); err != nil {
				t.Fatal(err)
			}
			return phc
		}
		for i, signIn := range []func() error{
			func() error {
				_, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
				return err
			},
			func() error { _, err := n.Basic(t.Context(), "ann", password, Client{}); return err },
		} {
			old := hash()
			n.hasher.cost.memory += 64
			accepted(t, "sign in", signIn())
			renewed := hash()
			if c, _, _, _ := decodePHC(renewed); renewed == old || c != n.hasher.cost {
				t.Errorf("%d: %s is still there", i, renewed)
			}
			accepted(t, "sign in again", signIn())
			if hash() != renewed {
				t.Error("a hash of today's cost was renewed")
			}
		}
		// Two that renew the same hash at once both get in.
		n.hasher.cost.memory += 64
		for _, err := range together(4, func(int) error {
			_, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
			return err
		}) {
			accepted(t, "one of four at once", err)
		}
	})
}

// A session by the old password never outlives a change that was made while it was being opened.
func TestSignInsBesideAPasswordChange(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		pages := make([]PageSession, 9)
		together(len(pages), func(i int) (err error) {
			if i == 4 {
				return n.SetPassword(t.Context(), "ann", "battery staple")
			}
			pages[i], err = n.LoginPage(t.Context(), "ann", password, Client{})
			return err
		})
		for i, p := range pages {
			if _, err := n.Cookie(t.Context(), p.Cookie); err == nil {
				t.Errorf("sign-in %d lives on", i)
			}
		}
	})
}
