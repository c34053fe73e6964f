package dav_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

const partType = "Content-Type: application/x-sabredav-partialupdate\n"

func TestPartialUpdate(t *testing.T) {
	const old = "0123456789"
	large := strings.Repeat("0123456789", 20_000)
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		for _, c := range []struct {
			headers, old, body string
			status             int
			want               string // empty: as before
		}{
			{"X-Update-Range: bytes=3-5", old, "abc", 204, "012abc6789"},
			{"X-Update-Range: BYTES=3-5", old, "abc", 204, "012abc6789"},
			{"X-Update-Range: bytes=3-", old, "abc", 204, "012abc6789"},
			{"X-Update-Range: bytes=8-", old, "abcd", 204, "01234567abcd"},
			{"X-Update-Range: bytes=8-11", old, "abcd", 204, "01234567abcd"},
			{"X-Update-Range: bytes=10-", old, "abc", 204, old + "abc"},
			{"X-Update-Range: bytes=-2", old, "a", 204, "01234567a9"},
			{"X-Update-Range: bytes=-0", old, "a", 204, old + "a"},
			{"X-Update-Range: append", old, "abc", 204, old + "abc"},
			{"X-Update-Range: Append", "", "abc", 204, "abc"},
			{"X-Update-Range: bytes=0-", "", "abc", 204, "abc"},
			{"X-Update-Range: bytes=100000-", large, large, 204, large[:100_000] + large},
			{"X-Update-Range: bytes=100000-100002", large, "abc", 204, large[:100_000] + "abc" + large[100_003:]},

			{"X-Update-Range: bytes=11-", old, "abc", 416, ""},
			{"X-Update-Range: bytes=-11", old, "abc", 416, ""},
			{"X-Update-Range: bytes=5-3", old, "abc", 416, ""},
			{"X-Update-Range: bytes=3-6", old, "abc", 416, ""},
			{"X-Update-Range: bytes=3-4", old, "abc", 416, ""},
			{"X-Update-Range: bytes=0-9223372036854775807", old, "abc", 416, ""},
			{"X-Update-Range: bytes=99999999999999999999-", old, "abc", 416, ""},
			{"", old, "abc", 400, ""},
			{"X-Update-Range:", old, "abc", 400, ""},
			{"X-Update-Range: 3-5", old, "abc", 400, ""},
			{"X-Update-Range: bytes=-", old, "abc", 400, ""},
			{"X-Update-Range: bytes=3", old, "abc", 400, ""},
			{"X-Update-Range: bytes=a-b", old, "abc", 400, ""},
			{"X-Update-Range: bytes=3-5,7-9", old, "abc", 400, ""},
			{"X-Update-Range: bytes=+3-5", old, "abc", 400, ""},
			{"X-Update-Range: append\nX-Update-Range: bytes=0-2", old, "abc", 400, ""},
			{"X-Update-Range: append\nOC-Checksum: MD5:00", old, "abc", 400, ""},
			{"X-Update-Range: append\nContent-Range: bytes 0-2/10", old, "abc", 400, ""},
			{"X-Update-Range: append", old, "", 411, ""},
			{"X-Update-Range: append\nIf-Match: \"other\"", old, "abc", 412, ""},
			{"X-Update-Range: bytes=99-\nIf-Match: \"other\"", old, "abc", 412, ""},
			{"X-Update-Range: append\nIf-None-Match: *", old, "abc", 412, ""},
			{"X-Update-Range: append\nIf: ([\"other\"])", old, "abc", 412, ""},
		} {
			s.do("DELETE", "/dav/f", "")
			etag := s.want(http.StatusCreated, "PUT", "/dav/f", "", c.old).header.Get("ETag")
			a := s.do("PATCH", "/dav/f", partType+c.headers, c.body)
			if a.status != c.status {
				t.Errorf("%q is %d, want %d\n%s", c.headers, a.status, c.status, a.body)
			}
			now := s.do("HEAD", "/dav/f", "").header.Get("ETag")
			if c.status != 204 {
				s.holds("/dav/f", c.old)
				if now != etag {
					t.Errorf("%q: refused, and the ETag went from %s to %s", c.headers, etag, now)
				}
				continue
			}
			s.holds("/dav/f", c.want)
			if got := a.header.Get("ETag"); got != now || got == etag {
				t.Errorf("%q: the ETag is %s, the answer said %s, and before it was %s", c.headers, now, got, etag)
			}
		}
	})
}

func TestPartialUpdateOf(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			PUT /f [] body old want 201`)
		const part = partType + "X-Update-Range: append\n"
		s.want(http.StatusNotFound, "PATCH", "/dav/missing", part, "x")
		s.want(http.StatusNotFound, "PATCH", "/dav/no/folder", part, "x")
		s.want(http.StatusPreconditionFailed, "PATCH", "/dav/missing", part+"If-Match: *", "x")
		s.want(http.StatusMethodNotAllowed, "PATCH", "/dav/d", part, "x")
		s.want(http.StatusMethodNotAllowed, "PATCH", "/dav/", part, "x")
		s.want(http.StatusUnauthorized, "PATCH", "/dav/f", part+"X-Nobody: 1", "x")
		for _, mediaType := range []string{"", "Content-Type: text/plain\n", "Content-Type: application/offset+octet-stream\n"} {
			s.want(http.StatusUnsupportedMediaType, "PATCH", "/dav/f", mediaType+"X-Update-Range: append", "x")
		}
		if a := s.send("PATCH", "/dav/f", part, io.MultiReader(strings.NewReader("chunked"))); a.status != http.StatusLengthRequired {
			t.Errorf("a part of unknown length is %d, want 411", a.status)
		}
		s.holds("/dav/missing", "-")
		s.holds("/dav/f", "old")

		token := s.lock("/dav/f", "")
		s.want(http.StatusLocked, "PATCH", "/dav/f", part, "x")
		s.holds("/dav/f", "old")
		a := s.want(http.StatusNoContent, "PATCH", "/dav/f", part+"X-OC-Mtime: 1700000000\nIf: (<"+token+">)", "er")
		if got := s.do("HEAD", "/dav/f", "").header.Get("Last-Modified"); got != "Tue, 14 Nov 2023 22:13:20 GMT" || a.header.Get("X-OC-Mtime") != "accepted" {
			t.Errorf("the file was modified at %s, and the answer says %v", got, a.header)
		}
		s.holds("/dav/f", "older")
		node, err := s.drives.Stat(t.Context(), s.userID, "/f")
		if err != nil {
			t.Fatal(err)
		}
		if versions, err := s.drives.Versions(t.Context(), s.userID, node.Path); err != nil || len(versions) != 1 {
			t.Errorf("%d versions, %v: want the old content", len(versions), err)
		}
	})
}

// Whatever is in the way of the part, the old file stays whole.
func TestPartialUpdateRefused(t *testing.T) {
	old := strings.Repeat("o", 100_000)
	onBoth(t, setup{drive: drive.Options{Quota: 250_000, MaxFile: 200_000}}, func(t *testing.T, s *server) {
		s.want(http.StatusCreated, "PUT", "/dav/f", "", old)
		const part = partType + "X-Update-Range: append\n"
		for _, c := range []struct {
			size, status int
		}{{100_001, 413}, {60_000, 507}} {
			read := &countingReader{r: strings.NewReader(strings.Repeat("x", c.size))}
			a := s.sendSized("PATCH", "/dav/f", part+"Expect: 100-continue", read, int64(c.size))
			if a.status != c.status || read.n.Load() > 0 {
				t.Errorf("%d bytes more are %d after %d bytes, want %d before the first", c.size, a.status, read.n.Load(), c.status)
			}
		}
		s.holds("/dav/f", old)
		s.want(http.StatusNoContent, "PATCH", "/dav/f", part, strings.Repeat("x", 50_000))
	})
}
