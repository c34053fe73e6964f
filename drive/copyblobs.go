package drive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Copying is how content is copied to a store beside the drives'.
type Copying struct {
	From, To blob.Store
	Rate     int64        // bytes a second that are copied; 0 is no limit
	AtOnce   int          // blobs; 0 is one
	Verify   bool         // reads what is there already, and copies it anew if it is not right; else its size is enough
	Checked  bool         // To compares what it is sent with sums that come along: a copy is not read back
	Rotten   bool         // copies what is not what its row says as it is, as far as it can be read; else it is not copied
	Tell     func(Copied) // if set, is told how far it is, after each blob and by one goroutine at a time
}

// Copied is what CopyBlobs has done.
type Copied struct {
	Blobs int   // that were copied
	Bytes int64 // of these
	Kept  int   // that were there
	Holds int64 // bytes of the copied and the kept

	Missing []string // ids of blobs that a file or version holds and whose bytes are in neither store
	Damaged []string // ids of blobs whose bytes are not those that their rows say, or cannot be read
}

// copyPage is how many rows are read at a time.
const copyPage = 500

// CopyBlobs copies all content that the rows of these drives name and that is in a store, under its own key. Each is compared with the SHA-256 on record, and its copy read back and compared as well.
// What is on record as damaged is read in To before that is taken for a copy. An error of a store that does not answer, of To or of the database ends it.
func (s *Drives) CopyBlobs(ctx context.Context, c Copying) (copied Copied, err error) {
	var mu sync.Mutex
	slow := &pace{rate: c.Rate}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(max(1, c.AtOnce))
	for after := ""; err == nil; {
		var rows []keyedRow
		if rows, err = s.blobRows(within, after); err != nil || len(rows) == 0 {
			break
		}
		for _, r := range rows {
			group.Go(func() error {
				found, err := s.copyRow(within, c, slow, r)
				mu.Lock()
				defer mu.Unlock()
				switch found {
				case copyDone:
					copied.Blobs++
					copied.Bytes += r.size
					copied.Holds += r.size
				case copyKept:
					copied.Kept++
					copied.Holds += r.size
				case copyMissing:
					copied.Missing = append(copied.Missing, string(r.key))
				case copyDamaged:
					copied.Damaged = append(copied.Damaged, string(r.key))
				}
				if c.Tell != nil && err == nil {
					c.Tell(copied)
				}
				return err
			})
		}
		after = string(rows[len(rows)-1].key)
	}
	if broken := group.Wait(); broken != nil { // why the rows ended, if they did
		err = broken
	}
	return copied, fault.Wrap(err, "drive.CopyBlobs")
}

type keyedRow struct {
	key blob.Key
	blobRow
	known bool // to be damaged
}

func (s *Drives) blobRows(ctx context.Context, after string) ([]keyedRow, error) {
	return sqldb.All(ctx, s.db, `SELECT b.id, b.size, b.sha256, `+damagedBlob+` FROM blobs b WHERE b.content IS NULL AND b.id > $1 ORDER BY b.id LIMIT $2`, []any{after, copyPage},
		func(scan sqldb.Scan) (r keyedRow, err error) {
			return r, scan((*string)(&r.key), &r.size, &r.sha256, &r.known)
		})
}

// outcome is what became of a blob that was to be copied.
type outcome int

const (
	copyNone outcome = iota // nothing holds it, and it is gone
	copyDone
	copyKept
	copyMissing
	copyDamaged
)

func (s *Drives) copyRow(ctx context.Context, c Copying, slow *pace, r keyedRow) (outcome, error) {
	if there, err := s.copiedBefore(ctx, c, r); err != nil || there {
		return copyKept, storeError(err, "drive.copyBlob")
	}
	right, err := s.copyFrom(ctx, c, slow, r)
	if errors.Is(err, blob.ErrNotFound) { // a bucket's may be gone while it is read
		held, err := s.held(ctx, r.key)
		if held {
			return copyMissing, err
		}
		return copyNone, err
	}
	if err == nil && right && !c.Checked {
		err = s.readBack(ctx, c.To, r.key, r.blobRow)
	}
	switch {
	case err != nil:
		return copyNone, storeError(err, "drive.copyBlob")
	case !right && c.Rotten:
		return copyDamaged, s.copyRotten(ctx, c, slow, r)
	case !right:
		return copyDamaged, nil
	}
	return copyDone, nil
}

func (s *Drives) copyFrom(ctx context.Context, c Copying, slow *pace, r keyedRow) (right bool, err error) {
	if r.known && !c.Rotten { // what To has goes before another copy comes, so that has to be the better one
		right, err = readFrom(ctx, c, slow, r, func(from io.Reader) (bool, error) {
			digest := sha256.New()
			n, err := s.copyTo(digest, from)
			return r.is(n, digest), err
		})
		if err != nil || !right {
			return false, err
		}
	}
	return readFrom(ctx, c, slow, r, func(from io.Reader) (bool, error) { return s.copyBlob(ctx, c.To, r.key, from, r.blobRow) })
}

// readFrom has read look at content, which is not right if it cannot be read.
func readFrom(ctx context.Context, c Copying, slow *pace, r keyedRow, read func(io.Reader) (right bool, err error)) (bool, error) {
	source, err := c.From.Open(ctx, r.key)
	if err != nil && c.Rotten && ctx.Err() == nil && !errors.Is(err, blob.ErrAway) {
		err = unreadable(err) // as good as not there
	}
	if err != nil {
		if tellsDamage(err) {
			err = nil
		}
		return false, err
	}
	defer source.Close() // it was only read
	from := &lenient{Reader: source}
	right, err := read(paced{from, ctx, slow})
	if tellsDamage(from.err) {
		return false, nil
	}
	return right, err
}

func (s *Drives) copiedBefore(ctx context.Context, c Copying, r keyedRow) (bool, error) {
	if c.Verify || r.known {
		return s.holdsBlob(ctx, c.To, r.key, r.blobRow)
	}
	there, err := c.To.Open(ctx, r.key)
	if errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	size, err := there.Seek(0, io.SeekEnd)
	return size == r.size, errors.Join(err, there.Close())
}

// held reports whether a file or version holds content.
func (s *Drives) held(ctx context.Context, key blob.Key) (bool, error) {
	var one int
	err := s.db.Row(ctx, `SELECT 1 FROM blobs WHERE id = $1 AND NOT (`+unreferenced+`)`, []any{string(key)}, &one)
	if sqldb.NoRow(err) {
		return false, nil
	}
	return err == nil, err
}

// EachContent calls fn for each content that a row names and that is in a store, in the order of their keys, until fn returns an error.
func (s *Drives) EachContent(ctx context.Context, fn func(blob.Key) error) error {
	for after := ""; ; {
		rows, err := s.blobRows(ctx, after)
		if err != nil || len(rows) == 0 {
			return fault.Wrap(err, "drive.EachContent")
		}
		for _, r := range rows {
			if err := fn(r.key); err != nil {
				return err
			}
		}
		after = string(rows[len(rows)-1].key)
	}
}

// SettleRestored makes rows that were restored without what was under way agree with the store: uploads whose bytes are not there end, and content
// that nothing holds is forgotten. Nobody else uses the drives.
func (s *Drives) SettleRestored(ctx context.Context) error {
	var left error // of an upload that could not be ended
	err := s.eachUpload(ctx, `SELECT id, drive_id, 0 FROM uploads WHERE staged AND completed_at = 0 AND gone_at = 0 AND id > $2 AND 0 = $1 ORDER BY id LIMIT $3`, nil,
		func(ctx context.Context, driveID, id string) error {
			err := s.endLost(ctx, driveID, id)
			if err != nil && !fault.Is(err, fault.NotFound) { // a chunk may have ended with its upload
				left = err
			}
			return err
		})
	if err = cmp.Or(err, left); err != nil {
		return fault.Wrap(err, "drive.SettleRestored")
	}
	for after := ""; ; {
		rows, err := s.blobRows(ctx, after)
		if err != nil || len(rows) == 0 {
			return fault.Wrap(err, "drive.SettleRestored")
		}
		for _, r := range rows {
			c, err := s.blobs.Open(ctx, r.key)
			if errors.Is(err, blob.ErrNotFound) {
				_, err = s.collect(ctx, r.key, false)
			} else if err == nil {
				err = c.Close()
			}
			if err != nil {
				return fault.Wrap(err, "drive.SettleRestored")
			}
		}
		after = string(rows[len(rows)-1].key)
	}
}

// endLost ends an upload whose stage is not there, and which the caller holds.
func (s *Drives) endLost(ctx context.Context, driveID, id string) error {
	c, err := s.blobs.OpenStage(ctx, blob.Key(id), 0)
	if err == nil {
		return c.Close()
	}
	if !errors.Is(err, blob.ErrNotFound) {
		return storeError(err, "drive.endLost")
	}
	return s.endWithout(ctx, driveID, id)
}

// endWithout ends an upload that the caller holds, without a file. A chunk leaves its upload.
func (s *Drives) endWithout(ctx context.Context, driveID, id string) error {
	return s.repairDrive(ctx, driveID, func(e *edit) error {
		u, err := s.anyUpload(ctx, e, driveID, id)
		if err != nil {
			return err
		}
		var whole string
		var number int64
		err = e.Row(ctx, `SELECT w.id, p.position FROM upload_parts p JOIN uploads w ON w.id = p.upload_id WHERE p.part_id = $1 AND w.kind = 'chunked'`, []any{id}, &whole, &number)
		if sqldb.NoRow(err) {
			return e.remove(ctx, u)
		}
		if err != nil {
			return err
		}
		chunked, err := s.anyUpload(ctx, e, driveID, whole)
		if err != nil {
			return err
		}
		size, err := e.unlinkChunk(ctx, whole, number)
		if err != nil {
			return err
		}
		return e.growChunked(ctx, chunked, -size)
	})
}
