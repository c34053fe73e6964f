package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/tus"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/turn"
)

// scrape is /metrics as Prometheus reads it.
func scrape(t *testing.T, s *Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	f := newFront(t, frontOptions{})
	if _, _, err := f.drives.Put(t.Context(), f.signIn.User.ID, "/a.txt", strings.NewReader("hello"), drive.PutOptions{Size: 5}); err != nil {
		t.Fatal(err)
	}
	f.do(httptest.NewRequest(http.MethodGet, "/dav/secret-name.txt", nil))
	f.do(httptest.NewRequest("BREW", "/api/v1/pot", nil))
	explorer := httptest.NewRequest("PROPFIND", "/", nil)
	explorer.Header.Set("User-Agent", "Microsoft-WebDAV-MiniRedir/10.0.19045")
	f.do(explorer)
	stranger := httptest.NewRequest("BREW", "/dav/pot", strings.NewReader("coffee"))
	stranger.Header.Set("User-Agent", "secret-agent/1.0")
	f.do(stranger)
	if _, _, err := f.drives.LockNode(t.Context(), f.signIn.User.ID, drive.Lock{Path: "/a.txt", UserID: f.signIn.User.ID}, drive.Guard{}); err != nil {
		t.Fatal(err)
	}
	f.metrics.observeConflict(http.StatusLocked)
	f.metrics.ObserveBlob(t.Context(), "sync", time.Now(), errors.New("input/output error"))
	f.metrics.ObserveBlob(t.Context(), "open", time.Now(), fmt.Errorf("key: %w", blob.ErrNotFound))
	s3 := f.metrics.S3Observer([]string{"PutObject", "HeadBucket"}, []string{"ok", "failed"})
	s3(t.Context(), "PutObject", time.Now(), "failed")
	s3(t.Context(), "SomethingNew", time.Now(), "ok")
	f.metrics.observePatch(tus.Patched{Took: time.Hour, Waited: time.Hour - time.Second, Bytes: 3})
	refused := httptest.NewRequest(http.MethodGet, "/api/v1/me", nil)
	refused.Header.Set("Authorization", "Bearer nonsense")
	f.do(refused)
	f.metrics.ExpectJob("sweep")
	f.metrics.ObserveJob("gc", time.Second, nil)
	f.metrics.ObserveJob("gc", time.Second, errors.New("disk"))
	turns := turn.New(f.db, "")
	if err := turns.Wake(t.Context(), "gc"); err != nil {
		t.Fatal(err)
	}
	if _, err := turns.Do(t.Context(), "gc", time.Hour, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}

	got := scrape(t, f.Server)
	for _, want := range []string{
		`satchel_http_requests_total{code="200",door="dav",method="GET"} 1`,
		`satchel_http_requests_total{code="200",door="api",method="other"} 1`,
		`satchel_http_requests_total{code="401",door="api",method="GET"} 1`,
		`satchel_http_request_duration_seconds_count{code="200",door="dav",method="GET"} 1`,
		`satchel_http_requests_in_flight 0`,
		`satchel_bytes_sent_total{door="dav"} 18`, // "nobody", three times
		`satchel_dav_requests_total{client="explorer",method="PROPFIND"} 1`,
		`satchel_dav_requests_total{client="other",method="GET"} 1`,
		`satchel_dav_requests_total{client="other",method="other"} 1`,
		`satchel_dav_conflicts_total{code="409"} 0`,
		`satchel_dav_conflicts_total{code="412"} 0`,
		`satchel_dav_conflicts_total{code="423"} 1`,
		`satchel_dav_locks 1`,
		`satchel_http_request_bytes_total{door="dav"} 0`,
		`satchel_bytes_received_total 5`,
		`satchel_bytes_stored_total 5`,
		`satchel_uploads_begun_total 0`,
		`satchel_uploads_completed_total 0`,
		`satchel_uploads_dropped_total 0`,
		`satchel_uploads_expired_total 0`,
		`satchel_uploads_resumed_total 0`,
		`satchel_uploads_takeovers_total 0`,
		`satchel_uploads_checksum_mismatches_total 0`,
		`satchel_uploads_open 0`,
		`satchel_uploads_stalled 0`,
		`satchel_uploads_gone 0`,
		`satchel_upload_patch_duration_seconds_sum 3600`,
		`satchel_upload_patch_own_seconds_sum 1`,
		`satchel_upload_patch_bytes_bucket{le="1.7179869184e+10"} 1`,
		`satchel_uploads_hold_refused_total 0`,
		`satchel_blob_errors_total{op="sync"} 1`,
		`satchel_blob_errors_total{op="open"} 0`,
		`satchel_blob_duration_seconds_count{op="open"} 1`,
		`satchel_s3_requests_total{call="PutObject",result="failed"} 1`,
		`satchel_s3_requests_total{call="HeadBucket",result="ok"} 0`,
		`satchel_s3_requests_total{call="other",result="ok"} 1`,
		`satchel_disk_free_bytes{of="data"} 30`,
		`satchel_disk_size_bytes{of="data"} 100`,
		`satchel_info{database="sqlite",version=""} 1`,
		`satchel_db_retries_total 0`,
		`satchel_db_updates_waiting 0`,
		`satchel_signins_total{result="register"} 1`,
		`satchel_signins_total{result="login_ok"} 1`,
		`satchel_signins_total{result="login_failed"} 0`,
		`satchel_db_duration_seconds_count{op="commit"} `,
		`satchel_db_errors_total{op="update"} 0`,
		`satchel_db_connections_max 16`,
		`satchel_jobs_total{name="gc",result="ok"} 1`,
		`satchel_jobs_total{name="sweep",result="failed"} 0`,
		`satchel_jobs_total{name="gc",result="failed"} 1`,
		`satchel_jobs_last_success_timestamp_seconds{name="gc"} `,
		`satchel_jobs_age_seconds{name="gc"} `,
		"go_goroutines ",
		"process_open_fds ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	for _, private := range []string{"secret-name", "secret-agent", "BREW", testUser, f.signIn.User.ID} {
		if strings.Contains(got, private) {
			t.Errorf("/metrics tells %q", private)
		}
	}
	if problems, err := testutil.GatherAndLint(f.metrics.Registry); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
}

func TestDatabaseErrors(t *testing.T) {
	m := NewMetrics()
	for _, c := range []struct {
		name   string
		err    error
		counts bool
	}{
		{"none", nil, false},
		{"a rule that refused", fault.New(fault.Exists, "drive.Put", ""), false},
		{"no row", fault.New(fault.NotFound, "sqldb.Row", ""), false},
		{"over quota", fault.New(fault.Full, "drive.Put", ""), false},
		{"the client left", fault.Wrap(context.Canceled, "drive.Put"), false},
		{"busy", fault.New(fault.Busy, "sqldb", ""), true},
		{"no time left", context.DeadlineExceeded, true},
		{"broken", errors.New("disk I/O error"), true},
	} {
		before := testutil.ToFloat64(m.dbErrors.WithLabelValues("update"))
		m.ObserveDB(t.Context(), "update", time.Now(), c.err)
		if counted := testutil.ToFloat64(m.dbErrors.WithLabelValues("update")) > before; counted != c.counts {
			t.Errorf("%s: counted %v", c.name, counted)
		}
	}
}

func TestRequestsInFlight(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-leave
	})})
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.do(httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	<-inside
	if got := scrape(t, f.Server); !strings.Contains(got, "satchel_http_requests_in_flight 1\n") {
		t.Error("the gauge does not show the request that is running")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Idle(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Idle with a request running: %v", err)
	}
	close(leave)
	<-done
	if err := f.Idle(t.Context()); err != nil {
		t.Errorf("Idle: %v", err)
	}
}

func TestAdmin(t *testing.T) {
	f := newFront(t, frontOptions{})
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/healthz", 200, "ok\n"},
		{"GET", "/readyz", 200, "ready\n"},
		{"HEAD", "/readyz", 200, ""},
		{"POST", "/readyz", 405, "GET or HEAD\n"},
		{"GET", "http://127.0.0.1:8081/debug/pprof/cmdline", 200, ""},
		{"GET", "http://localhost/debug/pprof/goroutine?debug=1", 200, ""},
		{"GET", "http://[::1]:8081/debug/pprof/", 200, ""},
		{"GET", "http://rebound.example/debug/pprof/cmdline", 403, ""},
		{"GET", "http://satchel:8081/metrics", 200, ""},
		{"GET", "/login", 404, ""},
		{"POST", "/metrics", 405, ""},
	} {
		w := httptest.NewRecorder()
		f.Admin().ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || (c.body != "" && w.Body.String() != c.body) {
			t.Errorf("%s %s: %d %q", c.method, c.path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if w := f.do(httptest.NewRequest(http.MethodGet, path, nil)); w.Body.String() != "nobody" {
			t.Errorf("%s on the public listener: %q, want the pages' answer", path, w.Body)
		}
	}
}

func TestReadiness(t *testing.T) {
	// A database of its own, because it is closed before the test ends.
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "satchel.db"), sqldb.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := newFront(t, frontOptions{db: db})
	ask := func(h http.Handler) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		body, _ := io.ReadAll(w.Body)
		return w.Code, string(body)
	}
	if status, body := ask(f.Public()); status != 200 || body != "ready\n" {
		t.Fatalf("at first: %d %q", status, body)
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range f.probes {
		p.at = time.Time{} // as if the last answer were old
	}
	if status, body := ask(f.Public()); status != 503 || body != "not ready\n" {
		t.Errorf("the public learns %d %q", status, body)
	}
	if status, body := ask(f.Admin()); status != 503 || !strings.HasPrefix(body, "not ready\ndatabase: ") || strings.Contains(body, "blobs: ") {
		t.Errorf("the operator learns %d %q", status, body)
	}
	if w := f.do(httptest.NewRequest(http.MethodGet, "/healthz", nil)); w.Code != 200 {
		t.Errorf("a process without a database is dead: %d", w.Code)
	}
}

// However many ask, a part that hangs is asked once.
func TestReadinessOfAPartThatHangs(t *testing.T) {
	var asked int // by the one goroutine of the probe
	release := make(chan struct{})
	p := &probe{name: "hung", check: func(context.Context) error {
		asked++
		<-release
		return nil
	}}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // as if readyWait had passed
	for range 3 {
		if err := p.answer(ended, p.begin()); !errors.Is(err, errNoAnswer) {
			t.Errorf("got %v", err)
		}
	}
	running := p.begin()
	close(release)
	if err := p.answer(t.Context(), running); err != nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
