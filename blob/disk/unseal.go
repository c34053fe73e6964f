package disk

import (
	"context"
	"errors"
	"io/fs"

	"github.com/satchelhq/satchel/blob"
)

// Unseal moves a blob's file back to where stages are, durably: a blob that came back in a power cut would be in the way of the
// stage, which Resume looks for second. See [blob.Store].
func (s *Store) Unseal(_ context.Context, key blob.Key) error {
	if err := checkKey("unseal", key); err != nil {
		return err
	}
	from, to := s.blobPath(key), s.stagePath(key)
	err := s.fs.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		return s.isStage(key)
	}
	if err != nil {
		return fail("unseal", key, err)
	}
	// Where renaming is not atomic both names may have been there, for one and the same file; then nothing was renamed.
	if err := s.fs.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail("unseal", key, err)
	}
	return s.syncUnsealed(key)
}

// isStage is ErrNotFound unless there is a stage. One that was unsealed by a process that was killed may not be durable as such yet.
func (s *Store) isStage(key blob.Key) error {
	there, err := s.fs.Exists(s.stagePath(key))
	if err == nil && !there {
		err = blob.ErrNotFound
	}
	if err != nil {
		return fail("unseal", key, err)
	}
	return s.syncUnsealed(key)
}

// syncUnsealed syncs the new name before the old one is gone for good.
func (s *Store) syncUnsealed(key blob.Key) error {
	if err := s.syncDir(s.stageDir()); err != nil {
		return fail("unseal", key, err)
	}
	// The shelf of a stage that never was a blob may not be there.
	if err := s.syncDir(s.shelf(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail("unseal", key, err)
	}
	return nil
}
