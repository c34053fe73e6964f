package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestSessionsPage(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db)
		b, _ := h.user("mia")
		phone, laptop := h.browser(), h.browser()
		phone.leadsTo(phone.post("/login", "login", "mia", "password", password), "/drive/")
		laptop.leadsTo(laptop.post("/login", "login", "mia", "password", password), "/drive/")
		doc := b.page(b.get("/account/sessions"), 200)
		if n := doc.Find(".rows li").Length(); n != 3 {
			t.Errorf("%d sessions", n)
		}
		ids := doc.Find(".rows input[name=id]")
		if ids.Length() != 2 {
			t.Fatalf("%d can be signed out", ids.Length())
		}
		b.page(b.post("/account/sessions", "action", "end", "id", ids.First().AttrOr("value", "")), 200)
		if n := b.page(b.get("/account/sessions"), 200).Find(".rows li").Length(); n != 2 {
			t.Errorf("%d sessions are left", n)
		}
		b.page(b.post("/account/sessions", "action", "end", "id", "x"), 404)
		b.page(b.post("/account/sessions", "action", "dance"), 400)
		done := b.page(b.post("/account/sessions", "action", "end-others"), 200)
		if done.Find(".good").Length() != 1 || done.Find("button.danger").Length() != 0 {
			t.Error("the page does not say that it is done")
		}
		phone.leadsTo(phone.get("/drive/"), "/login")
		laptop.leadsTo(laptop.get("/drive/"), "/login")
		b.page(b.get("/drive/"), 200)
	})
}

func TestPasswordPage(t *testing.T) {
	h := newHouse(t)
	b, _ := h.user("mia")
	phone := h.browser()
	phone.leadsTo(phone.post("/login", "login", "mia", "password", password), "/drive/")
	b.page(b.get("/account/password"), 200)
	if got := b.page(b.post("/account/password", "password", "wrong", "new_password", "battery staple"), 403).Find("#problem p").Text(); got == "" {
		t.Error("nothing says what is wrong")
	}
	if got := b.page(b.post("/account/password", "password", password, "new_password", "short"), 400).Find("#new-password-problem").Text(); got == "" {
		t.Error("nothing says what is wrong with the new one")
	}
	doc := b.page(b.post("/account/password", "password", password, "new_password", "battery staple"), 200)
	if html, _ := doc.Html(); strings.Contains(html, "battery staple") || doc.Find(".good").Length() != 1 {
		t.Error("the page does not say that it is done, or holds the password")
	}
	phone.leadsTo(phone.get("/drive/"), "/login")
	b.page(b.get("/drive/"), 200)
	phone.leadsTo(phone.post("/login", "login", "mia", "password", "battery staple"), "/drive/")
}

func TestLoginFloodAttackShowsTheWait(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	for i := range 11 {
		b.page(b.post("/login", "login", "nobody", "password", fmt.Sprint("guess ", i)), 401)
	}
	response := b.post("/login", "login", "nobody", "password", "one more")
	if got := response.Header.Get("Retry-After"); got == "" {
		t.Error("no Retry-After")
	}
	if got := b.page(response, 429).Find("#problem p").Text(); !strings.Contains(got, "seconds") {
		t.Errorf("the page says %q", got)
	}
}

// A cookie that somebody planted in the browser before never becomes the one that is signed in.
func TestSessionFixationAttack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db)
		h.user("mia")
		mallory, _ := h.user("mallory")
		planted := mallory.cookies[authn.CookieName]
		for name, cookie := range map[string]string{"made up": strings.Repeat("A", 43), "somebody else's": planted, "no cookie's form": "1"} {
			b := h.browser()
			b.cookies[authn.CookieName] = cookie
			b.leadsTo(b.post("/login", "login", "mia", "password", password), "/drive/")
			if b.cookies[authn.CookieName] == cookie {
				t.Errorf("%s: the cookie is the same as before", name)
			}
			attacker := h.browser()
			attacker.cookies[authn.CookieName] = cookie
			attacker.leadsTo(attacker.get("/drive/"), "/login")
		}
	})
}

// Somebody who is signed out and follows a link on another site is asked before the link signs them in.
func TestLoginCSRFAttackByATicket(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db)
		ticket := func() string {
			s, err := h.accounts.Login(t.Context(), authn.Credentials{Login: "mallory", Password: password}, authn.Client{})
			if err != nil {
				t.Fatal(err)
			}
			return s.Ticket
		}
		h.user("mallory")
		for _, site := range []string{"cross-site", "same-site"} {
			b := h.browser()
			got := ticket()
			doc := b.page(b.get("/open?ticket="+got, "Sec-Fetch-Site: "+site), 200)
			if len(b.cookies) != 0 {
				t.Fatal("signed in without being asked")
			}
			if text := doc.Find("h1").Text(); text != "Continue as mallory?" {
				t.Errorf("the page asks %q", text)
			}
			form := doc.Find("form[action='/open']")
			if form.AttrOr("method", "") != "post" || form.Find("input[name=ticket]").AttrOr("value", "") != got {
				t.Error("the form does not redeem the ticket")
			}
			b.leadsTo(b.post("/open", "ticket", got), "/drive/")
			if len(b.cookies) != 1 {
				t.Error("who goes on is not signed in")
			}
			b.leadsTo(h.browser().get("/open?ticket="+got, "Sec-Fetch-Site: "+site), "/login?ticket-ended")
		}
		for _, header := range [][]string{nil, {"Sec-Fetch-Site: none"}, {"Sec-Fetch-Site: same-origin"}} { // an app's WebView
			b := h.browser()
			b.leadsTo(b.get("/open?ticket="+ticket(), header...), "/drive/")
		}
		h.browser().leadsTo(h.browser().post("/open", "ticket", "x"), "/login?ticket-ended")
	})
}
