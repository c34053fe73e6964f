package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// another runs a second server on the data of s until the test ends. env comes last.
func (s *Server) another(t testing.TB, env ...string) *Server {
	t.Helper()
	there := &Server{t: t, Database: s.Database, Data: s.Data, Env: append(slices.Clone(s.Env), env...),
		URL: "http://" + freeAddress(t), Admin: "http://" + freeAddress(t), log: &logFile{}}
	t.Cleanup(func() {
		there.Kill()
		if t.Failed() {
			t.Logf("log of the other server:\n%s", there.log.tail())
		}
	})
	there.Start()
	return there
}

// signal sends the server a signal.
func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.command.Process.Signal(sig); err != nil {
		s.t.Error(err)
	}
}

// at is an upload at another node.
func (u *transfer) at(s *Server) *transfer {
	there := *u
	there.a = u.a.at(s)
	there.address = s.URL + strings.TrimPrefix(u.address, u.a.s.URL)
	there.looked = false
	return &there
}

// rowsOf spells all rows of some tables.
func rowsOf(t testing.TB, database string, tables ...string) string {
	t.Helper()
	db, err := sqldb.Open(t.Context(), database, sqldb.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all strings.Builder
	for _, table := range tables {
		rows, err := sqldb.All(t.Context(), db, `SELECT CAST(t AS TEXT) FROM `+table+` t ORDER BY 1`, nil, func(scan sqldb.Scan) (row string, err error) { return row, scan(&row) })
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s\n\t%s\n", table, strings.Join(rows, "\n\t"))
	}
	return all.String()
}

// A node is stopped while it sends a part of an upload to S3, for more than twice the time of its lease. Another one takes the upload over and goes on. When the
// first one runs again, its part arrives and it writes nothing: no row differs. Then it serves on, the same upload too.
func TestAPausedNodeWritesNothing(t *testing.T) {
	t.Parallel()
	bucket := s3test.Start(t)
	proxy := s3test.NewProxy(t, bucket)
	here := startOn(t, sqldbtest.PostgresURL(t), inBucket(t, proxy.Endpoint, false)...)
	there := here.another(t, inBucket(t, bucket.Endpoint, false)...)
	ann := here.Register(t, "ann")
	u := &transfer{t: t, a: ann, name: "f.bin", content: seeded(7, 40<<20)}
	for u.acked < 9<<20 { // a part and a tail
		if err := u.step(9 << 20); err != nil {
			t.Fatal(err)
		}
	}

	stopped := make(chan struct{})
	var once sync.Once
	proxy.Decide(func(r *http.Request) s3test.Fate {
		if s3test.Operation(r) == "UploadPart" {
			once.Do(func() { here.signal(syscall.SIGSTOP); close(stopped) })
		}
		return s3test.Pass
	})
	header := patchHeader()
	header.Set("Upload-Offset", fmt.Sprint(u.acked))
	run := beginWith(t, ann.Bearer, http.MethodPatch, u.address, header, u.content[u.acked:len(u.content)-1<<20])
	defer run.body.Close()
	select {
	case <-stopped:
	case <-time.After(30 * time.Second):
		t.Fatal("no part is sent")
	}
	paused := time.Now()

	over := u.at(there)
	if err := over.look(); err != nil { // waits for the lease
		t.Fatal(err)
	}
	t.Logf("the paused node's upload was taken over after %s", time.Since(paused))
	if over.acked != u.acked {
		t.Errorf("the other node is at %d, and %d bytes were acknowledged", over.acked, u.acked)
	}
	if err := over.step(11<<20 + 5); err != nil {
		t.Fatal(err)
	}
	before := rowsOf(t, here.Database, "uploads", "s3_contents", "s3_parts", "nodes", "changes", "drives")
	for time.Since(paused) < 3*time.Second { // twice the lease and more
		time.Sleep(50 * time.Millisecond)
	}
	here.signal(syscall.SIGCONT)
	select {
	case end := <-run.ended:
		// A client that is still sending when it is refused may find the connection cut before it has read why (RFC 9112, section 9.6): net/http waits
		// half a second before it cuts one, but not one that asked by Expect, as this does. The node's log has what it answered.
		t.Logf("the paused node answered %d", end.status)
		if end.status != 0 && end.status != http.StatusLocked && end.status != http.StatusConflict {
			t.Errorf("the paused node answered %d", end.status)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the request at the paused node does not end")
	}
	if after := rowsOf(t, here.Database, "uploads", "s3_contents", "s3_parts", "nodes", "changes", "drives"); after != before {
		t.Errorf("the paused node wrote.\nbefore:\n%s\nafter:\n%s", before, after)
	}

	u.looked = false
	for !u.done {
		if err := u.step(9 << 20); err != nil {
			t.Fatal(err)
		}
	}
	u.check()
	over.check()
	here.fsck()
	here.Stop() // all of its log is here then
	if !regexp.MustCompile(`"door":"tus","method":"PATCH","status":4(09|23),`).MatchString(here.log.String()) {
		t.Error("the paused node has not refused the request")
	}
}

// A node is killed in the middle of a request, and another one goes on with its upload. How long that takes is told, and tested by nobody's clock.
func TestAnUploadIsTakenOverFromAKilledNode(t *testing.T) {
	t.Parallel()
	bucket := s3test.Start(t)
	here := startOn(t, sqldbtest.PostgresURL(t), inBucket(t, bucket.Endpoint, false)...)
	there := here.another(t)
	ann := here.Register(t, "ann")
	var took []time.Duration
	for round := range 4 {
		if round%2 == 1 {
			here, there = there, here
		}
		u := &transfer{t: t, a: ann.at(here), name: fmt.Sprintf("f%d.bin", round), content: seeded(uint64(round), 1<<20)}
		for u.acked < 300_000 {
			if err := u.step(300_000); err != nil {
				t.Fatal(err)
			}
		}
		header := patchHeader()
		header.Set("Upload-Offset", fmt.Sprint(u.acked))
		run := beginWith(t, u.a.Bearer, http.MethodPatch, u.address, header, u.content[u.acked:u.acked+100_000])
		here.Kill()
		killed := time.Now()
		over := u.at(there)
		for over.acked == u.acked {
			if err := over.step(200_000); err != nil {
				t.Fatal(err)
			}
		}
		took = append(took, time.Since(killed))
		run.body.Close()
		for !over.done {
			if err := over.step(1 << 20); err != nil {
				t.Fatal(err)
			}
		}
		over.check()
		here.revive()
		u.check()
	}
	t.Logf("from the kill until the other node had acknowledged more bytes: %v", took)
	here.fsck()
}

// A link that is ended at one node is cut at another one in the middle of what it sends.
func TestAnEndedLinkIsCutAtTheOtherNode(t *testing.T) {
	t.Parallel()
	here := startOn(t, sqldbtest.PostgresURL(t))
	there := here.another(t)
	ann := here.Register(t, "ann")
	ann.Put(t, "large.bin", strings.Repeat("0123456789abcdef", 4<<20)) // more than the sockets hold
	var share struct{ ID, URL string }
	decode(t, send(t, ann.Bearer, http.MethodPost, here.URL+"/api/v1/shares", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(`{"path": "/large.bin"}`)),
		http.StatusCreated, &share)
	answer, err := http.Get(there.URL + strings.TrimPrefix(share.URL, here.URL) + "?download")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadFull(answer.Body, make([]byte, 1<<10)); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	if answer := send(t, ann.Bearer, http.MethodDelete, here.URL+"/api/v1/shares/"+share.ID, nil, nil); answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer.Status)
	}
	ended := time.Now()
	var n int64
	for slow := time.NewTicker(20 * time.Millisecond); ; <-slow.C { // as over a slow line
		m, err := io.CopyN(io.Discard, answer.Body, 64<<10)
		n += m
		if err == io.EOF {
			t.Fatalf("all of it was sent, %d bytes", n)
		}
		if err != nil {
			t.Logf("it was cut, %s after the link had ended, within %d bytes: %v", time.Since(ended), n, err)
			return
		}
	}
}
