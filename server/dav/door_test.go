package dav_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/server/dav"
)

func TestAddresses(t *testing.T) {
	s := onSQLite(t, setup{})
	s.want(http.StatusCreated, "MKCOL", "/dav/a", "")
	s.want(http.StatusCreated, "PUT", "/dav/a/b%20c", "", "x")
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"PROPFIND", "/dav", 207}, {"PROPFIND", "/dav/", 207}, {"PROPFIND", "/dav/a", 207}, {"PROPFIND", "/dav/a/", 207},
		{"PROPFIND", "/dav//a//", 207},
		{"GET", "/dav/a/b%20c", 200},
		{"GET", "/", 404}, {"GET", "/dav/%ff", 400},
		{"GET", "/dav/a/b%20c/d", 404}, // below a file
		{"GET", "/dav/" + strings.Repeat("n", 256), 400},
		{"GET", "/dav" + strings.Repeat("/n", 65), 413},
		{"POST", "/dav/a", 405}, {"PATCH", "/dav/a", 405}, {"NONSENSE", "/dav/a", 405},
	} {
		a := s.want(c.status, c.method, c.path, "Depth: 0")
		if c.status == 405 && !strings.Contains(a.header.Get("Allow"), "PROPFIND") {
			t.Errorf("%s %s: Allow is %q", c.method, c.path, a.header.Get("Allow"))
		}
	}
}

// TestNormalisation is Finder's way of spelling: names come decomposed, and must be found and echoed so.
func TestNormalisation(t *testing.T) {
	s := onSQLite(t, setup{})
	const composed, decomposed = "/dav/%C3%A4", "/dav/a%CC%88"
	s.want(http.StatusCreated, "MKCOL", composed, "")
	s.want(http.StatusCreated, "PUT", decomposed+"/f", "", "1")
	s.want(http.StatusNoContent, "PUT", composed+"/f", "", "2")
	s.holds(decomposed+"/f", "2")
	for _, asked := range []string{composed, decomposed} {
		a := s.want(207, "PROPFIND", asked, "Depth: 1")
		for _, href := range []string{asked + "/", asked + "/f"} {
			if !strings.Contains(a.body, "<D:href>"+href+"</D:href>") {
				t.Errorf("PROPFIND %s does not list %s:\n%s", asked, href, a.body)
			}
		}
	}
	a := s.want(207, "PROPFIND", "/dav", "Depth: 1")
	if !strings.Contains(a.body, "<D:href>"+composed+"/</D:href>") {
		t.Errorf("the folder is not listed as it was made:\n%s", a.body)
	}
}

func TestAbove(t *testing.T) {
	h := dav.Above("/dav/")
	ask := func(method, path, depth string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, http.NoBody)
		r.Header.Set("Depth", depth)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	//lint:ignore SA1008 the header is spelled as RFC 4918 does, for clients that compare it byte by byte
	if w := ask("OPTIONS", "/", ""); w.Code != 200 || !strings.HasPrefix(w.Header()["DAV"][0], "1, 2, 3") {
		t.Errorf("OPTIONS / is %d %v", w.Code, w.Header())
	}
	zero, one := ask("PROPFIND", "/", "0"), ask("PROPFIND", "/", "1")
	if zero.Code != 207 || !strings.Contains(zero.Body.String(), "<D:href>/</D:href>") || strings.Contains(zero.Body.String(), "/dav/") {
		t.Errorf("PROPFIND / with Depth: 0 is %d\n%s", zero.Code, zero.Body)
	}
	if one.Code != 207 || strings.Count(one.Body.String(), "<D:resourcetype><D:collection/></D:resourcetype>") != 2 || !strings.Contains(one.Body.String(), "<D:href>/dav/</D:href>") {
		t.Errorf("PROPFIND / with Depth: 1 is %d\n%s", one.Code, one.Body)
	}
	for path, status := range map[string]int{"/other": 404, "/dav/": 404, "/dav/x": 404} {
		if w := ask("PROPFIND", path, "1"); w.Code != status {
			t.Errorf("PROPFIND %s is %d, want %d", path, w.Code, status)
		}
	}
	quota := httptest.NewRequest("PROPFIND", "/", strings.NewReader(`<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>`))
	quota.Header.Set("Depth", "0")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, quota); w.Code != 207 || strings.Contains(w.Body.String(), "200 OK") {
		t.Errorf("what is above a drive tells of its own space: %d\n%s", w.Code, w.Body) // 0 bytes free would be a full disk
	}
	if w := ask("PROPFIND", "/", "infinity"); w.Code != 403 {
		t.Errorf("PROPFIND / with Depth: infinity is %d", w.Code)
	}
	if w := ask("GET", "/", ""); w.Code != 405 {
		t.Errorf("GET / is %d", w.Code)
	}
	if w := ask("DELETE", "/", ""); w.Code != 405 {
		t.Errorf("DELETE / is %d", w.Code)
	}
	nested := httptest.NewRecorder()
	r := httptest.NewRequest("PROPFIND", "/a", http.NoBody)
	r.Header.Set("Depth", "1")
	dav.Above("/a/b/dav/").ServeHTTP(nested, r)
	for _, href := range []string{"/a/", "/a/b/"} {
		if !strings.Contains(nested.Body.String(), "<D:href>"+href+"</D:href>") {
			t.Errorf("PROPFIND /a does not list %s:\n%s", href, nested.Body)
		}
	}
}
