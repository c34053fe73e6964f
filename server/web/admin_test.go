package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/overview"
	"github.com/satchelhq/satchel/server/web"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
	"github.com/satchelhq/satchel/turn"
)

// office is a house with the administrators ann and zoe, who have a browser each, and the user bob, who has one too.
type office struct {
	*house
	ann, zoe, bob       *browser
	annID, zoeID, bobID string
	jobs                *turn.Turns
}

func newOffice(t *testing.T, db *sqldb.DB, settings ...setting) *office {
	t.Helper()
	jobs := turn.New(db, "")
	h := newHouseOn(t, db, append(settings, func(h *house, w *web.Options, a *authn.Options, _ *drive.Options) {
		a.SetQuota = func(ctx context.Context, tx *sqldb.Tx, id string, quota int64) error {
			return h.drives.SetQuota(ctx, tx, id, quota)
		}
		w.Overview = overview.Source{Jobs: jobs, Version: "v1.2.3"}
	})...)
	o := &office{house: h, jobs: jobs}
	o.ann, o.annID = h.user("ann")
	o.zoe, o.zoeID = h.user("zoe")
	o.bob, o.bobID = h.user("bob")
	for _, id := range []string{o.annID, o.zoeID} {
		o.change(id, authn.UserChange{Role: new(authn.RoleAdmin)})
	}
	return o
}

// change is done from the command line.
func (o *office) change(id string, c authn.UserChange) {
	o.Helper()
	if _, err := o.accounts.Administer(authn.Principal{}, authn.Client{}).Change(o.Context(), id, c); err != nil {
		o.Fatal(err)
	}
}

// addresses are all that there is for administrators, with forms that would do something.
func (o *office) addresses() (gets []string, posts map[string][][]string) {
	person := "/admin/users/" + o.bobID
	return []string{"/admin", "/admin/users", "/admin/users?q=b", person, person + "/delete", "/admin/uploads", "/admin/newcomers", "/admin/audit", "/admin/audit?user=bob"},
		map[string][][]string{
			person: {{"action", "quota", "quota", "1B"}, {"action", "disable"}, {"action", "promote"}, {"action", "sign-out"}, {"action", "reset-factor"}, {"action", "password"},
				{"action", "revoke-app-password", "id", o.bobID}, {"action", "nonsense"}, {}},
			person + "/delete": {{"username", "bob"}},
			"/admin/uploads":   {{"action", "end", "id", o.bobID}},
			"/admin/newcomers": {{"action", "invite", "uses", "5", "days", "5"}, {"action", "revoke", "id", o.bobID}, {"action", "make-user", "username", "eve", "admin", "yes"}},
		}
}

// record is what administrators can change, and what was written down.
func (o *office) record() string {
	o.Helper()
	users, err := o.accounts.Users(o.Context(), authn.UserFilter{})
	if err != nil {
		o.Fatal(err)
	}
	invitations, err := o.accounts.Invitations(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	lines, _, err := o.accounts.AuditLog(o.Context(), authn.AuditFilter{})
	if err != nil {
		o.Fatal(err)
	}
	return fmt.Sprintf("%+v %+v %d", users, invitations, len(lines))
}

// To users the addresses of administrators are none, with every method and form: what they get is what they get anywhere where nothing is. Strangers are asked to sign in. So is it
// for an administrator from the moment on that somebody takes the role.
func TestAttackUsersOnThePagesOfAdministrators(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		gets, posts := o.addresses()
		nowhere := o.bob.page(o.bob.get("/no-such-page"), 404).Find("main").Text()
		refused := func(who string, b *browser) {
			t.Helper()
			for _, address := range gets {
				for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch} {
					if got := b.do(method, address); got.StatusCode != 404 {
						t.Errorf("%s, %s %s: %d", who, method, address, got.StatusCode)
					}
				}
				if got := b.page(b.get(address), 404).Find("main").Text(); who == "bob" && got != nowhere {
					t.Errorf("%s %s tells that there is something: %s", who, address, got)
				}
			}
			for address, forms := range posts {
				for _, form := range forms {
					b.page(b.post(address, form...), 404)
				}
			}
		}
		before := o.record()
		refused("bob", o.bob)
		stranger := o.browser()
		for _, address := range gets {
			stranger.leadsTo(stranger.get(address), "/login?next="+url.QueryEscape(address))
		}
		for address, forms := range posts {
			stranger.leadsTo(stranger.post(address, forms[0]...), "/login?next="+url.QueryEscape(address))
		}
		if after := o.record(); after != before {
			t.Errorf("something was done:\n%s\nbefore it was\n%s", after, before)
		}
		for _, address := range gets {
			o.zoe.page(o.zoe.get(address), 200)
		}
		if o.zoe.page(o.zoe.get("/account"), 200).Find(`.sections a[href="/admin"]`).Length() != 1 {
			t.Error("an administrator finds no way to these pages")
		}
		if o.bob.page(o.bob.get("/account"), 200).Find(`a[href="/admin"]`).Length() != 0 {
			t.Error("a user is shown the way to these pages")
		}
		o.change(o.zoeID, authn.UserChange{Role: new(authn.RoleUser)})
		before = o.record()
		refused("zoe", o.zoe)
		if after := o.record(); after != before {
			t.Errorf("somebody who was an administrator did something:\n%s\nbefore it was\n%s", after, before)
		}
	})
}

func TestAdministratorsSeeHowTheServerIsDoing(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	o := newOffice(t, db)
	o.put(o.bobID, "/a.txt", "12345", drive.PutOptions{})
	for name, failed := range map[string]error{"gc": nil, "sweep_drives": errors.New("disk full at /secret/place")} {
		if err := o.jobs.Wake(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if _, err := o.jobs.Do(t.Context(), name, time.Hour, func(context.Context) error { return failed }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(t.Context(), `INSERT INTO blobs (id, sha256, size, content, created_at) VALUES ('rotten', $1, 1, $1, 0)`, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := o.drives.ScrubAll(t.Context(), drive.Scrubbing{}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `INSERT INTO damaged_blobs (blob_id, found, found_at) VALUES ('rotten', 'changed', 0)`); err != nil {
		t.Fatal(err)
	}
	page := o.ann.page(o.ann.get("/admin"), 200)
	text := page.Find("main").Text()
	for _, want := range []string{"1 stored content is damaged or missing", "satchel fsck --repair", "All content was last read again", "2 administrators", "5 B", "v1.2.3", "sweep_drives failed the last time", "has not gone well"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") || page.Find(".notice.bad").Length() != 2 {
		t.Errorf("it tells\n%s", text)
	}
	if page.Find(`.tiles meter[max][value]`).Length() != 1 {
		t.Error("how full the disk is stands nowhere")
	}
}

// From the list to one of the accounts, and through all that can be done to it.
func TestAdministeringAnAccountOnPages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		names := func(address string) string {
			t.Helper()
			return strings.Join(o.ann.page(o.ann.get(address), 200).Find(".people .what strong").Map(func(_ int, s *goquery.Selection) string { return s.Text() }), " ")
		}
		for address, want := range map[string]string{"/admin/users": "ann bob zoe", "/admin/users?order=newest": "bob zoe ann", "/admin/users?order=oldest": "ann zoe bob",
			"/admin/users?show=admins": "ann zoe", "/admin/users?show=disabled": "", "/admin/users?q=B": "bob", "/admin/users?q=%25": ""} {
			if got := names(address); got != want {
				t.Errorf("%s: %q, want %q", address, got, want)
			}
		}
		o.ann.page(o.ann.get("/admin/users?q="+strings.Repeat("x", 300)), 400)

		at := "/admin/users/" + o.bobID
		// do sends a form, goes on to where that leads, and answers what is said there.
		do := func(form ...string) string {
			t.Helper()
			answer := o.ann.post(at, form...)
			if answer.StatusCode != http.StatusSeeOther {
				return o.ann.page(answer, answer.StatusCode).Find(".notice, .field-problem").Text()
			}
			return o.ann.page(o.ann.get(answer.Header.Get("Location")), 200).Find(".notice.good").Text()
		}
		said := func(want string, form ...string) {
			t.Helper()
			if got := do(form...); !strings.Contains(got, want) {
				t.Errorf("%q: it says %q, want %q", form, got, want)
			}
		}
		said("limit is set", "action", "quota", "quota", " 10GiB ")
		if u, err := o.drives.Usage(t.Context(), o.bobID); err != nil || u.Quota != 10<<30 {
			t.Errorf("%+v, %v", u, err)
		}
		page := o.ann.page(o.ann.get(at), 200)
		if got := page.Find("#quota").AttrOr("value", ""); got != "10GiB" || page.Find(".facts meter").Length() != 1 {
			t.Errorf("the limit is shown as %q", got)
		}
		for _, wrong := range []string{"", "-1", "a lot", "1e30GB", "10 parsecs"} {
			said("A size such as", "action", "quota", "quota", wrong)
		}
		said("limit is set", "action", "quota", "quota", "none")
		if u, _ := o.drives.Usage(t.Context(), o.bobID); u.Quota >= 0 {
			t.Errorf("%+v", u)
		}
		_, secret, err := o.accounts.CreateAppPasswordFor(t.Context(), "bob", authn.NewAppPassword{Name: "<b>old</b> phone"})
		if err != nil {
			t.Fatal(err)
		}
		page = o.ann.page(o.ann.get(at), 200)
		if page.Find("main b").Length() != 0 || !strings.Contains(page.Text(), "<b>old</b> phone") || strings.Contains(page.Text(), secret) {
			t.Error("the app password is not shown as it should be")
		}
		said("opens nothing any more", "action", "revoke-app-password", "id", page.Find("input[name=id]").AttrOr("value", ""))
		said("There is no such app password", "action", "revoke-app-password", "id", o.bobID)
		said("second factor is taken off", "action", "reset-factor")
		said("asks for nothing", "action", "nonsense")
		o.bob.page(o.bob.get("/drive/"), 200)
		said("signed out everywhere", "action", "sign-out")
		o.bob.leadsTo(o.bob.get("/drive/"), "/login")

		made := o.ann.page(o.ann.post(at, "action", "password"), 200).Find("#made-password").AttrOr("value", "")
		if len(made) < 20 || strings.Contains(o.ann.page(o.ann.get(at), 200).Text(), made) {
			t.Errorf("the new password is %q", made)
		}
		signIn := func() error {
			_, err := o.accounts.Login(t.Context(), authn.Credentials{Login: "bob", Password: made}, authn.Client{})
			return err
		}
		if err := signIn(); err != nil {
			t.Error(err)
		}
		said("is disabled", "action", "disable")
		if signIn() == nil || names("/admin/users?show=disabled") != "bob" {
			t.Error("a disabled account signs in")
		}
		said("is enabled", "action", "enable")
		said("administrator's now", "action", "promote")
		said("no administrator's any more", "action", "demote")
		if got := o.ann.page(o.ann.get(at), 200).Find(".log").Text(); !strings.Contains(got, "by ann") {
			t.Errorf("what was done is told as %s", got)
		}

		for _, wrong := range []string{"", "bo", "ann"} {
			if got := o.ann.page(o.ann.post(at+"/delete", "username", wrong), 400).Find("#username-problem").Text(); !strings.Contains(got, "not the name") {
				t.Errorf("%q: %s", wrong, got)
			}
		}
		o.ann.leadsTo(o.ann.post(at+"/delete", "username", "BOB "), "/admin/users?done=deleted")
		o.ann.page(o.ann.get(at), 404)
		o.ann.page(o.ann.post(at+"/delete", "username", "bob"), 404)
		if got := names("/admin/users"); got != "ann zoe" {
			t.Errorf("left are %s", got)
		}
	})
}

// What could shut out whoever does it is neither offered nor done; and nobody is said to have done what was only typed into an address.
func TestAdministratorsAndTheirOwnAccount(t *testing.T) {
	o := newOffice(t, sqldbtest.OpenSQLite(t))
	own := "/admin/users/" + o.annID
	page := o.ann.page(o.ann.get(own+"?done=disable"), 200)
	if page.Find(`input[value=disable], input[value=demote], input[value=password], a[href$="/delete"]`).Length() != 0 {
		t.Error("it is offered to shut oneself out")
	}
	for _, action := range []string{"disable", "demote", "reset-factor", "password"} {
		if got := o.ann.page(o.ann.post(own, "action", action), 403).Find("#problem").Text(); !strings.Contains(got, "own account") {
			t.Errorf("%s: %s", action, got)
		}
	}
	o.ann.page(o.ann.post(own+"/delete", "username", "ann"), 403)
	for _, done := range []string{"<script>", "admin.done.quota", "nonsense"} {
		if page := o.ann.page(o.ann.get("/admin/users?done="+url.QueryEscape(done)), 200); page.Find(".notice").Length() != 0 {
			t.Errorf("%s is said to be done", done)
		}
	}
	for _, id := range []string{sqldb.NewID(), "x", "%27"} {
		o.ann.page(o.ann.get("/admin/users/"+id), 404)
		o.ann.page(o.ann.post("/admin/users/"+id, "action", "disable"), 404)
	}
}

func TestUploadsOfEverybodyOnPages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for i := range 60 {
			if _, err := o.drives.BeginUpload(t.Context(), o.bobID, drive.NewUpload{Folder: "/private folder", Name: fmt.Sprintf("private %d", i), MediaType: "video/<b>mp4", Length: 5000}); err != nil {
				t.Fatal(err)
			}
		}
		page := o.ann.page(o.ann.get("/admin/uploads"), 200)
		more, _ := page.Find(".sheet > .choice a").Attr("href")
		second := o.ann.page(o.ann.get(more), 200)
		if a, b := page.Find(".transfer"), second.Find(".transfer"); a.Length() != 50 || b.Length() != 10 || second.Find(".sheet > .choice a").Length() != 0 {
			t.Errorf("%d and %d on two pages", a.Length(), b.Length())
		}
		if text := page.Find("main").Text(); strings.Contains(text, "private") || !strings.Contains(text, "0 B of 5.0 kB") || !strings.Contains(text, "video/<b>mp4") {
			t.Errorf("it tells %s", text)
		}
		id := page.Find("input[name=id]").First().AttrOr("value", "")
		o.ann.leadsTo(o.ann.post("/admin/uploads", "action", "end", "id", id), "/admin/uploads?done=upload")
		if got := o.ann.page(o.ann.post("/admin/uploads", "action", "end", "id", id), 404).Find("#problem").Text(); !strings.Contains(got, "no such upload") {
			t.Errorf("a second time it says %q", got)
		}
		o.ann.page(o.ann.post("/admin/uploads", "action", "nonsense"), 400)
		if open, err := o.drives.OpenUploads(t.Context(), o.bobID, 100); err != nil || len(open) != 59 {
			t.Errorf("%d are open, %v", len(open), err)
		}
		lines, _, err := o.accounts.AuditLog(t.Context(), authn.AuditFilter{Event: authn.AuditUploadEnded, UserID: o.bobID})
		if err != nil || len(lines) != 1 || lines[0].ActorName != "ann" || lines[0].Detail != id {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}

// Somebody is invited, and comes; an invitation is revoked; an account is made by hand.
func TestInvitingOnPages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db, func(_ *house, _ *web.Options, a *authn.Options, _ *drive.Options) { a.Verify = authn.VerifyNone })
		page := o.ann.page(o.ann.get("/admin/newcomers"), 200)
		if got := page.Find(".who .user").Text(); got != "ann" {
			t.Errorf("signed in is %q", got)
		}
		if got := page.Find("main").Text(); !strings.Contains(got, "Anybody may make an account") {
			t.Errorf("it says %s", got)
		}
		page = o.ann.page(o.ann.post("/admin/newcomers", "action", "invite", "uses", "2", "days", "3", "note", "the <i>choir</i>"), 200)
		link, err := url.Parse(page.Find("#made-link").AttrOr("value", ""))
		if err != nil || link.Path != "/register" || page.Find("img.qr").Length() != 1 || page.Find("main i").Length() != 0 || !strings.Contains(page.Text(), "the <i>choir</i>") {
			t.Fatalf("%v, %v", link, err)
		}
		o.browser().page(o.browser().get(link.RequestURI()), 200)
		if again := o.ann.page(o.ann.get("/admin/newcomers"), 200); again.Find("#made-link").Length() != 0 || !strings.Contains(again.Text(), "0 of 2 used") {
			t.Error("the link is shown again")
		}
		for _, wrong := range [][]string{{"uses", "0", "days", "7"}, {"uses", "x", "days", "7"}, {"uses", "1", "days", "0"}, {"uses", "1", "days", "99999999999999999999"}, {"uses", "1", "days", "7", "note", strings.Repeat("x", 201)}} {
			if page := o.ann.page(o.ann.post("/admin/newcomers", append(wrong, "action", "invite")...), 400); page.Find("#invite .field-problem").Length() != 1 || page.Find("#make-user .notice").Length() != 0 {
				t.Errorf("%q: %s", wrong, page.Find(".notice").Text())
			}
		}
		id := page.Find("#invite input[name=id]").AttrOr("value", "")
		o.ann.leadsTo(o.ann.post("/admin/newcomers", "action", "revoke", "id", id), "/admin/newcomers?done=revoked")
		o.ann.page(o.ann.post("/admin/newcomers", "action", "revoke", "id", id), 404)
		o.ann.page(o.ann.post("/admin/newcomers", "action", "nonsense"), 400)

		page = o.ann.page(o.ann.post("/admin/newcomers", "action", "make-user", "username", "eve", "quota", "1GB"), 200)
		made := page.Find("#made-password").AttrOr("value", "")
		in, err := o.accounts.Login(t.Context(), authn.Credentials{Login: "eve", Password: made}, authn.Client{})
		if err != nil || in.User.Role != authn.RoleUser {
			t.Fatalf("%+v, %v", in.User, err)
		}
		if u, err := o.drives.Usage(t.Context(), in.User.ID); err != nil || u.Quota != 1e9 {
			t.Errorf("%+v, %v", u, err)
		}
		for name, problem := range map[string]string{"bob": "#problem", "a b": "#username-problem", "": "#problem"} {
			answer := o.ann.post("/admin/newcomers", "action", "make-user", "username", name)
			if page := o.ann.page(answer, answer.StatusCode); answer.StatusCode < 400 || page.Find("#make-user").Find(problem).Length() == 0 {
				t.Errorf("%q: %d", name, answer.StatusCode)
			}
		}
		o.ann.page(o.ann.post("/admin/newcomers", "action", "make-user", "username", "max", "quota", "much"), 400)
	})
}

func TestTheAuditLogOnPages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for i := range 60 {
			o.ann.post("/admin/users/"+o.bobID, "action", "quota", "quota", fmt.Sprint(i+1)+"MB")
		}
		o.browser().post("/login", "login", "bob", "password", "wrong")
		page := o.ann.page(o.ann.get("/admin/audit?event=quota_changed&user=bob"), 200)
		more, _ := page.Find(".sheet > .choice a").Attr("href")
		second := o.ann.page(o.ann.get(more), 200)
		if a, b := page.Find(".log li").Length(), second.Find(".log li").Length(); a != 50 || b != 10 || !strings.Contains(second.Text(), "1.0 MB") {
			t.Errorf("%d and %d lines on two pages", a, b)
		}
		if got := page.Find(".log li").First().Text(); !strings.Contains(got, "bob") || !strings.Contains(got, "by ann") || !strings.Contains(got, "60 MB") {
			t.Errorf("the newest is told as %s", got)
		}
		lines := func(query string) int {
			t.Helper()
			return o.ann.page(o.ann.get("/admin/audit?"+query), 200).Find(".log strong").Length()
		}
		today := time.Now().UTC().Format(time.DateOnly)
		for query, want := range map[string]int{"event=sign_in_failed": 1, "event=sign_in_failed&since=" + today + "&until=" + today: 1, "event=sign_in_failed&until=2020-01-01": 0,
			"event=sign_in_failed&address=198.51.100.77": 0, "event=sign_in_failed&address=192.0.2.1": 1, "event=nonsense": 0, "user=" + sqldb.NewID(): 0, "event=sign_in_failed&user=" + o.bobID: 1} {
			if got := lines(query); got != want {
				t.Errorf("%s: %d lines, want %d", query, got, want)
			}
		}
		for query, field := range map[string]string{"user=nobody": "#user-problem", "since=yesterday": "#since-problem", "until=2026-13-01": "#until-problem", "after=x": "#problem"} {
			if page := o.ann.page(o.ann.get("/admin/audit?"+query), 400); page.Find(field).Length() != 1 {
				t.Errorf("%s: %s", query, page.Find("main").Text())
			}
		}
	})
}

// The pages speak the language of who reads them, with no word of the other.
func TestPagesOfAdministratorsInChinese(t *testing.T) {
	o := newOffice(t, sqldbtest.OpenSQLite(t))
	gets, _ := o.addresses()
	for _, address := range gets {
		page := o.ann.page(o.ann.get(address, "Accept-Language: zh-CN"), 200)
		if h1 := page.Find("h1").First().Text(); page.Find("html").AttrOr("lang", "") != "zh-CN" || h1 == "" || strings.Contains(page.Find("nav, label, h2, button").Text(), "the") {
			t.Errorf("%s: %s", address, h1)
		}
	}
}
