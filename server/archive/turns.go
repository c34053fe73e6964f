package archive

import (
	"sync"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Turns bounds what takes long: how many one process does at once, and how many of them for one user, share or sender. It is safe for use by many
// goroutines.
type Turns struct {
	most, mostOf int
	wait         time.Duration // after which to try again

	mu  sync.Mutex
	all int
	of  map[string]int
}

// NewTurns allows so many at once, and so many of one. wait is what who is refused is told to wait.
func NewTurns(most, mostOf int, wait time.Duration) *Turns {
	return &Turns{most: most, mostOf: mostOf, wait: wait, of: map[string]int{}}
}

// Begin answers how to end. Busy, with code "shares_busy", while others have all that there are.
func (t *Turns) Begin(of string) (end func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all >= t.most || t.of[of] >= t.mostOf {
		return nil, fault.New(fault.Busy, "archive.Begin", "Too many people are using this just now. Try again in a minute.").WithCode("shares_busy").WithWait(t.wait)
	}
	t.all++
	t.of[of]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.all--
		if t.of[of]--; t.of[of] == 0 {
			delete(t.of, of)
		}
	}, nil
}
