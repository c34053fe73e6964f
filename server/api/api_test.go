package api

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/origin"
	"github.com/satchelhq/satchel/server/overview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
	"github.com/satchelhq/satchel/turn"
)

// site is the API over real rooms, behind a gate that takes Bearer and Basic.
type site struct {
	t        *testing.T
	accounts *authn.Accounts
	drives   *drive.Drives
	previews *preview.Previews
	jobs     *turn.Turns
	handler  http.Handler // the gate, and inner behind it
	inner    http.Handler
	document document
}

func newSite(t *testing.T, db *sqldb.DB) *site {
	t.Helper()
	return newSiteWith(t, db, drive.Options{})
}

func newSiteWith(t *testing.T, db *sqldb.DB, o drive.Options) *site {
	t.Helper()
	return newSiteSet(t, db, o, func(*authn.Options) {})
}

// newSiteOf is newSite with other settings of the accounts.
func newSiteOf(t *testing.T, db *sqldb.DB, set func(*authn.Options)) *site {
	t.Helper()
	return newSiteSet(t, db, drive.Options{}, set)
}

func newSiteSet(t *testing.T, db *sqldb.DB, o drive.Options, set func(*authn.Options)) *site {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	images := preview.NewQueue()
	o.Log, o.Quota, o.Changed = log, 1<<20, images.Tell
	drives := drive.New(db, mem.New(), o)
	options := authn.Options{Log: log, CreateDrive: drives.Create, SetQuota: drives.SetQuota, RemoveDrive: drives.Remove}
	set(&options)
	accounts := authn.New(db, options)
	public := &url.URL{Scheme: "https", Host: "files.example.org"}
	events, err := hooks.NewEvents(db, hooks.EventOptions{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, accounts: accounts, drives: drives, previews: newPreviews(db, drives, images), jobs: turn.New(db, "node one"), document: readDocument(t)}
	s.inner = New(Options{Accounts: accounts, Drives: drives, Previews: s.previews, Events: events, Origin: origin.Origin{Public: public}, Uploads: "/files/", Mount: "/dav/",
		Overview: overview.Source{Accounts: accounts, Drives: drives, Jobs: s.jobs, Version: "v1.2.3"}})
	gate := func(w http.ResponseWriter, r *http.Request) {
		ctx := answer.WithLog(answer.WithRequestID(r.Context(), "r1"), log)
		var p authn.Principal
		var err error
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			p, err = accounts.Bearer(ctx, token)
		} else if login, password, ok := r.BasicAuth(); ok {
			p, err = accounts.Basic(ctx, login, password, authn.Client{})
		}
		if err != nil {
			answer.Error(w, r.WithContext(ctx), err)
			return
		}
		if p.UserID != "" {
			ctx = authn.WithPrincipal(ctx, p)
		}
		s.inner.ServeHTTP(w, r.WithContext(ctx))
	}
	s.handler = http.HandlerFunc(gate)
	return s
}

// reply is an answer that was held against the document.
type reply struct {
	*httptest.ResponseRecorder
	t    *testing.T
	what string
}

// call sends a request; token may be empty, and a body that is not empty is JSON. headers are names and values in turn.
func (s *site) call(method, target, token, body string, headers ...string) *reply {
	s.t.Helper()
	var in io.Reader = http.NoBody
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, in)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if err := s.document.checkAnswer(method, r.URL.Path, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		s.t.Error(err)
	}
	for name := range w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			s.t.Errorf("%s %s lets other origins in: %s", method, target, name)
		}
	}
	return &reply{w, s.t, method + " " + target + " " + body}
}

// want checks the status and, of an error, its code.
func (r *reply) want(status int, code string) *reply {
	r.t.Helper()
	var p answer.Problem
	if r.Code >= 400 {
		if err := json.Unmarshal(r.Body.Bytes(), &p); err != nil {
			r.t.Errorf("%s: %v: %s", r.what, err, r.Body)
		}
		if p.RequestID != "r1" || p.Status != r.Code {
			r.t.Errorf("%s: %s", r.what, r.Body)
		}
	}
	if r.Code != status || p.Code != code {
		r.t.Errorf("%s: %d %s, want %d %s", r.what, r.Code, r.Body, status, code)
	}
	return r
}

func (r *reply) into(v any) {
	r.t.Helper()
	if err := json.Unmarshal(r.Body.Bytes(), v); err != nil {
		r.t.Fatalf("%s: %v: %s", r.what, err, r.Body)
	}
}

// fieldCodes are "name code" of each rejected field.
func (r *reply) fieldCodes() (all []string) {
	var p answer.Problem
	r.into(&p)
	for _, f := range p.Fields {
		all = append(all, f.Name+" "+f.Code)
	}
	return all
}

func (s *site) register(name string) signInBody {
	s.t.Helper()
	var in signInBody
	s.call("POST", "/api/v1/register", "", fmt.Sprintf(`{"username": %q, "password": "correct horse"}`, name)).want(201, "").into(&in)
	return in
}

func TestAnAppFromRegisteringToSigningOut(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		var in signInBody
		s.call("POST", "/api/v1/register", "", `{"username": "ann", "password": "correct horse", "email": "ann@example.org", "phone": "+4915112345678"}`).want(201, "").into(&in)
		if in.TokenType != "Bearer" || in.ExpiresIn != 900 || in.User.Username != "ann" || in.User.Email != "ann@example.org" || in.User.Phone != "+4915112345678" {
			t.Errorf("%+v", in)
		}
		ticket, ok := strings.CutPrefix(in.H5URL, "https://files.example.org/open?ticket=")
		if !ok {
			t.Errorf("h5_url %s", in.H5URL)
		}
		if page, err := s.accounts.RedeemTicket(t.Context(), ticket, authn.Client{}); err != nil || page.User.ID != in.User.ID {
			t.Errorf("the ticket in it: %+v, %v", page, err)
		}

		var me meBody
		s.call("GET", "/api/v1/me", in.AccessToken, "").want(200, "").into(&me)
		if me.User != in.User || me.Drive.Used != 0 || me.Drive.Quota == nil || *me.Drive.Quota != 1<<20 {
			t.Errorf("%+v", me)
		}
		for _, login := range []string{"ANN", "ann@example.org", "+4915112345678"} {
			s.call("POST", "/api/v1/login", "", fmt.Sprintf(`{"login": %q, "password": "correct horse", "otp": ""}`, login)).want(200, "").into(&in)
		}
		first := in
		s.call("POST", "/api/v1/token/refresh", "", fmt.Sprintf(`{"refresh_token": %q}`, in.RefreshToken)).want(200, "").into(&in)
		if in.RefreshToken == first.RefreshToken || in.AccessToken == first.AccessToken || in.H5URL == first.H5URL {
			t.Error("a refresh must answer everything anew")
		}
		s.call("POST", "/api/v1/logout", in.AccessToken, "").want(204, "")
		s.call("GET", "/api/v1/me", in.AccessToken, "").want(401, "session_ended")
		s.call("POST", "/api/v1/token/refresh", "", fmt.Sprintf(`{"refresh_token": %q}`, in.RefreshToken)).want(401, "invalid_refresh_token")
	})
}

func TestSigningInGoesWrong(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	s.register("ann")
	for _, c := range []struct {
		path, body string
		status     int
		code       string
		fields     []string
	}{
		{"register", `{"username": "Ann", "password": "correct horse"}`, 409, "username_taken", nil},
		{"register", `{}`, 400, "invalid_fields", []string{"username required", "password required"}},
		{"register", `{"username": "a b", "password": "x", "email": "x", "phone": "1"}`, 400, "invalid_fields",
			[]string{"username invalid", "password too_short", "email invalid", "phone invalid"}},
		{"register", `{"username": "bob", "password": "correct horse", "code": "friend"}`, 400, "invalid_fields", []string{"code unsupported"}},
		{"register", `{"username": "bob", "password": "correct horse", "role": "admin"}`, 400, "unknown_field", []string{"role unknown_field"}},
		{"register", `{"username": 7, "password": "correct horse", "x": {"deep": [1]}, "email": []}`, 400, "unknown_field",
			[]string{"username wrong_type", "x unknown_field", "email wrong_type"}},
		{"register", `{"username": "bob", "username": "cid", "password": "correct horse"}`, 400, "invalid_fields", []string{"username duplicate"}},
		{"register", `{"USERNAME": "bob"}`, 400, "unknown_field", []string{"USERNAME unknown_field"}},
		{"register", `{"username": "bob"`, 400, "invalid_json", nil},
		{"register", `{"username": "bob"} {}`, 400, "invalid_json", nil},
		{"register", `[]`, 400, "invalid_json", nil},
		{"register", `null`, 400, "invalid_json", nil},
		{"register", "{\"password\": \"\xff\xff\xff\xff\xff\xff\xff\xff\"}", 400, "invalid_json", nil},
		{"register", strings.Repeat("[", 60_000), 400, "invalid_json", nil},
		{"register", `{"x":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}`, 400, "invalid_json", nil},
		{"register", `{"username": "` + strings.Repeat("x", maxBody) + `"}`, 413, "body_too_large", nil},
		{"login", `{"login": "ann", "password": "wrong password"}`, 401, "invalid_credentials", nil},
		{"login", `{"login": "nobody", "password": "correct horse"}`, 401, "invalid_credentials", nil},
		{"login", `{"login": "a\u0000", "password": "correct horse"}`, 401, "invalid_credentials", nil},
		{"login", `{"login": "ann"}`, 400, "invalid_fields", []string{"password required"}},
		{"login", `{"login": "ann", "password": null}`, 400, "invalid_fields", []string{"password required"}},
		{"token/refresh", `{}`, 400, "invalid_fields", []string{"refresh_token required"}},
		{"token/refresh", `{"refresh_token": "x"}`, 401, "invalid_refresh_token", nil},
	} {
		r := s.call("POST", "/api/v1/"+c.path, "", c.body).want(c.status, c.code)
		if got := r.fieldCodes(); !slices.Equal(got, c.fields) {
			t.Errorf("%s: fields %v, want %v", c.body[:min(len(c.body), 100)], got, c.fields)
		}
		if strings.Contains(r.Body.String(), "correct horse") {
			t.Errorf("a password is repeated: %s", r.Body)
		}
	}
	var thousands strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&thousands, `"f%d":0,`, i)
	}
	r := s.call("POST", "/api/v1/login", "", `{`+strings.TrimSuffix(thousands.String(), ",")+`}`).want(400, "unknown_field")
	if n := len(r.fieldCodes()); n != maxRejected {
		t.Errorf("%d fields are named", n)
	}
}

func TestContentTypes(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	for contentType, status := range map[string]int{
		"application/json": 401, "application/json; charset=utf-8": 401, "Application/JSON": 401,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data": 415, "": 415, ";": 415, // what a form of another site can send
	} {
		r := s.call("POST", "/api/v1/login", "", `{"login": "ann", "password": "wrong password"}`, "Content-Type", contentType)
		if r.Code != status {
			t.Errorf("%q: %d %s, want %d", contentType, r.Code, r.Body, status)
		}
	}
}

func TestAddressesAndMethodsThatDoNotExist(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	token := s.register("ann").AccessToken
	for _, path := range []string{"/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/me", "/api/v1/nothing", "/api/v1/me/", "/api/v1/trash/", "/.well-known/other"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			s.call(method, path, token, "").want(404, "no_such_route")
		}
	}
	for _, c := range []struct{ method, path, allow string }{
		{"GET", "/api/v1/login", "POST"},
		{"POST", "/api/v1/me", "DELETE, GET, HEAD, PATCH"},
		{"OPTIONS", "/api/v1/me", "DELETE, GET, HEAD, PATCH"},
		{"PUT", "/api/v1/files/a", "DELETE, GET, HEAD, POST"},
		{"BREW", "/api/v1/trash", "DELETE, GET, HEAD"},
		{"DELETE", "/.well-known/jwks.json", "GET, HEAD"},
	} {
		r := s.call(c.method, c.path, token, "").want(405, "method_not_allowed")
		if r.Header().Get("Allow") != c.allow || r.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %v", c.method, c.path, r.Header())
		}
	}
}

func TestStrangersAreAskedToSignIn(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	open := []string{"register", "sendCode", "resetPassword", "login", "refresh", "describe", "jwks"}
	for _, r := range new(api).routes() {
		path := strings.NewReplacer("{path...}", "a", "{id}", sqldb.NewID()).Replace(r.path)
		op := s.document.operation(r.method, path)
		security, described := op["security"].([]any)
		isOpen := slices.Contains(open, op["operationId"].(string))
		nobody := slices.ContainsFunc(security, func(one any) bool { return len(one.(map[string]any)) == 0 })
		if isOpen != (described && (len(security) == 0 || nobody)) {
			t.Errorf("%s %s: the document says %v about who may", r.method, path, op["security"])
		}
		got := s.call(r.method, path, "", "")
		if isOpen == (got.Code == 401) {
			t.Errorf("%s %s: %d", r.method, path, got.Code)
		}
		if !isOpen && len(got.Header().Values("WWW-Authenticate")) != 2 {
			t.Errorf("%s %s: %v", r.method, path, got.Header())
		}
	}
}

func TestBasicHasNoSessionToEnd(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	s.register("ann")
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("ann", "correct horse")
	basic := r.Header.Get("Authorization")
	s.call("GET", "/api/v1/me", "", "", "Authorization", basic).want(200, "")
	s.call("POST", "/api/v1/logout", "", "", "Authorization", basic).want(400, "no_session")
}

func TestPublicDocuments(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	for _, path := range []string{"/api/v1/openapi.json", "/.well-known/jwks.json"} {
		r := s.call("GET", path, "", "").want(200, "")
		tag := r.Header().Get("ETag")
		if r.Header().Get("Cache-Control") != "public, max-age=300" || tag == "" || !json.Valid(r.Body.Bytes()) {
			t.Errorf("%s: %v", path, r.Header())
		}
		if head := s.call("HEAD", path, "", ""); head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %v", path, head.Code, head.Header())
		}
		w := httptest.NewRecorder()
		again := httptest.NewRequest("GET", path, nil)
		again.Header.Set("If-None-Match", tag)
		if s.handler.ServeHTTP(w, again); w.Code != 304 {
			t.Errorf("%s again: %d", path, w.Code)
		}
	}
}
