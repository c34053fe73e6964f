package drive

import (
	"context"
	"sync"
)

// turns lets those that name the same thing go one after the other.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when it is free
}

func newTurns() *turns { return &turns{taken: map[string]chan struct{}{}} }

// take waits until nobody else has its turn. release ends it.
func (t *turns) take(ctx context.Context, name string) (release func(), err error) {
	mine := make(chan struct{})
	for {
		t.mu.Lock()
		other := t.taken[name]
		if other == nil {
			t.taken[name] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.taken, name)
				t.mu.Unlock()
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
