package authn

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// change is a way to change an account that asks its owner for proof.
type change struct {
	name, event string
	// begin does what comes before, and answers the change itself. i is another number for each account.
	begin func(t *testing.T, n *node, o *postOffice, p Principal, i int) func(p Principal, proof Proof) error
}

func changes() []change {
	direct := func(do func(t *testing.T, n *node, p Principal, i int, proof Proof) error) func(*testing.T, *node, *postOffice, Principal, int) func(Principal, Proof) error {
		return func(t *testing.T, n *node, _ *postOffice, _ Principal, i int) func(Principal, Proof) error {
			return func(p Principal, proof Proof) error { return do(t, n, p, i, proof) }
		}
	}
	return []change{
		{"password", AuditPassword, direct(func(t *testing.T, n *node, p Principal, _ int, proof Proof) error {
			return n.ChangePassword(t.Context(), p, proof, "battery staple", visitor())
		})},
		{"name", AuditUsername, direct(func(t *testing.T, n *node, p Principal, i int, proof Proof) error {
			_, err := n.Rename(t.Context(), p, fmt.Sprintf("renamed%d", i), proof, visitor())
			return err
		})},
		{"e-mail", AuditEmail, func(t *testing.T, n *node, o *postOffice, p Principal, i int) func(Principal, Proof) error {
			email := fmt.Sprintf("new%d@example.org", i)
			code := n.codeFor(t, o, p, CodeRequest{Purpose: CodeEmail, To: email})
			return func(p Principal, proof Proof) error {
				_, err := n.ChangeEmail(t.Context(), p, email, code, proof, visitor())
				return err
			}
		}},
		{"phone", AuditPhone, func(t *testing.T, n *node, o *postOffice, p Principal, i int) func(Principal, Proof) error {
			phone := fmt.Sprintf("+49151222222%02d", i)
			code := n.codeFor(t, o, p, CodeRequest{Purpose: CodePhone, To: phone})
			return func(p Principal, proof Proof) error {
				_, err := n.ChangePhone(t.Context(), p, phone, code, proof, visitor())
				return err
			}
		}},
		{"no e-mail", AuditEmail, direct(func(t *testing.T, n *node, p Principal, _ int, proof Proof) error {
			_, err := n.ChangeEmail(t.Context(), p, "", "", proof, visitor())
			return err
		})},
		{"no phone", AuditPhone, direct(func(t *testing.T, n *node, p Principal, _ int, proof Proof) error {
			_, err := n.ChangePhone(t.Context(), p, "", "", proof, visitor())
			return err
		})},
		{"end", AuditUserDeleted, direct(func(t *testing.T, n *node, p Principal, _ int, proof Proof) error {
			return n.DeleteOwn(t.Context(), p, proof, visitor())
		})},
	}
}

// eachChange runs test with an account of its own for each way to change one. try is the change, and done says that it was made once.
func eachChange(t *testing.T, test func(t *testing.T, n *node, p Principal, try func(p Principal, proof Proof) error, done func() bool)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyNone))
		for i, c := range changes() {
			t.Run(c.name, func(t *testing.T) {
				s := n.register(t, Registration{Username: fmt.Sprintf("user%d", i), Password: password, Email: fmt.Sprintf("old%d@example.org", i), Phone: fmt.Sprintf("+49151111111%02d", i)})
				p := n.bearer(t, s)
				do := c.begin(t, n, o, p, i)
				row := func() string {
					var row string
					err := db.Row(t.Context(), `SELECT username || ' ' || COALESCE(email_key, '') || ' ' || COALESCE(phone, '') || ' ' || password_hash FROM users WHERE id = $1`, []any{p.UserID}, &row)
					accepted(t, "the account", err)
					return row
				}
				before := row()
				done := func() bool {
					told := 0
					for _, event := range n.auditedOf(t, p.UserID) {
						if event == c.event {
							told++
						}
					}
					if changed := row() != before; told > 1 || changed != (told == 1) {
						t.Errorf("the account has changed: %v; the audit log tells it %d times", changed, told)
					}
					return told == 1
				}
				test(t, n, p, do, done)
			})
		}
	})
}

func TestChangingAnAccountAsksForThePassword(t *testing.T) {
	eachChange(t, func(t *testing.T, n *node, p Principal, try func(Principal, Proof) error, done func() bool) {
		if asked, err := n.Asks(t.Context(), p); err != nil || asked != (Asked{Password: true}) {
			t.Errorf("asked for is %+v, %v", asked, err)
		}
		refused(t, "nothing", try(p, Proof{}), fault.Forbidden, "password_required")
		refused(t, "a wrong one", try(p, Proof{Password: "wrong password"}), fault.Forbidden, "wrong_password")
		ended := p
		ended.SessionID = sqldb.NewID()
		refused(t, "in a session that has ended", try(ended, Proof{Password: password}), fault.Unauthenticated, "session_ended")
		if done() {
			t.Error("it was changed without proof")
		}
		accepted(t, "the password; a code that nobody asks for is not looked at", try(p, Proof{Password: password, OTP: "000000"}))
		if !done() {
			t.Error("it was not changed")
		}
	})
}

func TestChangingAnAccountAsksForACode(t *testing.T) {
	eachChange(t, func(t *testing.T, n *node, p Principal, try func(Principal, Proof) error, done func() bool) {
		secret, _ := n.turnOn(t, p)
		used := n.code(t, secret, 0)
		n.clock.advance(totpPeriod * time.Second)
		if asked, err := n.Asks(t.Context(), p); err != nil || asked != (Asked{Password: true, Code: true}) {
			t.Errorf("asked for is %+v, %v", asked, err)
		}
		code := n.code(t, secret, 0)
		refused(t, "a code alone", try(p, Proof{OTP: code}), fault.Forbidden, "password_required")
		refused(t, "a wrong password", try(p, Proof{"wrong password", code}), fault.Forbidden, "wrong_password")
		refused(t, "no code", try(p, Proof{Password: password}), fault.Unauthenticated, "otp_required")
		refused(t, "a wrong code", try(p, Proof{password, other(code)}), fault.Unauthenticated, "invalid_otp")
		refused(t, "a code that was used", try(p, Proof{password, used}), fault.Unauthenticated, "invalid_otp")
		if done() {
			t.Error("it was changed without proof")
		}
		if told := slices.Index(n.auditedOf(t, p.UserID), AuditOTPFailed); told < 0 {
			t.Error("the audit log does not tell of wrong codes")
		}
		accepted(t, "the code that came with a wrong password before", try(p, Proof{password, code}))
		if !done() {
			t.Error("it was not changed")
		}
		err := n.db.Update(t.Context(), func(tx *sqldb.Tx) error {
			right, err := n.useCode(t.Context(), tx, p.UserID, p.UserID, code, Client{})
			if right {
				t.Error("the code can be used again")
			}
			return err
		})
		accepted(t, "the code again", err)
	})
}

func TestChangingAnAccountTakesARecoveryCode(t *testing.T) {
	for factor, turnOn := range map[string]func(t *testing.T, n *node, p Principal) []string{
		"app": func(t *testing.T, n *node, p Principal) []string { _, codes := n.turnOn(t, p); return codes },
		"passkey": func(t *testing.T, n *node, p Principal) []string {
			_, _, codes := n.addPasskey(t, p, Proof{Password: password})
			return codes
		},
	} {
		t.Run(factor, func(t *testing.T) {
			eachChange(t, func(t *testing.T, n *node, p Principal, try func(Principal, Proof) error, done func() bool) {
				recovery := turnOn(t, n, p)
				accepted(t, "a recovery code", try(p, Proof{password, recovery[3]}))
				if left := count(t, n.db, `SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1`, p.UserID); left != RecoveryCodes-1 || !done() {
					t.Errorf("%d are left", left)
				}
				if !slices.Contains(n.auditedOf(t, p.UserID), AuditRecoveryCodeUsed) {
					t.Error("the audit log does not tell of it")
				}
			})
		})
	}
}

// Passkeys make no codes: having signed in with one just now stands for the code, or a recovery code.
func TestChangingAnAccountWithPasskeysOnly(t *testing.T) {
	eachChange(t, func(t *testing.T, n *node, p Principal, try func(Principal, Proof) error, done func() bool) {
		n.clock.advance(time.Second)
		phone, _, recovery := n.addPasskey(t, p, Proof{Password: password})
		wants := Asked{Password: true, Code: true, Passkeys: true}
		if asked, err := n.Asks(t.Context(), p); err != nil || asked != wants {
			t.Errorf("asked for is %+v, %v", asked, err)
		}
		refused(t, "in the session of before, by the password alone", try(p, Proof{Password: password}), fault.Unauthenticated, "otp_required")
		signIn := func() Principal {
			n.clock.advance(time.Second)
			page, err := n.byPasskey(t, phone.get(n.askPasskey(t, "")))
			accepted(t, "signing in", err)
			fresh, err := n.Cookie(t.Context(), page.Cookie)
			accepted(t, "its cookie", err)
			return fresh
		}
		fresh := signIn()
		refused(t, "just signed in, with a wrong code", try(fresh, Proof{password, recovery[0] + "x"}), fault.Unauthenticated, "invalid_otp")
		refused(t, "just signed in, without the password", try(fresh, Proof{}), fault.Forbidden, "password_required")
		accepted(t, "a while later", exec(t, n.db, `UPDATE sessions SET proven_at = $1 WHERE id = $2`, n.now()-recentSignIn.Microseconds()-1, fresh.SessionID))
		refused(t, "signed in a while ago", try(fresh, Proof{Password: password}), fault.Unauthenticated, "otp_required")
		fresh = signIn()
		refused(t, "what changes the factor wants a code all the same", second(n.NewRecoveryCodes(t.Context(), fresh, Proof{Password: password}, Client{})), fault.Unauthenticated, "otp_required")
		if done() {
			t.Error("it was changed without proof")
		}
		if asked, err := n.Asks(t.Context(), fresh); err != nil || asked != (Asked{Password: true}) {
			t.Errorf("just signed in asked for is %+v, %v", asked, err)
		}
		accepted(t, "just signed in", try(fresh, Proof{Password: password}))
		if !done() {
			t.Error("it was not changed")
		}
	})
}

// With an app besides, its code is asked for however fresh the sign-in is.
func TestAPasskeyDoesNotStandForTheCodeOfAnApp(t *testing.T) {
	eachChange(t, func(t *testing.T, n *node, p Principal, try func(Principal, Proof) error, done func() bool) {
		secret, recovery := n.turnOn(t, p)
		phone, _, _ := n.addPasskey(t, p, Proof{password, recovery[0]})
		n.clock.advance(totpPeriod * time.Second)
		page, err := n.byPasskey(t, phone.get(n.askPasskey(t, "")))
		accepted(t, "signing in", err)
		fresh, err := n.Cookie(t.Context(), page.Cookie)
		accepted(t, "its cookie", err)
		refused(t, "no code", try(fresh, Proof{Password: password}), fault.Unauthenticated, "otp_required")
		accepted(t, "the app's code", try(fresh, Proof{password, n.code(t, secret, 0)}))
		if !done() {
			t.Error("it was not changed")
		}
	})
}

func TestChangingAnAccountWithoutAPassword(t *testing.T) {
	eachChange(t, func(t *testing.T, n *node, p Principal, try func(Principal, Proof) error, done func() bool) {
		secret, _ := n.turnOn(t, p)
		n.clock.advance(totpPeriod * time.Second)
		accepted(t, "taking the password away", exec(t, n.db, `UPDATE users SET password_hash = '' WHERE id = $1`, p.UserID))
		if asked, err := n.Asks(t.Context(), p); err != nil || asked != (Asked{Code: true}) {
			t.Errorf("asked for is %+v, %v", asked, err)
		}
		refused(t, "no code", try(p, Proof{}), fault.Unauthenticated, "otp_required")
		refused(t, "a wrong code", try(p, Proof{OTP: other(n.code(t, secret, 0))}), fault.Unauthenticated, "invalid_otp")
		stale := exec(t, n.db, `UPDATE sessions SET proven_at = $1 WHERE user_id = $2`, n.now()-recentSignIn.Microseconds()-1, p.UserID)
		accepted(t, "a while later", stale)
		refused(t, "a right code, a while after the sign-in", try(p, Proof{OTP: n.code(t, secret, 0)}), fault.Forbidden, "sign_in_again")
		accepted(t, "signing in again", exec(t, n.db, `UPDATE sessions SET proven_at = $1 WHERE user_id = $2`, n.now(), p.UserID))
		accepted(t, "the code", try(p, Proof{OTP: n.code(t, secret, 0)}))
		if slices.Contains(n.auditedOf(t, p.UserID), AuditSignInFailed) {
			t.Error("the audit log tells of a wrong password")
		}
	})
}

// Whoever has a session and the password gets no more guesses at the code by changing the account than by signing in.
func TestAttackGuessingCodesByChangingTheAccount(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.bearer(t, n.register(t, ann()))
		secret, recovery := n.turnOn(t, p)
		n.clock.advance(5 * time.Minute)
		tries := []func(otp string) error{
			func(otp string) error {
				return n.ChangePassword(t.Context(), p, Proof{password, otp}, "battery staple", Client{})
			},
			func(otp string) error {
				_, err := n.Rename(t.Context(), p, "thief", Proof{password, otp}, Client{})
				return err
			},
			func(otp string) error {
				_, err := n.ChangePhone(t.Context(), p, "", "", Proof{password, otp}, Client{})
				return err
			},
			func(otp string) error { return n.DeleteOwn(t.Context(), p, Proof{password, otp}, Client{}) },
		}
		for i := range otpLimit().free + 1 {
			refused(t, "a guess", tries[i%len(tries)]("none"), fault.Unauthenticated, "invalid_otp")
		}
		for _, try := range tries {
			refused(t, "the right code within the wait", try(n.code(t, secret, 0)), fault.TooMany, "too_many_attempts")
		}
		_, err := n.login(t, recovery[0])
		refused(t, "signing in within the wait", err, fault.TooMany, "too_many_attempts")
		n.clock.advance(otpLimit().first)
		accepted(t, "after the wait", tries[1](n.code(t, secret, 0)))
	})
}

// One code makes one change, however many ask at once and on whichever node.
func TestAttackOneCodeForManyChanges(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.bearer(t, n.register(t, ann()))
		_, recovery := n.turnOn(t, p)
		nodes := []*node{n, n.beside(t)}
		errs := together(6, func(i int) (err error) {
			at, proof := nodes[i%2], Proof{password, recovery[0]}
			switch i / 2 {
			case 0:
				_, err = at.Rename(t.Context(), p, fmt.Sprintf("ann%d", i), proof, Client{})
			case 1:
				_, err = at.ChangePhone(t.Context(), p, "", "", proof, Client{})
			default:
				_, err = at.ChangeEmail(t.Context(), p, "", "", proof, Client{})
			}
			return err
		})
		if made := successes(errs); made != 1 {
			t.Errorf("%d changes: %v", made, errs)
		}
		if told := n.audited(t, AuditUsername) + n.audited(t, AuditPhone) + n.audited(t, AuditEmail); told != 1 {
			t.Errorf("the audit log tells of %d changes", told)
		}
	})
}

// A change that is refused for another reason leaves the code for the next one.
func TestAChangeThatFailsUsesUpNoCode(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newOffice(t, db)
		p := Principal{UserID: f.ann.ID, Username: "ann"}
		_, recovery := f.turnOn(t, p)
		proof := Proof{password, recovery[0]}
		_, err := f.Rename(t.Context(), p, "bob", proof, Client{})
		refused(t, "a name that is taken", err, fault.Exists, "username_taken")
		accepted(t, "the other administrator leaves", f.DeleteOwn(t.Context(), Principal{UserID: f.zoe.ID}, Proof{Password: password}, Client{}))
		refused(t, "the last administrator", f.DeleteOwn(t.Context(), p, proof, Client{}), fault.Forbidden, "last_admin")
		accepted(t, "another password by the same code", f.ChangePassword(t.Context(), p, proof, "battery staple", Client{}))
	})
}
