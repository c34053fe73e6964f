package authn

import (
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// app makes an app password of a freshly opened session's user, and answers it with its secret.
func (n *node) app(t *testing.T, s SignIn, of NewAppPassword) (AppPassword, string) {
	t.Helper()
	p, err := n.Bearer(t.Context(), s.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	made, secret, err := n.CreateAppPassword(t.Context(), p, of, Proof{}, Client{Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return made, secret
}

func TestAppPassword(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		folder := sqldb.NewID()
		made, secret := n.app(t, s, NewAppPassword{Name: "  Ann's camera ", Folder: folder, ReadOnly: true})
		if len(secret) > 24 || made.Name != "Ann's camera" {
			t.Errorf("%q for %q", secret, made.Name)
		}
		want := Principal{UserID: s.User.ID, Username: "Ann", Role: RoleUser, Method: MethodBasic, AppPassword: made.ID, Folder: folder, ReadOnly: true}
		bare := strings.ReplaceAll(secret, "-", "")
		for what, typed := range map[string]string{
			"as shown": secret, "without hyphens": bare, "in capitals": strings.ToUpper(secret), "with spaces": strings.ReplaceAll(secret, "-", " "),
			"zeros taken for letters": strings.ReplaceAll(secret, "0", "O"), "ones taken for letters": strings.ReplaceAll(secret, "1", "l"),
		} {
			for _, login := range []string{"Ann", "ann@example.org", "+4915112345678"} {
				if p, err := n.Basic(t.Context(), login, typed, Client{}); err != nil || p != want {
					t.Errorf("%s, by %s: %+v, %v", what, login, p, err)
				}
			}
		}
		for what, typed := range map[string]string{"a character less": bare[1:], "a character more": bare + "0", "another one": "00000-00000-00000-00000", "nothing": ""} {
			_, err := n.Basic(t.Context(), "ann", typed, Client{})
			refused(t, what, err, fault.Unauthenticated, "invalid_credentials")
		}
		_, err := n.Login(t.Context(), Credentials{Login: "ann", Password: secret}, Client{})
		refused(t, "signing in with it", err, fault.Unauthenticated, "invalid_credentials")

		n.register(t, Registration{Username: "bob", Password: password})
		_, err = n.Basic(t.Context(), "bob", secret, Client{})
		refused(t, "with another one's name", err, fault.Unauthenticated, "invalid_credentials")
		if rows := count(t, db, `SELECT COUNT(*) FROM app_passwords WHERE hash = $1`, []byte(secret)); rows != 0 {
			t.Error("the secret itself is stored")
		}
		if rows := count(t, db, `SELECT COUNT(*) FROM audit WHERE event = 'app_password_created' AND user_id = $1 AND actor_id = $1 AND detail = $2 AND address = '192.0.2.1'`,
			s.User.ID, made.Name); rows != 1 {
			t.Errorf("%d lines in the audit log", rows)
		}
	})
}

// Whoever guesses gets the same answer after the same work, whether or not there is such an account, and whatever the guess looks like.
func TestAWrongAppPasswordCostsAHashLikeAWrongPassword(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	s := n.register(t, ann())
	_, secret := n.app(t, s, NewAppPassword{Name: "a"})
	n.fullHasher(t)
	n.hasher.waiting.Store(1 << 20) // whoever needs a hash is told so
	_, err := n.Basic(t.Context(), "ann", secret, Client{})
	accepted(t, "the right one", err)
	for _, login := range []string{"ann", "nobody", "no name at all"} {
		for _, guess := range []string{"00000-00000-00000-00000", "a guess"} {
			_, err := n.Basic(t.Context(), login, guess, Client{})
			refused(t, login+" "+guess, err, fault.Busy, "sign_in_busy")
		}
	}
}

func TestAnAccountPasswordMayLookLikeAnAppPassword(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		const looks = "abcde-fghjk-mnpqr-stvwx"
		n.register(t, Registration{Username: "ann", Password: looks})
		p, err := n.Basic(t.Context(), "ann", looks, Client{})
		if err != nil || p.AppPassword != "" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// Each of these ends an app password for the next request, on the node that did it and on the others.
func TestAnAppPasswordEndsAtOnceOnEveryNode(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for what, end := range map[string]func(t *testing.T, n *node, s SignIn, p AppPassword) error{
			"revoked": func(t *testing.T, n *node, s SignIn, p AppPassword) error {
				return n.RevokeAppPassword(t.Context(), Principal{UserID: s.User.ID}, p.ID, Client{})
			},
			"disabled": func(t *testing.T, n *node, s SignIn, _ AppPassword) error {
				return n.SetDisabled(t.Context(), s.User.Username, true)
			},
			"deleted": func(t *testing.T, n *node, s SignIn, _ AppPassword) error {
				return n.DeleteUser(t.Context(), s.User.Username)
			},
			"expired": func(_ *testing.T, n *node, _ SignIn, _ AppPassword) error {
				n.clock.advance(time.Hour)
				return nil
			},
		} {
			n := newNode(t, db)
			other := n.beside(t)
			s := n.register(t, Registration{Username: what, Password: password})
			made, secret := n.app(t, s, NewAppPassword{Name: "a", Expires: n.clock.now().Add(time.Hour)})
			nodes := []*node{n, other}
			for _, at := range nodes {
				for range 2 { // the second time it is remembered
					_, err := at.Basic(t.Context(), what, secret, Client{})
					accepted(t, what+" before", err)
				}
			}
			accepted(t, what, end(t, n, s, made)) // n.clock is both's
			for _, at := range nodes {
				_, err := at.Basic(t.Context(), what, secret, Client{})
				refused(t, what+" afterwards", err, fault.Unauthenticated, "invalid_credentials")
			}
		}
	})
}

func TestUseOfAnAppPasswordIsWrittenOnceAMinute(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		_, secret := n.app(t, s, NewAppPassword{Name: "a"})
		seen := func() time.Time {
			t.Helper()
			all, err := n.AppPasswords(t.Context(), s.User.ID)
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			return all[0].Seen
		}
		firsts := func() int { return count(t, db, `SELECT COUNT(*) FROM audit WHERE event = 'app_password_used'`) }
		if !seen().IsZero() || firsts() != 0 {
			t.Error("used before it was used")
		}
		for _, step := range []struct{ after, since time.Duration }{{0, 0}, {time.Minute - time.Second, time.Minute - time.Second}, {time.Second, 0}} {
			n.clock.advance(step.after)
			_, err := n.Basic(t.Context(), "ann", secret, Client{})
			accepted(t, "basic", err)
			if since := n.clock.now().Sub(seen()); since != step.since {
				t.Errorf("seen %v ago, want %v", since, step.since)
			}
			if n := firsts(); n != 1 {
				t.Errorf("the audit log tells %d times of the first use", n)
			}
		}
	})
}

func TestAppPasswordIsRefused(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		p, err := n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "bearer", err)
		now := n.clock.now()
		for what, of := range map[string]NewAppPassword{
			"no name": {}, "only spaces": {Name: "  "}, "too long": {Name: strings.Repeat("ä", MaxAppPasswordName+1)},
			"a line end": {Name: "a\nb"}, "nothing to see": {Name: "\u200b"}, "not UTF-8": {Name: "\xff"},
			"expired": {Name: "a", Expires: now}, "for ever": {Name: "a", Expires: now.Add(appPasswordAge + time.Hour)},
		} {
			_, _, err := n.CreateAppPassword(t.Context(), p, of, Proof{}, Client{})
			refused(t, what, err, fault.Invalid, "invalid_fields")
		}
		n.clock.advance(recentSignIn + time.Second)
		_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{}, Client{})
		refused(t, "a session that is not fresh", err, fault.Forbidden, "password_required")
		_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{Password: "wrong password"}, Client{})
		refused(t, "a wrong password", err, fault.Forbidden, "wrong_password")
		made, _, err := n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{Password: password}, Client{})
		accepted(t, "with the password", err)

		bob := Principal{UserID: n.register(t, Registration{Username: "bob", Password: password}).User.ID}
		refused(t, "another one's", n.RevokeAppPassword(t.Context(), bob, made.ID, Client{}), fault.NotFound, "no_such_app_password")
		refused(t, "no id", n.RevokeAppPassword(t.Context(), p, "x", Client{}), fault.NotFound, "no_such_app_password")
		accepted(t, "one's own", n.RevokeAppPassword(t.Context(), p, made.ID, Client{}))
		refused(t, "twice", n.RevokeAppPassword(t.Context(), p, made.ID, Client{}), fault.NotFound, "no_such_app_password")
	})
}

func TestAppPasswordsAreBounded(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		short := NewAppPassword{Name: "a", Expires: n.clock.now().Add(time.Hour)}
		errs := together(MaxAppPasswords+5, func(int) error { _, _, err := n.CreateAppPasswordFor(t.Context(), "ann", short); return err })
		if made := successes(errs); made != MaxAppPasswords {
			t.Errorf("%d were made", made)
		}
		_, _, err := n.CreateAppPasswordFor(t.Context(), "ann", short)
		refused(t, "one more", err, fault.TooMany, "too_many_app_passwords")
		n.clock.advance(time.Hour + appPasswordExpired)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if left := count(t, db, `SELECT COUNT(*) FROM app_passwords`); left != 0 {
			t.Errorf("%d are left", left)
		}
	})
}
