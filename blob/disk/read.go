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
	if err := checkKey("open stage", key); err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, fmt.Errorf("blob/disk: open stage %s: negative size %d", key, size)
	}
	c, err := s.fs.Open(s.stagePath(key))
	if err != nil {
		return nil, fail("open stage", key, err)
	}
	has, err := c.Seek(0, io.SeekEnd)
	if err == nil && has < size {
		err = fmt.Errorf("%w: %d of %d bytes", blob.ErrShort, has, size)
	}
	if err != nil {
		return nil, fail("open stage", key, errors.Join(err, c.Close()))
	}
	return part{io.NewSectionReader(c, 0, size), c}, nil
}

// part is the beginning of a file.
type part struct {
	*io.SectionReader
	io.Closer
}
