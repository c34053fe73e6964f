package disk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/satchelhq/satchel/blob"
)

// Open gives a blob for reading: an *os.File, which net/http sends with sendfile(2).
func (s *Store) Open(_ context.Context, key blob.Key) (blob.Content, error) {
	if err := checkKey("open", key); err != nil {
		return nil, err
	}
	c, err := s.fs.Open(s.blobPath(key))
	if err != nil {
		return nil, fail("open", key, err)
	}
	return c, nil
}

// OpenStage gives the first size bytes of a stage for reading. See [blob.Store].
func (s *Store) OpenStage(_ context.Context, key blob.Key, size int64) (blob.Content, error) {
	c, err := s.openStage("open stage", key, size)
	if err != nil {
		return nil, err
	}
	return part{io.NewSectionReader(c, 0, size), c}, nil
}

// openStage opens the file of a stage that holds at least size bytes, at its beginning.
func (s *Store) openStage(op string, key blob.Key, size int64) (blob.Content, error) {
	if err := checkKey(op, key); err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, fmt.Errorf("blob/disk: %s %s: negative size %d", op, key, size)
	}
	c, err := s.fs.Open(s.stagePath(key))
	if err != nil {
		return nil, fail(op, key, err)
	}
	has, err := c.Seek(0, io.SeekEnd)
	if err == nil && has < size {
		err = fmt.Errorf("%w: %d of %d bytes", blob.ErrShort, has, size)
	}
	if err == nil {
		_, err = c.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fail(op, key, errors.Join(err, c.Close()))
	}
	return c, nil
}

// part is the beginning of a file.
type part struct {
	*io.SectionReader
	io.Closer
}
