package e2e

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire is the way to a server as a network is: it counts what passes, may be slow, and breaks after a number of bytes for all connections,
// until it is mended.
type wire struct {
	URL  string
	Up   atomic.Int64 // bytes that went to the server
	Down atomic.Int64 // bytes that came from it

	server   string // HOST:PORT
	upLeft   atomic.Int64
	downLeft atomic.Int64
	pace     atomic.Int64 // bytes a second that each connection carries to the server; 0 is all

	mu     sync.Mutex
	broken chan struct{} // closed when it breaks
	conns  map[net.Conn]struct{}
}

func newWire(t testing.TB, s *Server) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{URL: "http://" + listener.Addr().String(), server: strings.TrimPrefix(s.URL, "http://"), broken: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	w.Mend()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { w.serve(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		w.Break()
		running.Wait()
	})
	return w
}

const unbroken = int64(1) << 62

// BreakAfter has the wire break when so many bytes more have passed, up or down.
func (w *wire) BreakAfter(up, down int64) {
	w.upLeft.Store(up)
	w.downLeft.Store(down)
}

// Broken is closed when the wire breaks.
func (w *wire) Broken() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// Break cuts all connections, and refuses new ones.
func (w *wire) Break() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.broken:
	default:
		close(w.broken)
	}
	for conn := range w.conns {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
	clear(w.conns)
}

// Mend lets all pass again.
func (w *wire) Mend() {
	w.BreakAfter(unbroken, unbroken)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = make(chan struct{})
}

// keep remembers a connection. It answers false while the wire is broken.
func (w *wire) keep(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.broken:
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		return false
	default:
		w.conns[conn] = struct{}{}
		return true
	}
}

func (w *wire) drop(conn net.Conn) {
	conn.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, conn)
}

func (w *wire) serve(client net.Conn) {
	if !w.keep(client) {
		return
	}
	defer w.drop(client)
	server, err := net.Dial("tcp", w.server)
	if err != nil || !w.keep(server) {
		return
	}
	defer w.drop(server)
	var both sync.WaitGroup
	both.Go(func() { w.pass(server, client, &w.Up, &w.upLeft, &w.pace) })
	both.Go(func() { w.pass(client, server, &w.Down, &w.downLeft, new(atomic.Int64)) })
	both.Wait()
}

// pass carries bytes one way until the end, and ends both ways with it.
func (w *wire) pass(to, from net.Conn, count, left, pace *atomic.Int64) {
	defer to.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if errors.Is(err, io.EOF) && n == 0 || err != nil {
			return
		}
		if left.Add(-int64(n)) < 0 {
			w.Break()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		count.Add(int64(n))
		if rate := pace.Load(); rate > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(rate)) // a slow wire; nothing waits for a state by it
		}
	}
}
