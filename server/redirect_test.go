package server

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/server/origin"
)

// What plain HTTP is answered where there is HTTPS: questions are sent on with their method, and what carries something is refused unread.
func TestRedirect(t *testing.T) {
	public, err := url.Parse("https://files.example.org:8443")
	if err != nil {
		t.Fatal(err)
	}
	const refused = "this server is reached by https"
	for _, c := range []struct {
		name                string
		from                origin.Origin
		port, method, at    string
		host, authorization string
		body                string
		want                string // the Location; or refused
	}{
		{name: "HTTPS's own port", port: "443", method: "GET", at: "/drive/a%20b?x=1&y=%2F", host: "files.example.org:8080", want: "https://files.example.org/drive/a%20b?x=1&y=%2F"},
		{name: "another port", port: "8443", method: "HEAD", at: "/", host: "files.example.org", want: "https://files.example.org:8443/"},
		{name: "an address", port: "443", method: "GET", at: "/", host: "[::1]:80", want: "https://[::1]/"},
		{name: "an address and a port", port: "8443", method: "GET", at: "/", host: "[::1]", want: "https://[::1]:8443/"},
		{name: "the public address", from: origin.Origin{Public: public}, port: "443", method: "GET", at: "/s/x", host: "127.0.0.1", want: "https://files.example.org:8443/s/x"},
		{name: "a host that cannot stand in a link", port: "443", method: "GET", at: "/", host: `a"b`, want: "https://localhost/"},
		{name: "a path that looks like a host", port: "443", method: "GET", at: "//evil.example/x", host: "a.example", want: "https://a.example//evil.example/x"},
		{name: "what a client of WebDAV asks first", port: "443", method: "PROPFIND", at: "/dav/", host: "a.example", want: "https://a.example/dav/"},
		{name: "OPTIONS of all", port: "443", method: "OPTIONS", at: "*", host: "a.example", want: "https://a.example/"},
		{name: "a password", port: "443", method: "GET", at: "/dav/", host: "a.example", authorization: "Basic YW5uOng=", want: refused},
		{name: "an upload", port: "443", method: "PUT", at: "/dav/film", host: "a.example", body: "bytes", want: refused},
		{name: "a removal", port: "443", method: "DELETE", at: "/dav/film", host: "a.example", want: refused},
		{name: "a form", port: "443", method: "POST", at: "/login", host: "a.example", body: "password=x", want: refused},
		{name: "a question with a body", port: "443", method: "PROPFIND", at: "/dav/", host: "a.example", body: "<propfind/>", want: refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := &unread{Reader: strings.NewReader(c.body)}
			r := httptest.NewRequest(c.method, c.at, body)
			if c.body == "" {
				r.Body = http.NoBody
			}
			r.Host = c.host
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			w := httptest.NewRecorder()
			Redirect(c.from, c.port).ServeHTTP(w, r)
			if body.read {
				t.Error("the body was read")
			}
			if c.want == refused {
				if w.Code != http.StatusForbidden || !strings.Contains(strings.ToLower(w.Body.String()), refused) || w.Header().Get("Connection") != "close" || w.Header().Get("Location") != "" {
					t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
				}
				return
			}
			if got := w.Header().Get("Location"); w.Code != http.StatusPermanentRedirect || got != c.want {
				t.Errorf("%d to %s, want 308 to %s", w.Code, got, c.want)
			}
		})
	}
}

type unread struct {
	*strings.Reader
	read bool
}

func (u *unread) Read(p []byte) (int, error) {
	u.read = true
	return u.Reader.Read(p)
}

// Browsers are told to come by HTTPS only where they came by HTTPS, to the server or to the proxy in front, and only if the settings say so.
func TestStrictTransport(t *testing.T) {
	year := 365 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		life   time.Duration
		origin origin.Origin
		proto  string // X-Forwarded-Proto
		want   string
	}{
		{"over HTTPS", year, behindProxy(), "https", "max-age=31536000"},
		{"over HTTP", year, behindProxy(), "http", ""},
		{"without the setting", 0, behindProxy(), "https", ""},
		{"whoever says so and is no proxy of ours", year, origin.Origin{}, "https", ""},
	} {
		f := newFront(t, frontOptions{hsts: c.life, origin: c.origin})
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "10.0.0.2:4711"
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if got := f.do(r).Header().Get("Strict-Transport-Security"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
