package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// A newcomer's way: registering, the drive, signing out, signing in again.
func TestSignUp(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newHouseOn(t, db).browser()
		b.leadsTo(b.get("/"), "/login")
		if got := b.page(b.get("/login"), 200).Find(".aside a").AttrOr("href", ""); got != "/register" {
			t.Errorf("the page to sign in on leads newcomers to %q", got)
		}
		b.page(b.get("/register"), 200)
		b.leadsTo(b.post("/register", "username", "Mia", "password", password, "email", "mia@example.org"), "/drive/")

		b.leadsTo(b.get("/"), "/drive/")
		b.leadsTo(b.get("/login"), "/drive/")
		b.leadsTo(b.get("/register"), "/drive/")
		if got := b.page(b.get("/drive/"), 200).Find(".user bdi").Text(); got != "Mia" {
			t.Errorf("signed in as %q", got)
		}

		session := b.cookies[authn.CookieName]
		b.leadsTo(b.post("/logout"), "/login")
		if len(b.cookies) > 0 {
			t.Error("the cookie is still there")
		}
		b.cookies[authn.CookieName] = session // a copy of it is worth nothing
		b.leadsTo(b.get("/drive/"), "/login")
		b.leadsTo(b.post("/logout"), "/login")

		b.leadsTo(b.post("/login", "login", "mia@example.org", "password", password), "/drive/")
		b.page(b.get("/drive/"), 200)
	})
}

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		name, cookie string
		secure       bool
		settings     []setting
	}{
		{"over HTTP", "satchel", false, nil},
		{"over HTTPS", "__Host-satchel", true, []setting{onHTTPS}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, c.settings...)
			h.user("mia")
			b := h.browser()
			check := func(cookies []*http.Cookie) *http.Cookie {
				t.Helper()
				if len(cookies) != 1 {
					t.Fatalf("%d cookies", len(cookies))
				}
				got := cookies[0]
				if got.Name != c.cookie || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
					t.Errorf("cookie: %s", got)
				}
				return got
			}
			set := check(b.post("/login", "login", "mia", "password", password).Cookies())
			if left := time.Until(set.Expires); set.MaxAge <= 0 || left < 29*24*time.Hour || left > 31*24*time.Hour {
				t.Errorf("the cookie lives for %v, %d s", left, set.MaxAge)
			}
			if cleared := check(b.post("/logout").Cookies()); cleared.MaxAge >= 0 || cleared.Value != "" {
				t.Errorf("signing out leaves %s", cleared)
			}
		})
	}
}

// A wrong password and an unknown name look the same.
func TestLoginRefused(t *testing.T) {
	h := newHouse(t)
	h.user("mia")
	var texts []string
	for _, login := range []string{"mia", `nobody"><script>`} {
		b := h.browser()
		response := b.post("/login", "login", login, "password", "wrong password", "next", "/drive/a%20b")
		doc := b.page(response, 401)
		if got := response.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Cookie ") {
			t.Errorf("WWW-Authenticate %q would open a dialog", got)
		}
		if len(b.cookies) > 0 {
			t.Error("a cookie was set")
		}
		if got := doc.Find("#login").AttrOr("value", ""); got != login {
			t.Errorf("the name is %q, want %q", got, login)
		}
		if got := doc.Find("#password").AttrOr("value", ""); got != "" {
			t.Error("the password is on the page")
		}
		if got := doc.Find("input[name=next]").AttrOr("value", ""); got != "/drive/a%20b" {
			t.Errorf("next is %q", got)
		}
		texts = append(texts, doc.Find("#problem p").Text())
	}
	if texts[0] == "" || texts[0] != texts[1] {
		t.Errorf("two sentences for one refusal: %q", texts)
	}
}

func TestRegisterRefused(t *testing.T) {
	h := newHouse(t)
	h.user("mia")
	for _, c := range []struct {
		name   string
		form   []string
		status int
		fields []string
	}{
		{"nothing filled in", nil, 400, []string{"username", "password"}},
		{"every field wrong", []string{"username", "a b", "password", "short", "email", "x", "phone", "0171"}, 400, []string{"username", "password", "email", "phone"}},
		{"a name that is taken", []string{"username", "MIA", "password", password}, 409, []string{"username"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := h.browser()
			doc := b.page(b.post("/register", c.form...), c.status)
			for _, field := range c.fields {
				if doc.Find("#"+field+"-problem").Text() == "" || doc.Find("#"+field+"[aria-invalid=true]").Length() != 1 {
					t.Errorf("nothing is said about %s", field)
				}
			}
			if got := doc.Find(".field-problem").Length(); got != len(c.fields) {
				t.Errorf("%d fields have a problem, want %d", got, len(c.fields))
			}
			if len(c.form) > 1 && doc.Find("#username").AttrOr("value", "") != c.form[1] {
				t.Error("what was typed is gone")
			}
			if doc.Find("#password").AttrOr("value", "") != "" || len(b.cookies) > 0 {
				t.Error("the password is on the page, or a cookie was set")
			}
		})
	}
}

func TestRegistrationClosed(t *testing.T) {
	b := newHouse(t, closed).browser()
	if got := b.page(b.get("/login"), 200).Find(".aside").Length(); got != 0 {
		t.Error("newcomers are invited")
	}
	if doc := b.page(b.get("/register"), 200); doc.Find("main form").Length() != 0 {
		t.Error("there is a form")
	}
	b.page(b.post("/register", "username", "mia", "password", password), 403)
}

func TestNext(t *testing.T) {
	h := newHouse(t)
	h.user("mia")
	for next, want := range map[string]string{
		"":                                      "/drive/",
		"/drive/a%20b?after=c":                  "/drive/a%20b?after=c",
		"/drive/%E6%97%A5":                      "/drive/%E6%97%A5",
		"/raw/a.txt?download":                   "/raw/a.txt?download",
		"/raw/a.txt#f":                          "/raw/a.txt",
		"https://evil.example/":                 "/drive/",
		"//evil.example/drive/":                 "/drive/",
		"///evil.example/drive/":                "/drive/",
		`/\evil.example/drive/`:                 "/drive/",
		`\\evil.example`:                        "/drive/",
		"/drive/\\..\\..\\evil":                 "/drive/",
		"/\t/evil.example":                      "/drive/",
		"/drive/\n//evil.example":               "/drive/",
		"javascript:alert(1)":                   "/drive/",
		"drive/":                                "/drive/",
		"/logout":                               "/drive/",
		"/open?ticket=abc":                      "/drive/",
		"/drive/../open?ticket=a":               "/drive/",
		"/drive/%2e%2E/open":                    "/drive/",
		"/drive/./x":                            "/drive/",
		"/drive/%zz":                            "/drive/",
		"/drive/" + strings.Repeat("a", 20_000): "/drive/",
	} {
		b := h.browser()
		if got := b.page(b.get("/login?next="+url.QueryEscape(next)), 200).Find("input[name=next]").AttrOr("value", ""); got != want && (got != "" || want != "/drive/") {
			t.Errorf("the form goes on from %q to %q", next, got)
		}
		b.leadsTo(b.post("/login", "login", "mia", "password", password, "next", next), want)
		b.leadsTo(b.get("/login?next="+url.QueryEscape(next)), want) // signed in by now
	}
}

// A ticket that an app got opens the drive once, within a minute.
func TestTicket(t *testing.T) {
	h := newHouse(t)
	h.now = time.Now()
	app, err := h.accounts.Register(t.Context(), authn.Registration{Username: "mia", Password: password}, authn.Client{})
	if err != nil {
		t.Fatal(err)
	}
	address := "/open?ticket=" + url.QueryEscape(app.Ticket)

	b := h.browser()
	if response := b.do(http.MethodHead, address); response.StatusCode != 200 || len(b.cookies) > 0 {
		t.Fatalf("HEAD: %d with cookies %v", response.StatusCode, b.cookies)
	}
	response := b.get(address)
	b.leadsTo(response, "/drive/")
	if response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the ticket may be kept or told: %v", response.Header)
	}
	if got := b.page(b.get("/drive/"), 200).Find(".user bdi").Text(); got != "mia" {
		t.Errorf("signed in as %q", got)
	}

	refused := func(name, address string) {
		t.Helper()
		b := h.browser()
		b.leadsTo(b.get(address), "/login?ticket-ended")
		if len(b.cookies) > 0 {
			t.Errorf("%s: signed in", name)
		}
		if got := b.page(b.get("/login?ticket-ended"), 200).Find(".notice").Text(); !strings.Contains(got, "works once") {
			t.Errorf("%s: the page says %q", name, got)
		}
	}
	refused("used", address)
	refused("made up", "/open?ticket=abc")
	refused("missing", "/open")

	again, err := h.accounts.Login(t.Context(), authn.Credentials{Login: "mia", Password: password}, authn.Client{})
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(61 * time.Second)
	refused("too old", "/open?ticket="+url.QueryEscape(again.Ticket))
	// Who is signed in here may be somebody else than the ticket's user, so the drive is not shown either.
	b.page(b.get("/login?ticket-ended"), 200)
}

func TestFormsAreBounded(t *testing.T) {
	b := newHouse(t).browser()
	b.page(b.post("/login", "login", strings.Repeat("a", 100_000)), 413)
	b.page(b.post("/register", "username", strings.Repeat("a", 100_000)), 413)
}
