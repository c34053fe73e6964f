package drive

import (
	"context"
	"io"
	"sync"
	"time"
)

// pace is a rate at which bytes are read, over all readers that have it.
type pace struct {
	rate int64 // bytes a second; 0 is no limit

	mu   sync.Mutex
	free time.Time // when what was read is paid for
}

// pacedStep is the shortest time that is worth waiting.
const pacedStep = 5 * time.Millisecond

// spent waits until n bytes that were read are paid for, or ctx ends.
func (p *pace) spent(ctx context.Context, n int) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	wait := p.free.Sub(now)
	p.mu.Unlock()
	if wait <= pacedStep {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// paced reads no faster than its pace, and ends with its context.
type paced struct {
	io.Reader
	ctx  context.Context
	pace *pace
}

func (p paced) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if waited := p.pace.spent(p.ctx, n); waited != nil && err == nil {
		err = waited
	}
	return n, err
}
