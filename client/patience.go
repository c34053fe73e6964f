package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/satchelhq/satchel/fault"
)

const (
	firstWait   = 300 * time.Millisecond
	longestWait = 30 * time.Second
)

// patience is how long something is tried again while it does not get on.
type patience struct {
	limit time.Duration
	since time.Time // of the first failure in a row; zero if the last try got on
	tries int       // in that row
}

// gotOn forgets the failures so far.
func (p *patience) gotOn() { p.since, p.tries = time.Time{}, 0 }

// next is how long to wait before another try after err, or false if there is none to be. What the server asks to wait is waited; the
// rest doubles, with jitter, so that many who were cut at once do not come back at once.
func (p *patience) next(err error, now time.Time) (time.Duration, bool) {
	if !passes(err) {
		return 0, false
	}
	if p.since.IsZero() {
		p.since = now
	}
	wait := min(longestWait, firstWait<<min(p.tries, 10))
	wait = wait*3/4 + rand.N(wait/2)
	p.tries++
	wait = max(wait, asked(err))
	return wait, now.Add(wait).Sub(p.since) <= p.limit
}

// wait waits before another try after err. It answers err if there is none to be, and ctx's error if that ends.
func (p *patience) wait(ctx context.Context, err error, told func(err error, wait time.Duration)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d, ok := p.next(err, time.Now())
	if !ok {
		return err
	}
	if told != nil {
		told(err, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// passes reports whether what failed may work another time: no answer, an answer that broke off, or one that says so.
func passes(err error) bool {
	var lost *lostError
	if errors.As(err, &lost) {
		return true
	}
	switch fault.KindOf(err) {
	case fault.Busy, fault.Timeout, fault.TooMany:
		return true
	case fault.Internal:
		var answered *serverError
		return errors.As(err, &answered)
	}
	return false
}

// asked is how long the server wants not to be asked.
func asked(err error) time.Duration {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Wait
	}
	return 0
}

// lostError is a request without an answer, or with one that broke off: what it asked for may have been done.
type lostError struct {
	err   error
	begun bool // the request may have reached the server
}

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// serverError is an answer of 5xx.
type serverError struct{ status string }

func (e *serverError) Error() string { return "the server answered " + e.status }

// Away reports whether err is a server that cannot be reached, or that was busy or failed: the same may work later.
func Away(err error) bool { return passes(err) && !fault.Is(err, fault.TooMany) }
