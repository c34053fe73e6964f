package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Moving is how content goes from one store to another. Every server of the drives has both (blob/both), the old one as the old one.
type Moving struct {
	From, To blob.Store
	Rate     int64       // bytes a second that are copied; 0 is no limit
	AtOnce   int         // blobs; 0 is one
	Tell     func(Moved) // if set, is told how far it is, after each blob and by one goroutine at a time
}

// Moved is what MoveBlobs has done, and what it has left in the old store.
type Moved struct {
	Blobs int   // that were moved
	Bytes int64 // of these

	Uploads int      // that are under way in the old store and will end there
	Unnamed int      // stages and blobs that no row names, of a request under way or for gc
	Damaged []string // ids of blobs whose bytes are not those that their rows say
}

// Left is how much is left in the old store.
func (m Moved) Left() int { return m.Uploads + m.Unnamed + len(m.Damaged) }

// MoveBlobs looks at everything in the old store once, and moves the content of files. It is safe beside running servers, and safe to be killed
// and called again, but only one may run at a time. Content is copied under its own key, read back from the new store and compared with the SHA-256 on record, and only then
// removed from the old one. While both have it the old one's is read. What does not have the hash on record is left where it is. An error of a store or the database ends it.
func (s *Drives) MoveBlobs(ctx context.Context, m Moving) (moved Moved, err error) {
	var mu sync.Mutex
	note := func(fn func()) {
		mu.Lock()
		defer mu.Unlock()
		fn()
		if m.Tell != nil {
			m.Tell(moved)
		}
	}
	slow := &pace{rate: m.Rate}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(max(1, m.AtOnce))
	err = m.From.List(within, func(e blob.Entry) error {
		group.Go(func() error {
			found, err := s.moveEntry(within, m, slow, e)
			if err != nil {
				return err
			}
			note(func() {
				switch found {
				case entryMoved:
					moved.Blobs++
					moved.Bytes += e.Size
				case entryUpload:
					moved.Uploads++
				case entryUnnamed:
					moved.Unnamed++
				case entryDamaged:
					moved.Damaged = append(moved.Damaged, string(e.Key))
				}
			})
			return nil
		})
		return within.Err()
	})
	if broken := group.Wait(); broken != nil { // why the list ended, if it did
		err = broken
	}
	return moved, fault.Wrap(err, "drive.MoveBlobs")
}

// entry is what became of something in the old store.
type entry int

const (
	entryGone entry = iota // removed meanwhile
	entryMoved
	entryUpload
	entryUnnamed
	entryDamaged
)

func (s *Drives) moveEntry(ctx context.Context, m Moving, slow *pace, e blob.Entry) (entry, error) {
	row, err := s.blobRow(ctx, e.Key)
	if sqldb.NoRow(err) {
		known, err := s.knows(ctx, e.Key)
		if known {
			return entryUpload, err
		}
		return entryUnnamed, err
	}
	if err != nil {
		return entryGone, err
	}
	old, err := m.From.Open(ctx, e.Key)
	if errors.Is(err, blob.ErrNotFound) {
		return s.leftover(ctx, m, e, row)
	}
	if err != nil {
		return entryGone, storeError(err, "drive.moveBlob")
	}
	defer old.Close()
	found, err := s.moveBlob(ctx, m, slow, e.Key, old, row)
	if err != nil {
		if _, gone := s.blobRow(ctx, e.Key); sqldb.NoRow(gone) { // gc was faster, and took what was being copied
			return entryGone, nil
		}
		return found, storeError(err, "drive.moveBlob")
	}
	return found, nil
}

// blobRow is what a blob's row says of content in a store.
type blobRow struct {
	size   int64
	sha256 []byte
}

func (s *Drives) blobRow(ctx context.Context, key blob.Key) (r blobRow, err error) {
	err = s.db.Row(ctx, `SELECT size, sha256 FROM blobs WHERE id = $1 AND content IS NULL`, []any{string(key)}, &r.size, &r.sha256)
	return r, err
}

// moveBlob copies a blob unless an earlier call has, compares the copy, and removes the original.
func (s *Drives) moveBlob(ctx context.Context, m Moving, slow *pace, key blob.Key, old io.Reader, row blobRow) (entry, error) {
	whole, err := s.holdsBlob(ctx, m.To, key, row)
	if err != nil {
		return entryGone, err
	}
	if !whole {
		right, err := s.copyBlob(ctx, m.To, key, paced{old, ctx, slow}, row)
		if err != nil {
			return entryGone, err
		}
		if !right {
			return entryDamaged, nil
		}
		if err := s.readBack(ctx, m.To, key, row); err != nil {
			return entryGone, err
		}
	}
	if _, err := s.blobRow(ctx, key); sqldb.NoRow(err) { // gc has looked for the copy before it was there
		return entryGone, m.To.Remove(ctx, key)
	} else if err != nil {
		return entryGone, err
	}
	return entryMoved, m.From.Remove(ctx, key)
}

// holdsBlob reports whether a store has a blob with the content on record.
func (s *Drives) holdsBlob(ctx context.Context, in blob.Store, key blob.Key, row blobRow) (bool, error) {
	c, err := in.Open(ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	digest := sha256.New()
	n, err := s.copyTo(digest, paced{c, ctx, &pace{}})
	return row.is(n, digest), err
}

// readBack fails if a store does not give back the content on record, which copyBlob gave it.
func (s *Drives) readBack(ctx context.Context, in blob.Store, key blob.Key, row blobRow) error {
	whole, err := s.holdsBlob(ctx, in, key, row)
	if err == nil && !whole {
		err = fmt.Errorf("blob %s: the store does not give back what it was given", key)
	}
	return err
}

func (r blobRow) is(size int64, digest hash.Hash) bool {
	return size == r.size && bytes.Equal(digest.Sum(nil), r.sha256)
}

// copyBlob writes a blob into the new store, and answers false if it is not the content on record: then nothing is there.
func (s *Drives) copyBlob(ctx context.Context, to blob.Store, key blob.Key, old io.Reader, row blobRow) (right bool, err error) {
	// What is there is half a copy of a call that was killed, or a copy that is not right.
	if err := to.Remove(ctx, key); err != nil {
		return false, err
	}
	stage, err := to.Stage(ctx, key)
	if err != nil {
		return false, err
	}
	digest := sha256.New()
	n, err := s.copyTo(io.MultiWriter(stage, digest), old)
	if err == nil && row.is(n, digest) {
		return true, stage.Seal(ctx)
	}
	return false, errors.Join(err, stage.Close(), to.Remove(context.WithoutCancel(ctx), key))
}

func (s *Drives) copyTo(to io.Writer, from io.Reader) (int64, error) {
	buffer := s.chunks.Get().(*[]byte)
	defer s.chunks.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, *buffer)
}

// leftover looks at a stage that has the key of a blob. One whose blob the new store has is what was left of an upload's beginning.
func (s *Drives) leftover(ctx context.Context, m Moving, e blob.Entry, row blobRow) (entry, error) {
	if e.Sealed {
		return entryGone, nil
	}
	whole, err := s.holdsBlob(ctx, m.To, e.Key, row)
	if err != nil || !whole {
		return entryUnnamed, storeError(err, "drive.moveBlob")
	}
	return entryGone, m.From.Remove(ctx, e.Key)
}
