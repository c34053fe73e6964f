package dav_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestPut(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		a := s.want(http.StatusCreated, "PUT", "/dav/f.txt", "", "one")
		etag := a.header.Get("ETag")
		if got := s.do("HEAD", "/dav/f.txt", "").header.Get("ETag"); etag == "" || got != etag {
			t.Errorf("PUT answers the ETag %s, HEAD %s", etag, got)
		}
		a = s.want(http.StatusNoContent, "PUT", "/dav/f.txt", "", "two")
		if a.header.Get("ETag") == etag {
			t.Error("the ETag stayed when the content changed")
		}
		s.holds("/dav/f.txt", "two")
		s.want(http.StatusNoContent, "PUT", "/dav/f.txt", "") // empty files are files
		s.holds("/dav/f.txt", "")

		for _, name := range []string{"/dav/._f.txt", "/dav/.DS_Store", "/dav/" + strings.Repeat("n", 255)} {
			s.want(http.StatusCreated, "PUT", name, "", "x")
			s.want(http.StatusNoContent, "PUT", name, "", "y")
			s.holds(name, "y")
			s.want(http.StatusNoContent, "DELETE", name, "")
			s.holds(name, "-")
		}
	})
}

func TestPutChunked(t *testing.T) {
	s := onSQLite(t, setup{})
	large := strings.Repeat("0123456789abcdef", 64<<10) // 1 MiB: not in the row
	reader := func(content string) io.Reader { return io.MultiReader(strings.NewReader(content)) }
	if a := s.send("PUT", "/dav/f", "", reader(large)); a.status != http.StatusCreated {
		t.Fatalf("a chunked PUT is %d\n%s", a.status, a.body)
	}
	s.holds("/dav/f", large)
	for _, c := range []struct {
		announced string
		status    int
	}{{"3", 204}, {"nonsense", 204}, {"4", 400}, {"2", 400}} {
		if a := s.send("PUT", "/dav/f", "X-Expected-Entity-Length: "+c.announced, reader("new")); a.status != c.status {
			t.Errorf("3 bytes announced as %s are %d, want %d", c.announced, a.status, c.status)
		}
	}
	s.holds("/dav/f", "new")
}

func TestPutTime(t *testing.T) {
	s := onSQLite(t, setup{})
	a := s.want(http.StatusCreated, "PUT", "/dav/f", "X-OC-Mtime: 1700000000", "x")
	if got := a.header.Get("X-OC-Mtime"); got != "accepted" {
		t.Errorf("X-OC-Mtime is answered %q", got)
	}
	if got := s.do("HEAD", "/dav/f", "").header.Get("Last-Modified"); got != "Tue, 14 Nov 2023 22:13:20 GMT" {
		t.Errorf("the file was modified at %s", got)
	}
	for _, value := range []string{"yesterday", "-5", "0", "NaN", "1e300"} {
		a := s.want(http.StatusNoContent, "PUT", "/dav/f", "X-OC-Mtime: "+value, "x")
		if got := a.header.Get("X-OC-Mtime"); got != "" {
			t.Errorf("X-OC-Mtime: %s is answered %q", value, got)
		}
	}
}

// TestPutIsRefusedEarly: what can be known before the body is not found out after it.
func TestPutIsRefusedEarly(t *testing.T) {
	onBoth(t, setup{drive: drive.Options{Quota: 300_000}}, func(t *testing.T, s *server) {
		s.want(http.StatusCreated, "PUT", "/dav/f", "", strings.Repeat("o", 200_000))
		for _, headers := range []string{"Expect: 100-continue\nX-Expected-Entity-Length: 100001", "Expect: 100-continue\nIf-Match: *"} {
			read := &countingReader{r: strings.NewReader(strings.Repeat("x", 100_001))}
			if a := s.send("PUT", "/dav/g", headers, read); a.status < 400 || read.n.Load() > 0 {
				t.Errorf("%s is %d after %d bytes of the body, want a refusal before the first", headers, a.status, read.n.Load())
			}
		}
		s.want(http.StatusCreated, "PUT", "/dav/g", "", strings.Repeat("x", 100_000))
	})
}

func TestPutTooLarge(t *testing.T) {
	s := onSQLite(t, setup{drive: drive.Options{MaxFile: 100_000}})
	s.want(http.StatusCreated, "PUT", "/dav/f", "", "old")
	if a := s.send("PUT", "/dav/f", "", io.MultiReader(strings.NewReader(strings.Repeat("x", 100_001)))); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too many chunks are %d, want 413", a.status)
	}
	// More than was announced ends the request, not the disk.
	read := &countingReader{r: io.LimitReader(endless{}, 1<<30)}
	if a := s.send("PUT", "/dav/f", "X-Expected-Entity-Length: 5", read); a.status != http.StatusBadRequest || read.n.Load() == 1<<30 {
		t.Errorf("5 bytes announced and %d read are %d, want 400 soon", read.n.Load(), a.status)
	}
	s.holds("/dav/f", "old")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// countingReader counts what was read; the client may go on reading when the answer is there.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// cutBodies sends bodies that break off at a random byte, 200 times, over a file and to where none is: what was there stays
// whole, and nothing is left behind.
func cutBodies(s *server) {
	const old = "the old content"
	s.want(http.StatusCreated, "PUT", "/dav/f", "", old)
	body := strings.Repeat("new content ", 20<<10) // most of it is in the blob store
	random := rand.New(rand.NewPCG(4918, 200))
	for i := range 200 {
		at := random.IntN(len(body))
		if i%2 == 0 {
			at = random.IntN(2000) // in what would be kept in a row
		}
		path, whole := "/dav/f", old
		if i%4 > 1 {
			path, whole = "/dav/new", "-"
		}
		brokenPut(s.t, s, path, body, at, random.IntN(2) == 0)
		if s.holds(path, whole); s.t.Failed() {
			s.t.Fatalf("after cut %d, at byte %d", i, at)
		}
	}
	if err := s.blobs.List(s.t.Context(), func(e blob.Entry) error { return fmt.Errorf("%s is left", e.Key) }); err != nil {
		s.t.Error(err)
	}
	if versions, err := s.drives.Versions(s.t.Context(), s.userID, "/f"); err != nil || len(versions) > 0 {
		s.t.Errorf("%d versions, %v", len(versions), err)
	}
	s.wantTrash("")
	s.wantUsed(int64(len(old)))
}

// brokenPut sends the beginning of a PUT and hangs up its side of the connection.
func brokenPut(t testing.TB, s *server, path, body string, at int, chunked bool) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if chunked {
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", path, len(body), body[:at])
	} else {
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body[:at])
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	// Waiting for the answer is waiting until the server has noticed.
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		defer response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("a body cut at %d is %d, want 400", at, response.StatusCode)
		}
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
}

func TestGet(t *testing.T) {
	s := onSQLite(t, setup{})
	content := strings.Repeat("0123456789", 20<<10) // in the blob store
	etag := s.want(http.StatusCreated, "PUT", "/dav/f.txt", "X-OC-Mtime: 1700000000", content).header.Get("ETag")
	a := s.want(http.StatusOK, "GET", "/dav/f.txt", "")
	for name, want := range map[string]string{
		"ETag": etag, "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT", "Content-Length": "204800", "Content-Type": "text/plain; charset=utf-8",
		"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'", "Content-Disposition": "", "Accept-Ranges": "bytes",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if head := s.want(http.StatusOK, "HEAD", "/dav/f.txt", ""); head.body != "" || head.header.Get("Content-Length") != "204800" || head.header.Get("ETag") != etag {
		t.Errorf("HEAD is %v %q", head.header, head.body)
	}
	for _, c := range []struct {
		headers string
		status  int
		body    string
	}{
		{"Range: bytes=3-5", 206, "345"},
		{"Range: bytes=-2", 206, "89"},
		{"Range: bytes=204800-", 416, ""},
		{"Range: bytes=3-5\nIf-Range: " + etag, 206, "345"},
		{"Range: bytes=3-5\nIf-Range: \"other\"", 200, content},
		{"Range: bytes=3-5\nIf-Range: Tue, 14 Nov 2023 22:13:20 GMT", 200, content},
		{"If-None-Match: " + etag, 304, ""},
		{"If-None-Match: JoplinIgnore-1", 200, content},
		{"If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT", 304, ""},
		{"If-Match: \"other\"", 412, ""},
		{"If-Match: " + etag, 200, content},
		{"If: ([" + etag + "])", 200, content},
		{"If: (Not [" + etag + "])", 412, ""},
	} {
		a := s.want(c.status, "GET", "/dav/f.txt", c.headers)
		if c.body != "" && a.body != c.body {
			t.Errorf("%s gives %d bytes, want %d", c.headers, len(a.body), len(c.body))
		}
	}
	if a := s.want(206, "GET", "/dav/f.txt", "Range: bytes=0-0,9-9"); !strings.HasPrefix(a.header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges are answered as %s", a.header.Get("Content-Type"))
	}
}

// sentBy notes what net/http would be asked to send with sendfile.
type sentBy struct {
	*httptest.ResponseRecorder
	source io.Reader
}

func (s *sentBy) ReadFrom(r io.Reader) (int64, error) {
	s.source = r
	return io.Copy(s.ResponseRecorder, r)
}

// TestGetLeavesBySendfile checks that nothing stands between the blob's file and the connection.
func TestGetLeavesBySendfile(t *testing.T) {
	blobs, err := disk.Open(t.TempDir(), disk.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	db := sqldbtest.OpenSQLite(t)
	drives := drive.New(db, blobs, drive.Options{})
	userID := newUser(t, db, drives)
	if _, _, err := drives.Put(t.Context(), userID, "/f", strings.NewReader(strings.Repeat("x", 1<<20)), drive.PutOptions{Size: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	w := &sentBy{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("GET", "/dav/f", http.NoBody)
	r.Header.Set("Range", "bytes=10-")
	dav.New(dav.Options{Drives: drives}).ServeHTTP(w, r.WithContext(authn.WithPrincipal(t.Context(), authn.Principal{UserID: userID})))
	limited, ok := w.source.(*io.LimitedReader)
	if !ok {
		t.Fatalf("the body is a %T", w.source)
	}
	if _, ok := limited.R.(*os.File); !ok || w.Body.Len() != 1<<20-10 {
		t.Errorf("the body is %d bytes of a %T, want an *os.File", w.Body.Len(), limited.R)
	}
}

func TestGetIsNeverOurOrigin(t *testing.T) {
	s := onSQLite(t, setup{})
	for name, disposition := range map[string]string{
		"a.html": "attachment", "a.svg": "attachment", "a.xml": "attachment", "a.js": "attachment", "a.bin": "attachment",
		"a.png": "", "a.pdf": "", "a.mp4": "", "a.txt": "",
	} {
		s.want(http.StatusCreated, "PUT", "/dav/"+name, "", "<script>alert(1)</script>")
		a := s.want(http.StatusOK, "GET", "/dav/"+name, "")
		if got := a.header.Get("Content-Disposition"); got != disposition {
			t.Errorf("%s (%s) is served with Content-Disposition %q, want %q", name, a.header.Get("Content-Type"), got, disposition)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s is served without a sandbox: %v", name, a.header)
		}
	}
	s.want(http.StatusNoContent, "PUT", "/dav/a.txt", "Content-Type: text/html", "<script>alert(1)</script>")
	if a := s.want(http.StatusOK, "GET", "/dav/a.txt", ""); a.header.Get("Content-Disposition") != "attachment" {
		t.Errorf("a type that the client gave is served as %v", a.header)
	}
	a := s.want(http.StatusOK, "GET", "/dav/", "")
	if got := a.header.Get("Content-Type"); got != "text/plain; charset=utf-8" || !strings.Contains(a.body, "a.html\n") {
		t.Errorf("a folder is %s\n%s", got, a.body)
	}
}
