package drive

import (
	"io"
	"sync"
)

// hashing feeds a digest from a goroutine of its own, so that bytes are hashed while they are written and the next ones
// arrive. It is used by one goroutine; whoever looks at the digest calls settle before.
type hashing struct {
	digest io.Writer
	pieces chan []byte
	behind sync.WaitGroup // pieces that are not in the digest yet
}

// startHashing begins; end must be called.
func startHashing(digest io.Writer) *hashing {
	h := &hashing{digest: digest, pieces: make(chan []byte, 1)}
	go func() {
		for p := range h.pieces {
			h.digest.Write(p) // of a hash.Hash it never fails
			h.behind.Done()
		}
	}()
	return h
}

// add takes bytes, which stay as they are until settle has returned.
func (h *hashing) add(p []byte) {
	h.behind.Add(1)
	h.pieces <- p
}

// settle waits until all bytes are in the digest.
func (h *hashing) settle() { h.behind.Wait() }

// end settles, and ends the goroutine.
func (h *hashing) end() {
	h.settle()
	close(h.pieces)
}
