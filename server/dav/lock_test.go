package dav_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.want(http.StatusCreated, "PUT", "/dav/f", "", "1")
		etag := s.do("HEAD", "/dav/f", "").header.Get("ETag")
		a := s.want(http.StatusOK, "LOCK", "/dav/f", "Timeout: Second-600\nDepth: 0", lockBody)
		token := strings.Trim(a.header.Get("Lock-Token"), "<>")
		if !strings.HasPrefix(token, "opaquelocktoken:") || len(token) != len("opaquelocktoken:")+36 {
			t.Errorf("the token is %q", token)
		}
		for _, part := range []string{
			"<D:lockscope><D:exclusive/></D:lockscope>", "<D:depth>0</D:depth>", "<D:owner>ann</D:owner>", "<D:timeout>Second-600</D:timeout>",
			"<D:locktoken><D:href>" + token + "</D:href></D:locktoken>", "<D:lockroot><D:href>/dav/f</D:href></D:lockroot>",
		} {
			if !strings.Contains(a.body, part) {
				t.Errorf("LOCK does not answer %s:\n%s", part, a.body)
			}
		}
		if got := s.do("HEAD", "/dav/f", "").header.Get("ETag"); got != etag {
			t.Errorf("LOCK changed the ETag from %s to %s", etag, got)
		}
		a = s.want(http.StatusLocked, "PUT", "/dav/f", "", "2")
		if !strings.Contains(a.body, "<D:lock-token-submitted><D:href>/dav/f</D:href></D:lock-token-submitted>") {
			t.Errorf("423 does not name the lock:\n%s", a.body)
		}
		a = s.want(http.StatusLocked, "LOCK", "/dav/f", "", lockBody)
		if !strings.Contains(a.body, "<D:no-conflicting-lock><D:href>/dav/f</D:href></D:no-conflicting-lock>") {
			t.Errorf("423 does not name the lock in the way:\n%s", a.body)
		}
		s.want(http.StatusLocked, "DELETE", "/dav/f", "")
		s.want(http.StatusLocked, "MOVE", "/dav/f", "Destination: /dav/g")
		s.want(http.StatusLocked, "PROPPATCH", "/dav/f", "", `<D:propertyupdate xmlns:D="DAV:"><D:remove><D:prop><x/></D:prop></D:remove></D:propertyupdate>`)
		s.want(http.StatusCreated, "COPY", "/dav/f", "Destination: /dav/copy") // reading is free
		s.want(http.StatusLocked, "COPY", "/dav/copy", "Destination: /dav/f")
		s.want(http.StatusNoContent, "DELETE", "/dav/copy", "") // the copy is not locked
		s.want(http.StatusOK, "GET", "/dav/f", "")
		s.want(http.StatusNoContent, "PUT", "/dav/f", "If: (<"+token+">)", "2")

		s.want(http.StatusBadRequest, "LOCK", "/dav/f", "")                            // a refresh of nothing
		s.want(http.StatusPreconditionFailed, "LOCK", "/dav/f", "If: (<urn:nothing>)") // of what is not there
		a = s.want(http.StatusOK, "LOCK", "/dav/f", "If: (<"+token+">)\nTimeout: Second-60")
		if !strings.Contains(a.body, "<D:timeout>Second-60</D:timeout>") || a.header.Get("Lock-Token") != "" {
			t.Errorf("a refresh answers %v\n%s", a.header, a.body)
		}
		s.want(http.StatusBadRequest, "UNLOCK", "/dav/f", "")
		a = s.want(http.StatusConflict, "UNLOCK", "/dav/f", "Lock-Token: <urn:nothing>")
		if !strings.Contains(a.body, "<D:lock-token-matches-request-uri/>") {
			t.Errorf("UNLOCK with a wrong token answers\n%s", a.body)
		}
		s.want(http.StatusConflict, "UNLOCK", "/dav/g", "Lock-Token: <"+token+">")
		s.want(http.StatusNoContent, "UNLOCK", "/dav/f", "Lock-Token: "+token) // without brackets
		s.want(http.StatusNoContent, "PUT", "/dav/f", "", "3")
		s.holds("/dav/f", "3")
	})
}

func TestLockRefused(t *testing.T) {
	s := onSQLite(t, setup{})
	for _, c := range []struct {
		headers, body string
		status        int
	}{
		{"Depth: 1", lockBody, 400},
		{"", "nonsense", 400},
		{"", `<D:propfind xmlns:D="DAV:"/>`, 400},
		{"", `<D:lockinfo xmlns:D="DAV:"/>`, 400},
		{"", `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`, 400},
		{"", `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:read/></D:locktype></D:lockinfo>`, 400},
		{"If: (nonsense", lockBody, 400},
		{"If: (<urn:nothing>)", lockBody, 412},
	} {
		s.want(c.status, "LOCK", "/dav/f", c.headers, c.body)
	}
	s.want(http.StatusConflict, "LOCK", "/dav/no/f", "", lockBody)
	s.want(http.StatusConflict, "LOCK", "/dav/folder/", "", lockBody)
	s.holds("/dav/f", "-")
	s.holds("/dav/folder", "-")
}

// TestLockOfAFolder: a deep lock is shown, prolonged and ended at any resource that it covers.
func TestLockOfAFolder(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/e want 201
			PUT /d/e/f [] body 1 want 201`)
		token := s.lock("/dav/d", "Depth: infinity")
		s.want(http.StatusOK, "LOCK", "/dav/d/e/f", "If: (<"+token+">)")
		a := s.want(207, "PROPFIND", "/dav/d", "Depth: infinity", `<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>`)
		if n := strings.Count(a.body, "<D:lockroot><D:href>/dav/d</D:href></D:lockroot>"); n != 3 {
			t.Errorf("the lock is shown on %d of 3 resources:\n%s", n, a.body)
		}
		for _, path := range []string{"/dav/d/e", "/dav/d/e/f"} {
			a = s.want(207, "PROPFIND", path, "Depth: 0", `<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>`)
			if !strings.Contains(a.body, token) {
				t.Errorf("the lock around %s is not shown:\n%s", path, a.body)
			}
		}
		s.want(http.StatusNoContent, "UNLOCK", "/dav/d/e/f", "Lock-Token: <"+token+">")
		s.want(http.StatusNoContent, "DELETE", "/dav/d", "")
	})
}
