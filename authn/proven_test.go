package authn

import (
	"sync"
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
		_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{}, Client{})
		accepted(t, "its page just after the sign-in", err)

		n.clock.advance(recentSignIn + time.Second)
		s, err = n.Refresh(t.Context(), s.RefreshToken, Client{})
		accepted(t, "refresh", err)
		page, err := n.RedeemTicket(t.Context(), s.Ticket, Client{})
		accepted(t, "ticket", err)
		byTicket, err := n.Cookie(t.Context(), page.Cookie)
		accepted(t, "cookie", err)
		for what, p := range map[string]Principal{"the page of a ticket": byTicket, "the refreshed session": n.bearer(t, s)} {
			_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{}, Client{})
			refused(t, what, err, fault.Forbidden, "password_required")
			if must, _, err := n.MustConfirm(t.Context(), p); !must || err != nil {
				t.Errorf("%s: the form does not ask for the password: %v", what, err)
			}
			refused(t, what+", confirming without a password", n.confirmRecent(t.Context(), p), fault.Forbidden, "sign_in_again")
		}

		again, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "sign in again", err)
		p, err = n.Cookie(t.Context(), again.Cookie)
		accepted(t, "cookie", err)
		_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{}, Client{})
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

// With a second factor on, an app password is a way past it, so a session that somebody found and the password are not enough to make one.
func TestAttackAppPasswordAroundTheSecondFactor(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		p := n.bearer(t, s)
		secret, _ := n.turnOn(t, p)
		n.clock.advance(recentSignIn + time.Second)
		for otp, code := range map[string]string{"": "otp_required", "000000": "invalid_otp"} {
			_, _, err := n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{Password: password, OTP: otp}, Client{})
			refused(t, "code "+otp, err, fault.Unauthenticated, code)
		}
		_, _, err := n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{OTP: n.code(t, secret, 0)}, Client{})
		refused(t, "without the password", err, fault.Forbidden, "password_required")
		if made := count(t, db, `SELECT COUNT(*) FROM app_passwords`); made != 0 {
			t.Errorf("%d were made", made)
		}
		if password, code, err := n.MustConfirm(t.Context(), p); !password || !code || err != nil {
			t.Errorf("the form asks for password %v, code %v, %v", password, code, err)
		}
		_, _, err = n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "a"}, Proof{Password: password, OTP: n.code(t, secret, 0)}, Client{})
		accepted(t, "with both", err)
	})
}

// Whoever finds a session while its owner sets up an authenticator app was not shown the secret. They must not guess the first code, which answers the
// recovery codes.
func TestAttackGuessingTheFirstCodeOfAnAuthenticatorApp(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.bearer(t, n.register(t, ann()))
		e, err := n.BeginTOTP(t.Context(), p, Proof{Password: password}, "files.example.org", Client{})
		accepted(t, "begin", err)
		errs := together(30, func(int) error {
			_, err := n.ConfirmTOTP(t.Context(), p, "000000", Client{})
			return err
		})
		judged := 0
		for _, err := range errs {
			if fault.Is(err, fault.Unauthenticated) {
				judged++
			} else {
				refused(t, "a guess", err, fault.TooMany, "too_many_attempts")
			}
		}
		if most := otpLimit().free + 1; judged != most {
			t.Errorf("%d guesses were judged, want %d", judged, most)
		}
		n.clock.advance(otpLimit().first)
		codes, err := n.ConfirmTOTP(t.Context(), p, n.code(t, e.Secret, 0), Client{})
		if err != nil || len(codes) != RecoveryCodes {
			t.Errorf("the owner after the wait: %d codes, %v", len(codes), err)
		}
	})
}

// untilSomebodyWaits returns when a transaction waits for a row that another one holds. On SQLite it returns at once: there is one writer, who reads nothing before
// it is their turn.
func (n *node) untilSomebodyWaits(t *testing.T) {
	t.Helper()
	for n.db.Engine() == sqldb.Postgres &&
		count(t, n.db, `SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`) == 0 {
		time.Sleep(time.Millisecond)
	}
}

// Who has the old password and a code, and sends the code while the owner changes the password, is too late.
func TestAttackSecondStepBesideAPasswordChange(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.bearer(t, n.register(t, ann()))
		secret, _ := n.turnOn(t, p)
		half, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "the first step", err)
		n.clock.advance(time.Minute)
		held, release := make(chan struct{}), make(chan struct{})
		hold := sync.OnceFunc(func() { close(held) }) // an update may be run again
		changed, stepped := make(chan error, 1), make(chan error, 1)
		go func() {
			changed <- n.db.Update(t.Context(), func(tx *sqldb.Tx) error { // as ChangePassword does
				_, err := tx.Exec(t.Context(), `UPDATE users SET password_hash = 'another' WHERE id = $1`, p.UserID)
				hold()
				<-release
				return err
			})
		}()
		<-held
		code := n.code(t, secret, 0)
		go func() {
			_, err := n.FinishPage(t.Context(), half.Half, code, Client{})
			stepped <- err
		}()
		n.untilSomebodyWaits(t)
		close(release)
		accepted(t, "the change", <-changed)
		refused(t, "the second step", <-stepped, fault.Unauthenticated, "sign_in_expired")
	})
}

// A thief whose request passed the gate before the owner threw them out must not leave something behind that opens the account.
func TestAttackLeavingAWayInWhenThrownOut(t *testing.T) {
	federate(t, func(f *federation) {
		thief := f.bearer(f.T, f.register(f.T, ann()))
		begun, err := f.BeginLink(f.Context(), thief, password, OIDCStart{Provider: "sso", Callback: callback, Client: traveller})
		accepted(f.T, "begin to link", err)
		tr := (&trip{f: f, cookie: begun.Cookie, who: thief}).at(begun, "mia")
		owner := f.page("ann")
		_, err = f.EndSessions(f.Context(), owner, false, Client{})
		accepted(f.T, "the owner throws everybody else out", err)
		for what, try := range map[string]func() error{
			"an app password": func() error {
				_, _, err := f.CreateAppPassword(f.Context(), thief, NewAppPassword{Name: "a"}, Proof{Password: password}, Client{})
				return err
			},
			"an authenticator app": func() error {
				_, err := f.BeginTOTP(f.Context(), thief, Proof{Password: password}, "localhost", Client{})
				return err
			},
			"a passkey": func() error {
				_, err := f.BeginPasskey(f.Context(), thief, site(), "a", Proof{Password: password}, Client{})
				return err
			},
			"a link": func() error { _, err := tr.back(); return err },
		} {
			refused(f.T, what, try(), fault.Unauthenticated, "session_ended")
		}
	})
}
