package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/origin"
	"github.com/satchelhq/satchel/server/web"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const password = "correct horse battery"

// house is the door with real rooms behind it.
type house struct {
	*testing.T
	accounts *authn.Accounts
	drives   *drive.Drives
	previews *preview.Previews
	origin   origin.Origin
	door     *web.Web
	now      time.Time // added to by tests; zero is the real time
}

type setting func(h *house, o *web.Options, a *authn.Options, d *drive.Options)

func newHouse(t *testing.T, settings ...setting) *house {
	t.Helper()
	return newHouseOn(t, sqldbtest.OpenSQLite(t), settings...)
}

func newHouseOn(t *testing.T, db *sqldb.DB, settings ...setting) *house {
	t.Helper()
	blobs, err := disk.Open(t.TempDir(), disk.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	people, err := pages.New(pages.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t}
	wo, ao, do := web.Options{Pages: people, Mount: "/dav/"}, authn.Options{Now: h.clock}, drive.Options{}
	for _, s := range settings {
		s(h, &wo, &ao, &do)
	}
	h.drives = drive.New(db, blobs, do)
	ao.CreateDrive = h.drives.Create
	h.accounts = authn.New(db, ao)
	wo.Accounts, wo.Drives = h.accounts, h.drives
	wo.Overview.Accounts, wo.Overview.Drives = h.accounts, h.drives
	h.previews = newPreviews(db, h.drives)
	wo.Previews = h.previews
	h.origin = wo.Origin
	h.door = web.New(wo)
	return h
}

func (h *house) clock() time.Time {
	if h.now.IsZero() {
		return time.Now()
	}
	return h.now
}

func onHTTPS(_ *house, o *web.Options, _ *authn.Options, _ *drive.Options) {
	o.Origin.Public = &url.URL{Scheme: "https", Host: "files.example.org"}
}

func closed(_ *house, _ *web.Options, a *authn.Options, _ *drive.Options) {
	a.Registration = authn.RegistrationClosed
}

func quota(bytes int64) setting {
	return func(_ *house, _ *web.Options, _ *authn.Options, d *drive.Options) { d.Quota = bytes }
}

// browser keeps cookies, and follows no redirect.
type browser struct {
	*house
	cookies map[string]string
}

func (h *house) browser() *browser { return &browser{h, map[string]string{}} }

// user is a browser in which a new user is signed in, and the user's drive.
func (h *house) user(name string) (*browser, string) {
	h.Helper()
	session, err := h.accounts.RegisterPage(h.Context(), authn.Registration{Username: name, Password: password}, authn.Client{})
	if err != nil {
		h.Fatal(err)
	}
	b := h.browser()
	b.cookies[authn.CookieName], b.cookies[authn.SecureCookieName] = session.Cookie, session.Cookie
	return b, session.User.ID
}

// send does what the gate does, and hands the request to the door.
func (b *browser) send(r *http.Request) *http.Response {
	b.Helper()
	ctx := answer.WithLog(answer.WithRequestID(r.Context(), "request-1"), slog.New(slog.DiscardHandler))
	name := authn.CookieName
	if b.origin.Secure(r) {
		name = authn.SecureCookieName
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if value, ok := b.cookies[name]; ok {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
		if who, err := b.accounts.Cookie(ctx, value); err == nil {
			ctx = authn.WithPrincipal(ctx, who)
		}
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.door.ServeHTTP(w, r.WithContext(ctx))
	response := w.Result()
	for _, c := range response.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return response
}

func (b *browser) do(method, address string, headers ...string) *http.Response {
	b.Helper()
	r := httptest.NewRequest(method, address, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return b.send(r)
}

func (b *browser) get(address string, headers ...string) *http.Response {
	b.Helper()
	return b.do(http.MethodGet, address, headers...)
}

func (b *browser) post(address string, form ...string) *http.Response {
	b.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

// page is an answer's HTML, which must come with a status.
func (b *browser) page(response *http.Response, status int) *goquery.Document {
	b.Helper()
	body := read(b.T, response)
	if response.StatusCode != status {
		b.Fatalf("status %d, want %d: %s", response.StatusCode, status, body)
	}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	return doc
}

// leadsTo checks that an answer is a redirect.
func (b *browser) leadsTo(response *http.Response, address string) {
	b.Helper()
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != address {
		b.Fatalf("answer is %d to %q, want 303 to %q", response.StatusCode, got, address)
	}
}

func read(t *testing.T, response *http.Response) []byte {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (h *house) put(driveID, path, content string, o drive.PutOptions) {
	h.Helper()
	o.Size = int64(len(content))
	if _, _, err := h.drives.Put(h.Context(), driveID, drive.Path(path), strings.NewReader(content), o); err != nil {
		h.Fatal(err)
	}
}

func (h *house) makeFolder(driveID, path string) {
	h.Helper()
	if _, err := h.drives.MakeFolder(h.Context(), driveID, drive.Path(path), drive.Guard{}); err != nil {
		h.Fatal(err)
	}
}

// content is the file at path, and false if there is none.
func (h *house) content(driveID, path string) (string, bool) {
	h.Helper()
	_, content, err := h.drives.Open(context.Background(), driveID, drive.Path(path))
	if err != nil {
		return "", false
	}
	defer content.Close()
	all, err := io.ReadAll(content)
	if err != nil {
		h.Fatal(err)
	}
	return string(all), true
}

func (h *house) names(driveID, path string) string {
	h.Helper()
	list, err := h.drives.List(h.Context(), driveID, drive.Path(path), drive.Order{}, "", drive.MaxList)
	if err != nil {
		h.Fatal(err)
	}
	var names []string
	for _, c := range list.Children {
		names = append(names, c.Name)
	}
	return strings.Join(names, "|")
}

// Every page is private, and allowed to run only what is ours.
func TestPageHeaders(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.put(id, "/a.txt", "a", drive.PutOptions{})
	for _, c := range []struct {
		name     string
		response *http.Response
		status   int
	}{
		{"sign in", h.browser().get("/login"), 200},
		{"register", h.browser().get("/register"), 200},
		{"drive", mia.get("/drive/"), 200},
		{"delete", mia.get("/drive/a.txt?delete"), 200},
		{"missing", mia.get("/drive/nope"), 404},
		{"no such address", h.browser().get("/nope"), 404},
		{"refused form", mia.post("/drive/", "action", "new-folder", "name", ""), 400},
	} {
		header := c.response.Header
		if c.response.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.name, c.response.StatusCode, c.status)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			// No-referrer would turn the Origin of our own forms into "null".
			"Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, got, want)
			}
		}
		policy := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy lacks %s: %s", c.name, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy allows what it should not: %s", c.name, policy)
		}
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	b := newHouse(t).browser()
	address := b.page(b.get("/login"), 200).Find("link[rel=stylesheet]").AttrOr("href", "")
	response := b.get(address)
	if got := response.Header.Get("Cache-Control"); response.StatusCode != 200 || got != "public, max-age=31536000, immutable" {
		t.Errorf("%s: %d, Cache-Control %q", address, response.StatusCode, got)
	}
	if got := response.Header.Get("Content-Type"); got != "text/css; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := b.get(address, "If-None-Match: "+response.Header.Get("ETag")); got.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d, want 304", got.StatusCode)
	}
	b.page(b.get("/assets/satchel.css"), 404)
}

func TestPrivatePagesAskToSignIn(t *testing.T) {
	b := newHouse(t).browser()
	for address, next := range map[string]string{
		"/drive/":                  "/login",
		"/drive/a%20b?after=x%26y": "/login?next=" + url.QueryEscape("/drive/a%20b?after=x%26y"),
		"/raw/100%25.txt?download": "/login?next=" + url.QueryEscape("/raw/100%25.txt?download"),
		"/drive/%E6%97%A5?delete":  "/login?next=" + url.QueryEscape("/drive/%E6%97%A5?delete"),
		"/drive/a%5Cb%0Ac%3F":      "/login?next=" + url.QueryEscape("/drive/a%5Cb%0Ac%3F"),
		"/drive/%2e%2e/x":          "/login",
	} {
		response := b.get(address)
		b.leadsTo(response, next)
		if got := response.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", address, got)
		}
	}
	b.leadsTo(b.post("/drive/a", "action", "delete"), "/login?next=%2Fdrive%2Fa")
	b.leadsTo(b.get("/"), "/login")
}

func TestErrorPage(t *testing.T) {
	h := newHouse(t)
	mia, _ := h.user("mia")
	doc := mia.page(mia.get("/drive/missing"), 404)
	if got := doc.Find(".request").Text(); got != "Request request-1" {
		t.Errorf("the request id is not on the page: %q", got)
	}
	if doc.Find(".user").Text() == "" {
		t.Error("who is signed in is not on the page")
	}
	mia.page(mia.do("PUT", "/drive/x"), 404)
}
