package dav_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// server is the door over a real drive, with a user's principal in every request.
type server struct {
	*httptest.Server
	t      testing.TB
	db     *sqldb.DB
	blobs  *mem.Store
	drives *drive.Drives
	userID string
	setup  setup
	names  map[string]string // what a script has given names to
	ahead  *atomic.Int64     // how far the clock was moved
}

type setup struct {
	drive drive.Options
	dav   dav.Options
}

func newServer(t testing.TB, db *sqldb.DB, o setup) *server {
	t.Helper()
	s := &server{t: t, db: db, blobs: mem.New(), setup: o, names: map[string]string{}, ahead: &atomic.Int64{}}
	s.open()
	s.userID = newUser(t, db, s.drives)
	return s
}

// another is the same drive behind another process: nothing is shared but what is stored.
func (s *server) another() *server {
	other := *s
	other.open()
	return &other
}

func (s *server) open() {
	o := s.setup
	now := func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
	if o.drive.Now == nil {
		o.drive.Now = now
	}
	if o.dav.Now == nil {
		o.dav.Now = now
	}
	s.drives = drive.New(s.db, s.blobs, o.drive)
	o.dav.Drives = s.drives
	door := dav.New(o.dav)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Nobody") == "" {
			r = r.WithContext(authn.WithPrincipal(r.Context(), authn.Principal{UserID: s.userID, Username: "ann", Method: authn.MethodBasic}))
		}
		door.ServeHTTP(w, r)
	}))
	s.t.Cleanup(s.Server.Close)
}

// newUser makes a row for a user who owns a drive, and answers its id.
func newUser(t testing.TB, db *sqldb.DB, drives *drive.Drives) string {
	t.Helper()
	id := sqldb.NewID()
	err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $1, $1, '-', $2)`,
			id, sqldb.Micros(time.Now()))
		if err != nil {
			return err
		}
		return drives.Create(t.Context(), tx, id)
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// onSQLite is for tests of what the engine plays no part in.
func onSQLite(t *testing.T, s setup) *server {
	t.Helper()
	return newServer(t, sqldbtest.OpenSQLite(t), s)
}

// onBoth runs fn on each engine.
func onBoth(t *testing.T, s setup, fn func(t *testing.T, s *server)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) { fn(t, newServer(t, db, s)) })
}

// cases runs fn for each case on each engine, with an empty drive every time.
func cases[C any](t *testing.T, all []C, about func(C) (name string, o setup), fn func(s *server, c C)) {
	t.Helper()
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for _, c := range all {
			name, o := about(c)
			t.Run(name, func(t *testing.T) { fn(newServer(t, db, o), c) })
		}
	})
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request; headers are lines of "Name: value", HOST in them standing for the server.
func (s *server) do(method, path, headers string, body ...string) answer {
	s.t.Helper()
	var content io.Reader
	if len(body) > 0 {
		content = strings.NewReader(body[0])
	}
	return s.send(method, path, headers, content)
}

func (s *server) send(method, path, headers string, body io.Reader) answer {
	s.t.Helper()
	return s.sendSized(method, path, headers, body, -1)
}

// sendSized is send with a Content-Length, where the body does not tell it; a negative one is left to the body.
func (s *server) sendSized(method, path, headers string, body io.Reader, size int64) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			value = strings.ReplaceAll(strings.TrimSpace(value), "HOST", strings.TrimPrefix(s.URL, "http://"))
			r.Header[http.CanonicalHeaderKey(strings.TrimSpace(name))] = append(r.Header[http.CanonicalHeaderKey(strings.TrimSpace(name))], value)
		}
	}
	if size >= 0 {
		r.ContentLength = size
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatalf("%s %s: the answer broke off: %v", method, path, err)
	}
	return answer{response.StatusCode, response.Header, string(content)}
}

// want is do with the status that it must have.
func (s *server) want(status int, method, path, headers string, body ...string) answer {
	s.t.Helper()
	a := s.do(method, path, headers, body...)
	if a.status != status {
		s.t.Fatalf("%s %s is %d, want %d\n%s", method, path, a.status, status, a.body)
	}
	return a
}

// holds checks a file's content; "-" is no file.
func (s *server) holds(path, content string) {
	s.t.Helper()
	a := s.do("GET", path, "")
	switch {
	case content == "-" && a.status != http.StatusNotFound:
		s.t.Errorf("GET %s is %d %q, want nothing there", path, a.status, a.body)
	case content != "-" && (a.status != http.StatusOK || a.body != content):
		s.t.Errorf("GET %s is %d %q, want %q", path, a.status, a.body, content)
	}
}

const (
	lockBody   = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>ann</D:owner></D:lockinfo>`
	sharedBody = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>ann</D:owner></D:lockinfo>`
)

// lock takes an exclusive lock and answers its token.
func (s *server) lock(path, headers string) string {
	s.t.Helper()
	return s.lockWith(path, headers, lockBody)
}

func (s *server) lockWith(path, headers, body string) string {
	s.t.Helper()
	a := s.do("LOCK", path, headers, body)
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		s.t.Fatalf("LOCK %s is %d\n%s", path, a.status, a.body)
	}
	return strings.Trim(a.header.Get("Lock-Token"), "<>")
}
