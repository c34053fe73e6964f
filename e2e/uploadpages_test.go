package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// counter is a way to a server that counts the bytes of uploads on it.
type counter struct {
	*httptest.Server
	sent atomic.Int64
}

func newCounter(t *testing.T, s *Server) *counter {
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			r.Body = &countedBody{r.Body, &c.sent}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		c.CloseClientConnections()
		c.Close()
	})
	return c
}

type countedBody struct {
	io.ReadCloser
	sent *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sent.Add(int64(n))
	return n, err
}

// What people do with uploads on a phone and on a desktop. A film of 200 MiB goes on after its page was killed, after the server
// was, and in another browser; what is sent twice is at most what was on its way at each break, and what the server had not put down.
// SATCHEL_SCREENSHOTS names a folder that keeps what was on the screen.
func TestUploadPages(t *testing.T) {
	t.Parallel()
	const (
		film       = 200 << 20
		onItsWay   = 8 << 20 // bytes in the buffers of two connections, one of them throttled
		breaks     = 3
		checkpoint = 32 << 20 // bytes that a server which is killed had not yet put down for good (drive.Append)
	)
	for _, size := range []string{"360x740", "1280x800"} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			ann := s.Register(t, "ann")
			s.Register(t, "bob")
			folder := t.TempDir()
			defer keepScreenshots(t, folder)
			want := noiseFile(t, filepath.Join(folder, "film.bin"), 7, film)
			way := newCounter(t, s)

			script := node(t, "uploadpages.mjs", size, chromium(t), way.URL, folder)
			in, err := script.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var before int64
			var last string
			lines(t, script, func(line string) {
				var asked struct {
					Event   string
					Offsets []int64
				}
				if err := json.Unmarshal([]byte(line), &asked); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				last = asked.Event
				switch asked.Event {
				case "done":
					return
				case "count":
					before = way.sent.Load()
				case "kill":
					s.Kill()
					s.Start()
				case "whole":
					twice := way.sent.Load() - before - film
					t.Logf("PATCH at %v; %d bytes were sent twice", asked.Offsets, twice)
					if twice > breaks*onItsWay+checkpoint {
						t.Errorf("%d bytes were sent twice; want at most what was on its way at %d breaks, and one checkpoint", twice, breaks)
					}
				}
				if _, err := io.WriteString(in, "\n"); err != nil {
					t.Error(err)
				}
			})
			if last != "done" {
				t.Fatalf("the script ended before its end: %s", last)
			}
			if got, n := ann.SHA256(t, "film.bin"); got != want || n != film {
				t.Errorf("WebDAV serves %d bytes with SHA-256 %s; want %d with %s", n, got, film, want)
			}
		})
	}
}
