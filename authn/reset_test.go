package authn

import (
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const newPassword = "battery staple"

func TestAForgottenPassword(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		user := n.verifiedUser(t, o, "ann").User
		ann, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, visitor())
		accepted(t, "signing in", err)
		page, err := n.LoginPage(t.Context(), "ann", password, visitor())
		accepted(t, "a page session", err)
		_, err = n.Basic(t.Context(), "ann", password, visitor())
		accepted(t, "Basic", err)
		reset := func(code, password string) error {
			return n.ResetPassword(t.Context(), "Ann@example.org", code, password, visitor())
		}

		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "ANN@example.org"})
		if to := o.sent[len(o.sent)-1].To; to != "ann@example.org" {
			t.Errorf("the code went to %s, as it was typed", to)
		}
		refused(t, "a short password", reset(code, "short"), fault.Invalid, "invalid_fields")
		accepted(t, "the code", reset(code, newPassword))
		refused(t, "the code again", reset(code, "a third password"), fault.Invalid, "wrong_code")

		_, err = n.Bearer(t.Context(), ann.AccessToken)
		refused(t, "the access token", err, fault.Unauthenticated, "session_ended")
		_, err = n.Refresh(t.Context(), ann.RefreshToken, visitor())
		refused(t, "the refresh token", err, fault.Unauthenticated, "invalid_refresh_token")
		_, err = n.Cookie(t.Context(), page.Cookie)
		refused(t, "the page", err, fault.Unauthenticated, "session_ended")
		_, err = n.Basic(t.Context(), "ann", password, visitor())
		refused(t, "the old password", err, fault.Unauthenticated, "invalid_credentials")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: newPassword}, visitor())
		accepted(t, "the new password", err)

		if told := n.delivered(t, o); len(told) != 1 || told[0].Code != "" || told[0].To != "ann@example.org" || strings.Contains(told[0].Text, newPassword) {
			t.Errorf("the owner was told %+v", told)
		}
		if lines := count(t, db, `SELECT COUNT(*) FROM audit WHERE event = $1 AND user_id = $2`, AuditPasswordReset, user.ID); lines != 1 {
			t.Errorf("%d lines in the audit log", lines)
		}
	})
}

func TestADisabledAccountHasNoReset(t *testing.T) {
	o := &postOffice{}
	n := newNode(t, sqldbtest.OpenSQLite(t), withPost(o, VerifyEmail))
	n.verifiedUser(t, o, "ann")
	code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"})
	accepted(t, "disable", n.SetDisabled(t.Context(), "ann", true))
	refused(t, "a code from before", n.ResetPassword(t.Context(), "ann@example.org", code, newPassword, visitor()), fault.Invalid, "wrong_code")
	n.clock.advance(time.Hour)
	_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"}, visitor())
	accepted(t, "asking", err)
	if sent := n.delivered(t, o); len(sent) != 0 {
		t.Errorf("sent were %+v", sent)
	}
}

// Attack: somebody registers with an address that is another's. It opens nothing, keeps nobody out, and its owner takes it back.
func TestAnAddressThatWasOnlyClaimedIsWorthNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		free := newNode(t, db, withPost(o, VerifyNone))
		thief := free.register(t, Registration{Username: "thief", Password: password, Email: "ann@example.org", Phone: "+4915112345678"})
		if thief.User.EmailVerified || thief.User.PhoneVerified {
			t.Errorf("%+v", thief.User)
		}
		for _, to := range []string{"ann@example.org", "+4915112345678"} {
			_, err := free.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeReset, To: to}, visitor())
			accepted(t, "asking", err)
		}
		if sent := free.delivered(t, o); len(sent) != 0 {
			t.Errorf("a reset of an account whose owner is not known: %+v", sent)
		}
		free.clock.advance(2 * time.Hour)

		strict := newNode(t, db, withPost(o, VerifyEmail), func(o *Options) { o.Now = free.clock.now })
		code := strict.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeRegister, To: "ann@example.org"})
		if text := o.sent[len(o.sent)-1].Text; !strings.Contains(text, "loses it") {
			t.Errorf("who claimed it before is not told: %s", text)
		}
		ann := strict.register(t, Registration{Username: "ann", Password: password, Email: "ann@example.org", Code: code})
		if u, err := free.User(t.Context(), thief.User.ID); err != nil || u.Email != "" {
			t.Errorf("%+v, %v", u, err)
		}
		if s, err := free.Login(t.Context(), Credentials{Login: "ann@example.org", Password: password}, visitor()); err != nil || s.User.ID != ann.User.ID {
			t.Errorf("the address signs in %+v, %v", s.User, err)
		}
		phone := strict.codeFor(t, o, Principal{UserID: ann.User.ID}, CodeRequest{Purpose: CodePhone, To: "+4915112345678"})
		_, err := strict.ChangePhone(t.Context(), Principal{UserID: ann.User.ID}, "+4915112345678", phone, Proof{Password: password}, visitor())
		accepted(t, "the number too", err)
		if lost := count(t, db, `SELECT COUNT(*) FROM audit WHERE event = $1 AND user_id = $2`, AuditAddressLost, thief.User.ID); lost != 2 {
			t.Errorf("%d lines in the audit log", lost)
		}
	})
}

func TestAnotherAddressIsProvenAndTheOldOneIsTold(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		ann := n.verifiedUser(t, o, "ann")
		me := Principal{UserID: ann.User.ID}
		code := n.codeFor(t, o, me, CodeRequest{Purpose: CodeEmail, To: "ann@example.net"})
		change := func(email, code, password string) (User, error) {
			return n.ChangeEmail(t.Context(), me, email, code, Proof{Password: password}, visitor())
		}
		_, err := change("ann@example.net", code, "not the password")
		refused(t, "without the password", err, fault.Forbidden, "wrong_password")
		_, err = change("ann@example.net", other(code), password)
		refused(t, "with a wrong code", err, fault.Invalid, "wrong_code")
		_, err = change("ann@example.com", code, password)
		refused(t, "another address", err, fault.Invalid, "wrong_code")
		_, err = change("+4915112345678", code, password)
		refused(t, "no e-mail address", err, fault.Invalid, "invalid_fields")
		_, err = change("", "", password)
		refused(t, "none", err, fault.Forbidden, "email_required")
		u, err := change("ann@example.net", code, password)
		if err != nil || u.Email != "ann@example.net" || !u.EmailVerified {
			t.Fatalf("%+v, %v", u, err)
		}
		if stored, err := n.User(t.Context(), u.ID); err != nil || stored != u {
			t.Errorf("stored %+v, %v; answered %+v", stored, err, u)
		}
		if told := n.delivered(t, o); len(told) != 1 || told[0].To != "ann@example.org" || told[0].Code != "" {
			t.Errorf("told were %+v", told)
		}

		phone := n.codeFor(t, o, me, CodeRequest{Purpose: CodePhone, To: "+49 151 12345678"})
		_, err = n.ChangePhone(t.Context(), me, "+4915112345678", phone, Proof{Password: password}, visitor())
		accepted(t, "a phone", err)
		if u, err = n.ChangePhone(t.Context(), me, "", "", Proof{Password: password}, visitor()); err != nil || u.Phone != "" || u.PhoneVerified {
			t.Errorf("no phone: %+v, %v", u, err)
		}
		if told := n.delivered(t, o); len(told) != 1 || told[0].To != "+4915112345678" {
			t.Errorf("told were %+v", told)
		}
		for event, want := range map[string]int{AuditEmail: 1, AuditPhone: 2} {
			if got := count(t, db, `SELECT COUNT(*) FROM audit WHERE event = $1`, event); got != want {
				t.Errorf("%d lines of %s, want %d", got, event, want)
			}
		}
	})
}

// Attack: adding another's address to one's own account, to learn whether it has one. The answer is as for any other; its owner is told.
func TestAnotherAccountsAddressIsNotGivenAway(t *testing.T) {
	o := &postOffice{}
	n := newNode(t, sqldbtest.OpenSQLite(t), withPost(o, VerifyEmail))
	n.verifiedUser(t, o, "ann")
	bob := n.verifiedUser(t, o, "bob")
	sent, err := n.SendCode(t.Context(), Principal{UserID: bob.User.ID}, CodeRequest{Purpose: CodeEmail, To: "ann@example.org"}, visitor())
	if err != nil || sent != (CodeSent{codeTTL, codeResend}) {
		t.Errorf("%+v, %v", sent, err)
	}
	if told := n.delivered(t, o); len(told) != 1 || told[0].Code != "" || told[0].To != "ann@example.org" {
		t.Errorf("told were %+v", told)
	}
}

// Whoever reads the owner's mail gets the password that way, and no further.
func TestAttackAroundTheSecondFactorByAReset(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		n.verifiedUser(t, o, "ann")
		s, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, visitor())
		accepted(t, "signing in", err)
		secret, _ := n.turnOn(t, n.bearer(t, s))
		half, err := n.LoginPage(t.Context(), "ann", password, visitor())
		accepted(t, "the first step of before", err)
		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"})
		accepted(t, "the reset", n.ResetPassword(t.Context(), "ann@example.org", code, newPassword, visitor()))
		if live := count(t, db, `SELECT COUNT(*) FROM sessions WHERE revoked_at = 0`); live != 0 {
			t.Errorf("%d sessions are open", live)
		}
		n.clock.advance(time.Minute)
		_, err = n.FinishPage(t.Context(), half.Half, n.code(t, secret, 0), visitor())
		refused(t, "the second step of before", err, fault.Unauthenticated, "sign_in_expired")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: newPassword}, visitor())
		refused(t, "signing in without a code", err, fault.Unauthenticated, "otp_required")
		page, err := n.LoginPage(t.Context(), "ann", newPassword, visitor())
		if err != nil || page.Cookie != "" || page.Half == "" {
			t.Errorf("the pages open %+v, %v", page, err)
		}
		_, err = n.Basic(t.Context(), "ann", newPassword, visitor())
		refused(t, "Basic", err, fault.Unauthenticated, "app_password_required")
		_, err = n.Login(t.Context(), Credentials{Login: "ann", Password: newPassword, OTP: n.code(t, secret, 0)}, visitor())
		accepted(t, "signing in with a code", err)
	})
}
