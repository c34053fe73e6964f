package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Every form that changes the account asks for a code once a second factor is on, says what was wrong with it, and asks again.
func TestFormsAskForTheSecondFactor(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db, from2026, withPost(&postOffice{}, authn.VerifyNone, authn.RegistrationOpen))
		session, err := h.accounts.RegisterPage(t.Context(), authn.Registration{Username: "mia", Password: password, Email: "mia@example.org", Phone: "+4915112345678"}, authn.Client{})
		if err != nil {
			t.Fatal(err)
		}
		b := h.browser()
		b.cookies[authn.CookieName], b.cookies[authn.SecureCookieName] = session.Cookie, session.Cookie
		forms := []struct {
			address, input string
			fields         []string
		}{
			{"/account/profile", "#username-otp", []string{"action", "username", "username", "eva"}},
			{"/account/profile", "#remove-email-otp", []string{"action", "remove-email"}},
			{"/account/profile", "#remove-phone-otp", []string{"action", "remove-phone"}},
			{"/account/password", "#otp", []string{"new_password", password}},
			{"/account/data/delete", "#otp", nil},
		}
		for _, f := range forms {
			page := b.page(b.get(f.address), 200)
			if page.Find("input[name=otp]").Length() != 0 || page.Find("input[name=password]").Length() == 0 {
				t.Errorf("%s: without a factor the password is asked for, and no code", f.address)
			}
		}
		secret := b.page(b.post(factorPage+"/totp", "password", password), 200).Find("#enroll code").First().Text()
		recovery := codes(b.page(b.post(factorPage+"/totp/confirm", "secret", secret, "otp", h.code(secret)), 200))
		for i, f := range forms {
			form := func(password, otp string) []string {
				return append([]string{"password", password, "otp", otp}, f.fields...)
			}
			if b.page(b.get(f.address), 200).Find(f.input+"[name=otp][required]").Length() != 1 {
				t.Errorf("%v: no code is asked for", f)
			}
			for _, c := range []struct {
				password, otp, says string
				status              int
			}{
				{password, "", "second factor", http.StatusUnauthorized},
				{password, "none", "wrong, or was used", http.StatusUnauthorized},
				{"wrong password", recovery[i], "password is wrong", http.StatusForbidden},
			} {
				if c.otp == "none" && i > 2 {
					continue // more of them would have to wait
				}
				answer := b.post(f.address, form(c.password, c.otp)...)
				if challenge := answer.Header.Get("WWW-Authenticate"); strings.HasPrefix(challenge, "Cookie ") != (c.status == http.StatusUnauthorized) {
					t.Errorf("%v: the challenge of %d is %q", f, c.status, challenge)
				}
				refused := b.page(answer, c.status)
				if got := refused.Find("#problem").Text(); !strings.Contains(got, c.says) || refused.Find(f.input).Length() != 1 {
					t.Errorf("%v: it says %q, and asks for %d codes", f, got, refused.Find(f.input).Length())
				}
				if folded := refused.Find("details:not([open]) " + f.input).Length(); folded != 0 {
					t.Errorf("%v: the form that was refused is folded", f)
				}
			}
			b.page(b.post(f.address, form(password, recovery[i])...), 200)
		}
		b.leadsTo(b.get("/account/data"), "/login?next=%2Faccount%2Fdata")
	})
}
