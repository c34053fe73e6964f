package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// source is where the bytes of an upload come from: at most max from an offset, with their SHA-256, good until the next read.
type source interface {
	read(offset, max int64) ([]byte, [sha256.Size]byte, error)
}

// sender brings bytes to uploads, through whatever breaks.
type sender struct {
	c       *Client
	observe func(Moment)
	done    *Done
	from    source
	again   patience
	piece   int64 // bytes of the next request: less on a connection that breaks
}

// leastPiece is the fewest bytes that are sent with a request, so that a bad connection gets on at all.
const leastPiece = 256 << 10

func newSender(c *Client, observe func(Moment), done *Done) sender {
	return sender{c: c, observe: observe, done: done, again: patience{limit: c.o.Patience}, piece: block}
}

// waits tells whoever observes of a wait.
func (s *sender) waits(err error, wait time.Duration) {
	s.observe(Moment{Phase: Waiting, Wait: wait, Err: err})
}

// stretch sends what the server does not have of a run of bytes. at is how far it is; negative if that has to be asked.
func (s *sender) stretch(ctx context.Context, part stretch, at int64) error {
	known := at >= 0
	best := max(part.start, at)
	for {
		if !known {
			offset, err := s.c.offset(ctx, part.address)
			if err != nil {
				if err := s.again.wait(ctx, contested(ended(err)), s.waits); err != nil {
					return err
				}
				continue
			}
			if at, known = part.start+offset, true; offset < 0 || offset > part.end-part.start {
				return fault.As(fault.Internal, "client.Put", fmt.Errorf("the server is at %d of an upload of %d bytes", offset, part.end-part.start))
			}
			if at > best {
				best = at
				s.again.gotOn()
			}
		}
		s.observe(Moment{Phase: Moving, At: at})
		if at == part.end {
			return nil
		}
		next, err := s.send(ctx, part, at)
		if err == nil {
			at, best = next, max(best, next)
			s.again.gotOn()
			s.piece = min(block, s.piece*2)
			continue
		}
		known = false
		var lost *lostError
		if errors.As(err, &lost) {
			s.piece = max(leastPiece, s.piece/2)
		}
		if err := s.again.wait(ctx, contested(ended(err)), s.waits); err != nil {
			return err
		}
	}
}

// send sends one request's worth of bytes, and answers how far the stretch is then.
func (s *sender) send(ctx context.Context, part stretch, at int64) (int64, error) {
	bytes, sum, err := s.from.read(at, min(s.piece, part.end-at))
	if err != nil {
		return at, err
	}
	offset, err := s.c.patch(ctx, part.address, at-part.start, bytes, sum, s.moving(at))
	if err != nil {
		return at, err
	}
	if next := part.start + offset; next > at && next <= part.end {
		return next, nil
	}
	return at, fault.As(fault.Internal, "client.Put", fmt.Errorf("the server is at %d after bytes up to %d", offset, at-part.start+int64(len(bytes))))
}

// moving hears of bytes that leave, from an offset on.
func (s *sender) moving(at int64) func(int) {
	return func(n int) {
		at += int64(n)
		s.done.Bytes += int64(n)
		s.observe(Moment{Phase: Moving, At: at})
	}
}

// ended is errEnded for an upload that is gone.
func ended(err error) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return &fault.Error{Kind: fault.Gone, Op: "client.Put", Code: "upload_ended", Public: "The upload has ended on the server. Run the command again to begin anew.", Err: errors.Join(errEnded, err)}
	}
	return err
}

// contested makes what another request for the same upload did to this one worth another try: it holds it, or has moved it on. So does
// what was damaged on its way.
func contested(err error) error {
	if fault.Is(err, fault.Locked) || fault.Is(err, fault.Exists) || fault.Is(err, fault.ChecksumMismatch) {
		return &lostError{err, true}
	}
	return err
}
