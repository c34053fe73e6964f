package server

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// bodyPatience is how long a body may send nothing while a door waits for it. A slow one takes as long as it takes.
const bodyPatience = 60 * time.Second

// body is a request's body on its way to a door. It is counted, and from the moment that the gate knows who sends it, each next
// byte has its own time: one that stands still ends with fault.Timeout, however much had come.
//
// A door that sets deadlines of its own (both that speak of resumable uploads do, to interrupt each other) has taken over: from
// then on this one sets none.
type body struct {
	io.ReadCloser
	x     *exchange
	taken atomic.Int64 // bytes

	mu        sync.Mutex
	patience  time.Duration // 0: the time of the whole is bounded elsewhere
	armed     time.Time     // when the deadline was set last
	takenOver bool
	stalled   bool
	revoked   bool // who sends it may not any more
	ended     bool // nothing of it is left
}

// pace gives each next byte its own time from now on. No deadline is set yet: net/http has taken its own back.
func (b *body) pace(patience time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.patience = patience
}

// yield leaves the deadlines to the door, of which this is one.
func (b *body) yield(at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.takenOver = true
	if b.revoked && !b.ended {
		at = time.Now()
	}
	return b.x.setReadDeadline(at)
}

// cut ends the body with Unauthenticated, also a read that is under way. It reports whether there was anything left to end.
func (b *body) cut() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	b.revoked = true
	_ = b.x.setReadDeadline(time.Now())
	return true
}

func (b *body) isRevoked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.revoked
}

func (b *body) deadline(at time.Time) {
	if !b.takenOver {
		_ = b.x.setReadDeadline(at) // what cannot set deadlines is no network
	}
}

func (b *body) Read(p []byte) (int, error) {
	if !b.arm() {
		return 0, b.refuse()
	}
	n, err := b.ReadCloser.Read(p)
	b.taken.Add(int64(n))
	switch {
	case err == io.EOF:
		b.end()
	case err != nil && b.isRevoked():
		return n, b.refuse()
	case errors.Is(err, os.ErrDeadlineExceeded) && b.stall():
		b.x.Header().Set("Connection", "close") // RFC 9110, section 15.5.9
		return n, &fault.Error{Kind: fault.Timeout, Op: "server.body", Code: "body_stalled", Err: err}
	}
	return n, err
}

// refuse is what a read meets after cut. What was sent of the rest is not read.
func (b *body) refuse() error {
	b.x.Header().Set("Connection", "close")
	return revoked()
}

// arm gives the next byte its time, or reports that it has none. A second more or less makes no difference, so most reads set nothing.
func (b *body) arm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.revoked && !b.ended {
		return false
	}
	if now := time.Now(); b.patience > 0 && now.Sub(b.armed) >= min(time.Second, b.patience/2) {
		b.armed = now
		b.deadline(now.Add(b.patience))
	}
	return true
}

// end takes the deadline back: net/http reads on behind the body, and would take it for the client's leaving.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if b.patience > 0 {
		b.deadline(time.Time{})
	}
}

// stall notes that the deadline passed, and reports whether it was this body's own.
func (b *body) stall() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stalled = !b.takenOver
	return b.stalled
}

// leave bounds how long net/http may go on reading what no door wanted.
func (b *body) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended:
	case b.stalled, b.revoked:
		_ = b.x.setReadDeadline(time.Now())
	default:
		_ = b.x.setReadDeadline(time.Now().Add(leftoverPatience))
	}
}
