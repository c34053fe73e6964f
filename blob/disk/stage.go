package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/satchelhq/satchel/blob"
)

// stage is a file being written. Once err is set it stays: after a failed sync the kernel has
// marked the pages clean, so a second sync would answer nil for bytes that never reached the disk.
type stage struct {
	store  *Store
	key    blob.Key
	f      file // nil once closed
	offset int64
	begun  int64 // write-back was started for what lies before
	dirty  bool  // something may not have been synced yet
	linked bool  // the name is durable in the stage folder
	moved  bool  // it is at the blob's place already: resumed after a crash in the middle of sealing
	sealed bool  // Seal has answered nil
	err    error
}

// Stage begins empty content. See [blob.Store].
func (s *Store) Stage(_ context.Context, key blob.Key) (blob.Stage, error) {
	if err := checkKey("stage", key); err != nil {
		return nil, err
	}
	f, err := s.fs.Create(s.stagePath(key))
	if errors.Is(err, fs.ErrExist) {
		return nil, fail("stage", key, blob.ErrExists)
	}
	if err != nil { // not by fail: that the folder is missing must not look as if the key were
		return nil, fmt.Errorf("blob/disk: stage %s: %w", key, full(err))
	}
	// Looked at after creating: a stage of this key that is sealed meanwhile is seen in one place or the other.
	taken, err := s.fs.Exists(s.blobPath(key))
	if err == nil && taken {
		err = blob.ErrExists
	}
	if err != nil {
		return nil, fail("stage", key, errors.Join(err, f.Close(), s.fs.Remove(s.stagePath(key))))
	}
	return &stage{store: s, key: key, f: f}, nil
}

// Resume opens a stage again at offset. See [blob.Store]. Of a sealed blob that is
// longer than offset it says ErrNotFound, and of one that is shorter ErrShort.
func (s *Store) Resume(_ context.Context, key blob.Key, offset int64) (blob.Stage, error) {
	if err := checkKey("resume", key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("blob/disk: resume %s: negative offset %d", key, offset)
	}
	// The blob first. Where renaming is not atomic both names may be there after a power cut,
	// for one and the same file, which was whole then and must not be written to.
	moved := true
	f, err := s.fs.Edit(s.blobPath(key))
	if errors.Is(err, fs.ErrNotExist) {
		moved = false
		f, err = s.fs.Edit(s.stagePath(key))
	}
	if err != nil {
		return nil, fail("resume", key, err)
	}
	if err := cutBack(f, offset, moved); err != nil {
		return nil, fail("resume", key, errors.Join(err, f.Close()))
	}
	return &stage{
		store: s, key: key, f: f, offset: offset, begun: offset,
		dirty: true, linked: offset > 0, moved: moved,
	}, nil
}

// cutBack drops what lies beyond offset, unless the file is a blob's.
func cutBack(f file, offset int64, sealed bool) error {
	size, err := f.Size()
	switch {
	case err != nil:
		return err
	case size < offset:
		return fmt.Errorf("%w: %d of %d bytes", blob.ErrShort, size, offset)
	case size == offset:
		return nil
	case sealed:
		return blob.ErrNotFound
	}
	return f.Truncate(offset)
}

// Write appends p. Bytes that were written before an error are counted by Offset.
func (g *stage) Write(p []byte) (int, error) {
	if err := g.writable("write"); err != nil {
		return 0, err
	}
	g.dirty = true
	n, err := g.f.WriteAt(p, g.offset)
	g.offset += int64(n)
	if err != nil {
		return n, fail("write", g.key, err)
	}
	return n, g.startWriteBack()
}

// startWriteBack begins to write what was gathered. Whole steps only, so that no page is sent while it is still being filled.
func (g *stage) startWriteBack() error {
	end := g.offset - g.offset%g.store.writeBack
	if end <= g.begun || g.store.relaxed {
		return nil
	}
	if err := g.f.StartWriteBack(g.begun, end-g.begun); err != nil {
		return g.broken("write back", err)
	}
	g.begun = end
	return nil
}

// Offset is how many bytes the stage holds.
func (g *stage) Offset() int64 { return g.offset }

// Cut drops what was written after offset.
func (g *stage) Cut(offset int64) error {
	if err := g.writable("cut"); err != nil {
		return err
	}
	if offset < 0 || offset > g.offset {
		return fmt.Errorf("blob/disk: cut %s: offset %d is outside of %d bytes", g.key, offset, g.offset)
	}
	if offset == g.offset {
		return nil
	}
	g.dirty = true
	if err := g.f.Truncate(offset); err != nil {
		return g.broken("cut", err) // how long it is now nobody knows
	}
	g.offset, g.begun = offset, min(g.begun, offset)
	return nil
}

// Sync makes what was written survive. A stage whose sync has failed is broken for good: it is
// closed and resumed at an offset that an earlier Sync has answered for.
func (g *stage) Sync() error {
	if err := g.usable("sync"); err != nil {
		return err
	}
	if g.store.relaxed {
		return nil
	}
	if err := g.syncData(); err != nil {
		return g.broken("sync", err)
	}
	if g.linked || g.moved {
		return nil
	}
	// Here and not when it was made, so that an upload that is given up at once costs no sync.
	if err := g.store.syncDir(g.store.stageDir()); err != nil {
		return g.broken("sync", err)
	}
	g.linked = true
	return nil
}

func (g *stage) syncData() error {
	if !g.dirty || g.store.relaxed {
		return nil
	}
	if err := g.f.Datasync(); err != nil {
		return err
	}
	g.dirty = false
	return nil
}

// Seal makes the stage a blob. The stage is closed, also when sealing fails.
func (g *stage) Seal(context.Context) error {
	if g.sealed {
		return nil
	}
	if err := g.usable("seal"); err != nil {
		return err
	}
	if err := g.seal(); err != nil {
		_ = g.closeFile() // the first error is the one to tell
		return g.broken("seal", err)
	}
	g.sealed = true
	return nil
}

// seal is safe to be cut short anywhere and begun again by Resume. A stage that is moved already
// goes through it too, for whoever moved it may not have come as far as the syncs.
func (g *stage) seal() error {
	s, from, to := g.store, g.store.stagePath(g.key), g.store.blobPath(g.key)
	if err := g.syncData(); err != nil {
		return err
	}
	if err := g.closeFile(); err != nil {
		return err
	}
	if err := s.makeShelf(g.key); err != nil {
		return err
	}
	if g.moved { // where renaming is not atomic the old name may have come back
		if err := s.fs.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	} else if err := s.fs.Rename(from, to); err != nil {
		return err
	}
	if err := s.syncDir(s.shelf(g.key)); err != nil {
		return err
	}
	return s.syncDir(s.stageDir())
}

// Close lets go of the file. Network file systems may tell of a full disk only now.
func (g *stage) Close() error {
	if err := g.closeFile(); err != nil {
		return fail("close", g.key, err)
	}
	return nil
}

func (g *stage) closeFile() error {
	if g.f == nil {
		return nil
	}
	f := g.f
	g.f = nil
	return f.Close()
}

// usable answers why the stage takes no more calls, or nil.
func (g *stage) usable(op string) error {
	if g.err != nil {
		return g.err
	}
	if g.f == nil {
		return fail(op, g.key, os.ErrClosed)
	}
	return nil
}

// writable is usable, and not at the blob's place already.
func (g *stage) writable(op string) error {
	if err := g.usable(op); err != nil {
		return err
	}
	if g.moved {
		return fmt.Errorf("blob/disk: %s %s: it is sealed", op, g.key)
	}
	return nil
}

func (g *stage) broken(op string, err error) error {
	g.err = fail(op, g.key, err)
	return g.err
}
