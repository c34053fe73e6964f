package web_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/descope/virtualwebauthn"
	"github.com/pquerna/otp/totp"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/web"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const factorPage = "/account/second-factor"

// from2026 gives a house a clock that tests move.
func from2026(h *house, _ *web.Options, _ *authn.Options, _ *drive.Options) {
	h.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
}

func (h *house) code(secret string) string {
	h.Helper()
	code, err := totp.GenerateCode(secret, h.now)
	if err != nil {
		h.Fatal(err)
	}
	return code
}

func codes(doc *goquery.Document) []string {
	return doc.Find("#codes code").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
}

// All of an authenticator app without script: turning it on, signing in in two steps, new recovery codes, turning it off.
func TestAuthenticatorAppOnThePages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db, from2026)
		b, _ := h.user("mia")
		if got := b.page(b.get(factorPage), 200).Find("#totp form").AttrOr("action", ""); got != factorPage+"/totp" {
			t.Errorf("the form leads to %q", got)
		}
		b.page(b.post(factorPage+"/totp", "password", "wrong password"), 403)
		enroll := b.page(b.post(factorPage+"/totp", "password", password), 200)
		secret := enroll.Find("#enroll code").First().Text()
		if src := enroll.Find("#enroll img").AttrOr("src", ""); !strings.HasPrefix(src, "data:image/png;base64,") {
			t.Errorf("the QR code is %.40q", src)
		}
		if href := enroll.Find("#enroll a.button").First().AttrOr("href", ""); !strings.HasPrefix(href, "otpauth://totp/") {
			t.Errorf("the link is %q", href)
		}
		again := b.page(b.post(factorPage+"/totp/confirm", "secret", secret, "otp", "000000"), 401)
		if got := again.Find("#enroll code").First().Text(); got != secret {
			t.Errorf("after a typing error the page shows the secret %q, want %q", got, secret)
		}
		kept := codes(b.page(b.post(factorPage+"/totp/confirm", "secret", secret, "otp", h.code(secret)), 200))
		if len(kept) != authn.RecoveryCodes {
			t.Fatalf("%d recovery codes", len(kept))
		}
		if left := codes(b.page(b.get(factorPage), 200)); len(left) != 0 {
			t.Errorf("recovery codes are shown again: %q", left)
		}
		b.leadsTo(b.get(factorPage+"/totp/confirm"), factorPage)

		h.now = h.now.Add(time.Minute)
		other := h.browser()
		other.page(other.post("/login", "login", "mia", "password", "wrong password"), 401)
		step := func() (half string) {
			t.Helper()
			doc := other.page(other.post("/login", "login", "mia", "password", password, "next", "/drive/a"), 200)
			if text, _ := doc.Html(); strings.Contains(text, password) {
				t.Error("the password is in the page")
			}
			if len(other.cookies) > 0 {
				t.Error("half a sign-in sets a cookie")
			}
			form := doc.Find("form[action='/login/second']")
			if next := form.Find("[name=next]").AttrOr("value", ""); next != "/drive/a" {
				t.Errorf("it goes on to %q", next)
			}
			return form.Find("[name=half]").AttrOr("value", "")
		}
		half := step()
		wrong := other.post("/login/second", "half", half, "otp", "000000", "next", "/drive/a")
		if !strings.HasPrefix(wrong.Header.Get("WWW-Authenticate"), "Cookie ") {
			t.Error("a 401 without a challenge")
		}
		other.page(wrong, 401)
		other.leadsTo(other.post("/login/second", "half", half, "otp", h.code(secret), "next", "/drive/a"), "/drive/a")
		other.page(other.get("/drive/"), 200)
		other.leadsTo(other.post("/logout"), "/login")
		used := other.page(other.post("/login/second", "half", half, "otp", kept[0]), 401)
		if used.Find("form[action='/login']").Length() != 1 {
			t.Error("a used half does not lead back to the beginning")
		}
		other.leadsTo(other.post("/login/second", "half", step(), "otp", kept[0], "next", "https://evil.example/"), "/drive/")

		b.page(b.post(factorPage+"/totp/off", "password", password), 401)
		fresh := codes(b.page(b.post(factorPage+"/recovery-codes", "password", password, "otp", kept[1]), 200))
		if len(fresh) != authn.RecoveryCodes || fresh[0] == kept[0] {
			t.Errorf("new codes: %q", fresh)
		}
		off := b.page(b.post(factorPage+"/totp/off", "password", password, "otp", fresh[0]), 200)
		if off.Find("#recovery").Length() != 0 || off.Find(".notice.good").Length() != 1 {
			t.Error("it is off, and the page does not show it")
		}
		third := h.browser()
		third.leadsTo(third.post("/login", "login", "mia", "password", password), "/drive/")
	})
}

func TestTooManyCodesOnThePages(t *testing.T) {
	h := newHouse(t, from2026)
	b, _ := h.user("mia")
	secret := b.page(b.post(factorPage+"/totp", "password", password), 200).Find("#enroll code").First().Text()
	b.page(b.post(factorPage+"/totp/confirm", "otp", h.code(secret)), 200)
	h.now = h.now.Add(time.Minute)
	b.cookies = map[string]string{}
	var last *http.Response
	for range 20 {
		half := b.page(b.post("/login", "login", "mia", "password", password), 200).Find("[name=half]").AttrOr("value", "")
		if last = b.post("/login/second", "half", half, "otp", "none"); last.StatusCode == 429 {
			break
		}
	}
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" {
		t.Errorf("guessing is answered %d, Retry-After %q", last.StatusCode, last.Header.Get("Retry-After"))
	}
}

// key is a device on the pages.
type key struct {
	party virtualwebauthn.RelyingParty
	auth  virtualwebauthn.Authenticator
	key   virtualwebauthn.Credential
}

// newKey draws a key pair whose coordinates have 32 bytes each, 77 in all with what COSE has around them (RFC 9053, section 7.1.1): the library
// does not pad one that begins with a zero, as it would have to, once in 128 keys.
func newKey() virtualwebauthn.Credential {
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == 77 {
			return c
		}
	}
}

func options(doc *goquery.Document, kind string) string {
	return doc.Find("form#passkey[data-kind="+kind+"]").AttrOr("data-options", "")
}

func TestPasskeyOnThePages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db, onHTTPS)
		b, id := h.user("mia")
		k := key{virtualwebauthn.RelyingParty{ID: "files.example.org", Origin: "https://files.example.org"}, virtualwebauthn.NewAuthenticator(), newKey()}
		b.page(b.post(factorPage+"/passkeys", "name", "phone", "password", "wrong password"), 403)
		b.page(b.post(factorPage+"/passkeys", "name", "", "password", password), 400)
		asked := options(b.page(b.post(factorPage+"/passkeys", "name", "My phone", "password", password), 200), "create")
		var creation struct {
			RP                     struct{ ID string }
			User                   struct{ ID, Name string }
			AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		}
		if err := json.Unmarshal([]byte(asked), &creation); err != nil {
			t.Fatal(err)
		}
		if creation.RP.ID != "files.example.org" || creation.User.Name != "mia" || creation.User.ID != base64.RawURLEncoding.EncodeToString([]byte(id)) ||
			creation.AuthenticatorSelection.ResidentKey != "required" || creation.AuthenticatorSelection.UserVerification != "required" {
			t.Errorf("%s", asked)
		}
		attest, err := virtualwebauthn.ParseAttestationOptions(asked)
		if err != nil {
			t.Fatal(err)
		}
		k.auth.Options.UserHandle = []byte(id)
		made := virtualwebauthn.CreateAttestationResponse(k.party, k.auth, k.key, *attest)
		kept := codes(b.page(b.post(factorPage+"/passkeys/confirm", "response", made), 200))
		if len(kept) != authn.RecoveryCodes {
			t.Fatalf("%d recovery codes", len(kept))
		}
		b.page(b.post(factorPage+"/passkeys/confirm", "response", made), 401)

		get := func(asked string) string {
			t.Helper()
			o, err := virtualwebauthn.ParseAssertionOptions(asked)
			if err != nil {
				t.Fatal(err)
			}
			k.key.Counter++
			return virtualwebauthn.CreateAssertionResponse(k.party, k.auth, k.key, *o)
		}
		other := h.browser()
		if other.page(other.get("/login"), 200).Find("form[action='/login/passkey']").Length() != 1 {
			t.Error("the page to sign in on offers no passkey")
		}
		answer := get(options(other.page(other.post("/login/passkey", "next", "/drive/a"), 200), "get"))
		other.leadsTo(other.post("/login/passkey/finish", "response", answer, "next", "/drive/a"), "/drive/a")
		other.page(other.get("/drive/"), 200)
		other.leadsTo(other.post("/logout"), "/login")
		other.page(other.post("/login/passkey/finish", "response", answer), 401)

		half := other.page(other.post("/login", "login", "mia", "password", password), 200).Find("form[action='/login/passkey'] [name=half]").AttrOr("value", "")
		answer = get(options(other.page(other.post("/login/passkey", "half", half), 200), "get"))
		other.leadsTo(other.post("/login/passkey/finish", "response", answer), "/drive/")

		remove := b.page(b.get(factorPage), 200).Find("#passkeys .rows form").AttrOr("action", "")
		noa, _ := h.user("noa")
		noa.page(noa.post(remove, "password", password), 404)
		b.page(b.post(remove, "password", password), 401)
		b.page(b.post(remove, "password", password, "otp", kept[0]), 200)
		other.leadsTo(other.post("/logout"), "/login")
		answer = get(options(other.page(other.post("/login/passkey"), 200), "get"))
		other.page(other.post("/login/passkey/finish", "response", answer), 401)
	})
}

// A passkey belongs to a name, and to a connection that nobody reads.
func TestWherePasskeysAreNotOffered(t *testing.T) {
	for host, why := range map[string]string{"127.0.0.1:8080": "IP address", "[::1]:8080": "IP address", "files.example.org": "HTTPS", "localhost:8080": "", "LOCALHOST": ""} {
		h := newHouse(t)
		b, _ := h.user("mia")
		doc := b.page(b.get("http://"+host+factorPage), 200)
		offered := doc.Find("form[action='"+factorPage+"/passkeys']").Length() == 1
		if offered != (why == "") || !strings.Contains(doc.Find("#passkeys").Text(), why) {
			t.Errorf("%s: offered %v: %s", host, offered, doc.Find("#passkeys").Text())
		}
		b.cookies = map[string]string{}
		if got := b.page(b.get("http://"+host+"/login"), 200).Find("form[action='/login/passkey']").Length() == 1; got != offered {
			t.Errorf("%s: the page to sign in on offers them: %v", host, got)
		}
	}
}
