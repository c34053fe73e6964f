package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRoute(t *testing.T) {
	f := newFront(t, frontOptions{})
	d := &f.doors
	for _, c := range []struct {
		method, target string
		want           *door
	}{
		{"GET", "/", &d.web},
		{"GET", "/login", &d.web},
		{"GET", "/drive/a/b", &d.web},
		{"POST", "/files", &d.tus},
		{"POST", "/files/", &d.tus},
		{"PATCH", "/files/0123", &d.tus},
		{"OPTIONS", "/files/", &d.tus},
		{"GET", "/filesystem", &d.web},
		{"POST", "/drop/token/", &d.box},
		{"PATCH", "/drop/token/0123", &d.box},
		{"OPTIONS", "/drop/token", &d.box},
		{"GET", "/dropped", &d.web},
		{"POST", "/s/token", &d.web},
		{"PROPFIND", "/dav", &d.dav},
		{"PROPFIND", "/dav/", &d.dav},
		{"GET", "/dav/a//b", &d.dav},
		{"GET", "/dav/../login", &d.dav}, // nothing is resolved on the way: the door refuses the name
		{"PROPFIND", "/remote.php/webdav/", &d.dav},
		{"PUT", "/remote.php/dav/uploads/ann/up/1", &d.dav},
		{"OPTIONS", "/remote.php", &d.dav},
		{"GET", "/remote.phpx", &d.web},
		{"GET", "/davx", &d.web},
		{"PROPFIND", "/davx", &d.above},
		{"PROPFIND", "/", &d.above},
		{"OPTIONS", "/", &d.above},
		{"OPTIONS", "/anything", &d.above},
		{"PUT", "/", &d.web},
		{"GET", "/api/v1/me", &d.api},
		{"OPTIONS", "/api/v1/me", &d.api},
		{"GET", "/api", &d.api},
		{"GET", "/.well-known/jwks.json", &d.api},
		{"GET", "/.well-known/change-password", &d.web},
		{"GET", "/healthz", &d.health},
		{"GET", "/readyz", &d.health},
		{"GET", "/healthz/x", &d.web},
		{"GET", "/metrics", &d.web}, // operators have a listener of their own
		{"GET", "/debug/pprof/", &d.web},
	} {
		if got := f.route(httptest.NewRequest(c.method, c.target, nil)); got != c.want {
			t.Errorf("%s %s goes to %s, want %s", c.method, c.target, got.name, c.want.name)
		}
	}
}

// No address of ours is answered by a redirect that net/http made up.
func TestNoRedirects(t *testing.T) {
	f := newFront(t, frontOptions{})
	for _, target := range []string{"/dav", "/files", "/api", "/dav//x", "//dav/", "/drive//x", "/drop//x"} {
		r := httptest.NewRequest("PROPFIND", "http://satchel.example"+target, nil)
		if w := f.do(r); w.Code != http.StatusOK {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}
