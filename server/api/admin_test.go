package api

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// member is somebody with an account.
type member struct{ id, token, name string }

const adminPassword = "correct horse"

// member makes an account and signs it in.
func (s *site) member(name string, role authn.Role) member {
	s.t.Helper()
	u, err := s.accounts.CreateUser(s.t.Context(), authn.Registration{Username: name, Password: adminPassword}, role)
	if err != nil {
		s.t.Fatal(err)
	}
	in, err := s.accounts.Login(s.t.Context(), authn.Credentials{Login: name, Password: adminPassword}, authn.Client{Address: "192.0.2.1", UserAgent: name + "'s phone"})
	if err != nil {
		s.t.Fatal(err)
	}
	return member{u.ID, in.AccessToken, name}
}

func TestAdministeringUsers(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser)
		const users = "/api/v1/admin/users"

		made := s.call("POST", users, ann.token, `{"username": "eve", "email": "Eve@Example.org", "quota": 5000}`).want(201, "")
		var eve struct {
			ID, Password, Role string
			Drive              struct{ Used, Quota *int64 }
		}
		made.into(&eve)
		if made.Header().Get("Location") != users+"/"+eve.ID || len(eve.Password) < 20 || eve.Role != "user" || eve.Drive.Quota == nil || *eve.Drive.Quota != 5000 {
			t.Errorf("%s", made.Body)
		}
		if _, err := s.accounts.Login(t.Context(), authn.Credentials{Login: "eve@example.org", Password: eve.Password}, authn.Client{}); err != nil {
			t.Error(err)
		}
		if again := s.call("GET", users+"/"+eve.ID, ann.token, "").want(200, ""); strings.Contains(again.Body.String(), eve.Password) {
			t.Errorf("the password is told again: %s", again.Body)
		}
		given := s.call("POST", users, ann.token, `{"username": "zoe", "password": "chosen by ann", "role": "admin", "quota": -1}`).want(201, "")
		if strings.Contains(given.Body.String(), "password") || !strings.Contains(given.Body.String(), `"quota":null`) {
			t.Errorf("%s", given.Body)
		}
		s.call("POST", users, ann.token, `{"username": "BOB"}`).want(409, "username_taken")
		s.call("POST", users, ann.token, `{"username": "x", "role": "king"}`).want(400, "invalid_fields")
		s.call("POST", users, ann.token, `{"username": "x", "quota": -2}`).want(400, "invalid_fields")
		s.call("POST", users, ann.token, `{"username": "x", "quota": "5 GB"}`).want(400, "invalid_fields")

		list := func(query string) (names []string) {
			t.Helper()
			for after := ""; ; {
				var body struct {
					Items []struct{ Username string }
					Next  string
				}
				s.call("GET", users+"?limit=2&after="+url.QueryEscape(after)+query, ann.token, "").want(200, "").into(&body)
				for _, u := range body.Items {
					names = append(names, u.Username)
				}
				if after = body.Next; after == "" {
					return names
				}
			}
		}
		for query, want := range map[string]string{"": "[ann bob eve zoe]", "&search=E": "[eve]", "&role=admin": "[ann zoe]", "&disabled=true": "[]"} {
			if got := fmt.Sprint(list(query)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		for _, query := range []string{"disabled=perhaps", "role=king", "limit=0", "order=beauty", "search=%00", "search=" + strings.Repeat("x", 300)} {
			s.call("GET", users+"?"+query, ann.token, "").want(400, "invalid_fields")
		}

		at := users + "/" + bob.id
		var changed struct {
			Role     string
			Disabled bool
			Drive    struct{ Quota *int64 }
		}
		s.call("PATCH", at, ann.token, `{"quota": 10, "role": "admin", "disabled": null}`).want(200, "").into(&changed)
		if changed.Role != "admin" || changed.Disabled || *changed.Drive.Quota != 10 {
			t.Errorf("%+v", changed)
		}
		if got := fmt.Sprint(list("&order=name")) + fmt.Sprint(list("&order=newest")); got != "[ann bob eve zoe][zoe eve bob ann]" {
			t.Errorf("in another order: %s", got)
		}
		s.call("PATCH", at, ann.token, `{"role": "user", "quota": -1}`).want(200, "")
		s.call("PATCH", at, ann.token, `{"quote": 5}`).want(400, "unknown_field")
		s.call("PATCH", at, ann.token, `{"disabled": "yes"}`).want(400, "invalid_fields")

		s.call("POST", at+"/sign-out", ann.token, "").want(204, "")
		s.call("GET", "/api/v1/me", bob.token, "").want(401, "session_ended")
		s.call("POST", at+"/password", ann.token, `{"password": "short"}`).want(400, "invalid_fields")
		s.call("POST", at+"/password", ann.token, `{"password": "a new one for bob"}`).want(204, "")
		s.call("PATCH", at, ann.token, `{"disabled": true}`).want(200, "")
		if _, err := s.accounts.Login(t.Context(), authn.Credentials{Login: "bob", Password: "a new one for bob"}, authn.Client{}); err == nil {
			t.Error("a disabled account signs in")
		}
		if got := fmt.Sprint(list("&disabled=true")); got != "[bob]" {
			t.Errorf("disabled are %s", got)
		}

		s.call("DELETE", at, ann.token, "").want(204, "")
		for _, gone := range []string{at, users + "/" + sqldb.NewID(), users + "/x"} {
			s.call("GET", gone, ann.token, "").want(404, "not_found")
			s.call("DELETE", gone, ann.token, "").want(404, "no_such_account")
		}
		if err := s.accounts.RemoveClosed(t.Context()); err != nil {
			t.Fatal(err)
		}
		problems, err := s.drives.Check(t.Context())
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}

		own := users + "/" + ann.id
		s.call("PATCH", own, ann.token, `{"disabled": true}`).want(403, "own_account")
		s.call("PATCH", own, ann.token, `{"quota": 5, "role": "user"}`).want(403, "own_account")
		s.call("DELETE", own, ann.token, "").want(403, "own_account")
		s.call("POST", own+"/password", ann.token, `{"password": "taken over by whoever"}`).want(403, "own_account")
		var me struct{ Drive struct{ Quota *int64 } }
		s.call("GET", "/api/v1/me", ann.token, "").want(200, "").into(&me)
		if me.Drive.Quota == nil || *me.Drive.Quota != 1<<20 {
			t.Error("what was refused changed the quota")
		}

		var log struct {
			Items []struct {
				Event         string
				User, Actor   *struct{ ID, Username string }
				Address, Next string
			}
		}
		for address, want := range map[string]bool{"192.0.2.1": true, "192.0.2.250": false} {
			s.call("GET", "/api/v1/admin/audit?event=sign_in&address="+address, ann.token, "").want(200, "").into(&log)
			if (len(log.Items) > 0) != want {
				t.Errorf("from %s: %+v", address, log)
			}
		}
		s.call("GET", "/api/v1/admin/audit?event=user_deleted&user="+bob.id, ann.token, "").want(200, "").into(&log)
		if len(log.Items) != 1 || log.Items[0].Actor.Username != "ann" || log.Items[0].User.ID != bob.id || log.Items[0].Address == "" {
			t.Errorf("%+v", log)
		}
		for _, query := range []string{"since=yesterday", "until=2026-13-01T00:00:00Z", "after=x", "limit=x"} {
			s.call("GET", "/api/v1/admin/audit?"+query, ann.token, "").want(400, "invalid_fields")
			s.call("GET", "/api/v1/me/audit?"+query, ann.token, "").want(400, "invalid_fields")
		}
		future := url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))
		s.call("GET", "/api/v1/admin/audit?since="+future, ann.token, "").want(200, "").into(&log)
		if len(log.Items) != 0 {
			t.Errorf("%+v", log)
		}
	})
}

// To a user none of the administrators' addresses is there, with whatever body, and nothing is changed; nobody at all is asked to sign in. Names and passwords
// that go with every request do not administer.
func TestAttackAUserOnEveryAdminRoute(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser)
		bodies := map[string]string{
			"POST /api/v1/admin/users":               `{"username": "eve", "role": "admin"}`,
			"PATCH /api/v1/admin/users/{id}":         `{"role": "admin", "disabled": true, "quota": 1}`,
			"POST /api/v1/admin/users/{id}/password": `{"password": "another password"}`,
		}
		seen := regexp.MustCompile(`"seen_at":"[^"]*"`)
		state := func() string {
			return seen.ReplaceAllString(s.call("GET", "/api/v1/admin/users", ann.token, "").want(200, "").Body.String(), "") + s.call("GET", "/api/v1/me", ann.token, "").want(200, "").Body.String() +
				s.call("GET", "/api/v1/me", bob.token, "").want(200, "").Body.String()
		}
		before, tried := state(), 0
		for _, route := range new(api).routes() {
			if !strings.HasPrefix(route.path, v1+"/admin/") {
				continue
			}
			for _, id := range []string{ann.id, bob.id, sqldb.NewID()} {
				path := strings.NewReplacer("{id}", id, "{app_password}", id).Replace(route.path)
				body := bodies[route.method+" "+route.path]
				s.call(route.method, path, bob.token, body).want(404, "not_found")
				s.call(route.method, path, bob.token, "").want(404, "not_found")
				s.call(route.method, path, "", body).want(401, "unauthenticated")
				s.call(route.method, path, "", body, "Authorization", basicOf("bob", adminPassword)).want(403, "session_required")
				s.call(route.method, path, "", body, "Authorization", basicOf("ann", adminPassword)).want(403, "session_required")
				tried++
			}
		}
		if after := state(); after != before || tried < 50 {
			t.Errorf("%d tries; before:\n%s\nafter:\n%s", tried, before, after)
		}
		if _, err := s.accounts.Administer(authn.Principal{}, authn.Client{}).Change(t.Context(), ann.id, authn.UserChange{Role: new(authn.Role("user"))}); err != nil {
			t.Fatal(err)
		}
		s.call("GET", "/api/v1/admin/users", ann.token, "").want(404, "not_found") // demoted, at once
	})
}

// What a user is told is about the own account, whatever the query asks for, and does not tell which administrator did something from where.
func TestAttackReadingOthersActivity(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser)
		s.call("PATCH", "/api/v1/admin/users/"+bob.id, ann.token, `{"quota": 77}`).want(200, "")
		s.call("PATCH", "/api/v1/admin/users/"+ann.id, ann.token, `{"quota": 99}`).want(200, "")
		for _, query := range []string{"", "?user=" + ann.id, "?user=", "?event=quota_changed&user=" + ann.id} {
			answer := s.call("GET", "/api/v1/me/audit"+query, bob.token, "").want(200, "")
			var body struct {
				Items []struct{ Event, By, Address, Detail string }
			}
			answer.into(&body)
			if text := answer.Body.String(); strings.Contains(text, ann.id) || strings.Contains(text, "99 bytes") || strings.Contains(text, "ann") || !strings.Contains(text, "77 bytes") {
				t.Errorf("%s: %s", query, text)
			}
			if !slices.ContainsFunc(body.Items, func(i struct{ Event, By, Address, Detail string }) bool {
				return i.Event == "quota_changed" && i.By == "administrator" && i.Address == ""
			}) {
				t.Errorf("%s: %+v", query, body)
			}
		}
	})
}

func basicOf(login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
}

func errorCode(err error) string {
	code, _, _ := fault.Public(err)
	return code
}
