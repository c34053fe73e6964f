package client

import (
	"os"
	"sync/atomic"
)

// maxJobs bounds the files that are moved at once.
const maxJobs = 16

// Jobs is a number of files to move at once, within what is allowed.
func Jobs(n int) int { return min(max(n, 1), maxJobs) }

// holds closes a folder when the last who holds it lets go.
type holds struct {
	root *os.Root
	n    atomic.Int64
}

func newHolds(root *os.Root) *holds {
	h := &holds{root: root}
	h.n.Store(1)
	return h
}

func (h *holds) hold() func() {
	h.n.Add(1)
	return h.release
}

func (h *holds) release() {
	if h.n.Add(-1) == 0 {
		_ = h.root.Close() // it was read and made in; nothing is lost by it
	}
}
