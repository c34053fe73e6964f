package drive

import (
	"io"
	"sync"
)

// hashing feeds a digest from a goroutine of its own, so that bytes are hashed while they are written and the next ones
// arrive. It is used by one goroutine; whoever looks at the digest calls settle before.
type hashing struct {
	chunks *sync.Pool // *[]byte
	digest io.Writer
	queue  chan piece
	free   chan *[]byte
	made   int            // buffers taken from the pool
	behind sync.WaitGroup // pieces that are not in the digest yet
}

// piece is the beginning of a buffer.
type piece struct {
	buffer *[]byte
	n      int
}

// maxBehind bounds the buffers of one body, and so how far reading gets ahead of hashing.
const maxBehind = 4

// aside is from how many bytes on a piece is worth waking another goroutine for. What a slow client sends comes in less, and so
// needs one buffer only.
const aside = chunkSize / 2

// buffer answers one to read into, when there is one that is hashed.
func (h *hashing) buffer() *[]byte {
	select {
	case b := <-h.free:
		return b
	default:
	}
	if h.made < maxBehind {
		h.made++
		return h.chunks.Get().(*[]byte)
	}
	return <-h.free
}

// add takes the first n bytes of a buffer; they stay as they are until then. The buffer comes back by the way of buffer.
func (h *hashing) add(b *[]byte, n int) {
	if h.queue == nil {
		h.queue = make(chan piece, maxBehind)
		go func() {
			for p := range h.queue {
				h.digest.Write((*p.buffer)[:p.n]) // of a hash.Hash it never fails
				h.free <- p.buffer
				h.behind.Done()
			}
		}()
	}
	h.behind.Add(1)
	h.queue <- piece{b, n}
}

// settle waits until all bytes are in the digest.
func (h *hashing) settle() { h.behind.Wait() }

// end settles, and gives the buffers back.
func (h *hashing) end() {
	h.settle()
	if h.queue != nil {
		close(h.queue)
	}
	for len(h.free) > 0 {
		h.chunks.Put(<-h.free)
	}
}
