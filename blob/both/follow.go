package both

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/satchelhq/satchel/blob"
)

// follow makes content that breaks off when it is moved go on in the other store. A file that is open stays, so it is given as it is.
func (s *Store) follow(c blob.Content, in blob.Store, key blob.Key) blob.Content {
	if _, file := c.(*os.File); file {
		return c
	}
	return &following{now: c, on: c, key: key, other: s.other(in)}
}

type following struct {
	key   blob.Key
	other blob.Store // where it may be moved to; nil once it was

	mu     sync.Mutex // guards now, before and other
	now    blob.Content
	before blob.Content // that a ReadAt may be at

	// Of Read and Seek, which are one goroutine's.
	at int64
	on blob.Content // whose place is at
}

func (f *following) current() blob.Content {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// moved opens the content in the other store, after one that lost gave has gone, and answers false if it is not there either.
func (f *following) moved(lost blob.Content) (blob.Content, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now != lost { // somebody else was faster
		return f.now, true
	}
	if f.other == nil {
		return nil, false
	}
	c, err := f.other.Open(context.Background(), f.key) // its bytes are asked for by reads, which have an end
	if err != nil {
		return nil, false
	}
	f.before, f.now, f.other = f.now, c, nil
	return c, true
}

func (f *following) Read(p []byte) (int, error) {
	c := f.current()
	if err := f.place(c); err != nil {
		return 0, err
	}
	n, err := c.Read(p)
	if n == 0 && errors.Is(err, blob.ErrNotFound) {
		next, ok := f.moved(c)
		if !ok {
			return 0, err
		}
		if err := f.place(next); err != nil {
			return 0, err
		}
		n, err = next.Read(p)
	}
	f.at += int64(n)
	return n, err
}

// place makes content go on where another one was.
func (f *following) place(c blob.Content) error {
	if c == f.on {
		return nil
	}
	_, err := c.Seek(f.at, io.SeekStart)
	if err == nil {
		f.on = c
	}
	return err
}

func (f *following) ReadAt(p []byte, off int64) (int, error) {
	c := f.current()
	n, err := c.ReadAt(p, off)
	if !errors.Is(err, blob.ErrNotFound) {
		return n, err
	}
	next, ok := f.moved(c)
	if !ok {
		return n, err
	}
	more, err := next.ReadAt(p[n:], off+int64(n))
	return n + more, err
}

func (f *following) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekCurrent {
		offset, whence = offset+f.at, io.SeekStart
	}
	c := f.current()
	at, err := c.Seek(offset, whence)
	if err == nil {
		f.at, f.on = at, c
	}
	return at, err
}

func (f *following) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.now.Close()
	if f.before != nil {
		err = errors.Join(err, f.before.Close())
	}
	return err
}
