package tus

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
)

// wire is a connection on which a test writes a request by hand.
type wire struct {
	net.Conn
	*bufio.Reader
	t *testing.T
}

// dial sends the header of a request to path; lines end with \n.
func (s *site) dial(method, at, headers string) wire {
	s.t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(at, "http://"), "/")
	conn, err := net.DialTimeout("tcp", host, 5*time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "%s /%s HTTP/1.1\r\nHost: %s\r\nAs: alice\r\n%s\r\n", method, path, host, strings.ReplaceAll(headers, "\n", "\r\n"))
	return wire{conn, bufio.NewReader(conn), s.t}
}

// response reads the next response, interim ones too.
func (c wire) response(want int) http.Header {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	var text []byte
	if answer.StatusCode >= 200 {
		text, _ = io.ReadAll(answer.Body)
	}
	if answer.StatusCode != want {
		c.t.Fatalf("status %d, want %d: %s", answer.StatusCode, want, text)
	}
	return answer.Header
}

// received waits until the server has read n bytes of bodies more than before.
func (s *site) received(before, n int64) {
	s.t.Helper()
	for range 2000 {
		if s.drives.Counts().BytesReceived >= before+n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("the server has not read %d bytes", n)
}

// An upload is cut in the middle of its first request and gone on with by the address that the interim response told.
func TestDraftCutAndResumed(t *testing.T) {
	each(t, drive.Options{InlineMax: 4}, func(t *testing.T, s *site) {
		for _, interop := range interops[1:] {
			name := fmt.Sprintf("f%d", interop)
			create := fmt.Sprintf("Upload-Draft-Interop-Version: %d\n%s\nContent-Disposition: inline; filename=%s\n", interop, flag(interop, true), name)
			before := s.drives.Counts().BytesReceived
			c := s.dial("POST", s.url+"/files/", create+"Content-Length: 10\n")
			interim := c.response(104)
			at := interim.Get("Location")
			io.WriteString(c, "01234")
			s.received(before, 4) // the fifth byte may wait in a buffer
			c.Close()
			look, _ := s.draft(interop, "HEAD", at, "", nil)
			s.want(name, look, 204, "Upload-Length: 10", flag(interop, false))
			offset, _ := strconv.Atoi(look.Header.Get("Upload-Offset"))
			if offset < 1 || offset > 5 {
				t.Fatalf("%s: offset %d", name, offset)
			}
			answer, _ := s.draft(interop, "PATCH", at, fmt.Sprintf("%s\nUpload-Offset: %d", flag(interop, true), offset), strings.NewReader("0123456789"[offset:]))
			s.want(name, answer, 201, "Upload-Offset: 10", flag(interop, true))
			if got := s.read("/" + name); got != "0123456789" {
				t.Errorf("%s holds %q", name, got)
			}
		}
	})
}

// Every byte came, and the end of the body did not: the upload is not complete.
func TestDraftBodyWithoutItsEnd(t *testing.T) {
	each(t, drive.Options{InlineMax: 4}, func(t *testing.T, s *site) {
		for name, headers := range map[string]string{
			"length not told": "", "length told": "Upload-Length: 10\n",
		} {
			before := s.drives.Counts().BytesReceived
			c := s.dial("POST", s.url+"/files/", "Upload-Draft-Interop-Version: 8\nUpload-Complete: ?1\nTransfer-Encoding: chunked\nContent-Disposition: inline; filename=\""+name+"\"\n"+headers)
			at := c.response(104).Get("Location")
			io.WriteString(c, "a\r\n0123456789\r\n")
			s.received(before, 4) // the rest may wait to be read, or for the end
			c.Close()
			look, _ := s.draft(8, "HEAD", at, "", nil)
			s.want(name, look, 204, "Upload-Complete: ?0")
			if got := s.read("/" + name); got != "not_found" {
				t.Errorf("%s was made of a body that broke off: %q", name, got)
			}
			offset, _ := strconv.Atoi(look.Header.Get("Upload-Offset"))
			answer, _ := s.draft(8, "PATCH", at, fmt.Sprintf("Upload-Complete: ?1\nUpload-Offset: %d", offset), strings.NewReader("0123456789"[offset:]))
			s.want(name, answer, 201, "Upload-Complete: ?1", "Upload-Offset: 10")
			if got := s.read("/" + name); got != "0123456789" {
				t.Errorf("%s holds %q", name, got)
			}
		}
	})
}

// The 100 (Continue) that a client waits for comes beside the 104.
func TestDraftContinue(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		c := s.dial("POST", s.url+"/files/", "Upload-Draft-Interop-Version: 8\nUpload-Complete: ?1\nContent-Length: 5\nExpect: 100-continue\n")
		first := c.response(104).Get("Location")
		c.response(100)
		io.WriteString(c, "hello")
		if last := c.response(201).Get("Location"); first != last {
			t.Errorf("Location is %q and then %q", first, last)
		}
	})
}

// HTTP/1.0 has no interim responses.
func TestDraftHTTP10(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "POST /files/ HTTP/1.0\r\nAs: alice\r\nUpload-Draft-Interop-Version: 8\r\nUpload-Complete: ?1\r\nContent-Length: 5\r\n\r\nhello")
		wire{conn, bufio.NewReader(conn), t}.response(201)
	})
}

// A request that hangs is ended by the one that asks for the offset, whose answer then holds; the connection of the first
// learns why. A request that cancels ends it as well.
func TestDraftTakeOver(t *testing.T) {
	each(t, drive.Options{InlineMax: 2}, func(t *testing.T, s *site) {
		before := s.drives.Counts().BytesReceived
		c := s.dial("POST", s.url+"/files/", "Upload-Draft-Interop-Version: 8\nUpload-Complete: ?1\nContent-Length: 10\nContent-Disposition: inline; filename=f\n")
		at := c.response(104).Get("Location")
		io.WriteString(c, "hello")
		s.received(before, 5)
		look, _ := s.draft(8, "HEAD", at, "", nil)
		s.want("look", look, 204, "Upload-Offset: 5", "Upload-Complete: ?0")
		if at != c.response(423).Get("Location") {
			t.Error("the first request's answer has another Location")
		}
		before = s.drives.Counts().BytesReceived
		c = s.dial("PATCH", at, "Upload-Draft-Interop-Version: 8\nUpload-Complete: ?1\nUpload-Offset: 5\nContent-Length: 5\nContent-Type: application/partial-upload\n")
		io.WriteString(c, " wo")
		s.received(before, 3)
		answer, _ := s.draft(8, "PATCH", at, "Upload-Complete: ?1\nUpload-Offset: 8", strings.NewReader("rl"))
		s.want("go on without looking", answer, 201, "Upload-Offset: 10")
		c.response(423)
		if got := s.read("/f"); got != "hello worl" {
			t.Errorf("the file holds %q", got)
		}

		before = s.drives.Counts().BytesReceived
		c = s.dial("POST", s.url+"/files/", "Upload-Draft-Interop-Version: 8\nUpload-Complete: ?1\nContent-Length: 10\nContent-Disposition: inline; filename=g\n")
		at = c.response(104).Get("Location")
		io.WriteString(c, "hello")
		s.received(before, 5)
		answer, _ = s.draft(8, "DELETE", at, "", nil)
		s.want("cancel", answer, 204)
		c.response(423)
		if got := s.read("/g"); got != "not_found" {
			t.Errorf("the file is there: %q", got)
		}
	})
}

// What one device begins by one protocol, another ends by the other.
func TestDraftAndTus(t *testing.T) {
	each(t, drive.Options{InlineMax: 4}, func(t *testing.T, s *site) {
		before := s.drives.Counts().BytesReceived
		c := s.dial("POST", s.url+"/files/", "Upload-Draft-Interop-Version: 6\nUpload-Complete: ?1\nContent-Length: 11\nContent-Disposition: inline; filename=\"from a phone\"\n")
		at := c.response(104).Get("Location")
		io.WriteString(c, "hello ")
		s.received(before, 6)
		s.want("look by tus", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 6", "Upload-Length: 11", strings.TrimSpace(meta("filename", "from a phone")))
		s.want("end by tus", s.do("PATCH", at, "Upload-Offset: 6", "world"), 204, "Upload-Offset: 11")
		if got := s.read("/from a phone"); got != "hello world" {
			t.Errorf("the file holds %q", got)
		}

		part, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?0\nContent-Disposition: inline; filename=deferred", strings.NewReader("hello "))
		at = part.Header.Get("Location")
		s.want("look by tus", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 6", "Upload-Defer-Length: 1")
		s.want("end by tus", s.do("PATCH", at, "Upload-Offset: 6\nUpload-Length: 11", "world"), 204, "Upload-Offset: 11")
		if got := s.read("/deferred"); got != "hello world" {
			t.Errorf("the file holds %q", got)
		}

		for name, length := range map[string]string{"known": "Upload-Length: 11\n", "unknown": "Upload-Defer-Length: 1\n"} {
			at := s.do("POST", "/files/", length+"Content-Type: "+octetStream+"\n"+meta("filename", name), "hello ").Header.Get("Location")
			look, _ := s.draft(8, "HEAD", at, "", nil)
			want := "Upload-Length: "
			if name == "known" {
				want += "11"
			}
			s.want("look by the draft", look, 204, "Upload-Offset: 6", "Upload-Complete: ?0", want)
			answer, _ := s.draft(8, "PATCH", at, "Upload-Complete: ?1\nUpload-Offset: 6", chunks("world"))
			s.want("end by the draft", answer, 201, "Upload-Offset: 11", "Upload-Complete: ?1")
			s.want("look by tus", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 11", "Upload-Length: 11")
			if got := s.read("/" + name); got != "hello world" {
				t.Errorf("the file holds %q", got)
			}
		}

		first := s.do("POST", "/files/", "Upload-Length: 5\nUpload-Concat: partial", "").Header.Get("Location")
		answer, _ := s.draft(8, "PATCH", first, "Upload-Complete: ?1\nUpload-Offset: 0", strings.NewReader("12345"))
		s.want("a part for tus", answer, 201, "Upload-Complete: ?1")
		answer, _ = s.draft(8, "PATCH", first, "Upload-Complete: ?1\nUpload-Offset: 5", strings.NewReader("6"))
		s.want("a part is complete", answer, 400)
		second := s.do("POST", "/files/", "Upload-Length: 1\nUpload-Concat: partial", "").Header.Get("Location")
		final := s.do("POST", "/files/", "Upload-Concat: final;"+first+" "+second+"\n"+meta("filename", "joined"), "").Header.Get("Location")
		answer, _ = s.draft(8, "PATCH", final, "Upload-Complete: ?1\nUpload-Offset: 0", strings.NewReader("6"))
		s.want("a final upload takes no bytes", answer, 403)
		answer, _ = s.draft(8, "PATCH", second, "Upload-Complete: ?1\nUpload-Offset: 0", strings.NewReader("6"))
		s.want("the last part", answer, 201)
		look, _ := s.draft(8, "HEAD", final, "", nil)
		s.want("the final upload", look, 204, "Upload-Complete: ?1", "Upload-Offset: 6")
	})
}

// A length that is told late is recorded, and the last byte of it is the last.
func TestDraftLengthToldLate(t *testing.T) {
	each(t, drive.Options{InlineMax: 4}, func(t *testing.T, s *site) {
		made, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?0\nContent-Disposition: inline; filename=f", nil)
		at := made.Header.Get("Location")
		look, _ := s.draft(8, "HEAD", at, "", nil)
		s.want("nothing told", look, 204, "Upload-Length: ", "Upload-Offset: 0")
		answer, _ := s.draft(8, "PATCH", at, "Upload-Complete: ?0\nUpload-Offset: 0\nUpload-Length: 10", strings.NewReader("01234"))
		s.want("told", answer, 204, "Upload-Offset: 5", "Upload-Complete: ?0")
		look, _ = s.draft(8, "HEAD", at, "", nil)
		s.want("look", look, 204, "Upload-Length: 10")
		answer, _ = s.draft(8, "PATCH", at, "Upload-Complete: ?0\nUpload-Offset: 5\nUpload-Length: 11", strings.NewReader("56789"))
		s.want("another length", answer, 400, "Upload-Offset: 5")
		answer, _ = s.draft(8, "PATCH", at, "Upload-Complete: ?1\nUpload-Offset: 5", strings.NewReader("56789"))
		s.want("the end", answer, 201, "Upload-Complete: ?1")
		if got := s.read("/f"); got != "0123456789" {
			t.Errorf("the file holds %q", got)
		}

		// A request said that its body is the whole, and broke off: with the last byte of that length the file is made, and the answer
		// says so, even if the request that brings it does not ask for it.
		before := s.drives.Counts().BytesReceived
		c := s.dial("POST", s.url+"/files/", "Upload-Draft-Interop-Version: 8\nUpload-Complete: ?1\nContent-Length: 10\nContent-Disposition: inline; filename=g\n")
		at = c.response(104).Get("Location")
		io.WriteString(c, "01234")
		s.received(before, 5)
		answer, _ = s.draft(8, "PATCH", at, "Upload-Complete: ?0\nUpload-Offset: 5", strings.NewReader("56789"))
		s.want("the last byte of a whole", answer, 201, "Upload-Complete: ?1", "Upload-Offset: 10")
		if got := s.read("/g"); got != "0123456789" {
			t.Errorf("the file holds %q", got)
		}
	})
}

// A long body's progress is told meanwhile, without an address.
func TestDraftProgress(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		const size = 40 << 20
		for _, interop := range []int{4, 8} {
			made, first := s.draft(interop, "POST", "/files/", "Upload-Complete: ?0", io.LimitReader(zeros{}, size))
			s.want("create", made, 201, fmt.Sprintf("Upload-Offset: %d", size))
			answer, interim := s.draft(interop, "PATCH", made.Header.Get("Location"), fmt.Sprintf("Upload-Complete: ?1\nUpload-Offset: %d", size), io.LimitReader(zeros{}, size))
			s.want("append", answer, 201, fmt.Sprintf("Upload-Offset: %d", 2*size))
			if interop == 4 {
				if len(first) != 1 || len(interim) != 0 {
					t.Errorf("interop 4: interim responses %v, %v", first, interim)
				}
				continue
			}
			if len(first) < 2 || len(interim) < 1 {
				t.Fatalf("interim responses %v, %v", first, interim)
			}
			last := int64(0)
			for _, h := range append(first[1:], interim...) {
				offset, err := strconv.ParseInt(h.Get("Upload-Offset"), 10, 64)
				if err != nil || offset <= last || offset > 2*size || h.Get("Location") != "" || h.Get(interopHeader) != "8" {
					t.Errorf("interim response %v after offset %d", h, last)
				}
				last = offset
			}
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// When the server stops, a body under way is kept as far as it came, and the client is told to come back.
func TestDraftShutdown(t *testing.T) {
	each(t, drive.Options{InlineMax: 2}, func(t *testing.T, s *site) {
		door, err := New(Options{Drives: s.drives, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancelCause(authn.WithPrincipal(t.Context(), authn.Principal{UserID: s.alice}))
		server := httptest.NewUnstartedServer(door)
		server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
		server.Start()
		defer server.Close()
		before := s.drives.Counts().BytesReceived
		c := s.dial("POST", server.URL+"/files/", "Upload-Draft-Interop-Version: 8\nUpload-Complete: ?1\nContent-Length: 10\n")
		at := c.response(104).Get("Location")
		io.WriteString(c, "hello")
		s.received(before, 5)
		stop(ErrShutdown)
		c.response(503)
		look, _ := s.draft(8, "HEAD", strings.Replace(at, server.URL, s.url, 1), "", nil)
		s.want("look", look, 204, "Upload-Offset: 5", "Upload-Complete: ?0", "Upload-Length: 10")
	})
}
