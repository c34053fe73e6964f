package web_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/openid/openidtest"
	"github.com/satchelhq/satchel/server/web"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// acme is a provider that runs, and the setting that makes a house know it.
func acme(t *testing.T, callback string) (*openidtest.Provider, setting) {
	t.Helper()
	there := openidtest.New(t, callback)
	there.People["mia"] = jwt.MapClaims{"sub": "m-1", "email": "mia@example.org", "email_verified": true, "preferred_username": "mia"}
	p, err := openid.New(openid.Options{ID: "sso", Name: "Acme & Sons", Issuer: there.URL, ClientID: openidtest.ClientID,
		ClientSecret: openidtest.ClientSecret, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return there, func(_ *house, _ *web.Options, a *authn.Options, _ *drive.Options) {
		a.Providers = []*openid.Provider{p}
	}
}

const overHTTP = "http://example.com/login/oidc/sso/callback"

// onward is where a page goes on to by itself, and by a link.
func (b *browser) onward(response *http.Response) string {
	b.Helper()
	to, ok := strings.CutPrefix(response.Header.Get("Refresh"), "0; url=")
	link := b.page(response, 200).Find("main a").AttrOr("href", "")
	if !ok || link != to {
		b.Fatalf("the page goes on to %q, its link to %q", to, link)
	}
	return to
}

// returns is the local address that the provider sends the browser back to.
func returns(t *testing.T, there *openidtest.Provider, address, login string) string {
	t.Helper()
	u := there.SignIn(t, address, login)
	return u.RequestURI()
}

func TestSigningInAtAProvider(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		there, known := acme(t, overHTTP)
		h := newHouseOn(t, db, known)
		b := h.browser()
		form := b.page(b.get("/login?next=/drive/photos"), 200).Find(".elsewhere form")
		if form.AttrOr("action", "") != "/login/oidc/sso" || form.AttrOr("method", "") != "post" || form.Find("button").Text() != "Continue with Acme & Sons" ||
			form.Find("[name=next]").AttrOr("value", "") != "/drive/photos" {
			t.Fatalf("the page to sign in on offers %q", form.Text())
		}
		if got := b.page(b.get("/register"), 200).Find(".elsewhere button").Text(); got != "Continue with Acme & Sons" {
			t.Errorf("the page for newcomers offers %q", got)
		}
		to := b.onward(b.post("/login/oidc/sso", "next", "/drive/photos"))
		back := returns(t, there, to, "mia")
		if response := b.do(http.MethodHead, back); response.StatusCode != 200 || len(response.Cookies()) != 0 {
			t.Errorf("HEAD is answered with %d", response.StatusCode)
		}
		b.leadsTo(b.get(back), "/drive/photos")
		if got := b.page(b.get("/drive/"), 200).Find(".user bdi").Text(); got != "mia" {
			t.Errorf("signed in as %q", got)
		}
		// Back in the history, and the same answer once more: nothing happens twice.
		if got := b.page(b.get(back), 400).Find("main").Text(); !strings.Contains(got, "Begin it again") {
			t.Errorf("the answer counts twice: %q", got)
		}
		if got := b.page(b.get("/account/identities"), 200).Find(".rows li").Text(); !strings.Contains(got, "mia@example.org") || !strings.Contains(got, "Acme & Sons") {
			t.Errorf("the account's page lists %q", got)
		}
	})
}

func TestTheCookieOfASignInElsewhere(t *testing.T) {
	for _, c := range []struct {
		name, cookie, callback string
		settings               []setting
	}{
		{"over HTTP", "satchel-oidc", overHTTP, nil},
		{"over HTTPS", "__Host-satchel-oidc", "https://files.example.org/login/oidc/sso/callback", []setting{onHTTPS}},
	} {
		t.Run(c.name, func(t *testing.T) {
			there, known := acme(t, c.callback)
			b := newHouse(t, append(c.settings, known)...).browser()
			response := b.post("/login/oidc/sso")
			if len(response.Cookies()) != 1 {
				t.Fatalf("%d cookies", len(response.Cookies()))
			}
			got := response.Cookies()[0]
			if got.Name != c.cookie || got.Secure != (c.callback != overHTTP) || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.MaxAge != 600 {
				t.Errorf("cookie %s", got)
			}
			before := got.Value
			set := b.get(returns(t, there, b.onward(response), "mia")).Cookies()
			if len(set) != 1 || strings.Contains(set[0].Value, before) {
				t.Errorf("the session is held by %v", set)
			}
		})
	}
}

func TestAttackOIDCOnThePages(t *testing.T) {
	there, known := acme(t, overHTTP)
	h := newHouse(t, known)
	refusedPage := func(b *browser, response *http.Response, status int, says string) {
		t.Helper()
		raw := b.page(response, status)
		html, _ := raw.Html()
		if !strings.Contains(raw.Find("#problem").Text(), says) || strings.Contains(html, "own words") {
			t.Errorf("the page says %q, want %q", raw.Find("#problem").Text(), says)
		}
		for _, c := range response.Cookies() {
			if c.Name == authn.CookieName {
				t.Error("somebody was signed in")
			}
		}
	}
	t.Run("login CSRF: the attacker's answer in the victim's browser", func(t *testing.T) {
		attacker, victim := h.browser(), h.browser()
		back := returns(t, there, attacker.onward(attacker.post("/login/oidc/sso")), "mia")
		refusedPage(victim, victim.get(back), 400, "not begun in this browser")
		victim.post("/login/oidc/sso")
		refusedPage(victim, victim.get(back), 400, "not begun in this browser")
	})
	t.Run("session fixation: a session that was there before is not the one that is opened", func(t *testing.T) {
		b := h.browser()
		b.cookies[authn.CookieName] = strings.Repeat("A", 43)
		b.leadsTo(b.get(returns(t, there, b.onward(b.post("/login/oidc/sso")), "mia")), "/drive/")
		if b.cookies[authn.CookieName] == strings.Repeat("A", 43) {
			t.Error("the attacker knows the session")
		}
	})
	t.Run("open redirect by next", func(t *testing.T) {
		for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/drive/../login", "/login/oidc/sso/callback?code=x", "javascript:alert(1)", "/drive/\r\nLocation: x"} {
			b := h.browser()
			b.leadsTo(b.get(returns(t, there, b.onward(b.post("/login/oidc/sso", "next", next)), "mia")), "/drive/")
		}
	})
	t.Run("header injection by the answer", func(t *testing.T) {
		b := h.browser()
		b.post("/login/oidc/sso")
		refusedPage(b, b.get("/login/oidc/sso/callback?"+url.Values{"state": {"x\r\nSet-Cookie: a=b"}, "error": {"<script>own words</script>"}, "error_description": {"own words"}}.Encode()), 400, "not begun")
	})
	t.Run("cancelled there, and next is kept", func(t *testing.T) {
		b := h.browser()
		state, err := url.Parse(b.onward(b.post("/login/oidc/sso", "next", "/drive/photos")))
		if err != nil {
			t.Fatal(err)
		}
		response := b.get("/login/oidc/sso/callback?" + url.Values{"state": {state.Query().Get("state")}, "error": {"access_denied"}, "error_description": {"own words"}}.Encode())
		page := b.page(response, 403)
		if page.Find(".elsewhere [name=next]").AttrOr("value", "") != "/drive/photos" || !strings.Contains(page.Find("#problem").Text(), "cancelled") {
			t.Errorf("the page says %q", page.Find("main").Text())
		}
	})
	t.Run("refused there", func(t *testing.T) {
		b := h.browser()
		refusedPage(b, b.get(returns(t, there, b.onward(b.post("/login/oidc/sso")), "a stranger")), 401, "Acme & Sons did not confirm who you are")
	})
	t.Run("begun by a link", func(t *testing.T) {
		b := h.browser()
		b.leadsTo(b.get("/login/oidc/sso"), "/login")
		b.page(b.post("/login/oidc/nobody"), 404)
		b.page(b.get("/login/oidc/nobody/callback?state=x&code=y"), 404)
	})
	t.Run("the provider is down", func(t *testing.T) {
		down, known := acme(t, overHTTP)
		down.Set(func(p *openidtest.Provider) {
			p.Handle["/.well-known/openid-configuration"] = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "own words", 500) }
		})
		h := newHouse(t, known)
		b := h.browser()
		response := b.post("/login/oidc/sso", "next", "/drive/photos")
		refusedPage(b, response, 503, "does not answer as it should")
		if response.Header.Get("Retry-After") == "" {
			t.Error("the page does not say when to try again")
		}
		mia, _ := h.user("mia")
		mia.page(mia.get("/drive/"), 200)
	})
}

// A second factor that was turned on here is asked for after the provider too.
func TestSecondFactorAfterAProvider(t *testing.T) {
	there, known := acme(t, overHTTP)
	h := newHouse(t, known, from2026)
	b := h.browser()
	b.leadsTo(b.get(returns(t, there, b.onward(b.post("/login/oidc/sso")), "mia")), "/drive/")
	secret := b.page(b.post(factorPage+"/totp"), 200).Find("#enroll code").First().Text()
	b.page(b.post(factorPage+"/totp/confirm", "secret", secret, "otp", h.code(secret)), 200)

	h.now = h.now.Add(time.Minute)
	other := h.browser()
	response := other.get(returns(t, there, other.onward(other.post("/login/oidc/sso", "next", "/drive/photos")), "mia"))
	form := other.page(response, 200).Find("main form").First()
	if other.cookies[authn.CookieName] != "" {
		t.Fatal("the provider alone opens a session")
	}
	other.leadsTo(other.post(form.AttrOr("action", ""), "half", form.Find("[name=half]").AttrOr("value", ""),
		"next", form.Find("[name=next]").AttrOr("value", ""), "otp", h.code(secret)), "/drive/photos")
}

func TestLinkingOnThePages(t *testing.T) {
	there, known := acme(t, overHTTP)
	h := newHouse(t, known)
	ann, _ := h.user("ann")
	stranger := h.browser()
	stranger.leadsTo(stranger.get("/account/identities"), "/login?next=%2Faccount%2Fidentities")
	stranger.leadsTo(stranger.post("/account/identities", "action", "link", "provider", "sso"), "/login?next=%2Faccount%2Fidentities")

	page := ann.page(ann.get("/account/identities"), 200)
	if page.Find(".rows li").Length() != 0 || page.Find("input[type=password]").Length() != 1 {
		t.Errorf("the page reads %q", page.Find("main").Text())
	}
	if got := ann.page(ann.post("/account/identities", "action", "link", "provider", "sso", "password", "wrong password"), 403).Find("#problem").Text(); !strings.Contains(got, "password is wrong") {
		t.Errorf("a wrong password: %q", got)
	}
	to := ann.onward(ann.post("/account/identities", "action", "link", "provider", "sso", "password", password))
	ann.leadsTo(ann.get(returns(t, there, to, "mia")), "/account/identities")

	// Now it opens ann's account, and belongs to no other.
	b := h.browser()
	b.leadsTo(b.get(returns(t, there, b.onward(b.post("/login/oidc/sso")), "mia")), "/drive/")
	if got := b.page(b.get("/drive/"), 200).Find(".user bdi").Text(); got != "ann" {
		t.Errorf("mia at the provider is %q here", got)
	}
	bob, _ := h.user("bob")
	to = bob.onward(bob.post("/account/identities", "action", "link", "provider", "sso", "password", password))
	if got := bob.page(bob.get(returns(t, there, to, "mia")), 409).Find("#problem").Text(); !strings.Contains(got, "linked to another account") {
		t.Errorf("linking what ann has: %q", got)
	}
	id := ann.page(ann.get("/account/identities"), 200).Find("[name=id]").AttrOr("value", "")
	bob.page(bob.post("/account/identities", "action", "unlink", "id", id), 404)
	ann.leadsTo(ann.post("/account/identities", "action", "unlink", "id", id), "/account/identities")
	if n := ann.page(ann.get("/account/identities"), 200).Find(".rows li").Length(); n != 0 {
		t.Errorf("%d are left", n)
	}
	ann.page(ann.post("/account/identities", "action", "x"), 400)
}

func TestClosedToNewcomersFromElsewhere(t *testing.T) {
	there, known := acme(t, overHTTP)
	b := newHouse(t, known, closed).browser()
	if n := b.page(b.get("/register"), 200).Find(".elsewhere").Length(); n != 0 {
		t.Error("the page for newcomers offers what makes no account")
	}
	response := b.get(returns(t, there, b.onward(b.post("/login/oidc/sso")), "mia"))
	if got := b.page(response, 403).Find("#problem").Text(); !strings.Contains(got, "new ones are made by the administrator") {
		t.Errorf("a newcomer reads %q", got)
	}
}
