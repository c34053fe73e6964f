package web_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/web"
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

// code waits for a code to an address, and takes it.
func (o *postOffice) code(t *testing.T, to string) string {
	t.Helper()
	return o.next(t, to).Code
}

// next is code as the whole message.
func (o *postOffice) next(t *testing.T, to string) authn.Message {
	t.Helper()
	for range 10_000 {
		o.mu.Lock()
		for i, m := range o.sent {
			if m.To == to && m.Code != "" {
				o.sent = append(o.sent[:i:i], o.sent[i+1:]...)
				o.mu.Unlock()
				return m
			}
		}
		o.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("no code came to %s", to)
	return authn.Message{}
}

func withPost(o *postOffice, verify, registration string) setting {
	return func(_ *house, _ *web.Options, a *authn.Options, _ *drive.Options) {
		a.Mail, a.Texts, a.Verify, a.Registration = o, o, verify, registration
	}
}

// delivering sends what waits until the test ends.
func (h *house) delivering() {
	ctx, end := context.WithCancel(h.Context())
	done := make(chan error)
	go func() { done <- h.accounts.Deliver(ctx) }()
	h.Cleanup(func() { end(); <-done })
}

// A newcomer who was invited proves an address in two steps, forgets the password, and takes another name, all without script.
func TestSignUpByAddress(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		h := newHouseOn(t, db, withPost(o, authn.VerifyEmail, authn.RegistrationInvite))
		h.delivering()
		_, invitation, err := h.accounts.Administer(authn.Principal{}, authn.Client{}).Invite(t.Context(), authn.NewInvitation{Uses: 1, Life: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		b := h.browser()
		if doc := b.page(b.get("/register"), 200); doc.Find("form[method=get] input[name=invitation]").Length() != 1 || doc.Find("main form[method=post]").Length() != 0 {
			t.Error("without an invitation the page asks for one")
		}
		b.page(b.post("/register", "action", "code", "email", "mia@example.org", "invitation", "wrong"), 403)
		first := b.page(b.get("/register?invitation="+url.QueryEscape(invitation)), 200)
		if first.Find("input[name=invitation]").AttrOr("value", "") != invitation || first.Find("input[name=email]").Length() != 1 || first.Find("input[name=password]").Length() != 0 {
			t.Error("the first step asks for the address, and keeps the invitation")
		}
		b.page(b.post("/register", "action", "code", "email", "nobody", "invitation", invitation), 400)
		second := b.page(b.post("/register", "action", "code", "email", "mia@example.org", "invitation", invitation), 200)
		if second.Find("input[name=code]").Length() != 1 || second.Find("input[type=hidden][name=email]").AttrOr("value", "") != "mia@example.org" || second.Find("input[name=invitation]").AttrOr("value", "") != invitation {
			t.Error("the second step asks for the code, and keeps address and invitation")
		}
		again := b.page(b.post("/register", "action", "code", "email", "mia@example.org", "invitation", invitation), 429)
		if again.Find("input[name=code]").Length() != 1 {
			t.Error("too soon for another code: the one that came can still be entered")
		}
		wrong := b.page(b.post("/register", "email", "mia@example.org", "invitation", invitation, "code", "nope", "password", password), 400)
		if wrong.Find("#code-problem").Text() == "" {
			t.Error("a wrong code is told beside it")
		}
		b.leadsTo(b.post("/register", "email", "mia@example.org", "invitation", invitation, "code", o.code(t, "mia@example.org"), "password", password), "/drive/")
		profile := b.page(b.get("/account/profile"), 200)
		if got := profile.Find("#username").AttrOr("value", ""); got != "mia" || !strings.Contains(profile.Text(), "confirmed") {
			t.Errorf("called %q", got)
		}

		other := h.browser()
		if other.page(other.get("/login"), 200).Find("a[href='/forgot']").Length() != 1 {
			t.Error("the page to sign in on does not lead to /forgot")
		}
		h.now = time.Now().Add(time.Hour)
		other.page(other.get("/forgot"), 200)
		step := other.page(other.post("/forgot", "action", "code", "to", "mia@example.org"), 200)
		if step.Find("input[type=hidden][name=to]").AttrOr("value", "") != "mia@example.org" {
			t.Error("the second step has forgotten the address")
		}
		unknown := other.page(other.post("/forgot", "action", "code", "to", "zoe@example.org"), 200)
		if a, b := strings.ReplaceAll(step.Text(), "mia@", ""), strings.ReplaceAll(unknown.Text(), "zoe@", ""); a != b {
			t.Errorf("the page tells who has an account:\n%s\n%s", a, b)
		}
		code := o.code(t, "mia@example.org")
		other.page(other.post("/forgot", "to", "mia@example.org", "code", code, "password", "short"), 400)
		other.leadsTo(other.post("/forgot", "to", "mia@example.org", "code", code, "password", "another battery"), "/login?password-reset")
		if other.page(other.get("/login?password-reset"), 200).Find(".notice.good").Length() != 1 {
			t.Error("that the password was changed is not said")
		}
		b.leadsTo(b.get("/drive/"), "/login") // signed out everywhere
		other.leadsTo(other.post("/login", "login", "mia@example.org", "password", "another battery"), "/drive/")
	})
}

func TestProfile(t *testing.T) {
	o := &postOffice{}
	h := newHouse(t, withPost(o, authn.VerifyNone, authn.RegistrationOpen))
	h.delivering()
	mia, id := h.user("mia")
	h.user("bob")
	user := func() authn.User {
		t.Helper()
		u, err := h.accounts.User(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	if got := mia.page(mia.post("/account/profile", "action", "username", "username", "BOB", "password", password), 409).Find("#username-problem").Text(); got == "" {
		t.Error("a name that is taken is not told beside the input")
	}
	refused := mia.page(mia.post("/account/profile", "action", "username", "username", "Mia.Lee", "password", "wrong password"), 403)
	if got := refused.Find("#username-password-problem").Text(); got == "" || refused.Find("#username").AttrOr("value", "") != "Mia.Lee" {
		t.Errorf("a wrong password: %q is told beside the input, and the name is %q", got, refused.Find("#username").AttrOr("value", ""))
	}
	doc := mia.page(mia.post("/account/profile", "action", "username", "username", "Mia.Lee", "password", password), 200)
	if user().Username != "Mia.Lee" || doc.Find(".user bdi").Text() != "Mia.Lee" || doc.Find(".notice.good").Length() != 1 {
		t.Errorf("%+v", user())
	}
	if got := mia.page(mia.post("/account/profile", "action", "send-email", "email", "x"), 400).Find("#email-problem").Text(); got == "" {
		t.Error("what is no address is not told beside the input")
	}
	doc = mia.page(mia.post("/account/profile", "action", "send-email", "email", "mia@example.org"), 200)
	if doc.Find("input[name=code]").Length() != 1 || user().Email != "" {
		t.Error("the address was taken before it was confirmed")
	}
	code := o.code(t, "mia@example.org")
	mia.page(mia.post("/account/profile", "action", "email", "email", "mia@example.org", "code", code, "password", "wrong password"), 403)
	mia.page(mia.post("/account/profile", "action", "email", "email", "mia@example.org", "code", code, "password", password), 200)
	if u := user(); u.Email != "mia@example.org" || !u.EmailVerified {
		t.Errorf("%+v", u)
	}
	mia.page(mia.post("/account/profile", "action", "send-phone", "phone", "+49 151 12345678"), 200)
	mia.page(mia.post("/account/profile", "action", "phone", "phone", "+49 151 12345678", "code", o.code(t, "+4915112345678"), "password", password), 200)
	if u := user(); u.Phone != "+4915112345678" || !u.PhoneVerified {
		t.Errorf("%+v", u)
	}
	mia.page(mia.post("/account/profile", "action", "remove-phone", "password", "wrong password"), 403)
	mia.page(mia.post("/account/profile", "action", "remove-phone", "password", password), 200)
	mia.page(mia.post("/account/profile", "action", "remove-email", "password", password), 200)
	if u := user(); u.Phone != "" || u.Email != "" {
		t.Errorf("%+v", u)
	}
	mia.page(mia.post("/account/profile", "action", "nonsense"), 400)
	h.browser().leadsTo(h.browser().get("/account/profile"), "/login?next=%2Faccount%2Fprofile")
	h.browser().leadsTo(h.browser().post("/account/profile", "action", "username", "username", "zoe"), "/login?next=%2Faccount%2Fprofile")
}

// A code comes in the language of the page that asks for it.
func TestACodeComesInTheLanguageOfThePage(t *testing.T) {
	o := &postOffice{}
	h := newHouse(t, withPost(o, authn.VerifyEmail, authn.RegistrationOpen))
	h.delivering()
	b := h.browser()
	for language, says := range map[string]string{"en": "is your code", "zh-CN": "的验证码"} {
		b.leadsTo(b.post("/language", "language", language), "/")
		to := language + "@example.org"
		b.page(b.post("/register", "action", "code", "email", to), 200)
		if m := o.next(t, to); m.Language != language || !strings.Contains(m.Text, says) {
			t.Errorf("on the page in %s: %+v", language, m)
		}
	}
}
