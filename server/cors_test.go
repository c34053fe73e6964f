package server

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

const (
	appOrigin   = "https://app.example.org"
	phoneOrigin = "capacitor://localhost"
	evilOrigin  = "https://evil.example"
)

// corsOf are the CORS headers of an answer.
func corsOf(h http.Header) (names []string) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			names = append(names, strings.TrimPrefix(name, "Access-Control-"))
		}
	}
	slices.Sort(names)
	return names
}

func words(list string) []string {
	all := strings.Split(list, ",")
	for i := range all {
		all[i] = strings.ToLower(strings.TrimSpace(all[i]))
	}
	return all
}

// Who may read which answer.
func TestCORS(t *testing.T) {
	listed := []string{appOrigin, phoneOrigin}
	for _, c := range []struct {
		name         string
		cors         []string
		method, path string
		from         string // Origin
		preflight    bool
		allowed      string // Access-Control-Allow-Origin; empty: no header of CORS at all
		status       int
		varies       bool
	}{
		{"preflight of tus", listed, "OPTIONS", "/files/", appOrigin, true, appOrigin, 204, true},
		{"preflight of an upload", listed, "OPTIONS", "/files/0123", phoneOrigin, true, phoneOrigin, 204, true},
		{"preflight of a drop box", listed, "OPTIONS", "/drop/token/", appOrigin, true, appOrigin, 204, true},
		{"a request of a drop box", listed, "PATCH", "/drop/token/0123", appOrigin, false, appOrigin, 200, true},
		{"preflight of the API", listed, "OPTIONS", "/api/v1/login", appOrigin, true, appOrigin, 204, true},
		{"preflight of WebDAV", listed, "OPTIONS", "/dav/a", appOrigin, true, appOrigin, 204, true},
		{"preflight of a page", listed, "OPTIONS", "/login", appOrigin, true, "", 200, false},
		{"preflight of all", listed, "OPTIONS", "/", appOrigin, true, "", 200, false},
		{"preflight from elsewhere", listed, "OPTIONS", "/files/", evilOrigin, true, "", 200, true},
		{"OPTIONS of a script", listed, "OPTIONS", "/files/", appOrigin, false, appOrigin, 200, true},
		{"a request of tus", listed, "PATCH", "/files/0123", appOrigin, false, appOrigin, 200, true},
		{"a request of the API", listed, "GET", "/api/v1/me", appOrigin, false, appOrigin, 200, true},
		{"the keys", listed, "GET", "/.well-known/jwks.json", appOrigin, false, appOrigin, 200, true},
		{"a request of WebDAV", listed, "PROPFIND", "/dav/", phoneOrigin, false, phoneOrigin, 200, true},
		{"a page", listed, "GET", "/drive/", appOrigin, false, "", 200, false},
		{"health", listed, "GET", "/healthz", appOrigin, false, "", 200, false},
		{"a request from elsewhere", listed, "GET", "/api/v1/me", evilOrigin, false, "", 200, true},
		{"a program", listed, "GET", "/api/v1/me", "", false, "", 200, true},
		{"another port", listed, "GET", "/api/v1/me", appOrigin + ":8443", false, "", 200, true},
		{"another scheme", listed, "GET", "/api/v1/me", "http://app.example.org", false, "", 200, true},
		{"another case", listed, "GET", "/api/v1/me", "https://APP.example.org", false, "", 200, true},
		{"a host that begins alike", listed, "GET", "/api/v1/me", appOrigin + ".evil.example", false, "", 200, true},
		{"a sandbox", listed, "GET", "/api/v1/me", "null", false, "", 200, true},
		{"every origin", []string{"*"}, "POST", "/files/", evilOrigin, false, "*", 200, true},
		{"every origin asks", []string{"*"}, "OPTIONS", "/files/", "null", true, "*", 204, true},
		{"every origin and a page", []string{"*"}, "GET", "/drive/", evilOrigin, false, "", 200, false},
		{"every origin and a program", []string{"*"}, "GET", "/api/v1/me", "", false, "", 200, true},
		{"no setting", nil, "GET", "/api/v1/me", appOrigin, false, "", 200, false},
		{"no setting, asked", nil, "OPTIONS", "/files/", appOrigin, true, "", 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, frontOptions{cors: c.cors})
			r := httptest.NewRequest(c.method, "http://satchel.example"+c.path, nil)
			if c.from != "" {
				r.Header.Set("Origin", c.from)
			}
			if c.preflight {
				r.Header.Set("Access-Control-Request-Method", "PATCH")
				r.Header.Set("Access-Control-Request-Headers", "authorization,tus-resumable")
			}
			w := f.do(r)
			h := w.Header()
			if w.Code != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed || (h.Get("Vary") == "Origin") != c.varies {
				t.Errorf("%d %v", w.Code, h)
			}
			want := []string{"Allow-Origin", "Expose-Headers"}
			switch {
			case c.allowed == "":
				want = nil
			case c.preflight:
				want = []string{"Allow-Headers", "Allow-Methods", "Allow-Origin", "Max-Age"}
			}
			if got := corsOf(h); !slices.Equal(got, want) { // Allow-Credentials is never among them
				t.Errorf("headers %v, want %v", got, want)
			}
			if c.status == 204 && w.Body.Len() > 0 {
				t.Errorf("a preflight's answer has a body: %q", w.Body)
			}
		})
	}
}

// What tus-js-client, Uppy and WebDAV clients send passes the preflight, and what they read can be read.
func TestCORSKnowsTheProtocols(t *testing.T) {
	f := newFront(t, frontOptions{cors: []string{appOrigin}})
	r := httptest.NewRequest(http.MethodOptions, "/files/", nil)
	r.Header.Set("Origin", appOrigin)
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	h := f.do(r).Header()
	allowedHeaders, allowedMethods := words(h.Get("Access-Control-Allow-Headers")), words(h.Get("Access-Control-Allow-Methods"))
	for _, name := range []string{
		"authorization", "content-type", "tus-resumable", "upload-length", "upload-defer-length", "upload-offset", "upload-metadata", "upload-concat",
		"upload-checksum", "x-http-method-override", "x-requested-with", "x-request-id", "upload-complete", "upload-incomplete", "upload-draft-interop-version",
		"depth", "destination", "if", "if-match", "if-none-match", "lock-token", "overwrite", "timeout", "range",
	} {
		if !slices.Contains(allowedHeaders, name) {
			t.Errorf("%s may not be sent", name)
		}
	}
	for _, m := range methods[:] {
		if m != "REPORT" && !slices.Contains(allowedMethods, strings.ToLower(m)) { // no door has REPORT
			t.Errorf("%s may not be sent", m)
		}
	}
	r = httptest.NewRequest(http.MethodHead, "/files/0123", nil)
	r.Header.Set("Origin", appOrigin)
	exposed := words(f.do(r).Header().Get("Access-Control-Expose-Headers"))
	for _, name := range []string{
		"location", "tus-resumable", "tus-version", "tus-extension", "tus-max-size", "tus-checksum-algorithm", "upload-length", "upload-defer-length",
		"upload-offset", "upload-metadata", "upload-concat", "upload-expires", "upload-complete", "upload-limit", "etag", "dav", "lock-token", "x-request-id",
		"retry-after", "content-range", "www-authenticate",
	} {
		if !slices.Contains(exposed, name) {
			t.Errorf("%s may not be read", name)
		}
	}
	for _, list := range [][]string{allowedHeaders, allowedMethods, exposed} {
		if slices.Contains(list, "*") || slices.Contains(list, "") || len(slices.Compact(slices.Sorted(slices.Values(list)))) != len(list) {
			t.Errorf("a wildcard, a gap or a name twice: %v", list)
		}
	}
}

// A script reads why it was refused, whoever refused it; and the page cookie opens nothing to it.
func TestCORSOfRefusals(t *testing.T) {
	f := newFront(t, frontOptions{cors: []string{appOrigin}, behind: answer.Handle(func(w http.ResponseWriter, r *http.Request) error {
		switch r.URL.Path {
		case "/api/v1/panic":
			panic("the secret plan")
		case "/api/v1/missing":
			return fault.New(fault.NotFound, "test", "")
		}
		_, err := w.Write([]byte("done"))
		return err
	}, answer.Error)})
	for _, c := range []struct {
		name, method, path, authorization, cookie string
		status                                    int
	}{
		{"the gate", "GET", "/api/v1/me", "Bearer nonsense", "", 401},
		{"the gate of tus", "POST", "/files/", "Bearer nonsense", "", 401},
		{"the door", "GET", "/api/v1/missing", "", "", 404},
		{"a panic", "GET", "/api/v1/panic", "", "", 500},
		{"the crossing", "POST", "/api/v1/folders", "", authn.CookieName + "=" + f.page.Cookie, 403},
		{"nobody", "PATCH", "/files/0123", "Bearer " + f.signIn.AccessToken, "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "http://satchel.example"+c.path, nil)
			r.Header.Set("Origin", appOrigin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			for name, value := range map[string]string{"Authorization": c.authorization, "Cookie": c.cookie} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			w := f.do(r)
			if got := corsOf(w.Header()); w.Code != c.status || !slices.Equal(got, []string{"Allow-Origin", "Expose-Headers"}) {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
	}
}
