package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// A reader asks for windows that double while it reads on: a small range costs little, and a slow client does not hold a connection to
// S3 for hours.
const (
	firstWindow = 256 << 10
	lastWindow  = 32 << 20
)

// readTries is how often bytes are asked for that broke off, with a pause that grows.
const readTries = 6

// piece is a range of an object.
type piece struct {
	name         string
	offset, size int64
}

func (p piece) split(n int64) (first, rest piece) {
	return piece{p.name, p.offset, n}, piece{p.name, p.offset + n, p.size - n}
}

// Open gives a blob for reading. Its object is asked for when it is read. See [blob.Store].
func (s *Store) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	if err := checkKey("open", key); err != nil {
		return nil, err
	}
	r, err := s.ledger.Load(ctx, key)
	if err == nil && !r.Sealed {
		err = blob.ErrNotFound
	}
	if err != nil {
		return nil, fail("open", key, err)
	}
	return s.newContent(r.pieces(r.Size)), nil
}

// OpenStage gives the first size bytes of a stage for reading. Its parts are settled when it is read. See [blob.Store]. What was not
// synced is not there.
func (s *Store) OpenStage(ctx context.Context, key blob.Key, size int64) (blob.Content, error) {
	pieces, err := s.stagePieces(ctx, "open stage", key, size)
	if err != nil {
		return nil, err
	}
	c := s.newContent(pieces)
	if pieces == nil {
		c.size = size
		c.find = sync.OnceValues(func() ([]piece, error) { return s.settledPieces(c.ctx, key, size) })
	}
	return c, nil
}

// stagePieces is where the first bytes of a stage are; nil, if they are in parts. It looks at the record only.
func (s *Store) stagePieces(ctx context.Context, op string, key blob.Key, size int64) ([]piece, error) {
	if err := checkKey(op, key); err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, fmt.Errorf("blob/s3: %s %s: negative size %d", op, key, size)
	}
	r, err := s.ledger.Load(ctx, key)
	switch {
	case err != nil:
	case r.Sealed:
		err = blob.ErrNotFound
	case r.length() < size:
		err = blob.ErrShort
	}
	if err != nil {
		return nil, fail(op, key, err)
	}
	if len(r.Parts) > 0 && size > 0 {
		return nil, nil
	}
	return r.pieces(size), nil
}

// settledPieces is where the first bytes of a stage are, once its parts are an object. Several who want them wait for one of them.
func (s *Store) settledPieces(ctx context.Context, key blob.Key, size int64) ([]piece, error) {
	durable := context.WithoutCancel(ctx)
	settled, err, _ := s.settling.Do(string(key), func() (any, error) {
		for {
			r, err := s.ledger.Load(durable, key)
			if err == nil && len(r.Parts) > 0 {
				r, err = s.settle(durable, key, r, r, false)
			}
			if !errors.Is(err, ErrLost) {
				return r, err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	r := settled.(Record)
	if r.length() < size {
		return nil, blob.ErrShort
	}
	return r.pieces(size), nil
}

// pieces are the first size bytes of a record without parts.
func (r *Record) pieces(size int64) []piece {
	pieces := []piece{}
	for _, p := range [...]piece{{r.Object, 0, r.Size}, {r.Tail, 0, r.TailSize}} {
		if p.size = min(p.size, size); p.size > 0 {
			pieces = append(pieces, p)
			size -= p.size
		}
	}
	return pieces
}

// content is what Open gives.
type content struct {
	store  *Store
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	find   func() ([]piece, error)
	size   int64

	at     int64
	window int64
	body   io.ReadCloser // of a window, open at at; nil if none is
	left   int64         // of body
	closed atomic.Bool
}

func (s *Store) newContent(pieces []piece) *content {
	c := &content{store: s, window: firstWindow, find: func() ([]piece, error) { return pieces, nil }}
	for _, p := range pieces {
		c.size += p.size
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// open asks for the bytes from off on, at most n and as far as their object goes.
func (c *content) open(off, n int64) (io.ReadCloser, int64, error) {
	pieces, err := c.find()
	if err != nil {
		return nil, 0, err
	}
	for _, p := range pieces {
		if off >= p.size {
			off -= p.size
			continue
		}
		_, p = p.split(off)
		p, _ = p.split(min(n, p.size))
		body, err := c.store.get(c.ctx, p)
		return body, p.size, err
	}
	return nil, 0, io.EOF
}

// Read goes on where a connection broke, a few times.
func (c *content) Read(p []byte) (n int, err error) {
	for try := 1; ; try++ {
		switch {
		case c.closed.Load():
			return 0, os.ErrClosed
		case len(p) == 0:
			return 0, nil
		case c.at >= c.size:
			return 0, io.EOF
		}
		if c.body == nil {
			if c.body, c.left, err = c.open(c.at, min(c.window, c.size-c.at)); err != nil {
				return 0, c.wrong(err) // it was tried often enough
			}
			c.window = min(2*c.window, lastWindow)
		}
		n, err = c.body.Read(p[:min(int64(len(p)), c.left)])
		c.at += int64(n)
		c.left -= int64(n)
		if c.left == 0 || (err != nil && n == 0) {
			c.end()
		}
		if n > 0 {
			return n, nil
		}
		if err == nil || c.left == 0 {
			continue
		}
		if try == readTries || !c.pause(try) {
			return 0, c.wrong(err)
		}
	}
}

// pause waits before a try, at random and longer each time, and answers whether the content is still open.
func (c *content) pause(try int) bool {
	timer := time.NewTimer(rand.N(100 * time.Millisecond << try))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

func (c *content) wrong(err error) error {
	if c.closed.Load() {
		return os.ErrClosed
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("blob/s3: read: %w", err)
}

// end lets go of the window. What is left of a small one is read, so that its connection can be used again.
func (c *content) end() {
	if c.body == nil {
		return
	}
	if c.left > 0 && c.left <= firstWindow/4 {
		_, _ = io.Copy(io.Discard, c.body) // for the connection only
	}
	_ = c.body.Close() // nothing was written
	c.body, c.left = nil, 0
}

// ReadAt reads one range, apart from Read.
func (c *content) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("blob/s3: read at negative offset %d", off)
	}
	if c.closed.Load() {
		return 0, os.ErrClosed
	}
	want := max(0, min(int64(len(p)), c.size-off))
	r := &content{store: c.store, ctx: c.ctx, find: c.find, size: off + want, at: off, window: max(want, 1)}
	defer r.end()
	n, err = io.ReadFull(r, p[:want])
	if c.closed.Load() {
		return n, os.ErrClosed
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	if c.closed.Load() {
		return 0, os.ErrClosed
	}
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("blob/s3: seek to negative offset %d", offset)
	}
	if offset != c.at {
		c.end()
		c.at, c.window = offset, firstWindow
	}
	return offset, nil
}

func (c *content) Close() error {
	if c.closed.Swap(true) {
		return os.ErrClosed
	}
	c.end()
	c.cancel()
	return nil
}
