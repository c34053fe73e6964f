package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/certificate"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/origin"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const (
	testUser     = "alice"
	testPassword = "correct horse battery"
)

// front is a Server over real accounts and rows. Behind its doors stands what the test puts there.
type front struct {
	*Server
	db     *sqldb.DB
	drives *drive.Drives
	log    *logBuffer
	signIn authn.SignIn      // alice's
	page   authn.PageSession // alice's
}

type frontOptions struct {
	db     *sqldb.DB // default: one that lives as long as the test
	origin origin.Origin
	behind http.Handler // behind every door; default tellPrincipal
	level  slog.Level
	cors   []string
	hsts   time.Duration
	served []certificate.Served
}

func newFront(t testing.TB, o frontOptions) *front {
	t.Helper()
	if o.behind == nil {
		o.behind = http.HandlerFunc(tellPrincipal)
	}
	if o.db == nil {
		o.db = sqldbtest.OpenSQLite(t)
	}
	db, log, metrics := o.db, &logBuffer{}, NewMetrics()
	blobs := blob.Observed(mem.New(), metrics.ObserveBlob)
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: o.level}))
	drives := drive.New(db, blobs, drive.Options{Log: logger, ScrubEvery: time.Hour})
	accounts := authn.New(db, authn.Options{CreateDrive: drives.Create, Log: logger, Observe: metrics.ObserveSignIn})
	events, err := hooks.NewEvents(db, hooks.EventOptions{Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	s, err := assemble(Options{Accounts: accounts, Events: events, Drives: drives, Previews: preview.New(db, drives, preview.NewQueue(), preview.Options{}), DB: db, BackupEvery: func() time.Duration { return 24 * time.Hour }, Blobs: blobs, Origin: o.origin, CORSOrigins: o.cors, HSTS: o.hsts, Certificates: func() []certificate.Served { return o.served }, Metrics: metrics, Log: logger,
		DataSpace: func(context.Context) (blob.Space, error) { return blob.Space{Free: 30, Total: 100}, nil }},
		handlers{tus: o.behind, box: o.behind, dav: o.behind, above: o.behind, api: o.behind, web: o.behind, webRefuse: answer.Text})
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Server: s, db: db, drives: drives, log: log}
	client := authn.Client{Address: "203.0.113.9", UserAgent: "test"}
	if f.signIn, err = accounts.Register(t.Context(), authn.Registration{Username: testUser, Password: testPassword}, client); err != nil {
		t.Fatal(err)
	}
	if f.page, err = accounts.LoginPage(t.Context(), testUser, testPassword, client); err != nil {
		t.Fatal(err)
	}
	return f
}

// tellPrincipal is a door that welcomes everybody and says who they are.
func tellPrincipal(w http.ResponseWriter, r *http.Request) {
	who, ok := authn.From(r.Context())
	if !ok {
		_, _ = io.WriteString(w, "nobody")
		return
	}
	_, _ = io.WriteString(w, who.Username+" by "+string(who.Method))
}

func (f *front) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.Public().ServeHTTP(w, r)
	return w
}

// logBuffer holds log lines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lines are the log lines with a message.
func (l *logBuffer) lines(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		var attrs map[string]any
		if err := json.Unmarshal([]byte(line), &attrs); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if attrs["msg"] == message {
			found = append(found, attrs)
		}
	}
	return found
}

func TestRequestID(t *testing.T) {
	f := newFront(t, frontOptions{
		origin: behindProxy(),
		behind: answer.Handle(func(http.ResponseWriter, *http.Request) error { return fault.New(fault.NotFound, "test", "") }, answer.Error),
	})
	const proxy, stranger = "10.0.0.2:1", "203.0.113.9:1"
	for _, c := range []struct {
		name, peer, sent string
		kept             bool
	}{
		{"a stranger's is replaced", stranger, "theirs", false},
		{"a trusted proxy's is kept", proxy, "trace-7.a_B", true},
		{"a proxy's that cannot stand in a log is replaced", proxy, "a b\n", false},
		{"a proxy's that is too long is replaced", proxy, strings.Repeat("x", 65), false},
		{"none is sent", proxy, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/api/v1/nothing", nil)
			r.RemoteAddr = c.peer
			if c.sent != "" {
				r.Header.Set("X-Request-Id", c.sent)
			}
			w := f.do(r)
			id := w.Header().Get("X-Request-Id")
			if (id == c.sent) != c.kept || id == "" {
				t.Errorf("sent %q, answered %q", c.sent, id)
			}
			var problem answer.Problem
			if err := json.NewDecoder(w.Body).Decode(&problem); err != nil || problem.RequestID != id {
				t.Errorf("the error body says %q (%v), the header %q", problem.RequestID, err, id)
			}
		})
	}
}

func TestPanicIsA500(t *testing.T) {
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		panic("the secret plan")
	})})
	w := f.do(httptest.NewRequest(http.MethodGet, "/api/v1/me", nil))
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	if strings.Contains(w.Body.String(), "secret plan") {
		t.Errorf("the client reads %s", w.Body)
	}
	if lines := f.log.lines(t, "a request panicked"); len(lines) != 1 || lines[0]["panic"] != "the secret plan" || !strings.Contains(lines[0]["stack"].(string), "server_test.go") {
		t.Errorf("logged %v", lines)
	}
}

func TestPanicInTheMiddleCutsTheConnection(t *testing.T) {
	f := newFront(t, frontOptions{behind: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "half")
		panic("in the middle")
	})})
	srv := httptest.NewServer(f.Public())
	defer srv.Close()
	response, err := http.Get(srv.URL + "/")
	if err == nil {
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
	}
	if err == nil {
		t.Error("the client took half an answer for the whole")
	}
	if lines := f.log.lines(t, "request"); len(lines) != 1 || lines[0]["cut"] != true {
		t.Errorf("access log %v, want one line with cut", lines)
	}
}

func TestAccessLog(t *testing.T) {
	ask := func(f *front) {
		r := httptest.NewRequest(http.MethodGet, "/drive/tax%20return.pdf?ticket=s3cret", nil)
		r.AddCookie(&http.Cookie{Name: authn.CookieName, Value: f.page.Cookie})
		f.do(r)
	}

	f := newFront(t, frontOptions{level: slog.LevelInfo})
	ask(f)
	lines := f.log.lines(t, "request")
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	for key, want := range map[string]any{
		"door": "web", "method": "GET", "status": 200.0, "bytes": float64(len("alice by cookie")), "user": f.page.User.ID, "path": nil, "client": nil,
	} {
		if got := lines[0][key]; got != want {
			t.Errorf("info: %s = %v, want %v", key, got, want)
		}
	}

	f = newFront(t, frontOptions{level: slog.LevelDebug})
	ask(f)
	if lines := f.log.lines(t, "request"); len(lines) != 1 || lines[0]["path"] != "/drive/tax return.pdf" || lines[0]["client"] != "192.0.2.1" {
		t.Errorf("debug: %v", lines)
	}
	for _, address := range []string{"/s/c4pability/a", "/d/c4pability/a", "/drop/c4pability/a"} {
		f.do(httptest.NewRequest(http.MethodGet, address, nil))
	}
	for _, secret := range []string{"s3cret", f.page.Cookie, "c4pability"} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("the log holds the secret %q", secret)
		}
	}
}

func TestHeaders(t *testing.T) {
	f := newFront(t, frontOptions{})
	for _, path := range []string{"/", "/drive/", "/files/x", "/dav/x", "/api/v1/me", "/healthz"} {
		h := f.do(httptest.NewRequest(http.MethodGet, path, nil)).Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, h)
		}
	}
}
