package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// postOffice hands out what was sent.
type postOffice struct {
	mu   sync.Mutex
	sent []authn.Message
}

func (o *postOffice) Send(_ context.Context, m authn.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return nil
}

// next waits for a message to an address, and takes it.
func (o *postOffice) next(t *testing.T, to string) authn.Message {
	t.Helper()
	for range 10_000 {
		o.mu.Lock()
		for i, m := range o.sent {
			if m.To == to {
				o.sent = append(o.sent[:i:i], o.sent[i+1:]...)
				o.mu.Unlock()
				return m
			}
		}
		o.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("nothing came to %s", to)
	return authn.Message{}
}

// newPostSite is a site that sends codes, and whose clock is an hour further at every call of the function.
func newPostSite(t *testing.T, db *sqldb.DB, set func(o *authn.Options)) (*site, *postOffice, func()) {
	t.Helper()
	o := &postOffice{}
	var mu sync.Mutex
	var later time.Duration
	s := newSiteOf(t, db, func(options *authn.Options) {
		options.Mail, options.Texts = o, o
		options.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(later)
		}
		set(options)
	})
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.accounts.Deliver(ctx) }()
	t.Cleanup(func() { end(); <-done })
	return s, o, func() { mu.Lock(); later += time.Hour; mu.Unlock() }
}

func verifyEmail(o *authn.Options) { o.Verify = authn.VerifyEmail }

// A newcomer proves an address, forgets the password, and moves to another address.
func TestAnAccountByItsAddress(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, o, later := newPostSite(t, db, verifyEmail)
		var sent codeBody
		s.call("POST", "/api/v1/codes", "", `{"purpose": "register", "to": "ann@example.org"}`).want(202, "").into(&sent)
		if sent != (codeBody{600, 60}) {
			t.Errorf("%+v", sent)
		}
		code := o.next(t, "ann@example.org").Code
		again := s.call("POST", "/api/v1/codes", "", `{"purpose": "register", "to": "ann@example.org"}`).want(429, "too_many_codes")
		if again.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		var in signInBody
		if got := s.call("POST", "/api/v1/register", "", `{"password": "correct horse", "email": "ann@example.org"}`).want(400, "invalid_fields").fieldCodes(); fmt.Sprint(got) != "[code required]" {
			t.Errorf("%v", got)
		}
		s.call("POST", "/api/v1/register", "", fmt.Sprintf(`{"password": "correct horse", "email": "ann@example.org", "code": %q}`, code)).want(201, "").into(&in)
		if in.User.Username != "ann" || !in.User.EmailVerified || in.User.PhoneVerified {
			t.Errorf("%+v", in.User)
		}

		later()
		s.call("POST", "/api/v1/codes", "", `{"purpose": "reset", "to": "ann@example.org"}`).want(202, "")
		code = o.next(t, "ann@example.org").Code
		s.call("POST", "/api/v1/password/reset", "", `{"to": "ann@example.org", "code": "no", "new_password": "battery staple"}`).want(400, "wrong_code")
		s.call("POST", "/api/v1/password/reset", "", fmt.Sprintf(`{"to": "ann@example.org", "code": %q, "new_password": "battery staple"}`, code)).want(204, "")
		s.call("POST", "/api/v1/token/refresh", "", fmt.Sprintf(`{"refresh_token": %q}`, in.RefreshToken)).want(401, "invalid_refresh_token")
		s.call("POST", "/api/v1/login", "", `{"login": "ann", "password": "correct horse"}`).want(401, "invalid_credentials")
		s.call("POST", "/api/v1/login", "", `{"login": "ann@example.org", "password": "battery staple"}`).want(200, "").into(&in)
		if told := o.next(t, "ann@example.org"); told.Code != "" {
			t.Errorf("told was %+v", told)
		}

		later()
		s.call("POST", "/api/v1/login", "", `{"login": "ann@example.org", "password": "battery staple"}`).want(200, "").into(&in)
		s.call("POST", "/api/v1/codes", "", `{"purpose": "email", "to": "ann@example.net"}`).want(401, "unauthenticated")
		s.call("POST", "/api/v1/codes", in.AccessToken, `{"purpose": "email", "to": "ann@example.net"}`).want(202, "")
		code = o.next(t, "ann@example.net").Code
		s.call("POST", "/api/v1/me/email", in.AccessToken, fmt.Sprintf(`{"email": "ann@example.net", "code": %q, "password": "wrong horse"}`, code)).want(403, "wrong_password")
		var u userBody
		s.call("POST", "/api/v1/me/email", in.AccessToken, fmt.Sprintf(`{"email": "ann@example.net", "code": %q, "password": "battery staple"}`, code)).want(200, "").into(&u)
		if u.Email != "ann@example.net" || !u.EmailVerified || o.next(t, "ann@example.org").Code != "" {
			t.Errorf("%+v", u)
		}
		s.call("POST", "/api/v1/me/email", in.AccessToken, `{"email": "", "password": "battery staple"}`).want(403, "email_required")

		s.call("POST", "/api/v1/codes", in.AccessToken, `{"purpose": "phone", "to": "+49 151 12345678"}`).want(202, "")
		code = o.next(t, "+4915112345678").Code
		s.call("POST", "/api/v1/me/phone", in.AccessToken, fmt.Sprintf(`{"phone": "+4915112345678", "code": %q, "password": "battery staple"}`, code)).want(200, "").into(&u)
		if u.Phone != "+4915112345678" || !u.PhoneVerified {
			t.Errorf("%+v", u)
		}
		s.call("PATCH", "/api/v1/me", in.AccessToken, `{"username": "Ann.Lee"}`).want(403, "password_required")
		s.call("PATCH", "/api/v1/me", in.AccessToken, `{"username": "Ann.Lee", "password": "battery staple"}`).want(200, "").into(&u)
		if u.Username != "Ann.Lee" {
			t.Errorf("%+v", u)
		}
		s.call("PATCH", "/api/v1/me", in.AccessToken, `{"username": "a b"}`).want(400, "invalid_fields")
		s.call("PATCH", "/api/v1/me", in.AccessToken, `{}`).want(400, "invalid_fields")
		s.call("PATCH", "/api/v1/me", "", `{"username": "x"}`).want(401, "unauthenticated")
	})
}

// Attack: who has an account? Status, body and headers of every answer are the same.
func TestNoAnswerTellsWhoHasAnAccount(t *testing.T) {
	s, o, later := newPostSite(t, sqldbtest.OpenSQLite(t), verifyEmail)
	s.call("POST", "/api/v1/codes", "", `{"purpose": "register", "to": "ann@example.org"}`).want(202, "")
	s.call("POST", "/api/v1/register", "", fmt.Sprintf(`{"password": "correct horse", "email": "ann@example.org", "code": %q}`, o.next(t, "ann@example.org").Code)).want(201, "")
	later()
	for _, c := range []struct{ path, body string }{
		{"codes", `{"purpose": "register", "to": %q}`},
		{"codes", `{"purpose": "reset", "to": %q}`},
		{"codes", `{"purpose": "reset", "to": %q}`}, // too soon
		{"password/reset", `{"to": %q, "code": "000000", "new_password": "battery staple"}`},
		{"register", `{"username": "zoe", "password": "correct horse", "email": %q, "code": "000000"}`},
	} {
		var answers []string
		for _, to := range []string{"ann@example.org", "bob@example.org"} {
			w := s.call("POST", "/api/v1/"+c.path, "", fmt.Sprintf(c.body, to))
			answers = append(answers, fmt.Sprint(w.Code, w.Header(), strings.ReplaceAll(w.Body.String(), to, "")))
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: with an account\n%s\nwithout\n%s", c.path, answers[0], answers[1])
		}
	}
}

func TestInvitationsOverTheAPI(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, _, _ := newPostSite(t, db, func(o *authn.Options) { o.Registration = authn.RegistrationInvite })
		if _, err := s.accounts.CreateUser(t.Context(), authn.Registration{Username: "root", Password: "correct horse"}, authn.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		var admin, in signInBody
		s.call("POST", "/api/v1/login", "", `{"login": "root", "password": "correct horse"}`).want(200, "").into(&admin)
		var made newInvitationBody
		s.call("POST", "/api/v1/admin/invitations", admin.AccessToken, `{"uses": 1, "note": "for Bob"}`).want(201, "").into(&made)
		if made.URL != "https://files.example.org/register?invitation="+made.Code || made.CreatedBy != admin.User.ID || made.ExpiresAt.Sub(made.CreatedAt) != 7*24*time.Hour {
			t.Errorf("%+v", made)
		}
		s.call("POST", "/api/v1/register", "", `{"username": "bob", "password": "correct horse"}`).want(403, "invalid_invitation")
		s.call("POST", "/api/v1/register", "", fmt.Sprintf(`{"username": "bob", "password": "correct horse", "invitation": %q}`, made.Code)).want(201, "").into(&in)
		s.call("POST", "/api/v1/register", "", fmt.Sprintf(`{"username": "cid", "password": "correct horse", "invitation": %q}`, made.Code)).want(403, "invalid_invitation")
		var list struct{ Items []invitationBody }
		answer := s.call("GET", "/api/v1/admin/invitations", admin.AccessToken, "").want(200, "")
		answer.into(&list)
		if len(list.Items) != 1 || list.Items[0].Used != 1 || strings.Contains(answer.Body.String(), made.Code) {
			t.Errorf("%s", answer.Body)
		}
		for _, body := range []string{`{"uses": 0}`, `{"uses": -9223372036854775808}`, `{"uses": 9223372036854775807}`, `{"expires_in": 0}`, `{"expires_in": 9223372036854775807}`} {
			s.call("POST", "/api/v1/admin/invitations", admin.AccessToken, body).want(400, "invalid_fields")
		}
		for _, token := range []string{in.AccessToken} { // to whom the address does not exist
			s.call("GET", "/api/v1/admin/invitations", token, "").want(404, "not_found")
			s.call("POST", "/api/v1/admin/invitations", token, `{}`).want(404, "not_found")
			s.call("DELETE", "/api/v1/admin/invitations/"+made.ID, token, "").want(404, "not_found")
		}
		s.call("GET", "/api/v1/admin/invitations", "", "").want(401, "unauthenticated")
		s.call("DELETE", "/api/v1/admin/invitations/"+made.ID, admin.AccessToken, "").want(204, "")
		s.call("DELETE", "/api/v1/admin/invitations/"+made.ID, admin.AccessToken, "").want(404, "no_such_invitation")
	})
}

// What manages the account needs a session: a password that a device sends with every request does not do.
func TestBasicDoesNotChangeTheAccount(t *testing.T) {
	s, _, _ := newPostSite(t, sqldbtest.OpenSQLite(t), func(*authn.Options) {})
	s.register("ann")
	for _, c := range []struct{ method, path, body string }{
		{"PATCH", "/api/v1/me", `{"username": "bob"}`},
		{"POST", "/api/v1/me/email", `{"email": "", "password": "correct horse"}`},
		{"POST", "/api/v1/me/phone", `{"phone": "", "password": "correct horse"}`},
		{"POST", "/api/v1/codes", `{"purpose": "email", "to": "a@example.org"}`},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.SetBasicAuth("ann", "correct horse")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		(&reply{w, t, c.method + " " + c.path}).want(403, "session_required")
	}
}

// A message is in the language that the app asks in.
func TestACodeComesInTheLanguageOfTheApp(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, o, _ := newPostSite(t, db, verifyEmail)
		for i, test := range []struct{ accept, language, says string }{
			{"", "en", "is your code"},
			{"fr", "en", "is your code"},
			{"zh-Hans-CN, en;q=0.5", "zh-CN", "的验证码"},
		} {
			to := fmt.Sprintf("ann%d@example.org", i)
			s.call("POST", "/api/v1/codes", "", fmt.Sprintf(`{"purpose": "register", "to": %q}`, to), "Accept-Language", test.accept).want(202, "")
			if m := o.next(t, to); m.Language != test.language || !strings.Contains(m.Text, test.says) {
				t.Errorf("for who reads %q: %+v", test.accept, m)
			}
		}
	})
}
