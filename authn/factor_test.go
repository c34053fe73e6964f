package authn

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// code is what an authenticator app shows now, or some steps away.
func (n *node) code(t *testing.T, secret string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, n.clock.now().Add(time.Duration(steps)*totpPeriod*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// who is the principal of a signed-in app.
func (n *node) who(t *testing.T, s SignIn) Principal {
	t.Helper()
	p, err := n.Bearer(t.Context(), s.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// turnOn gives an account an authenticator app. It answers the secret and the recovery codes; the step of now is used up.
func (n *node) turnOn(t *testing.T, p Principal) (secret string, recovery []string) {
	t.Helper()
	e, err := n.BeginTOTP(t.Context(), p, Proof{Password: password}, "files.example.org", Client{})
	if err != nil {
		t.Fatal(err)
	}
	recovery, err = n.ConfirmTOTP(t.Context(), p, n.code(t, e.Secret, 0), Client{})
	if err != nil {
		t.Fatal(err)
	}
	return e.Secret, recovery
}

func (n *node) login(t *testing.T, otp string) (SignIn, error) {
	t.Helper()
	return n.Login(t.Context(), Credentials{"ann", password, otp}, Client{})
}

func (n *node) audited(t *testing.T, event string) int {
	t.Helper()
	return count(t, n.db, `SELECT COUNT(*) FROM audit WHERE event = $1`, event)
}

func TestAuthenticatorApp(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))

		_, err := n.BeginTOTP(t.Context(), p, Proof{Password: "wrong password"}, "files.example.org", Client{})
		refused(t, "without the password", err, fault.Forbidden, "wrong_password")
		_, err = n.ConfirmTOTP(t.Context(), p, "000000", Client{})
		refused(t, "confirming what was not begun", err, fault.NotFound, "no_totp")

		e, err := n.BeginTOTP(t.Context(), p, Proof{Password: password}, "files.example.org", Client{})
		accepted(t, "begin", err)
		if want := "otpauth://totp/Satchel:Ann@files.example.org?"; !strings.HasPrefix(e.URI, want) || !strings.Contains(e.URI, "secret="+e.Secret) || !strings.HasPrefix(e.QR, "data:image/png;base64,") {
			t.Errorf("enrollment: %s %.40s", e.URI, e.QR)
		}
		shown, err := n.ShowTOTP(p, e.Secret, "files.example.org")
		if err != nil || shown.Secret != e.Secret || shown.QR != e.QR {
			t.Errorf("shown again: %+v %v", shown, err)
		}
		_, err = n.login(t, "")
		accepted(t, "signing in before it is confirmed", err)
		_, err = n.ConfirmTOTP(t.Context(), p, "000000", Client{})
		refused(t, "a wrong first code", err, fault.Unauthenticated, "invalid_otp")
		recovery, err := n.ConfirmTOTP(t.Context(), p, n.code(t, e.Secret, 0), Client{})
		if err != nil || len(recovery) != RecoveryCodes {
			t.Fatalf("confirm: %q, %v", recovery, err)
		}
		f, err := n.SecondFactor(t.Context(), p)
		if err != nil || !f.On() || !f.TOTP || f.RecoveryCodes != RecoveryCodes {
			t.Errorf("on: %+v %v", f, err)
		}
		_, err = n.BeginTOTP(t.Context(), p, Proof{password, recovery[9]}, "files.example.org", Client{})
		refused(t, "a second app", err, fault.Exists, "totp_on")
		if f, _ := n.SecondFactor(t.Context(), p); f.RecoveryCodes != RecoveryCodes {
			t.Errorf("what did nothing used up a code: %d are left", f.RecoveryCodes)
		}

		_, err = n.login(t, "")
		refused(t, "no code", err, fault.Unauthenticated, "otp_required")
		_, err = n.Login(t.Context(), Credentials{"ann", "wrong password", ""}, Client{})
		refused(t, "a wrong password and no code", err, fault.Unauthenticated, "invalid_credentials")
		_, err = n.Login(t.Context(), Credentials{"ann", "wrong password", recovery[0]}, Client{})
		refused(t, "a wrong password and a right code", err, fault.Unauthenticated, "invalid_credentials")
		_, err = n.login(t, "12 34")
		refused(t, "no code at all", err, fault.Unauthenticated, "invalid_otp")
		next := n.code(t, e.Secret, 1)
		s, err := n.login(t, next[:3]+" "+next[3:])
		accepted(t, "the next code, of a clock that is fast", err)
		_, err = n.login(t, strings.ToUpper(recovery[0]))
		accepted(t, "a recovery code", err)

		n.clock.advance(time.Hour)
		p = n.who(t, s.refreshed(t, n))
		refused(t, "off without a code", n.RemoveTOTP(t.Context(), p, Proof{Password: password}, Client{}), fault.Unauthenticated, "otp_required")
		refused(t, "off without the password", n.RemoveTOTP(t.Context(), p, Proof{OTP: n.code(t, e.Secret, 0)}, Client{}), fault.Forbidden, "password_required")
		old := recovery
		recovery, err = n.NewRecoveryCodes(t.Context(), p, Proof{password, n.code(t, e.Secret, -1)}, Client{})
		if err != nil || len(recovery) != RecoveryCodes {
			t.Fatalf("new codes: %q %v", recovery, err)
		}
		_, err = n.login(t, old[5])
		refused(t, "a code of before", err, fault.Unauthenticated, "invalid_otp")
		accepted(t, "off", n.RemoveTOTP(t.Context(), p, Proof{password, recovery[0]}, Client{}))
		_, err = n.login(t, "")
		accepted(t, "signing in afterwards", err)
		if left := count(t, n.db, `SELECT COUNT(*) FROM recovery_codes`); left != 0 {
			t.Errorf("%d recovery codes are left", left)
		}
		_, err = n.NewRecoveryCodes(t.Context(), p, Proof{Password: password}, Client{})
		refused(t, "codes without a factor", err, fault.NotFound, "no_second_factor")
		for event, want := range map[string]int{AuditFactorOn: 1, AuditTOTPOn: 1, AuditOTPFailed: 3, AuditRecoveryCodeUsed: 2,
			AuditRecoveryCodes: 1, AuditTOTPOff: 1, AuditFactorOff: 1} {
			if got := n.audited(t, event); got != want {
				t.Errorf("the audit log tells %s %d times, want %d", event, got, want)
			}
		}
	})
}

// refreshed is a session with new tokens.
func (s SignIn) refreshed(t *testing.T, n *node) SignIn {
	t.Helper()
	again, err := n.Refresh(t.Context(), s.RefreshToken, Client{})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestAnAppThatIsNeverConfirmedIsForgotten(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		e, err := n.BeginTOTP(t.Context(), p, Proof{Password: password}, "localhost", Client{})
		accepted(t, "begin", err)
		n.clock.advance(totpPatience)
		_, err = n.ConfirmTOTP(t.Context(), p, n.code(t, e.Secret, 0), Client{})
		refused(t, "too late", err, fault.NotFound, "no_totp")
		accepted(t, "sweep", n.Sweep(t.Context()))
		if left := count(t, n.db, `SELECT COUNT(*) FROM totp`); left != 0 {
			t.Errorf("%d are left", left)
		}
	})
}

func TestAttackOTPReplay(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		first, err := n.BeginTOTP(t.Context(), p, Proof{Password: password}, "localhost", Client{})
		accepted(t, "begin", err)
		code := n.code(t, first.Secret, 0)
		_, err = n.ConfirmTOTP(t.Context(), p, code, Client{})
		accepted(t, "confirm", err)
		_, err = n.login(t, code)
		refused(t, "the code that turned it on", err, fault.Unauthenticated, "invalid_otp")

		n.clock.advance(5 * time.Minute)
		code, before := n.code(t, first.Secret, 0), n.code(t, first.Secret, -1)
		other := n.beside(t)
		errs := together(8, func(i int) error {
			_, err := []*node{n, other}[i%2].Login(t.Context(), Credentials{"ann", password, code}, Client{})
			return err
		})
		if got := successes(errs); got != 1 {
			t.Errorf("one code signed in %d times", got)
		}
		accepted(t, "reset of the wait", exec(t, n.db, `DELETE FROM attempts`))
		_, err = n.login(t, before)
		refused(t, "the code before one that was used", err, fault.Unauthenticated, "invalid_otp")
		n.clock.advance(totpPeriod * time.Second)
		_, err = n.login(t, code)
		refused(t, "the used code within its window", err, fault.Unauthenticated, "invalid_otp")
		_, err = n.login(t, n.code(t, first.Secret, -2))
		refused(t, "a code outside the window", err, fault.Unauthenticated, "invalid_otp")
		_, err = n.login(t, n.code(t, first.Secret, 2))
		refused(t, "a code of the future", err, fault.Unauthenticated, "invalid_otp")
		_, err = n.login(t, n.code(t, first.Secret, 0))
		accepted(t, "the present code", err)
	})
}

func exec(t *testing.T, db *sqldb.DB, query string, args ...any) error {
	t.Helper()
	_, err := db.Exec(t.Context(), query, args...)
	return err
}

func TestAttackOTPGuessing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		secret, recovery := n.turnOn(t, p)
		n.clock.advance(5 * time.Minute)
		wrong := func() string { // is no code of these minutes, by chance either
			right := []string{n.code(t, secret, -1), n.code(t, secret, 0), n.code(t, secret, 1)}
			for i := 0; ; i++ {
				if code := fmt.Sprintf("%06d", i); !slices.Contains(right, code) {
					return code
				}
			}
		}
		for range otpLimit().free + 1 {
			_, err := n.login(t, wrong())
			refused(t, "a guess", err, fault.Unauthenticated, "invalid_otp")
		}
		again := n.beside(t) // a restart, or another node, forgets nothing
		for _, what := range []struct{ name, code string }{{"a guess", wrong()}, {"the right code", n.code(t, secret, 0)}, {"a recovery code", recovery[0]}} {
			_, err := again.login(t, what.code)
			refused(t, what.name+" within the wait", err, fault.TooMany, "too_many_attempts")
			if wait := fault.RetryAfter(err); wait <= 0 || wait > otpLimit().first {
				t.Errorf("the wait is %v", wait)
			}
		}
		err := n.RemoveTOTP(t.Context(), p, Proof{password, n.code(t, secret, 0)}, Client{})
		refused(t, "guessing at the account's page", err, fault.TooMany, "too_many_attempts")
		half, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "the first step", err)
		_, err = n.FinishPage(t.Context(), half.Half, n.code(t, secret, 0), Client{})
		refused(t, "guessing at the sign-in page", err, fault.TooMany, "too_many_attempts")

		waited := time.Duration(0)
		for range 20 { // each further guess costs more, up to an hour, and an hour takes one off
			step := otpLimit().first
			for {
				n.clock.advance(step)
				waited += step
				if _, err = n.login(t, wrong()); !fault.Is(err, fault.TooMany) {
					break
				}
				step = fault.RetryAfter(err)
			}
			refused(t, "a later guess", err, fault.Unauthenticated, "invalid_otp")
		}
		if waited < 10*time.Hour {
			t.Errorf("20 further guesses took %v", waited)
		}
		n.clock.advance(otpLimit().longest)
		_, err = n.login(t, n.code(t, secret, 0))
		accepted(t, "the right code after the wait", err)
	})
}

func TestAttackRecoveryCodeReuse(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		_, recovery := n.turnOn(t, n.who(t, n.register(t, ann())))
		errs := together(4, func(int) error { _, err := n.login(t, recovery[0]); return err })
		if got := successes(errs); got != 1 {
			t.Errorf("one recovery code signed in %d times", got)
		}
		_, err := n.login(t, recovery[0])
		refused(t, "once more", err, fault.Unauthenticated, "invalid_otp")

		bob := Registration{Username: "bob", Password: password}
		n.turnOn(t, n.who(t, n.register(t, bob)))
		_, err = n.Login(t.Context(), Credentials{"bob", password, recovery[1]}, Client{})
		refused(t, "with another account", err, fault.Unauthenticated, "invalid_otp")
		_, err = n.login(t, recovery[1])
		accepted(t, "with its own", err)
		if plain := count(t, n.db, `SELECT COUNT(*) FROM recovery_codes WHERE hash = $1`, []byte(recovery[2])); plain != 0 {
			t.Error("recovery codes are stored as they are")
		}
	})
}

// The password is right, so the answer says what to do. It counts at once, also for credentials that were remembered, on every node.
func TestASecondFactorClosesBasic(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		other := n.beside(t)
		for _, at := range []*node{n, other} {
			_, err := at.Basic(t.Context(), "ann", password, Client{})
			accepted(t, "before", err)
			_, err = at.Basic(t.Context(), "ann", password, Client{})
			accepted(t, "before, remembered", err)
		}
		_, recovery := n.turnOn(t, p)
		for _, at := range []*node{n, other} {
			_, err := at.Basic(t.Context(), "ann", password, Client{})
			refused(t, "the password", err, fault.Unauthenticated, "app_password_required")
			_, err = at.Basic(t.Context(), "ann", "wrong password", Client{})
			refused(t, "a wrong password", err, fault.Unauthenticated, "invalid_credentials")
			_, err = at.Basic(t.Context(), "nobody", password, Client{})
			refused(t, "a wrong name", err, fault.Unauthenticated, "invalid_credentials")
			_, err = at.Bearer(t.Context(), n.accessOf(t, p))
			accepted(t, "a session that was open", err)
		}
		accepted(t, "off", other.RemoveTOTP(t.Context(), p, Proof{password, recovery[0]}, Client{}))
		for _, at := range []*node{n, other} {
			_, err := at.Basic(t.Context(), "ann", password, Client{})
			accepted(t, "afterwards", err)
		}
	})
}

// What was made for one device is what opens it from then on.
func TestAppPasswordsWorkBesideASecondFactor(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		_, secret, err := n.CreateAppPassword(t.Context(), p, NewAppPassword{Name: "laptop"}, Proof{Password: password}, Client{})
		accepted(t, "make", err)
		n.turnOn(t, p)
		who, err := n.Basic(t.Context(), "ann", secret, Client{})
		if err != nil || who.UserID != p.UserID {
			t.Errorf("%+v, %v", who, err)
		}
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: secret}, Client{})
		refused(t, "it signs nobody in", err, fault.Unauthenticated, "invalid_credentials")
	})
}

func (n *node) accessOf(t *testing.T, p Principal) string {
	t.Helper()
	token, err := n.accessToken(t.Context(), p.UserID, p.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSecondStepOnThePages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		secret, recovery := n.turnOn(t, n.who(t, n.register(t, ann())))
		n.clock.advance(time.Minute)
		_, err := n.LoginPage(t.Context(), "ann", "wrong password", Client{})
		refused(t, "a wrong password", err, fault.Unauthenticated, "invalid_credentials")
		page, err := n.LoginPage(t.Context(), "ann", password, Client{})
		if err != nil || page.Cookie != "" || page.Half == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		_, err = n.Cookie(t.Context(), page.Half)
		refused(t, "half a sign-in as a cookie", err, fault.Unauthenticated, "session_ended")
		_, err = n.FinishPage(t.Context(), page.Half, "", Client{})
		refused(t, "no code", err, fault.Unauthenticated, "otp_required")
		_, err = n.FinishPage(t.Context(), page.Half, "none", Client{})
		refused(t, "a wrong code", err, fault.Unauthenticated, "invalid_otp")
		whole, err := n.FinishPage(t.Context(), page.Half, n.code(t, secret, 0), Client{})
		if err != nil || whole.User.Username != "Ann" {
			t.Fatalf("%+v, %v", whole, err)
		}
		_, err = n.Cookie(t.Context(), whole.Cookie)
		accepted(t, "the cookie", err)
		page, err = n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "the first step", err)
		_, err = n.FinishPage(t.Context(), page.Half, recovery[3], Client{})
		accepted(t, "with a recovery code", err)
	})
}

func TestAttackHalfSignIn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		_, recovery := n.turnOn(t, n.who(t, s))
		_, bobs := n.turnOn(t, n.who(t, n.register(t, Registration{Username: "bob", Password: password})))
		half := func() string {
			t.Helper()
			page, err := n.LoginPage(t.Context(), "ann", password, Client{})
			accepted(t, "the first step", err)
			return page.Half
		}
		finish := func(half, otp string) error {
			_, err := n.FinishPage(t.Context(), half, otp, Client{})
			return err
		}
		used := half()
		accepted(t, "its owner", finish(used, recovery[0]))
		refused(t, "stolen after use", finish(used, recovery[1]), fault.Unauthenticated, "sign_in_expired")
		refused(t, "made up", finish("made up", recovery[1]), fault.Unauthenticated, "sign_in_expired")
		refused(t, "of another user: her half with his code", finish(half(), bobs[0]), fault.Unauthenticated, "invalid_otp")

		late := half()
		n.clock.advance(halfTTL)
		refused(t, "expired", finish(late, recovery[1]), fault.Unauthenticated, "sign_in_expired")

		many := half()
		accepted(t, "reset of the wait", exec(t, n.db, `DELETE FROM attempts`))
		for range maxHalfTries {
			refused(t, "no code", finish(many, ""), fault.Unauthenticated, "otp_required")
		}
		refused(t, "after too many tries", finish(many, recovery[1]), fault.Unauthenticated, "sign_in_expired")

		old := half()
		accepted(t, "a new password", n.SetPassword(t.Context(), "ann", "another password"))
		refused(t, "of the old password", finish(old, recovery[1]), fault.Unauthenticated, "sign_in_expired")
		accepted(t, "the old password again", n.SetPassword(t.Context(), "ann", password))

		cut := half()
		accepted(t, "disabled", n.SetDisabled(t.Context(), "ann", true))
		refused(t, "of a disabled account", finish(cut, recovery[1]), fault.Unauthenticated, "sign_in_expired")
		accepted(t, "enabled", n.SetDisabled(t.Context(), "ann", false))

		reset := half()
		accepted(t, "reset", n.ResetFactor(t.Context(), "ann"))
		refused(t, "of a factor that was reset", finish(reset, recovery[1]), fault.Unauthenticated, "sign_in_expired")
	})
}

func TestHalfSignInsAreBoundedAndSwept(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		n.turnOn(t, n.who(t, n.register(t, ann())))
		for range maxHalves + 3 {
			_, err := n.LoginPage(t.Context(), "ann", password, Client{})
			accepted(t, "the first step", err)
		}
		if got := count(t, n.db, `SELECT COUNT(*) FROM half_sign_ins`); got != maxHalves {
			t.Errorf("there are %d, want %d", got, maxHalves)
		}
		n.clock.advance(halfTTL)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if got := count(t, n.db, `SELECT COUNT(*) FROM half_sign_ins`); got != 0 {
			t.Errorf("%d are left", got)
		}
	})
}

// Nothing but the factor opens what the factor closes.
func TestAttackDowngrade(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		p := n.who(t, s)
		_, recovery := n.turnOn(t, p)
		sessions := func() int { return count(t, n.db, `SELECT COUNT(*) FROM sessions WHERE revoked_at = 0`) }
		before := sessions()
		closed := func(what string) {
			t.Helper()
			_, err := n.login(t, "")
			refused(t, what+": the app's sign-in", err, fault.Unauthenticated, "otp_required")
			page, err := n.LoginPage(t.Context(), "ann", password, Client{})
			if err != nil || page.Cookie != "" {
				t.Errorf("%s: the pages' sign-in opened a session: %v", what, err)
			}
			_, err = n.Basic(t.Context(), "ann", password, Client{})
			refused(t, what+": Basic", err, fault.Unauthenticated, "app_password_required")
			_, err = n.Refresh(t.Context(), page.Half, Client{})
			refused(t, what+": half a sign-in as a refresh token", err, fault.Unauthenticated, "invalid_refresh_token")
			_, err = n.RedeemTicket(t.Context(), page.Half, Client{})
			refused(t, what+": half a sign-in as a ticket", err, fault.Unauthenticated, "invalid_ticket")
		}
		closed("with the factor on")
		if got := sessions(); got != before {
			t.Errorf("%d sessions became %d", before, got)
		}
		accepted(t, "a reset of the password", n.SetPassword(t.Context(), "ann", "another password"))
		accepted(t, "and back", n.SetPassword(t.Context(), "ann", password))
		_, err := n.Refresh(t.Context(), s.RefreshToken, Client{})
		refused(t, "the refresh token of before", err, fault.Unauthenticated, "invalid_refresh_token")
		_, err = n.RedeemTicket(t.Context(), s.Ticket, Client{})
		refused(t, "the ticket of before", err, fault.Unauthenticated, "invalid_ticket")
		closed("after a reset of the password")

		// Beginning another app, and not confirming it, leaves the one that counts.
		s, err = n.login(t, recovery[0])
		accepted(t, "signing in", err)
		p = n.who(t, s)
		_, err = n.BeginTOTP(t.Context(), p, Proof{password, recovery[1]}, "localhost", Client{})
		refused(t, "another app", err, fault.Exists, "totp_on")
		_, err = n.BeginPasskey(t.Context(), p, site(), "thief", Proof{Password: password}, Client{})
		refused(t, "a passkey of a thief with session and password", err, fault.Unauthenticated, "otp_required")
		closed("in the end")
	})
}

func TestResetFactor(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		n.turnOn(t, n.who(t, s))
		refused(t, "nobody's", n.ResetFactor(t.Context(), "nobody"), fault.NotFound, "no_such_account")
		accepted(t, "reset", n.ResetFactor(t.Context(), "ANN"))
		_, err := n.login(t, "")
		accepted(t, "signing in", err)
		_, err = n.Basic(t.Context(), "ann", password, Client{})
		accepted(t, "Basic", err)
		_, err = n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "the session", err)
		if n.audited(t, AuditFactorReset) != 1 {
			t.Error("the audit log does not tell it")
		}
	})
}
