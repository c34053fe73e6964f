package web_test

import (
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// The way out: the page of one's data, the question, a wrong password, the right one.
func TestLeaving(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db)
		b, id := h.user("mia")
		h.put(id, "/a.txt", "some text", drive.PutOptions{Size: 9})

		page := b.page(b.get("/account/data"), 200)
		for _, link := range []string{"/api/v1/me/export", "/api/v1/me/export?content=files", "/account/data/delete"} {
			if page.Find(`main a[href="`+link+`"]`).Length() != 1 {
				t.Errorf("no link to %s", link)
			}
		}
		if got := page.Find(`.sections [aria-current=page]`).Text(); got != "Your data" {
			t.Errorf("this is %q", got)
		}
		question := b.page(b.get("/account/data/delete"), 200)
		if got := question.Find("main").Text(); !strings.Contains(got, "Delete your account?") || !strings.Contains(got, "mia") || !strings.Contains(got, "9 B") {
			t.Errorf("the question is %s", got)
		}
		for wrong, want := range map[string]string{"": "Give the password", "wrong horse": "password is wrong"} {
			refused := b.page(b.post("/account/data/delete", "password", wrong), 403)
			if got := refused.Find("#problem").Text(); !strings.Contains(got, want) || !strings.Contains(refused.Find("#password-problem").Text(), want) {
				t.Errorf("%q: %s", wrong, got)
			}
		}
		b.page(b.get("/drive/"), 200)
		session := b.cookies[authn.CookieName]
		farewell := b.page(b.post("/account/data/delete", "password", password), 200)
		if got := farewell.Find("h1").Text(); got != "Your account is deleted" {
			t.Errorf("it says %q", got)
		}
		if _, ok := b.cookies[authn.CookieName]; ok {
			t.Error("the cookie is still there")
		}
		b.cookies[authn.CookieName] = session
		b.leadsTo(b.get("/account/data"), "/login?next=%2Faccount%2Fdata")
		b.page(b.post("/login", "login", "mia", "password", password), 401)
	})
}

// One's activity is told in words and in parts; what others sent is text.
func TestActivity(t *testing.T) {
	h := newHouse(t)
	b, _ := h.user("mia")
	for range 3 {
		b.page(h.browser().post("/login", "login", "mia", "password", "<script>alert(1)</script>"), 401)
	}
	page := b.page(b.get("/account/activity"), 200)
	if got := page.Find(".rows").Text(); !strings.Contains(got, "Failed to sign in") {
		t.Errorf("it tells %s", got)
	}
	if page.Find(".rows script").Length() > 0 {
		t.Error("a script is in it")
	}
	b.page(b.get("/account/activity?after=x"), 400)
	b.leadsTo(h.browser().get("/account/activity"), "/login?next=%2Faccount%2Factivity")
}
