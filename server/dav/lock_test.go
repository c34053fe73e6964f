package dav_test

import (
	"fmt"
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

func TestLockOfWhatIsNotThere(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		a := s.want(http.StatusCreated, "LOCK", "/dav/new%20%26%20%3Cbold%3E", "", lockBody)
		if !strings.Contains(a.body, "<D:lockroot><D:href>/dav/new%20%26%20%3Cbold%3E</D:href></D:lockroot>") {
			t.Errorf("the lock's root is not escaped:\n%s", a.body)
		}
		token := a.header.Get("Lock-Token")
		s.holds("/dav/new%20%26%20%3Cbold%3E", "")
		s.want(http.StatusNoContent, "PUT", "/dav/new%20%26%20%3Cbold%3E", "If: ("+token+")", "x")
		s.want(http.StatusNoContent, "DELETE", "/dav/new%20%26%20%3Cbold%3E", "If: ("+token+")")
		s.want(http.StatusCreated, "PUT", "/dav/new%20%26%20%3Cbold%3E", "", "y") // the lock went with the file
	})
}

func TestLockShared(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		shared := strings.Replace(lockBody, "exclusive", "shared", 1)
		s.want(http.StatusCreated, "PUT", "/dav/f", "", "1")
		one := s.want(http.StatusOK, "LOCK", "/dav/f", "", shared).header.Get("Lock-Token")
		two := s.want(http.StatusOK, "LOCK", "/dav/f", "", shared).header.Get("Lock-Token")
		if one == two {
			t.Error("two locks have one token")
		}
		s.want(http.StatusLocked, "LOCK", "/dav/f", "", lockBody)
		s.want(http.StatusLocked, "PUT", "/dav/f", "", "2")
		s.want(http.StatusNoContent, "PUT", "/dav/f", "If: ("+one+")", "2")
		s.want(http.StatusNoContent, "PUT", "/dav/f", "If: ("+two+")", "2")
		a := s.want(207, "PROPFIND", "/dav/f", "Depth: 0")
		if n := strings.Count(a.body, "<D:activelock>"); n != 2 {
			t.Errorf("lockdiscovery shows %d locks, want 2:\n%s", n, a.body)
		}
	})
}

// TestLockOfAnother is what a token of one lock must not open.
func TestLockOfAnother(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			PUT /mine [] body 1 want 201
			PUT /victim [] body 1 want 201`)
		mine := s.lock("/dav/mine", "")
		victim := s.lock("/dav/victim", "")
		tagged := "If: </dav/mine> (<" + mine + ">)"
		s.want(http.StatusLocked, "PUT", "/dav/victim", tagged, "2")
		s.want(http.StatusLocked, "DELETE", "/dav/victim", tagged)
		s.want(http.StatusLocked, "MOVE", "/dav/mine", tagged+"\nDestination: /dav/victim")
		s.want(http.StatusPreconditionFailed, "PUT", "/dav/victim", "If: (<"+mine+">)", "2")
		s.want(http.StatusConflict, "UNLOCK", "/dav/victim", "Lock-Token: <"+mine+">")
		s.holds("/dav/victim", "1")
		both := "If: </dav/mine> (<" + mine + ">) <http://HOST/dav/victim> (<" + victim + ">)"
		s.want(http.StatusNoContent, "MOVE", "/dav/mine", both+"\nDestination: /dav/victim")
	})
}

// TestLocksInAFolder has DELETE, MOVE and COPY meet locks inside.
func TestLocksInAFolder(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/e want 201
			PUT /d/e/f [] body 1 want 201
			PUT /d/g [] body 1 want 201
			MKCOL /other want 201`)
		token := s.lock("/dav/d/e/f", "")
		for _, c := range [][2]string{{"DELETE", "/dav/d"}, {"MOVE", "/dav/d"}, {"COPY", "/dav/other"}, {"MOVE", "/dav/other"}} {
			to := "/dav/moved"
			if c[1] == "/dav/other" {
				to = "/dav/d"
			}
			a := s.want(207, c[0], c[1], "Destination: "+to)
			want := "<D:response><D:href>/dav/d/e/f</D:href><D:status>HTTP/1.1 423 Locked</D:status>"
			if !strings.Contains(a.body, want) || strings.Count(a.body, "<D:response>") != 1 {
				t.Errorf("%s %s to %s does not name the locked file:\n%s", c[0], c[1], to, a.body)
			}
		}
		s.play(`
			/d/e/f holds 1
			/d/g holds 1
			PUT /d/e/h [] body 1 want 201
			PROPFIND /other [Depth: 0] want 207
			PROPFIND /moved [Depth: 0] want 404`)
		s.want(http.StatusCreated, "MOVE", "/dav/d", "Destination: /dav/moved\nIf: </dav/d/e/f> (<"+token+">)")
		s.want(http.StatusNoContent, "PUT", "/dav/moved/e/f", "", "2") // the lock was left behind
		s.want(http.StatusNoContent, "DELETE", "/dav/moved", "")
	})
}

func TestLockOfAFolder(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/e want 201
			PUT /d/e/f [] body 1 want 201`)
		token := s.lock("/dav/d", "Depth: infinity")
		a := s.want(http.StatusLocked, "PUT", "/dav/d/e/f", "", "2")
		if !strings.Contains(a.body, "<D:lock-token-submitted><D:href>/dav/d</D:href>") {
			t.Errorf("423 does not name the lock around it:\n%s", a.body)
		}
		s.play(`
			PUT /d/e/new [] body 1 want 423
			MKCOL /d/new want 423
			DELETE /d/e want 423
			MOVE /d/e [Destination: /dav/e] want 423
			COPY /d/e [Destination: /dav/d/c] want 423
			COPY /d/e [Destination: /dav/c] want 201`)
		s.want(http.StatusLocked, "LOCK", "/dav/d/e/f", "", lockBody)
		s.want(http.StatusNoContent, "PUT", "/dav/d/e/f", "If: (<"+token+">)", "2")
		s.want(http.StatusCreated, "PUT", "/dav/d/e/new", "If: </dav/d> (<"+token+">)", "2")
		s.want(http.StatusOK, "LOCK", "/dav/d/e/f", "If: (<"+token+">)") // refreshed from below
		a = s.want(207, "PROPFIND", "/dav/d", "Depth: infinity", `<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>`)
		if n := strings.Count(a.body, "<D:lockroot><D:href>/dav/d</D:href></D:lockroot>"); n != 4 {
			t.Errorf("the lock is shown on %d of 4 resources:\n%s", n, a.body)
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

func TestLockOfAFolderAlone(t *testing.T) {
	s := onSQLite(t, setup{})
	s.play(`
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201`)
	token := s.lock("/dav/d", "Depth: 0")
	s.play(`
		PUT /d/f [] body 2 want 204
		PUT /d/new [] body 1 want 423
		DELETE /d/f want 423
		MOVE /d/f [Destination: /dav/f] want 423
		DELETE /d want 423`)
	s.want(http.StatusCreated, "PUT", "/dav/d/new", fmt.Sprintf("If: <http://HOST/dav/d/> (<%s>)", token), "1")
}
