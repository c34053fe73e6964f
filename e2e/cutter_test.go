package e2e

import (
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cutter is a way to a server on which connections break. It passes on bytes as they are, so a server sees the host that
// the client used. Moments and kinds of the cuts follow a seed.
type cutter struct {
	URL    string
	server string // HOST:PORT

	mu     sync.Mutex
	random *rand.Rand
	left   int // cuts to come
	made   int
	open   map[net.Conn]struct{}
	closed bool
}

// newCutter makes a way to s that is whole until Allow.
func newCutter(t testing.TB, s *Server, seed uint64) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scheme, address, _ := strings.Cut(s.URL, "://")
	c := &cutter{
		URL: scheme + "://" + listener.Addr().String(), server: address,
		random: rand.New(rand.NewPCG(seed, 1)), open: map[net.Conn]struct{}{},
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		c.mu.Lock()
		c.closed = true
		for conn := range c.open {
			conn.Close()
		}
		c.mu.Unlock()
		running.Wait()
	})
	return c
}

// Allow lets n more connections be cut.
func (c *cutter) Allow(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left += n
}

// Left is how many cuts are still to come.
func (c *cutter) Left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// Made is how many cuts there were.
func (c *cutter) Made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made
}

// plan is when and how a connection breaks.
type plan struct {
	up, down int64 // bytes that pass before it; -1 for all
	end      ending
}

type ending int

const (
	reset     ending = iota // both sides are told at once, as a firewall does
	hangUp                  // both sides see a proper end
	abandoned               // the client is gone, and the server waits for it
	endings
)

// plan draws. Most connections break on the way up, anywhere between a request's first bytes and 2 MiB; the others on the
// way down, in the middle of one of the first answers or just before it.
func (c *cutter) plan() plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := plan{up: -1, down: -1, end: ending(c.random.IntN(int(endings)))}
	if c.random.IntN(3) > 0 {
		p.up = int64(math.Exp2(6 + 15*c.random.Float64()))
	} else {
		p.down = c.random.Int64N(2000)
	}
	return p
}

// take uses up a cut, if there is one left.
func (c *cutter) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return false
	}
	c.left--
	c.made++
	return true
}

// keep remembers a connection, to close it at the end. It answers false after the end.
func (c *cutter) keep(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return false
	}
	c.open[conn] = struct{}{}
	return true
}

func (c *cutter) drop(conn net.Conn) {
	conn.Close()
	c.mu.Lock()
	delete(c.open, conn)
	c.mu.Unlock()
}

func (c *cutter) serve(client net.Conn) {
	if !c.keep(client) {
		return
	}
	server, err := net.Dial("tcp", c.server)
	if err != nil || !c.keep(server) {
		c.drop(client)
		return
	}
	p := c.plan()
	var wasCut atomic.Bool
	cut := sync.OnceFunc(func() {
		wasCut.Store(true)
		if p.end == reset {
			_ = server.(*net.TCPConn).SetLinger(0)
		}
		if p.end != hangUp {
			_ = client.(*net.TCPConn).SetLinger(0)
		}
		if p.end != abandoned {
			c.drop(server) // else it stays until the test ends, or the server loses patience
		}
		c.drop(client)
	})
	var both sync.WaitGroup
	pass := func(to, from net.Conn, budget int64) {
		// What breaks by itself, as when the server is killed, breaks for both: the other would wait for ever.
		if whole := c.carry(to, from, budget, cut); !whole && !wasCut.Load() {
			c.drop(client)
			c.drop(server)
		}
	}
	both.Go(func() { pass(server, client, p.up) })
	both.Go(func() { pass(client, server, p.down) })
	both.Wait()
	c.drop(client)
	c.drop(server)
}

// carry passes on what comes, until its end or the cut. It answers whether it came to the end.
func (c *cutter) carry(to, from net.Conn, budget int64, cut func()) (whole bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && budget >= 0 && int64(n) >= budget && c.take() {
			_, _ = to.Write(buffer[:budget])
			cut()
			return false
		}
		if budget >= 0 {
			budget = max(0, budget-int64(n))
		}
		if _, failed := to.Write(buffer[:n]); failed != nil {
			return false
		}
		if err == io.EOF {
			_ = to.(*net.TCPConn).CloseWrite()
		}
		if err != nil {
			return err == io.EOF
		}
	}
}
