package authn

import (
	"fmt"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func from(address string) Client { return Client{Address: address, UserAgent: "test"} }

// stranger is an address in a network of its own.
func stranger(i int) Client { return from(fmt.Sprintf("2001:db8:%x::1", i)) }

func (n *node) guessPassword(t *testing.T, login, guess string, c Client) error {
	t.Helper()
	_, err := n.Login(t.Context(), Credentials{Login: login, Password: guess}, c)
	return err
}

// waits checks that err is a TooMany that says to wait about this long.
func waits(t *testing.T, what string, err error, want time.Duration) {
	t.Helper()
	refused(t, what, err, fault.TooMany, "too_many_attempts")
	if got := fault.RetryAfter(err); got != want {
		t.Errorf("%s: wait %s, want %s", what, got, want)
	}
}

func TestLoginFloodAttackOnOneName(t *testing.T) {
	for _, login := range []string{"ann", "nobody", "ann@example.org", "nobody@example.org", "no/name"} {
		t.Run(login, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				n := newNode(t, db)
				n.register(t, ann())
				l := nameLimit()
				for i := range l.free + 1 {
					err := n.guessPassword(t, login, fmt.Sprintf("guess %d", i), stranger(i))
					refused(t, "a guess", err, fault.Unauthenticated, "invalid_credentials")
				}
				// The same name from anywhere, on another node, through any door, and whatever the guess is.
				other := n.beside(t)
				waits(t, "a wrong guess", other.guessPassword(t, login, "one more guess", stranger(500)), l.first)
				waits(t, "a right one", other.guessPassword(t, login, password, stranger(501)), l.first)
				_, err := other.Basic(t.Context(), login, password, stranger(502))
				waits(t, "Basic", err, l.first)
				_, err = other.LoginPage(t.Context(), login, password, stranger(503))
				waits(t, "a page", err, l.first)
				if limited := other.events.count(EventLoginLimited); limited != 4 {
					t.Errorf("%d were observed", limited)
				}
				// Tries during the wait did not prolong it.
				n.clock.advance(l.first)
				for wait, i := l.first, 0; wait <= l.longest; i++ {
					refused(t, "after the wait", n.guessPassword(t, login, fmt.Sprintf("late guess %d", i), stranger(600+i)), fault.Unauthenticated, "invalid_credentials")
					next := min(2*wait, l.longest)
					err := n.guessPassword(t, login, "one more guess", stranger(700+i))
					if waits(t, "the next one", err, next); wait == l.longest {
						break
					}
					wait = next
					n.clock.advance(wait)
				}
				n.clock.advance(l.longest)
				err = n.guessPassword(t, login, password, stranger(800))
				if login == "ann" || login == "ann@example.org" {
					accepted(t, "the owner after the longest wait", err)
				} else {
					refused(t, "no account", err, fault.Unauthenticated, "invalid_credentials")
				}
			})
		})
	}
}

// Guesses that are made all at once get no further than guesses one by one: a right one that is answered late is refused.
func TestLoginFloodAttackAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, func(o *Options) { o.HashParallel = 2 })
		n.register(t, ann())
		wrong := 0
		for _, err := range together(60, func(i int) error {
			_, err := n.Login(t.Context(), Credentials{Login: "ann", Password: fmt.Sprintf("guess %d", i)}, stranger(i))
			return err
		}) {
			if fault.Is(err, fault.Unauthenticated) {
				wrong++
			} else {
				refused(t, "a guess too many", err, fault.TooMany, "too_many_attempts")
			}
		}
		if wrong != nameLimit().free+1 {
			t.Errorf("%d guesses were judged", wrong)
		}
	})
}

// A guess whose hash was begun before the last failure that was allowed is not judged after it.
func TestARightGuessDuringTheWaitIsRefused(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, func(o *Options) { o.HashParallel = 1 })
		n.register(t, ann())
		n.hasher.slots <- struct{}{}
		late := make(chan error)
		go func() {
			_, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, stranger(1))
			late <- err
		}()
		for n.hasher.waiting.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		other := n.beside(t)
		for i := range nameLimit().free + 1 {
			_ = other.guessPassword(t, "ann", fmt.Sprintf("guess %d", i), stranger(2))
		}
		<-n.hasher.slots
		waits(t, "the late one", <-late, nameLimit().first)
	})
}

func TestLoginFloodAttackFromOneNetwork(t *testing.T) {
	for _, c := range []struct {
		name         string
		from         func(i int) string
		beside, away string
	}{
		{"IPv4", func(int) string { return "198.51.100.7" }, "198.51.100.7", "198.51.100.8"},
		{"IPv6, a new address in the /64 each time", func(i int) string { return fmt.Sprintf("2001:db8:1:2:%x::%x", i, i) }, "2001:db8:1:2::99", "2001:db8:1:3::99"},
		{"IPv4 written as IPv6", func(int) string { return "::ffff:198.51.100.7" }, "198.51.100.7", "198.51.100.8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				n := newNode(t, db)
				n.register(t, ann())
				l := networkLimit()
				for i := range l.free + 1 {
					refused(t, "a name", n.guessPassword(t, fmt.Sprintf("name%d", i), password, from(c.from(i))), fault.Unauthenticated, "invalid_credentials")
				}
				waits(t, "one more name", n.guessPassword(t, "another", password, from(c.beside)), l.first)
				waits(t, "a right sign-in", n.guessPassword(t, "ann", password, from(c.beside)), l.first)
				accepted(t, "from elsewhere", n.guessPassword(t, "ann", password, from(c.away)))
			})
		})
	}
}

func TestNobodyLocksTheOwnerOut(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		home := from("203.0.113.5")
		accepted(t, "sign in at home", n.guessPassword(t, "ann", password, home))
		flood := func() {
			for i := range 3 * nameLimit().free {
				_ = n.guessPassword(t, "ann", fmt.Sprintf("guess %d", i), stranger(i))
			}
		}
		flood()
		accepted(t, "at home", n.guessPassword(t, "ann", password, home))
		_, err := n.Basic(t.Context(), "ann", password, home)
		accepted(t, "the mounted drive", err)
		waits(t, "elsewhere", n.guessPassword(t, "ann", password, stranger(900)), nameLimit().first)

		// What is known of a network ends, and is not known of another account.
		n.clock.advance(networkKnown)
		flood()
		waits(t, "at home, much later", n.guessPassword(t, "ann", password, home), nameLimit().first)
	})
}

// A network that is known has a limit of its own: who sits beside the owner guesses no better than a stranger.
func TestGuessingBesideTheOwnerAttack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		office := from("203.0.113.5")
		for i := range nameLimit().free + 1 {
			accepted(t, "the owner's device", n.guessPassword(t, "ann", password, office))
			refused(t, "a guess", n.guessPassword(t, "ann", fmt.Sprintf("guess %d", i), office), fault.Unauthenticated, "invalid_credentials")
		}
		waits(t, "one more", n.guessPassword(t, "ann", "one more guess", office), nameLimit().first)
	})
}

func TestADeviceWithAnOldPasswordCountsOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		for range 200 { // for ten days
			_, err := n.Basic(t.Context(), "ann", "an old password", from("192.0.2.77"))
			refused(t, "the device", err, fault.Unauthenticated, "invalid_credentials")
			n.clock.advance(72 * time.Minute)
		}
		if failures := count(t, db, `SELECT MAX(failures) FROM attempts`); failures != 1 {
			t.Errorf("%d failures were counted", failures)
		}
		accepted(t, "the owner elsewhere", n.guessPassword(t, "ann", password, from("192.0.2.78")))
		accepted(t, "a new password", n.SetPassword(t.Context(), "ann", "an old password"))
		_, err := n.Basic(t.Context(), "ann", "an old password", from("192.0.2.77"))
		accepted(t, "once it is the right one", err)
	})
}

func TestRememberedRightCredentialsWriteNothing(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	n.register(t, ann())
	c := from("192.0.2.77")
	_, err := n.Basic(t.Context(), "ann", password, c)
	accepted(t, "the first time", err)
	quiet := sqldb.NewMemo[string, bool](n.db, 1, false) // it forgets when anybody commits
	_, mark, _ := quiet.Find("since")
	quiet.Keep("since", mark, true)
	for range 20 { // within a day
		n.clock.advance(provenTTL)
		_, err := n.Basic(t.Context(), "ann", password, c)
		accepted(t, "again", err)
	}
	if _, _, ok := quiet.Find("since"); !ok {
		t.Error("something was written")
	}
	if rows := count(t, n.db, `SELECT COUNT(*) FROM audit WHERE event = $1`, AuditSignIn); rows != 1 {
		t.Errorf("%d sign-ins were audited", rows)
	}
}

func TestFloodOfMadeUpNamesAttackFillsNoTable(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		for i := range 5 { // the name that somebody is really after
			_ = n.guessPassword(t, "ann", fmt.Sprintf("guess %d", i), Client{})
		}
		for i := range 60 {
			_ = n.guessPassword(t, fmt.Sprintf("name%d", i), password, Client{})
		}
		accepted(t, "trim", n.trimAttempts(t.Context(), 10))
		if rows := count(t, db, `SELECT COUNT(*) FROM attempts`); rows != 10 {
			t.Errorf("%d rows are left", rows)
		}
		if failures := count(t, db, `SELECT MAX(failures) FROM attempts`); failures != 5 {
			t.Errorf("the name that was guessed at most has %d", failures)
		}
		n.clock.advance(5*nameLimit().decay - time.Second)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if rows := count(t, db, `SELECT COUNT(*) FROM attempts`); rows != 1 {
			t.Errorf("%d rows count still", rows)
		}
		n.clock.advance(time.Second)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if rows := count(t, db, `SELECT COUNT(*) FROM attempts`); rows != 0 {
			t.Errorf("%d rows are left", rows)
		}
	})
}

func TestKnownNetworksAreBounded(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.register(t, ann())
		for i := range maxNetworks + 5 {
			accepted(t, "sign in", n.guessPassword(t, "ann", password, stranger(i)))
			n.clock.advance(time.Second)
		}
		if rows := count(t, db, `SELECT COUNT(*) FROM known_networks`); rows != maxNetworks {
			t.Errorf("%d networks are known", rows)
		}
	})
}

// What a stranger types may be a password: neither it nor its plain digest is written down.
func TestTheTablesHoldNoNameThatWasTyped(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		_ = n.guessPassword(t, "my secret password", "x", from("192.0.2.1"))
		var detail, address string
		if err := db.Row(t.Context(), `SELECT detail, address FROM audit WHERE event = $1`, []any{AuditSignInFailed}, &detail, &address); err != nil {
			t.Fatal(err)
		}
		if detail != "no such account" || address != "192.0.2.1" {
			t.Errorf("%q from %q", detail, address)
		}
	})
}

func TestConfirm(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		p, err := n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "bearer", err)
		here := from("192.0.2.1")
		accepted(t, "the password", n.confirm(t.Context(), p, password, here))
		for range 2 * nameLimit().free { // a client that forgot to send it has guessed nothing
			refused(t, "none", n.confirm(t.Context(), p, "", here), fault.Forbidden, "password_required")
		}
		for i := range nameLimit().free + 1 {
			refused(t, "a wrong one", n.confirm(t.Context(), p, fmt.Sprintf("guess %d", i), here), fault.Forbidden, "wrong_password")
		}
		if _, _, fields := fault.Public(wrongPassword()); len(fields) != 1 || fields[0].Name != "password" {
			t.Errorf("it is about the fields %v", fields)
		}
		waits(t, "one more", n.confirm(t.Context(), p, password, here), nameLimit().first)
		accepted(t, "signing in is another thing", n.guessPassword(t, "ann", password, from("192.0.2.9")))

		if _, err := db.Exec(t.Context(), `UPDATE users SET password_hash = ''`); err != nil {
			t.Fatal(err)
		}
		refused(t, "an account without a password has none, not even an empty one", n.guessPassword(t, "ann", "", stranger(1)), fault.Unauthenticated, "invalid_credentials")
		accepted(t, "a session that was just opened", n.confirm(t.Context(), p, "", here))
		n.clock.advance(recentSignIn + time.Second)
		refused(t, "an older one", n.confirm(t.Context(), p, "", here), fault.Forbidden, "sign_in_again")
	})
}
