package tus

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
)

// The protocol_*_test.go files hold every requirement on servers in the tus resumable upload protocol 1.0.0
// (tus.io/protocols/resumable-upload), one row each, over HTTP. A row is named by the section it is from and what it demands; what is only
// recommended ends with "(SHOULD)", and what follows from the protocol though no sentence says so, with "(edge)". What holds for
// every answer is in always, and so is checked by every row.
//
// These bind clients alone, and there is nothing of them to test here:
//
//   - core/PATCH: a client should send all that is left in one request.
//   - core/OPTIONS: a client should not send Tus-Resumable. That the server ignores it is tested.
//   - core/X-HTTP-Method-Override: a client should send it where it cannot send PATCH or DELETE.
//   - creation/POST: a client must send POST to the creation URL, must tell a deferred length in the PATCH after it is known,
//     and must upload by the core protocol.
//   - creation-with-upload: a client should ask for the extension first, and should send Expect: 100-continue. That the server heeds it is tested.
//   - expiration: a client should look at Upload-Expires before it goes on, and should begin again after 404 or 410.
//   - checksum-trailer: a client must announce the trailer, and must send it in a chunked body only. What becomes of others is tested.
//   - concatenation: a client must send no Upload-Length for a final upload, should wait until its parts are complete, and should
//     send its metadata with it. What becomes of others is tested.
//
// The text's working copy has an extension "challenge" too, which no release has. It is not announced here, and not tested.
//
// Of the recommendations to servers one is not tested: that a connection on which nothing comes for long is closed (core/PATCH). It
// would take a minute. Whoever takes the upload over meanwhile is in TestResumeWhileTheFirstHangs.

// row is one requirement.
type row struct {
	name  string
	check func(s *site)
}

// protocolLimit is Tus-Max-Size in the rows: more than any of them needs but those that are about it.
const protocolLimit = 1 << 20

// clock is the server's: a row may move it ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

func TestProtocol(t *testing.T) {
	var c clock
	tables := [][]row{coreRows, creationRows, terminationRows, expirationRows(&c), checksumRows, trailerRows, concatenationRows, edgeRows}
	each(t, drive.Options{InlineMax: 64, MaxFile: protocolLimit, UploadExpiry: time.Hour, Now: c.now}, func(t *testing.T, s *site) {
		for _, rows := range tables {
			s.rows(t, rows)
		}
	})
}

// rows runs each row as a subtest on the same server. A row makes the uploads it needs.
func (s *site) rows(t *testing.T, rows []row) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			here := *s
			here.t = t
			r.check(&here)
		})
	}
}

// ask is do, and checks what holds for every answer.
func (s *site) ask(method, at, headers, body string) *http.Response {
	s.t.Helper()
	answer := s.do(method, at, headers, body)
	s.always(method, answer)
	return answer
}

// begin creates an upload.
func (s *site) begin(headers string) (at string) {
	s.t.Helper()
	answer := s.ask("POST", "/files/", headers, "")
	s.want("create", answer, 201)
	return answer.Header.Get("Location")
}

// part creates a partial upload that is complete.
func (s *site) part(text string) (at string) {
	s.t.Helper()
	answer := s.ask("POST", "/files/", fmt.Sprintf("Upload-Concat: partial\nUpload-Length: %d\nContent-Type: %s", len(text), octetStream), text)
	s.want("part", answer, 201)
	return answer.Header.Get("Location")
}

// at checks where an upload is.
func (s *site) at(at string, headers ...string) {
	s.t.Helper()
	s.want("HEAD", s.ask("HEAD", at, "", ""), 200, headers...)
}

// holds checks what became of an upload.
func (s *site) holds(path, want string) {
	s.t.Helper()
	if got := s.read(path); got != want {
		s.t.Errorf("%s holds %.80q, want %.80q", path, got, want)
	}
}

var digits = regexp.MustCompile(`^[0-9]+$`)

// always checks what the protocol demands of every answer.
func (s *site) always(method string, answer *http.Response) {
	s.t.Helper()
	h := answer.Header
	if got := h.Values("Tus-Resumable"); len(got) != 1 || got[0] != "1.0.0" {
		s.t.Errorf("core/Tus-Resumable: %s answers %q", method, got)
	}
	for _, name := range []string{"Upload-Offset", "Upload-Length", "Tus-Max-Size"} {
		if value, ok := h[name]; ok && (len(value) != 1 || !digits.MatchString(value[0])) {
			s.t.Errorf("core/%s: %s answers %q", name, method, value)
		}
	}
	if value, ok := h["Upload-Defer-Length"]; ok && (value[0] != "1" || h.Get("Upload-Length") != "") {
		s.t.Errorf("creation/Upload-Defer-Length: %s answers %q beside the length %q", method, value, h.Get("Upload-Length"))
	}
	if value, ok := h["Upload-Expires"]; ok {
		if _, err := time.Parse(http.TimeFormat, value[0]); err != nil {
			s.t.Errorf("expiration/Upload-Expires: %s answers %q, which is no date of RFC 7231", method, value)
		}
	}
	if method == "HEAD" && h.Get("Cache-Control") != "no-store" {
		s.t.Errorf("core/HEAD: Cache-Control is %q", h.Get("Cache-Control"))
	}
	if answer.StatusCode == 412 && h.Get("Tus-Version") == "" {
		s.t.Error("core/Tus-Resumable: 412 without Tus-Version")
	}
	if answer.StatusCode == 404 && h.Get("Upload-Offset") != "" {
		s.t.Error("core/HEAD: 404 with Upload-Offset")
	}
	if answer.StatusCode == 500 {
		s.t.Errorf("%s answers 500", method)
	}
}

// wire sends a request as bytes, for what net/http would not send: headers as they are, the body with its framing. A method beginning
// with "!" hangs up after the bytes, and answers nil.
func (s *site) wire(method, at, headers, body string) *http.Response {
	s.t.Helper()
	method, cut := strings.CutPrefix(method, "!")
	conn := s.head(method, at, headers)
	defer conn.Close()
	if _, err := io.WriteString(conn, body); err != nil {
		s.t.Fatal(err)
	}
	if cut {
		return nil
	}
	return s.answer(conn, bufio.NewReader(conn), method)
}

// head opens a connection and sends the head of a request.
func (s *site) head(method, at, headers string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil { // a server that says nothing fails the row, not the run
		s.t.Fatal(err)
	}
	head := fmt.Sprintf("%s %s HTTP/1.1\nHost: %s\nAs: alice\nTus-Resumable: 1.0.0\n%s\n\n", method, strings.TrimPrefix(at, s.url), strings.TrimPrefix(s.url, "http://"), strings.TrimSpace(headers))
	if _, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// answer reads one.
func (s *site) answer(conn net.Conn, from *bufio.Reader, method string) *http.Response {
	s.t.Helper()
	answer, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		s.t.Fatal(err)
	}
	if answer.StatusCode >= 200 {
		s.always(method, answer)
	}
	return answer
}

// inChunks frames a body as chunks of three bytes, without the last one that ends it.
func inChunks(body string) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(3, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String()
}

// lastChunk ends a chunked body without trailers.
const lastChunk = "0\r\n\r\n"
