package authn

import (
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func site() Site { return Site{Host: "files.example.org", Origin: "https://files.example.org"} }

// device is somebody's authenticator, with one passkey.
type device struct {
	t    *testing.T
	site Site
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

func newDevice(t *testing.T) *device {
	return &device{t, site(), virtualwebauthn.NewAuthenticator(), newKey()}
}

// paddedEC2 is how many bytes the public key of a P-256 key pair has in COSE, its coordinates 32 bytes each (RFC 9053, section 7.1.1).
const paddedEC2 = 77

// newKey draws a key pair whose coordinates begin with no zero: the library does not pad them, as it would have to, once in 128 keys.
func newKey() virtualwebauthn.Credential {
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == paddedEC2 {
			return c
		}
	}
}

func (d *device) party() virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{ID: d.site.Host, Name: "Satchel", Origin: d.site.Origin}
}

// create is navigator.credentials.create.
func (d *device) create(options []byte) []byte {
	d.t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		d.t.Fatal(err)
	}
	d.auth.Options.UserHandle = []byte(o.UserID)
	d.auth.AddCredential(d.key)
	return []byte(virtualwebauthn.CreateAttestationResponse(d.party(), d.auth, d.key, *o))
}

// get is navigator.credentials.get.
func (d *device) get(options []byte) []byte {
	d.t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		d.t.Fatal(err)
	}
	d.key.Counter++
	return []byte(virtualwebauthn.CreateAssertionResponse(d.party(), d.auth, d.key, *o))
}

// addPasskey registers a device for an account without a second factor.
func (n *node) addPasskey(t *testing.T, p Principal, proof Proof) (*device, Passkey, []string) {
	t.Helper()
	d := newDevice(t)
	options, err := n.BeginPasskey(t.Context(), p, site(), " My phone ", proof, Client{})
	if err != nil {
		t.Fatal(err)
	}
	k, recovery, err := n.FinishPasskey(t.Context(), p, site(), d.create(options), Client{})
	if err != nil {
		t.Fatal(err)
	}
	return d, k, recovery
}

func (n *node) askPasskey(t *testing.T, half string) []byte {
	t.Helper()
	options, err := n.BeginPasskeyLogin(t.Context(), site(), half, Client{Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return options
}

func (n *node) byPasskey(t *testing.T, response []byte) (PageSession, error) {
	t.Helper()
	return n.FinishPasskeyLogin(t.Context(), site(), response, Client{Address: "192.0.2.1"})
}

func TestPasskey(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		_, err := n.BeginPasskey(t.Context(), p, site(), "phone", Proof{Password: "wrong password"}, Client{})
		refused(t, "without the password", err, fault.Forbidden, "wrong_password")
		_, err = n.BeginPasskey(t.Context(), p, site(), " ", Proof{Password: password}, Client{})
		refused(t, "without a name", err, fault.Invalid, "invalid_fields")
		_, err = n.BeginPasskey(t.Context(), p, site(), strings.Repeat("x", MaxPasskeyName+1), Proof{Password: password}, Client{})
		refused(t, "with a long name", err, fault.Invalid, "invalid_fields")

		phone, k, recovery := n.addPasskey(t, p, Proof{Password: password})
		if k.Name != "My phone" || k.Host != "files.example.org" || len(recovery) != RecoveryCodes {
			t.Errorf("%+v, %d codes", k, len(recovery))
		}
		f, err := n.SecondFactor(t.Context(), p)
		if err != nil || !f.On() || f.TOTP || len(f.Passkeys) != 1 || !f.Passkeys[0].Used.IsZero() {
			t.Errorf("%+v %v", f, err)
		}
		_, err = n.Basic(t.Context(), "ann", password, Client{})
		refused(t, "a passkey alone closes Basic", err, fault.Unauthenticated, "app_password_required")
		_, err = n.login(t, "")
		refused(t, "and the app's sign-in by password", err, fault.Unauthenticated, "otp_required")

		for range 2 {
			page, err := n.byPasskey(t, phone.get(n.askPasskey(t, "")))
			if err != nil || page.User.Username != "Ann" {
				t.Fatalf("signing in: %+v %v", page, err)
			}
			_, err = n.Cookie(t.Context(), page.Cookie)
			accepted(t, "its cookie", err)
		}
		half, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "the first step", err)
		_, err = n.byPasskey(t, phone.get(n.askPasskey(t, half.Half)))
		accepted(t, "as the second step", err)
		_, err = n.FinishPage(t.Context(), half.Half, recovery[0], Client{})
		refused(t, "the second step once more", err, fault.Unauthenticated, "sign_in_expired")

		_, _, more := n.addPasskey(t, p, Proof{password, recovery[0]})
		if more != nil {
			t.Errorf("a second passkey brings new recovery codes: %q", more)
		}
		f, _ = n.SecondFactor(t.Context(), p)
		if len(f.Passkeys) != 2 || f.Passkeys[0].Used.IsZero() || f.RecoveryCodes != RecoveryCodes-1 {
			t.Errorf("%+v", f)
		}
		refused(t, "removing without a code", n.RemovePasskey(t.Context(), p, k.ID, Proof{Password: password}, Client{}), fault.Unauthenticated, "otp_required")
		accepted(t, "removing", n.RemovePasskey(t.Context(), p, k.ID, Proof{password, recovery[1]}, Client{}))
		_, err = n.byPasskey(t, phone.get(n.askPasskey(t, "")))
		refused(t, "the removed one", err, fault.Unauthenticated, "invalid_passkey")
		refused(t, "removing it again", n.RemovePasskey(t.Context(), p, k.ID, Proof{password, recovery[2]}, Client{}), fault.NotFound, "no_passkey")
		_, err = n.login(t, "")
		refused(t, "one is still there", err, fault.Unauthenticated, "otp_required")
		accepted(t, "removing the last", n.RemovePasskey(t.Context(), p, f.Passkeys[1].ID, Proof{password, recovery[2]}, Client{}))
		_, err = n.login(t, "")
		accepted(t, "the password is enough again", err)
		for event, want := range map[string]int{AuditPasskeyAdded: 2, AuditPasskeyRemoved: 2, AuditFactorOn: 1, AuditFactorOff: 1} {
			if got := n.audited(t, event); got != want {
				t.Errorf("the audit log tells %s %d times, want %d", event, got, want)
			}
		}
	})
}

func TestAttackPasskeyChallengeReplay(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		options, err := n.BeginPasskey(t.Context(), p, site(), "phone", Proof{Password: password}, Client{})
		accepted(t, "begin", err)
		phone := newDevice(t)
		response := phone.create(options)
		_, _, err = n.FinishPasskey(t.Context(), p, site(), response, Client{})
		accepted(t, "register", err)
		_, _, err = n.FinishPasskey(t.Context(), p, site(), response, Client{})
		refused(t, "the registration again", err, fault.Unauthenticated, "passkey_expired")

		ask := n.askPasskey(t, "")
		answer := phone.get(ask)
		other := n.beside(t)
		errs := together(6, func(i int) error {
			_, err := []*node{n, other}[i%2].byPasskey(t, answer)
			return err
		})
		if got := successes(errs); got != 1 {
			t.Errorf("one answer signed in %d times", got)
		}
		_, err = n.byPasskey(t, phone.get(ask))
		refused(t, "a new answer to a used question", err, fault.Unauthenticated, "passkey_expired")

		late := phone.get(n.askPasskey(t, ""))
		n.clock.advance(challengeTTL)
		_, err = n.byPasskey(t, late)
		refused(t, "an answer too late", err, fault.Unauthenticated, "passkey_expired")

		// A wrong answer uses the question up as well.
		ask = n.askPasskey(t, "")
		stranger := newDevice(t)
		_, err = n.byPasskey(t, stranger.get(ask))
		refused(t, "a stranger's answer", err, fault.Unauthenticated, "invalid_passkey")
		_, err = n.byPasskey(t, phone.get(ask))
		refused(t, "and then the owner's", err, fault.Unauthenticated, "passkey_expired")

		// The question of one purpose is none of the other.
		options, err = n.BeginPasskeyLogin(t.Context(), site(), "", Client{})
		accepted(t, "begin", err)
		forged := strings.Replace(string(options), `{`, `{"user":{"id":"eA","name":"x","displayName":"x"},"rp":{"id":"files.example.org","name":"x"},"pubKeyCredParams":[{"type":"public-key","alg":-7}],`, 1)
		_, _, err = n.FinishPasskey(t.Context(), p, site(), newDevice(t).create([]byte(forged)), Client{})
		refused(t, "a sign-in's question at the registration", err, fault.Unauthenticated, "passkey_expired")
	})
}

func TestAttackPasskeyOfAnotherUser(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		p := n.who(t, n.register(t, ann()))
		annsPhone, annsKey, annsCodes := n.addPasskey(t, p, Proof{Password: password})
		bob := n.who(t, n.register(t, Registration{Username: "bob", Password: password}))
		bobsPhone, _, bobsCodes := n.addPasskey(t, bob, Proof{Password: password})

		half, err := n.LoginPage(t.Context(), "ann", password, Client{})
		accepted(t, "who knows ann's password", err)
		_, err = n.byPasskey(t, bobsPhone.get(n.askPasskey(t, half.Half)))
		refused(t, "bob's passkey for ann's second step", err, fault.Unauthenticated, "invalid_passkey")

		bobsPhone.auth.Options.UserHandle = []byte(p.UserID)
		_, err = n.byPasskey(t, bobsPhone.get(n.askPasskey(t, "")))
		refused(t, "bob's passkey with ann's name", err, fault.Unauthenticated, "invalid_passkey")
		stolen := *bobsPhone
		stolen.key.ID = annsPhone.key.ID
		_, err = n.byPasskey(t, stolen.get(n.askPasskey(t, "")))
		refused(t, "bob's key under the id of ann's", err, fault.Unauthenticated, "invalid_passkey")

		refused(t, "bob removes ann's", n.RemovePasskey(t.Context(), bob, annsKey.ID, Proof{password, bobsCodes[0]}, Client{}), fault.NotFound, "no_passkey")
		options, err := n.BeginPasskey(t.Context(), p, site(), "laptop", Proof{password, annsCodes[0]}, Client{})
		accepted(t, "ann begins", err)
		_, _, err = n.FinishPasskey(t.Context(), bob, site(), newDevice(t).create(options), Client{})
		refused(t, "bob finishes what ann began", err, fault.Unauthenticated, "invalid_passkey")

		options, err = n.BeginPasskey(t.Context(), bob, site(), "copy", Proof{password, bobsCodes[1]}, Client{})
		accepted(t, "bob begins", err)
		_, _, err = n.FinishPasskey(t.Context(), bob, site(), annsPhone.create(options), Client{})
		refused(t, "bob registers ann's passkey as his", err, fault.Exists, "passkey_known")
	})
}

func TestAttackPasskeyOfAnotherSite(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		phone, _, _ := n.addPasskey(t, n.who(t, n.register(t, ann())), Proof{Password: password})
		phone.site = Site{Host: "evil.example", Origin: "https://evil.example"}
		_, err := n.byPasskey(t, phone.get(n.askPasskey(t, "")))
		refused(t, "an answer given to another site", err, fault.Unauthenticated, "invalid_passkey")
		options, err := n.BeginPasskeyLogin(t.Context(), phone.site, "", Client{})
		accepted(t, "a question in the name of another site", err)
		_, err = n.FinishPasskeyLogin(t.Context(), phone.site, phone.get(options), Client{})
		refused(t, "this site's passkey at another", err, fault.Unauthenticated, "invalid_passkey")
		phone.site = Site{Host: "files.example.org", Origin: "https://other.files.example.org"}
		_, err = n.byPasskey(t, phone.get(n.askPasskey(t, "")))
		refused(t, "an answer given to another origin of the host", err, fault.Unauthenticated, "invalid_passkey")

		phone.site = site()
		phone.auth.Options.UserNotVerified = true
		_, err = n.byPasskey(t, phone.get(n.askPasskey(t, "")))
		refused(t, "a device that did not ask for finger, face or PIN", err, fault.Unauthenticated, "invalid_passkey")
		if got := n.audited(t, AuditPasskeyFailed); got != 3 {
			t.Errorf("the audit log tells of %d failures, want 3", got)
		}
	})
}

// A counter that goes back is a sign of a copy (Web Authentication, Level 3, section 6.1.1).
func TestAttackClonedPasskey(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		phone, _, _ := n.addPasskey(t, n.who(t, n.register(t, ann())), Proof{Password: password})
		copied := *phone
		for range 2 {
			_, err := n.byPasskey(t, phone.get(n.askPasskey(t, "")))
			accepted(t, "the owner", err)
		}
		_, err := n.byPasskey(t, copied.get(n.askPasskey(t, "")))
		refused(t, "the copy", err, fault.Unauthenticated, "passkey_cloned")
		if got := n.audited(t, AuditPasskeyCloned); got != 1 {
			t.Errorf("the audit log tells it %d times", got)
		}
		// Passkeys that are kept in an account of a vendor count nothing.
		bob, _, _ := n.addPasskey(t, n.who(t, n.register(t, Registration{Username: "bob", Password: password})), Proof{Password: password})
		for range 3 {
			options := n.askPasskey(t, "")
			bob.key.Counter-- // what get adds
			_, err := n.byPasskey(t, bob.get(options))
			accepted(t, "a passkey without a counter", err)
		}
	})
}

func TestADisabledAccountsPasskeyOpensNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		phone, _, _ := n.addPasskey(t, n.who(t, n.register(t, ann())), Proof{Password: password})
		accepted(t, "disable", n.SetDisabled(t.Context(), "ann", true))
		_, err := n.byPasskey(t, phone.get(n.askPasskey(t, "")))
		refused(t, "disabled", err, fault.Forbidden, "account_disabled")
		accepted(t, "enable", n.SetDisabled(t.Context(), "ann", false))
		accepted(t, "reset", n.ResetFactor(t.Context(), "ann"))
		_, err = n.byPasskey(t, phone.get(n.askPasskey(t, "")))
		refused(t, "reset", err, fault.Unauthenticated, "invalid_passkey")
	})
}

// A flood of questions from one network ends its own, not those of others.
func TestAttackChallengeFlood(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		phone, _, _ := n.addPasskey(t, n.who(t, n.register(t, ann())), Proof{Password: password})
		mine := n.askPasskey(t, "")
		for i := range maxNetworkChallenges + 20 {
			n.clock.advance(time.Microsecond)
			address := []string{"2001:db8::1", "2001:db8::ffff:2"}[i%2]
			_, err := n.BeginPasskeyLogin(t.Context(), site(), "", Client{Address: address})
			accepted(t, "a question", err)
		}
		if got := count(t, n.db, `SELECT COUNT(*) FROM passkey_challenges`); got != maxNetworkChallenges+1 {
			t.Errorf("%d questions are open", got)
		}
		_, err := n.byPasskey(t, phone.get(mine))
		accepted(t, "somebody else's question", err)
		n.clock.advance(challengeTTL)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if got := count(t, n.db, `SELECT COUNT(*) FROM passkey_challenges`); got != 0 {
			t.Errorf("%d are left", got)
		}
	})
}

func TestAttackGarbageForAPasskey(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	p := n.who(t, n.register(t, ann()))
	for _, garbage := range []string{"", "{}", "[]", "null", `{"id":"eA","rawId":"eA","type":"public-key","response":{}}`, strings.Repeat("[", 20_000)} {
		_, err := n.byPasskey(t, []byte(garbage))
		refused(t, "sign-in", err, fault.Unauthenticated, "invalid_passkey")
		_, _, err = n.FinishPasskey(t.Context(), p, site(), []byte(garbage), Client{})
		refused(t, "registration", err, fault.Unauthenticated, "invalid_passkey")
	}
	_, err := n.byPasskey(t, make([]byte, maxCeremony+1))
	refused(t, "too long", err, fault.TooLarge, "too_large")
}
