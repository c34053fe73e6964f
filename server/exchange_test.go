package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// fileSpy stands between the connection and the Server, and sees whether a file comes through whole.
type fileSpy struct {
	http.ResponseWriter
	files *atomic.Int32
}

func (s fileSpy) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			s.files.Add(1)
		}
	}
	return s.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
}

func (s fileSpy) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// A download is sent by sendfile only if the connection itself is handed the file. To a program on this machine it is copied.
func TestDownloadReachesTheConnectionAsAFile(t *testing.T) {
	content := strings.Repeat("satchel ", 100_000)
	path := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		http.ServeContent(w, r, "content.txt", time.Time{}, file)
	})})
	var files atomic.Int32
	public := f.Public()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from := r.Header.Get("X-Test-From"); from != "" {
			r.RemoteAddr = from
		}
		public.ServeHTTP(fileSpy{w, &files}, r)
	}))
	defer srv.Close()

	sent := 0
	for _, c := range []struct {
		from, byteRange, want string
		files                 int32 // that reach the connection
	}{
		{"192.0.2.1:4711", "", content, 1},
		{"[2001:db8::1]:4711", "bytes=8-15", content[8:16], 1},
		{"", "", content, 0},
		{"[::1]:4711", "bytes=8-15", content[8:16], 0},
		{"[::ffff:127.0.0.1]:4711", "bytes=8-", content[8:], 0},
	} {
		files.Store(0)
		request, err := http.NewRequest(http.MethodGet, srv.URL+"/dav/content.txt", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Test-From", c.from)
		if c.byteRange != "" {
			request.Header.Set("Range", c.byteRange)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(got) != c.want {
			t.Fatalf("range %q: %d bytes (%v), want %d", c.byteRange, len(got), err, len(c.want))
		}
		if got := files.Load(); got != c.files {
			t.Errorf("%q, range %q: %d files reached the connection, want %d", c.from, c.byteRange, got, c.files)
		}
		sent += len(c.want)
	}
	if err := f.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if counted := testutil.ToFloat64(f.metrics.sent.WithLabelValues("dav")); counted != float64(sent) {
		t.Errorf("counted %v bytes sent, want %d", counted, sent)
	}
}

// What a door asks of the connection (deadlines, informational answers) gets there.
func TestConnectionStaysInReach(t *testing.T) {
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Errorf("deadline: %v", err)
		}
		w.Header().Set("Upload-Offset", "5")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNoContent)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("flush: %v", err)
		}
	})})
	srv := httptest.NewServer(f.Public())
	defer srv.Close()
	response, err := http.Post(srv.URL+"/files/", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Errorf("got %d", response.StatusCode)
	}
	if err := f.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if lines := f.log.lines(t, "request"); len(lines) != 1 || lines[0]["status"] != 204.0 {
		t.Errorf("access log %v, want the final status", lines)
	}
}
