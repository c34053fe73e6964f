package drive

import (
	"io"
	"sync"
)

// hashing feeds a digest from a goroutine of its own, so that bytes are hashed while they are written and the next ones
// arrive. It is used by one goroutine; whoever looks at the digest calls settle before.
type hashing struct {
	chunks *sync.Pool // *[]byte of chunkSize
	wide   *sync.Pool // *[]byte of wideChunk
	fast   bool       // it comes faster than it is written: wide buffers are worth their memory
	digest io.Writer
	queue  chan piece
	free   chan *[]byte
	made   int            // buffers taken from the pools
	behind sync.WaitGroup // pieces that are not in the digest yet
}

// piece is the beginning of a buffer.
type piece struct {
	buffer *[]byte
	n      int
}

// maxBehind bounds the buffers of one body, and so how far reading gets ahead of hashing. maxWide is for wide ones.
const (
	maxBehind = 4
	maxWide   = 2
)

// wideChunk is how many bytes of a fast body are read, hashed and written at a time: fewer and larger pieces cost less of everything.
const wideChunk = 1 << 20

// aside is from how many bytes on a piece is worth waking another goroutine for. What a slow client sends comes in less, and so
// needs one buffer only.
const aside = chunkSize / 2

// buffer answers one to read into, when there is one that is hashed.
func (h *hashing) buffer() *[]byte {
	for {
		var b *[]byte
		select {
		case b = <-h.free:
		default:
			if pool, most := h.pool(h.fast); h.made < most {
				h.made++
				return pool.Get().(*[]byte)
			}
			b = <-h.free
		}
		if wide := len(*b) == wideChunk; wide || !h.fast {
			return b
		}
		h.give(b)
		h.made--
	}
}

// filled notes that a read took all of a buffer.
func (h *hashing) filled() { h.fast = true }

func (h *hashing) pool(wide bool) (pool *sync.Pool, most int) {
	if wide {
		return h.wide, maxWide
	}
	return h.chunks, maxBehind
}

// give puts a buffer back where it came from.
func (h *hashing) give(b *[]byte) {
	pool, _ := h.pool(len(*b) == wideChunk)
	pool.Put(b)
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
		h.give(<-h.free)
	}
}
