package server

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/origin"
)

func behindProxy() origin.Origin {
	return origin.Origin{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

func basic(login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
}

// Each credential at each door: who the door sees, or that the gate answers 401.
func TestGate(t *testing.T) {
	const (
		nobody   = "nobody"
		byBearer = "alice by bearer"
		byBasic  = "alice by basic"
		byCookie = "alice by cookie"
		refused  = "401"
	)
	f := newFront(t, frontOptions{})
	goodBearer, badBearer := "Bearer "+f.signIn.AccessToken, "Bearer "+f.signIn.AccessToken+"x"
	cookie := func(value string) string { return authn.CookieName + "=" + value }
	goodCookie, badCookie := cookie(f.page.Cookie), cookie("AAAA")

	for _, c := range []struct {
		name                              string
		header                            []string // Authorization
		cookie                            string
		tus, dav, above, api, web, health string
	}{
		{"nothing", nil, "", nobody, nobody, nobody, nobody, nobody, nobody},
		{"bearer", []string{goodBearer}, "", byBearer, byBearer, byBearer, byBearer, byBearer, nobody},
		{"bearer in small letters", []string{"bearer " + f.signIn.AccessToken}, "", byBearer, byBearer, byBearer, byBearer, byBearer, nobody},
		{"a wrong bearer", []string{badBearer}, "", refused, refused, refused, refused, refused, nobody},
		{"a refresh token is no access token", []string{"Bearer " + f.signIn.RefreshToken}, "", refused, refused, refused, refused, refused, nobody},
		{"basic", []string{basic(testUser, testPassword)}, "", byBasic, byBasic, byBasic, byBasic, refused, nobody},
		{"basic in odd letters", []string{strings.Replace(basic(testUser, testPassword), "Basic", "bAsIc", 1)}, "", byBasic, byBasic, byBasic, byBasic, refused, nobody},
		{"a wrong password", []string{basic(testUser, "wrong")}, "", refused, refused, refused, refused, refused, nobody},
		{"an unknown name", []string{basic("bob", testPassword)}, "", refused, refused, refused, refused, refused, nobody},
		{"basic that is not base64", []string{"Basic !!!"}, "", refused, refused, refused, refused, refused, nobody},
		{"another scheme", []string{"Digest username=alice"}, "", refused, refused, refused, refused, refused, nobody},
		{"an empty header", []string{""}, "", refused, refused, refused, refused, refused, nobody},
		{"two headers", []string{goodBearer, goodBearer}, "", refused, refused, refused, refused, refused, nobody},
		{"cookie", nil, goodCookie, byCookie, nobody, nobody, byCookie, byCookie, nobody},
		{"a wrong cookie counts as none", nil, badCookie, nobody, nobody, nobody, nobody, nobody, nobody},
		{"the HTTPS cookie on plain HTTP", nil, authn.SecureCookieName + "=" + f.page.Cookie, nobody, nobody, nobody, nobody, nobody, nobody},
		{"a wrong header beside a good cookie", []string{badBearer}, goodCookie, refused, refused, refused, refused, refused, nobody},
		{"a good header beside a wrong cookie", []string{goodBearer}, badCookie, byBearer, byBearer, byBearer, byBearer, byBearer, nobody},
		{"an access token as a cookie", nil, cookie(f.signIn.AccessToken), nobody, nobody, nobody, nobody, nobody, nobody},
	} {
		for _, at := range []struct{ door, method, path, want, errorType string }{
			{"tus", "HEAD", "/files/x", c.tus, "text/plain; charset=utf-8"},
			{"dav", "PROPFIND", "/dav/", c.dav, "application/xml; charset=utf-8"},
			{"above", "PROPFIND", "/", c.above, "application/xml; charset=utf-8"},
			{"api", "GET", "/api/v1/me", c.api, "application/problem+json"},
			{"web", "GET", "/drive/", c.web, "text/plain; charset=utf-8"},
			{"health", "GET", "/healthz", c.health, ""},
		} {
			t.Run(c.name+"/"+at.door, func(t *testing.T) {
				r := httptest.NewRequest(at.method, at.path, nil)
				if c.header != nil {
					r.Header["Authorization"] = c.header
				}
				if c.cookie != "" {
					r.Header.Set("Cookie", c.cookie)
				}
				w := f.do(r)
				switch {
				case at.want == refused:
					if at.door == "tus" && w.Header().Get("Tus-Resumable") != "1.0.0" {
						t.Error("the answer lacks Tus-Resumable")
					}
					if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != at.errorType || w.Header().Get("WWW-Authenticate") == "" {
						t.Errorf("got %d %s %q", w.Code, w.Header().Get("Content-Type"), w.Header().Get("WWW-Authenticate"))
					}
				case at.door == "health":
					if w.Code != http.StatusOK {
						t.Errorf("got %d", w.Code)
					}
				case w.Code != http.StatusOK || w.Body.String() != at.want:
					t.Errorf("got %d %q, want %q", w.Code, w.Body, at.want)
				}
			})
		}
	}
	if strings.Contains(f.log.String(), testPassword) || strings.Contains(f.log.String(), f.signIn.AccessToken) {
		t.Error("the log holds credentials")
	}
}

// deadlineSpy notes the deadlines that a connection has.
type deadlineSpy struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlineSpy) SetReadDeadline(at time.Time) error {
	d.read = at
	return nil
}

func (d *deadlineSpy) SetWriteDeadline(at time.Time) error {
	d.write = at
	return nil
}

// Who sends a body a byte at a time, or does not take the answer, must have said who they are.
func TestOnlyStrangersAreHurried(t *testing.T) {
	var w *deadlineSpy
	hurried := false // as the door sees it
	f := newFront(t, frontOptions{cors: []string{"https://app.example.org"}, behind: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hurried = !w.read.IsZero() })})
	post := func(path, body string, header ...string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		if body == "" {
			r.Body = http.NoBody // as net/http's server has it
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	preflight := post("/api/v1/files", "a body where none belongs", "Origin", "https://app.example.org", "Access-Control-Request-Method", "PUT")
	preflight.Method = http.MethodOptions
	for _, c := range []struct {
		name                string
		r                   *http.Request
		code                int
		body, door, written bool // whether there is a body, whether the door finds it hurried, whether the answer is
	}{
		{"a stranger with a body", post("/api/v1/login", "login=x"), 200, true, true, true},
		{"a stranger without", post("/api/v1/login", ""), 200, false, false, true},
		{"a user with a body", post("/api/v1/login", "bytes", "Authorization", "Bearer "+f.signIn.AccessToken), 200, true, false, false},
		{"a user without", post("/api/v1/login", "", "Authorization", "Bearer "+f.signIn.AccessToken), 200, false, false, false},
		{"somebody with a link and a body", post("/drop/token/", "bytes"), 200, true, true, true},
		{"wrong credentials with a body", post("/api/v1/login", "bytes", "Authorization", "Bearer x"), 401, true, true, true},
		{"a page of another site", post("/drive/", "bytes", "Sec-Fetch-Site", "cross-site"), 403, true, true, true},
		{"a script's question", preflight, 204, true, true, true},
		{"a probe with a body", post("/healthz", "bytes"), 405, true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			// An earlier request on the connection left a deadline for writing; for reading net/http has taken its own back.
			w, hurried = &deadlineSpy{ResponseRecorder: httptest.NewRecorder(), write: time.Now()}, false
			before := w.write
			f.Public().ServeHTTP(w, c.r)
			if w.Code != c.code {
				t.Errorf("answered %d, want %d", w.Code, c.code)
			}
			if c.code == http.StatusOK && hurried != c.door {
				t.Errorf("the door finds a deadline for reading: %v", hurried)
			}
			if set := !w.write.IsZero() && w.write != before; set != c.written || c.written == w.write.IsZero() {
				t.Errorf("the deadline for writing is %v", w.write)
			}
			// Nobody has read the body: net/http will, for a moment.
			if left := time.Until(w.read); c.body && (left <= 0 || left > leftoverPatience) || !c.body && !w.read.IsZero() {
				t.Errorf("the deadline for what is left of the body is %v", w.read)
			}
		})
	}
}

func TestGateOnHTTPS(t *testing.T) {
	public, err := url.Parse("https://files.example.org")
	if err != nil {
		t.Fatal(err)
	}
	f := newFront(t, frontOptions{origin: origin.Origin{Public: public}})
	for name, want := range map[string]string{
		authn.SecureCookieName: "alice by cookie",
		authn.CookieName:       "nobody", // another host of the domain, or a plain connection, may have set it
	} {
		r := httptest.NewRequest(http.MethodGet, "/drive/", nil)
		r.AddCookie(&http.Cookie{Name: name, Value: f.page.Cookie})
		if w := f.do(r); w.Body.String() != want {
			t.Errorf("%s: %q, want %q", name, w.Body, want)
		}
	}
}

// Which writes a browser may be made to send by another site.
func TestCrossing(t *testing.T) {
	f := newFront(t, frontOptions{})
	const (
		own   = "http://satchel.example"
		other = "https://evil.example"
	)
	cookie, bearer, password := authn.CookieName+"="+f.page.Cookie, "Bearer "+f.signIn.AccessToken, basic(testUser, testPassword)
	for _, c := range []struct {
		name                        string
		method, path, from, fetch   string // from: Origin; fetch: Sec-Fetch-Site
		authorization, cookie, more string
		passes                      bool
	}{
		{"our own form", "POST", "/drive/", own, "same-origin", "", cookie, "", true},
		{"our own form, an old browser", "POST", "/drive/", own, "", "", cookie, "", true},
		{"another site's form with the cookie", "POST", "/drive/", other, "cross-site", "", cookie, "", false},
		{"another site's form, an old browser", "POST", "/drive/", other, "", "", cookie, "", false},
		{"a neighbour host's form", "POST", "/drive/", other, "same-site", "", cookie, "", false},
		{"another site signs somebody in", "POST", "/login", other, "cross-site", "", "", "", false},
		{"another site's script at the API with the cookie", "POST", "/api/v1/folders", other, "cross-site", "", cookie, "", false},
		{"another site's script at tus with the cookie", "PATCH", "/files/x", other, "cross-site", "", cookie, "Tus-Resumable: 1.0.0", false},
		{"another app signs in at the API", "POST", "/api/v1/login", other, "cross-site", "", "", "", true},
		{"another app with its bearer", "POST", "/api/v1/folders", other, "cross-site", bearer, "", "", true},
		{"another app with its bearer in a browser that is signed in", "DELETE", "/files/x", other, "cross-site", bearer, cookie, "", true},
		{"another app uploads with Basic of its own", "POST", "/files/", other, "cross-site", password, "", "Tus-Resumable: 1.0.0", true},
		{"another app's script mounts with Basic of its own", "PUT", "/dav/x", other, "cross-site", password, "", "", true},
		{"another site's form with a remembered password", "POST", "/api/v1/folders", other, "cross-site", password, "", "", false},
		{"another app's script at the API with Basic of its own", "POST", "/api/v1/folders", other, "cross-site", password, "", "Content-Type: application/json", true},
		{"another app uploads with Basic of its own, as the IETF's draft has it", "POST", "/files/", other, "cross-site", password, "", "Upload-Complete: ?1", true},
		{"another site's form that looks like JSON", "POST", "/api/v1/folders", other, "cross-site", password, "", "Content-Type: text/plain; application/json", false},
		{"another site's script at the API with the cookie, in JSON", "POST", "/api/v1/folders", other, "cross-site", "", cookie, "Content-Type: application/json", false},
		{"a link from another site", "GET", "/drive/", other, "cross-site", "", cookie, "", true},
		{"a preflight", "OPTIONS", "/files/", other, "cross-site", "", "", "", true},
		{"a program", "POST", "/api/v1/folders", "", "", "", cookie, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, own+c.path, nil)
			for name, value := range map[string]string{"Origin": c.from, "Sec-Fetch-Site": c.fetch, "Authorization": c.authorization, "Cookie": c.cookie} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if name, value, ok := strings.Cut(c.more, ": "); ok {
				r.Header.Set(name, value)
			}
			w := f.do(r)
			if passed := w.Code == http.StatusOK; passed != c.passes || (!passed && w.Code != http.StatusForbidden) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestCrossingKnowsThePublicAddress(t *testing.T) {
	public, err := url.Parse("https://files.example.org")
	if err != nil {
		t.Fatal(err)
	}
	f := newFront(t, frontOptions{origin: origin.Origin{Public: public}})
	r := httptest.NewRequest(http.MethodPost, "http://backend:8080/login", nil) // a proxy replaced Host
	r.Header.Set("Origin", "https://files.example.org")
	if w := f.do(r); w.Code != http.StatusOK {
		t.Errorf("our own form is refused behind a proxy: %d", w.Code)
	}
}
