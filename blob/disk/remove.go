package disk

import (
	"context"
	"errors"
	"io/fs"

	"github.com/satchelhq/satchel/blob"
)

// Remove drops the stage and the blob of key. It is not synced: what a power cut brings back
// is an orphan that the next garbage collection finds again.
func (s *Store) Remove(_ context.Context, key blob.Key) error {
	if err := checkKey("remove", key); err != nil {
		return err
	}
	// The stage first: one that is sealed in between is then removed as a blob.
	for _, path := range []string{s.stagePath(key), s.blobPath(key)} {
		if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fail("remove", key, err)
		}
	}
	return nil
}
