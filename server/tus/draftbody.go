package tus

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Interim responses tell the progress of a long body this often: the drive records it no more often either.
const (
	progressTime  = 5 * time.Second
	progressBytes = 32 << 20 // for the first, doubling from there
)

var (
	errTakenOver = errors.New("tus: another request wants the upload")
	errGivenUp   = errors.New("tus: the request has ended")
	errLonger    = errors.New("tus: the body is longer than the upload")
)

// content is the body of a request that speaks the draft. It knows whether the body came to its end, waits for each next byte
// for readPatience at most, and can be stopped while it waits.
//
// Where the number of bytes to come is known, the last one is handed out only once the body has ended with it: whoever
// takes that byte completes the upload, and a body that goes on, or breaks off before its end was seen, must not do so.
type content struct {
	body     io.Reader
	deadline func(time.Time) error // of the connection's reads
	left     int64                 // bytes that may come; negative: as many as come
	interim  func()                // called now and then between reads; may be nil

	told      time.Time // when interim was called last
	taken     int64
	nextBytes int64 // calls for interim too

	broken error // why it ended early

	mu      sync.Mutex
	stopped error // why nothing more is waited for
	ended   bool
}

// contentOf takes over the body of r. From here on a client that sends nothing does not hold its connection either, also if the
// body is never read: net/http, which reads what is left, meets the deadline.
func contentOf(w http.ResponseWriter, r *http.Request) *content {
	c := &content{body: r.Body, deadline: http.NewResponseController(w).SetReadDeadline, left: -1, told: time.Now(), nextBytes: progressBytes}
	if c.ended = r.ContentLength == 0; !c.ended {
		_ = c.arm()
	}
	return c
}

// arm gives the next byte its time, or says why it is not waited for. A connection that has no deadlines is left as it is.
func (c *content) arm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == nil {
		_ = c.deadline(time.Now().Add(readPatience))
	}
	return c.stopped
}

// letGo ends reading because another request wants the upload.
func (c *content) letGo() { c.stop(errTakenOver) }

// giveUp ends reading because the request's context has ended.
func (c *content) giveUp() { c.stop(errGivenUp) }

// stop makes a read under way, and those that follow, fail. After the end it does nothing.
func (c *content) stop(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.stopped != nil {
		return
	}
	c.stopped = why
	_ = c.deadline(time.Now())
}

// takenOver reports whether another request ended reading. (A read that fails ends the request's context too: net/http takes
// it for the client's leaving. So the context does not tell.)
func (c *content) takenOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped == errTakenOver
}

// end takes the deadline back: net/http reads on behind the body, and would take it for the client's leaving.
func (c *content) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	_ = c.deadline(time.Time{})
}

func (c *content) Read(p []byte) (n int, err error) {
	if c.broken != nil || len(p) == 0 {
		return 0, c.broken
	}
	c.progress()
	switch {
	case c.left == 0:
		err = c.expectEnd()
	case c.left > 0:
		n, err = c.readLimited(p[:min(int64(len(p)), c.left)])
	default:
		n, err = c.read(p)
	}
	c.taken += int64(n)
	if err != nil && err != io.EOF {
		c.broken = err
	}
	return n, err
}

// readLimited reads where the number of bytes is known.
func (c *content) readLimited(p []byte) (int, error) {
	n, err := c.read(p)
	if c.left -= int64(n); c.left > 0 {
		return n, err
	}
	if err == nil {
		err = c.expectEnd()
	}
	if err != io.EOF {
		n-- // the last byte is not handed out
	}
	return n, err
}

// expectEnd answers io.EOF if nothing more comes.
func (c *content) expectEnd() error {
	var one [1]byte
	switch n, err := c.read(one[:]); {
	case n > 0:
		return errLonger
	case err == nil:
		return io.ErrNoProgress
	default:
		return err
	}
}

func (c *content) read(p []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	n, err := c.body.Read(p)
	if err == io.EOF {
		c.end()
	}
	return n, err
}

func (c *content) progress() {
	if c.interim == nil || (time.Since(c.told) < progressTime && c.taken < c.nextBytes) {
		return
	}
	for c.taken >= c.nextBytes {
		c.nextBytes *= 2
	}
	c.told = time.Now()
	c.interim()
}
