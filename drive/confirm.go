package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Confirmed is what came of looking once more at content that seemed to be damaged.
type Confirmed struct {
	Blob   string
	Found  string // as of Damaged; empty: it is right, or nothing holds it any more
	SHA256 []byte // that it should have
	Size   int64
}

// Confirm waits for Options.ScrubPause, reads content once more that somebody found to be damaged, writes down what is, and answers it in the order of the ids. A store that does not work now is an error,
// and nothing is written down.
func (s *Drives) Confirm(ctx context.Context, ids []string) ([]Confirmed, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	select { // a store that has gone away says so by then
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(s.o.ScrubPause):
	}
	var all []Confirmed
	var damaged []suspect
	var healed []string
	for _, id := range ids {
		r, err := s.scrubRow(ctx, blob.Key(id))
		if sqldb.NoRow(err) { // removed or mended meanwhile
			all = append(all, Confirmed{Blob: id})
			continue
		}
		found := contentRight
		if err == nil {
			found, err = s.lookAgain(ctx, &pace{}, r)
		}
		if err != nil {
			return nil, fault.Wrap(err, "drive.Confirm")
		}
		c := Confirmed{Blob: id, SHA256: r.sha256, Size: r.size}
		switch {
		case found == contentGone:
		case found != contentRight:
			c.Found = string(found)
			damaged = append(damaged, suspect{r, found})
		case r.known:
			healed = append(healed, id)
		}
		all = append(all, c)
	}
	return all, fault.Wrap(s.keepDamage(ctx, damaged, healed), "drive.Confirm")
}

// scrubRow is one of scrubRows.
func (s *Drives) scrubRow(ctx context.Context, key blob.Key) (scrubRow, error) {
	r := scrubRow{keyedRow: keyedRow{key: key}}
	err := s.db.Row(ctx, `SELECT b.size, b.sha256, b.content IS NULL, `+damagedBlob+` FROM blobs b WHERE b.id = $1`, []any{string(key)}, &r.size, &r.sha256, &r.stored, &r.known)
	return r, err
}

// Regain copies content that these drives' store lacks from where other drives, whose store may be the same, have it whole under another key, and reports whether they do.
func (s *Drives) Regain(ctx context.Context, id string, from *Drives) (bool, error) {
	key := blob.Key(id)
	row, err := s.blobRow(ctx, key)
	if err != nil {
		return false, fault.Wrap(err, "drive.Regain")
	}
	other, small, err := from.sameContent(ctx, row)
	if errors.Is(err, blob.ErrNotFound) || err == nil && other == key {
		return false, nil
	}
	if err != nil {
		return false, fault.Wrap(err, "drive.Regain")
	}
	source := blob.Content(inMemory{bytes.NewReader(small)})
	if small == nil {
		if source, err = from.blobs.Open(ctx, other); err != nil && !errors.Is(err, blob.ErrAway) {
			return false, nil
		}
		if err != nil {
			return false, storeError(err, "drive.Regain")
		}
	}
	defer source.Close() // it was only read
	read := &lenient{Reader: source}
	// What the store has under the key goes before another copy comes, so that has to be the better one.
	digest := sha256.New()
	n, err := s.copyTo(digest, paced{read, ctx, &pace{}})
	right := err == nil && row.is(n, digest)
	if right {
		if _, err = source.Seek(0, io.SeekStart); err == nil {
			right, err = s.copyBlob(ctx, s.blobs, key, paced{read, ctx, &pace{}}, row)
		}
	}
	if read.err != nil && !errors.Is(read.err, blob.ErrAway) && ctx.Err() == nil {
		return false, nil
	}
	if err == nil && right {
		err = s.readBack(ctx, s.blobs, key, row)
	}
	return err == nil && right, storeError(err, "drive.Regain")
}

// sameContent is where these drives have some content: in the store under a key, or in a row. ErrNotFound if they do not.
func (s *Drives) sameContent(ctx context.Context, row blobRow) (key blob.Key, small []byte, err error) {
	var stored bool
	err = s.db.Row(ctx, `SELECT id, content, content IS NULL FROM blobs WHERE sha256 = $1 AND size = $2`, []any{row.sha256, row.size}, (*string)(&key), &small, &stored)
	if sqldb.NoRow(err) {
		return "", nil, blob.ErrNotFound
	}
	if err == nil && !stored && small == nil {
		small = []byte{}
	}
	return key, small, err
}

// Holders are the files and versions, of any drive, that have a content, at most 100.
func (s *Drives) Holders(ctx context.Context, blobID string) ([]Holder, error) {
	all, err := s.holders(ctx, blobID)
	return all, fault.Wrap(err, "drive.Holders")
}
