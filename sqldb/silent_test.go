package sqldb_test

import (
	"cmp"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// wire is a way to Postgres that takes what is sent and passes nothing on while it is silent, as a router does that has forgotten a connection.
type wire struct {
	mu     sync.Mutex
	silent map[net.Conn]bool
}

func newWire(t *testing.T, location string) (_ *wire, through string) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	network, server, q := "tcp", u.Host, u.Query()
	if folder := q.Get("host"); folder != "" { // of a socket
		network, server = "unix", filepath.Join(folder, ".s.PGSQL."+cmp.Or(q.Get("port"), "5432"))
		q.Del("host")
		q.Del("port")
		u.RawQuery = q.Encode()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{silent: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		for c := range w.silent {
			c.Close()
		}
	})
	go func() {
		for {
			front, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial(network, server)
			if err != nil {
				front.Close()
				return
			}
			w.mu.Lock()
			w.silent[front] = false
			w.mu.Unlock()
			go w.pass(front, back, front)
			go w.pass(back, front, front)
		}
	}()
	u.Host = l.Addr().String()
	return w, u.String()
}

func (w *wire) pass(to, from, front net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			to.Close()
			return
		}
		w.mu.Lock()
		silent := w.silent[front]
		w.mu.Unlock()
		if !silent {
			_, _ = to.Write(buffer[:n])
		}
	}
}

// hush makes the connections that are there silent.
func (w *wire) hush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.silent {
		w.silent[c] = true
	}
}

// A connection that listens and gets no answer any more, though nobody has ended it, is left for another one, and keeps nobody from closing the database.
func TestAListeningConnectionThatFallsSilent(t *testing.T) {
	location := sqldbtest.PostgresURL(t)
	w, through := newWire(t, location)
	db, err := sqldb.Open(t.Context(), through, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db.ProbeAfter(50*time.Millisecond, time.Second)
	teller, err := sqldb.Open(t.Context(), location, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer teller.Close()
	heard := hears(t, db, "colours")
	wantLoss(t, heard)
	w.hush()
	wantLoss(t, heard) // it listens anew
	teller.Notify("colours", "red")
	wantNotices(t, heard, "red")
	if !db.Hears() {
		t.Error("it listens, and does not know")
	}
	w.hush()
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Error("the database is not closed")
	}
}
