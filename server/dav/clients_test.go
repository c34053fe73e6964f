package dav_test

import (
	"net/http"
	"strings"
	"testing"
)

// The sessions below are replays written from what these clients are known to send, not the clients themselves.

func TestExplorerSaves(t *testing.T) {
	s := onSQLite(t, setup{})
	const agent = "User-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045\nTranslate: f\n"
	s.want(http.StatusOK, "OPTIONS", "/dav", agent+"X-Nobody: 1")
	s.want(207, "PROPFIND", "/dav", agent+"Depth: 0")
	s.want(http.StatusNotFound, "PROPFIND", "/dav/new.txt", agent+"Depth: 0")
	s.want(http.StatusCreated, "PUT", "/dav/new.txt", agent, "")
	token := s.lock("/dav/new.txt", agent+"Timeout: Second-3600")
	etag := s.want(http.StatusOK, "HEAD", "/dav/new.txt", agent).header.Get("ETag")
	written := s.want(http.StatusNoContent, "PUT", "/dav/new.txt", agent+"If: (<"+token+">)", "content").header.Get("ETag")
	if written == etag {
		t.Error("the ETag does not tell that content came")
	}
	for _, path := range []string{"/dav/new.txt", "/dav"} {
		a := s.want(207, "PROPPATCH", path, agent+"If: (<"+token+">) (Not <DAV:no-lock>)", updateOpen+set(
			`<Z:Win32CreationTime>Mon, 06 May 2024 12:00:00 GMT</Z:Win32CreationTime><Z:Win32LastAccessTime>Mon, 06 May 2024 12:00:00 GMT</Z:Win32LastAccessTime>`+
				`<Z:Win32LastModifiedTime>Tue, 14 Nov 2023 22:13:20 GMT</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>`)+updateClose)
		if strings.Contains(a.body, "403") || strings.Contains(a.body, "424") {
			t.Errorf("PROPPATCH %s is refused:\n%s", path, a.body)
		}
		if !s.has(path, `<n:Win32FileAttributes xmlns:n="urn:schemas-microsoft-com:">00000020</n:Win32FileAttributes>`) {
			t.Errorf("%s does not keep its attributes", path)
		}
	}
	a := s.want(http.StatusOK, "HEAD", "/dav/new.txt", agent)
	if a.header.Get("ETag") != written || a.header.Get("Last-Modified") != "Tue, 14 Nov 2023 22:13:20 GMT" {
		t.Errorf("after PROPPATCH HEAD is %v", a.header)
	}
	s.want(http.StatusNoContent, "UNLOCK", "/dav/new.txt", agent+"Lock-Token: <"+token+">")
	s.holds("/dav/new.txt", "content")
}

func TestOfficeSaves(t *testing.T) {
	s := onSQLite(t, setup{})
	s.want(http.StatusCreated, "PUT", "/dav/a.docx", "", "old")
	token := s.lock("/dav/a.docx", "")
	s.want(http.StatusLocked, "PUT", "/dav/a.docx", "", "new")
	s.want(http.StatusLocked, "PUT", "/dav/a.docx", "Lock-Token: <urn:other>", "new")
	s.want(http.StatusNoContent, "PUT", "/dav/a.docx", "Lock-Token: <"+token+">", "new") // not an If header
	s.want(http.StatusNoContent, "PUT", "/dav/a.docx", "Lock-Token: "+token, "newer")
	s.holds("/dav/a.docx", "newer")
}

func TestFinderSaves(t *testing.T) {
	s := onSQLite(t, setup{})
	const agent = "User-Agent: WebDAVFS/3.0.0 (03008000) Darwin/23.5.0 (arm64)\n"
	s.want(http.StatusOK, "OPTIONS", "/dav/", agent+"X-Nobody: 1")
	a := s.want(207, "PROPFIND", "/dav/", agent+"Depth: 0", `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`)
	if strings.Contains(a.body, "quota") {
		t.Errorf("allprop holds a quota, over which Finder stalls:\n%s", a.body)
	}
	s.want(http.StatusNotFound, "PROPFIND", "/dav/._a.txt", agent+"Depth: 0")
	s.want(http.StatusCreated, "PUT", "/dav/a.txt", agent, "")
	s.want(http.StatusCreated, "LOCK", "/dav/._a.txt", agent+"Depth: 0\nTimeout: Second-600", lockBody)
	token := s.lock("/dav/a.txt", agent+"Depth: 0\nTimeout: Second-600")
	body := &countingReader{r: strings.NewReader("content")} // chunked
	if a := s.send("PUT", "/dav/a.txt", agent+"X-Expected-Entity-Length: 7\nIf: (<"+token+">)", body); a.status != http.StatusNoContent || a.header.Get("ETag") == "" {
		t.Errorf("PUT is %d %v", a.status, a.header)
	}
	s.want(http.StatusNoContent, "UNLOCK", "/dav/a.txt", agent+"Lock-Token: <"+token+">")
	s.want(http.StatusCreated, "MOVE", "/dav/a.txt", agent+"Destination: http://HOST/dav/b.txt")
	s.holds("/dav/b.txt", "content")
}

// TestSavedBesideAndMoved is how KeePass, Floccus and many editors save.
func TestSavedBesideAndMoved(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			PUT /a.kdbx [] body old want 201
			PUT /a.kdbx.tmp [] body new want 201
			MOVE /a.kdbx.tmp [Destination: http://HOST/dav/a.kdbx] want 204
			/a.kdbx holds new
			/a.kdbx.tmp holds -`)
	})
}

func TestJoplinWrites(t *testing.T) {
	s := onSQLite(t, setup{})
	s.play(`
		MKCOL /locks [If-None-Match: JoplinIgnore-1] want 201
		PUT /locks/a.md [If-None-Match: JoplinIgnore-2] body 1 want 201
		PUT /locks/a.md [If-None-Match: JoplinIgnore-3] body 2 want 204
		PROPFIND /locks [Depth: 1; If-None-Match: JoplinIgnore-4] want 207
		DELETE /locks/a.md [If-None-Match: JoplinIgnore-5] want 204`)
}
