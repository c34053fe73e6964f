package drive

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// The connection to Postgres breaks when a COMMIT was carried out and before its answer arrives. The file is there; its
// bytes must be too.
func TestPutWhenTheAnswerToCommitIsLost(t *testing.T) {
	location := sqldbtest.PostgresURL(t)
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	var armed atomic.Bool
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	network, address := "tcp", u.Host
	if dir := u.Query().Get("host"); dir != "" {
		port := u.Query().Get("port")
		if port == "" {
			port = "5432"
		}
		network, address = "unix", dir+"/.s.PGSQL."+port
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				t.Errorf("proxy: %v", err)
				client.Close()
				return
			}
			var cut atomic.Bool
			go func() { // to the server
				buffer := make([]byte, 1<<20)
				for {
					n, err := client.Read(buffer)
					if err != nil {
						server.Close()
						return
					}
					if bytes.Contains(buffer[:n], []byte("COMMIT")) && armed.CompareAndSwap(true, false) {
						cut.Store(true)
					}
					server.Write(buffer[:n])
				}
			}()
			go func() { // to the client
				buffer := make([]byte, 1<<20)
				for {
					n, err := server.Read(buffer)
					if err != nil || cut.Load() {
						client.Close()
						return
					}
					client.Write(buffer[:n])
				}
			}()
		}
	}()
	q := u.Query()
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.RawQuery, u.Host = q.Encode(), l.Addr().String()
	db, err := sqldb.Open(t.Context(), u.String(), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, db: db, blobs: mem.New()}
	f.Drives = New(db, f.blobs, Options{InlineMax: 16})
	f.alice = f.user("alice")
	body := strings.Repeat("x", 100)
	armed.Store(true)
	_, _, err = f.Put(t.Context(), f.alice, "/f", strings.NewReader(body), PutOptions{Size: 100})
	t.Logf("put: %v", err)
	if err == nil {
		t.Fatal("the connection did not break")
	}
	_, c, err := f.Open(t.Context(), f.alice, "/f")
	if err != nil {
		t.Fatalf("the file was committed, and its bytes are gone: %v", err)
	}
	got, err := io.ReadAll(c)
	if err != nil || string(got) != body {
		t.Fatal(errors.Join(err, c.Close()))
	}
}
