package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// counter is a way to a server that counts the bytes of uploads on it, and how many requests carry some at once.
type counter struct {
	*httptest.Server
	sent atomic.Int64

	mu           sync.Mutex
	flying, most int
}

func (c *counter) fly(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flying += n
	c.most = max(c.most, c.flying)
}

// Most is how many there were at once since it was asked last.
func (c *counter) Most() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.most = c.flying }()
	return c.most
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
			c.fly(1)
			r.Body = &countedBody{ReadCloser: r.Body, c: c, left: r.ContentLength}
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
	c    *counter
	left int64
	once sync.Once
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.sent.Add(int64(n))
	if b.left -= int64(n); b.left <= 0 || err != nil { // before the server can answer: the next one may follow at once
		b.once.Do(func() { b.c.fly(-1) })
	}
	return n, err
}

// What people do with uploads on a phone and on a desktop. Long files go on after their page was killed, after the server was, and in
// another browser: one that goes up in one piece, and one of 200 MiB that does in parts. At each break at most what was on its way is
// sent again, which is one chunk: of the one, or together of all parts (transfer.js, parts.js).
// SATCHEL_SCREENSHOTS names a folder that keeps what was on the screen.
func TestUploadPages(t *testing.T) {
	t.Parallel()
	const (
		chunk  = 8 << 20
		breaks = 3
	)
	type long struct {
		Posts int `json:"posts"` // requests that begin it
		size  int
	}
	views := map[string]map[string]long{
		"360x740":  {"film.bin": {5, 200 << 20}, "clip.bin": {1, 48 << 20}},
		"1280x800": {},
	}
	eachView(t, english, func(t *testing.T, size, language string) {
		files := views[size]
		s := start(t)
		ann := s.Register(t, "ann")
		s.Register(t, "bob")
		if out, err := s.Command("user", "quota", "bob", "40MiB").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		folder := t.TempDir()
		defer keepScreenshots(t, folder)
		want := map[string]string{}
		for name, file := range files {
			want[name] = noiseFile(t, filepath.Join(folder, name), uint64(len(want)), int64(file.size))
		}
		names, err := json.Marshal(files)
		if err != nil {
			t.Fatal(err)
		}
		way := newCounter(t, s)

		script := node(t, "uploadpages.mjs", size, chromium(t, "uploadpages.mjs"), way.URL, folder, language, string(names))
		in, err := script.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var before int64
		var name, last string
		lines(t, script, func(line string) {
			var asked struct {
				Event   string
				Name    string
				Patches int
			}
			if err := json.Unmarshal([]byte(line), &asked); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			last = asked.Event
			answer := ""
			switch asked.Event {
			case "done":
				return
			case "count":
				before, name = way.sent.Load(), asked.Name
				answer = strconv.Itoa(files[name].size)
			case "atOnce":
				if most := way.Most(); most != 4 {
					t.Errorf("%d requests carried bytes at once, want 4: the page needs some of the browser's six", most)
				}
			case "kill":
				s.Kill()
				s.Start()
			case "whole":
				twice := way.sent.Load() - before - int64(files[name].size)
				t.Logf("%s: %d times PATCH; %d bytes were sent twice", name, asked.Patches, twice)
				if twice > breaks*chunk {
					t.Errorf("%s: %d bytes were sent twice; want at most a chunk at each of %d breaks", name, twice, breaks)
				}
			}
			if _, err := io.WriteString(in, answer+"\n"); err != nil {
				t.Error(err)
			}
		})
		if last != "done" {
			t.Fatalf("the script ended before its end: %s", last)
		}
		for name, file := range files {
			if got, n := ann.SHA256(t, name); got != want[name] || n != int64(file.size) {
				t.Errorf("WebDAV serves %d bytes of %s with SHA-256 %s; want %d with %s", n, name, got, file.size, want[name])
			}
		}
	})
}
