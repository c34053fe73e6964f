package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
)

// A file never runs as part of our pages, whatever it is and says it is.
func TestRawHeaders(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	for _, c := range []struct {
		media, contentType string
		inline             bool
	}{
		{"image/png", "image/png", true},
		{"image/webp", "image/webp", true},
		{"image/svg+xml", "image/svg+xml", false},
		{"IMAGE/SVG+XML; charset=utf-8", "image/svg+xml; charset=utf-8", false},
		{"audio/mpeg", "audio/mpeg", true},
		{"video/mp4", "video/mp4", true},
		{"application/pdf", "application/pdf", true},
		{"text/plain", "text/plain; charset=utf-8", true},
		{"text/plain; charset=gb18030", "text/plain; charset=gb18030", true},
		{"text/html", "text/html", false},
		{"text/html; charset=utf-8", "text/html; charset=utf-8", false},
		{"application/xhtml+xml", "application/xhtml+xml", false},
		{"text/xml", "text/xml", false},
		{"application/xml", "application/xml", false},
		{"text/javascript", "text/javascript", false},
		{"text/css", "text/css", false},
		{"application/json", "application/json", false},
		{"application/zip", "application/zip", false},
		{"multipart/x-mixed-replace", "multipart/x-mixed-replace", false},
		{"image", "application/octet-stream", false},
		{"image/png\r\nX-Evil: 1", "application/octet-stream", false},
		{"image/", "application/octet-stream", false},
	} {
		h.put(id, "/f", "content", drive.PutOptions{MediaType: c.media})
		for _, address := range []string{"/raw/f", "/raw/f?download"} {
			header := mia.get(address).Header
			if got := header.Get("Content-Type"); got != c.contentType {
				t.Errorf("%q: Content-Type %q, want %q", c.media, got, c.contentType)
			}
			want := "attachment"
			if c.inline && address == "/raw/f" {
				want = "inline"
			}
			if got, _, _ := strings.Cut(header.Get("Content-Disposition"), ";"); got != want {
				t.Errorf("%q at %s: %s, want %s", c.media, address, got, want)
			}
			policy := header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "script-src") {
				t.Errorf("%q: policy %q", c.media, policy)
			}
			played := strings.HasPrefix(c.media, "audio/") || strings.HasPrefix(c.media, "video/")
			if strings.Contains(policy, "allow-same-origin") && !played {
				t.Errorf("%q has our origin: %q", c.media, policy)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache",
				"Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%q: %s %q, want %q", c.media, name, got, want)
				}
			}
		}
	}
}

func TestRawName(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	for _, c := range []struct{ name, address, want string }{
		{"a b.txt", "/raw/a%20b.txt", `inline; filename="a b.txt"`},
		{`q"u\o.zip`, "/raw/q%22u%5Co.zip", `attachment; filename="q_u_o.zip"; filename*=UTF-8''q%22u%5Co.zip`},
		{"50% +é'*.zip", "/raw/50%25%20+%C3%A9'*.zip", `attachment; filename="50_ +_'*.zip"; filename*=UTF-8''50%25%20%2B%C3%A9%27%2A.zip`},
		{"a\r\nX: 1.zip", "/raw/a%0D%0AX:%201.zip", `attachment; filename="a__X: 1.zip"; filename*=UTF-8''a%0D%0AX%3A%201.zip`},
	} {
		h.put(id, "/"+c.name, "x", drive.PutOptions{})
		if got := mia.get(c.address).Header.Get("Content-Disposition"); got != c.want {
			t.Errorf("%q: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRawRanges(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.put(id, "/f.txt", "0123456789", drive.PutOptions{Modified: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)})
	first := mia.get("/raw/f.txt")
	tag := first.Header.Get("ETag")
	if got := string(read(t, first)); got != "0123456789" || first.ContentLength != 10 || first.Header.Get("Accept-Ranges") != "bytes" || tag == "" ||
		first.Header.Get("Last-Modified") != "Fri, 02 Jan 2026 03:04:05 GMT" {
		t.Fatalf("%q with %v", got, first.Header)
	}
	for _, c := range []struct {
		name    string
		method  string
		headers []string
		status  int
		body    string
	}{
		{"a range", "GET", []string{"Range: bytes=2-4"}, 206, "234"},
		{"the end", "GET", []string{"Range: bytes=-3"}, 206, "789"},
		{"from an offset on", "GET", []string{"Range: bytes=8-"}, 206, "89"},
		{"beyond the end", "GET", []string{"Range: bytes=10-"}, 416, ""},
		{"if it is the same", "GET", []string{"Range: bytes=2-4", "If-Range: " + tag}, 206, "234"},
		{"if it has changed", "GET", []string{"Range: bytes=2-4", `If-Range: "other"`}, 200, "0123456789"},
		{"known already", "GET", []string{"If-None-Match: " + tag}, 304, ""},
		{"not what was expected", "GET", []string{`If-Match: "other"`}, 412, ""},
		{"HEAD", "HEAD", nil, 200, ""},
	} {
		response := mia.do(c.method, "/raw/f.txt", c.headers...)
		body := string(read(t, response))
		if c.status >= 400 {
			body = "" // a sentence
		}
		if response.StatusCode != c.status || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.name, response.StatusCode, body, c.status, c.body)
		}
		if !strings.HasPrefix(response.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: no sandbox", c.name)
		}
	}
	h.put(id, "/f.txt", "changed", drive.PutOptions{})
	if response := mia.get("/raw/f.txt", "If-None-Match: "+tag); string(read(t, response)) != "changed" {
		t.Error("a changed file is taken for the old one")
	}
}

// socket takes content as a connection does: by ReadFrom.
type socket struct {
	*httptest.ResponseRecorder
	source io.Reader
}

func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	s.source = r
	return io.Copy(s.ResponseRecorder, r)
}

// Content on disk reaches the connection as a file, so that the kernel can send it (sendfile).
func TestRawIsSentByTheKernel(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.put(id, "/f.bin", strings.Repeat("x", 1<<20), drive.PutOptions{})
	r := httptest.NewRequest(http.MethodGet, "/raw/f.bin", nil)
	w := &socket{ResponseRecorder: httptest.NewRecorder()}
	h.door.ServeHTTP(w, r.WithContext(authn.WithPrincipal(r.Context(), authn.Principal{UserID: id})))
	limited, ok := w.source.(*io.LimitedReader)
	if !ok {
		t.Fatalf("content came as %T", w.source)
	}
	if _, ok := limited.R.(*os.File); !ok || w.Body.Len() != 1<<20 {
		t.Errorf("content of %d bytes came as %T, want *os.File", w.Body.Len(), limited.R)
	}
}
