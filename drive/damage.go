package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// damage is what came of reading content again.
type damage string

const (
	contentRight      damage = ""
	contentGone       damage = "gone" // removed meanwhile, or nothing holds it: no damage
	contentMissing    damage = "missing"
	contentChanged    damage = "changed" // its size or hash
	contentUnreadable damage = "unreadable"
)

// suspect is content that was damaged twice.
type suspect struct {
	scrubRow
	found damage
}

// lookAgain reads content whole and says what is wrong with it. The error is one of the database, or of a store that does not work now, which says nothing
// about the content.
func (s *Drives) lookAgain(ctx context.Context, slow *pace, r scrubRow) (damage, error) {
	if err := slow.spent(ctx, scrubOpen); err != nil {
		return contentRight, err
	}
	content, err := s.openScrubbed(ctx, r)
	if sqldb.NoRow(err) {
		return contentGone, nil
	}
	var n int64
	digest := sha256.New()
	if err == nil {
		n, err = s.copyTo(digest, paced{content, ctx, slow})
		err = errors.Join(err, content.Close())
		s.counts.scrubbed.Add(n)
	}
	found := contentChanged
	switch {
	case ctx.Err() != nil:
		return contentRight, ctx.Err()
	case err == nil && r.is(n, digest):
		return contentRight, nil
	case err == nil:
	case errors.Is(err, blob.ErrAway), !r.stored:
		return contentRight, storeError(err, "drive.lookAgain")
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrShort):
		found = contentMissing
	default:
		found = contentUnreadable
	}
	if r.stored { // one that is not there at all is not damaged
		if err := s.blobs.Ready(ctx); err != nil {
			return contentRight, storeError(err, "drive.lookAgain")
		}
	}
	if err != nil {
		s.o.Log.Debug("content was not read again", "blob", r.key, "err", err)
	}
	held, err := s.held(ctx, r.key)
	if err == nil && !held {
		return contentGone, nil
	}
	return found, err
}

// openScrubbed opens content where it lives, past what is remembered of it.
func (s *Drives) openScrubbed(ctx context.Context, r scrubRow) (blob.Content, error) {
	if r.stored {
		return s.blobs.Open(ctx, r.key)
	}
	var small []byte
	if err := s.db.Row(ctx, `SELECT content FROM blobs WHERE id = $1`, []any{string(r.key)}, &small); err != nil {
		return nil, err
	}
	return inMemory{bytes.NewReader(small)}, nil
}

// keepDamage writes down what is damaged, and takes back what is not any more. Each is told in the log once.
func (s *Drives) keepDamage(ctx context.Context, damaged []suspect, healed []string) error {
	if len(damaged)+len(healed) == 0 {
		return nil
	}
	err := s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		for _, d := range damaged {
			if _, err := tx.Exec(ctx, `INSERT INTO damaged_blobs (blob_id, found, found_at) SELECT id, CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM blobs WHERE id = $1
				ON CONFLICT (blob_id) DO UPDATE SET found = excluded.found`, string(d.key), string(d.found), sqldb.Micros(s.o.Now())); err != nil {
				return err
			}
		}
		err := execByID(ctx, tx, `DELETE FROM damaged_blobs WHERE blob_id`, healed)
		if err == nil { // they may be those of the damaged bytes
			err = execByID(ctx, tx, `DELETE FROM checksums WHERE blob_id`, healed)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range damaged {
		if !d.known {
			s.o.Log.Error("content is damaged: satchel scrub --known names the files that hold it", "blob", d.key, "found", string(d.found), "bytes", d.size)
		}
	}
	for _, id := range healed {
		s.o.Log.Info("content that was damaged is right again", "blob", id)
	}
	return nil
}

// Damaged is content that was not what its row says when it was last read.
type Damaged struct {
	Blob  string
	Found string // "missing", "changed" (its bytes) or "unreadable"
	Since time.Time
	Size  int64 // bytes that it should have
	// Holders are the files and versions that have it, at most 100.
	Holders []Holder
}

// Holder is a file that has some content, or had it before.
type Holder struct {
	DriveID  string
	Path     Path
	Trashed  bool // Path is where it was
	Version  bool // it was replaced since
	Replaced time.Time
}

// maxHolders bounds the holders that are named of one content.
const maxHolders = 100

// EachDamaged calls fn with all content that is known to be damaged and that a file or version holds, in no order, until fn returns an error, which it returns.
func (s *Drives) EachDamaged(ctx context.Context, fn func(Damaged) error) error {
	for after := ""; ; {
		all, err := sqldb.All(ctx, s.db, `SELECT d.blob_id, d.found, d.found_at, b.size FROM damaged_blobs d JOIN blobs b ON b.id = d.blob_id
			WHERE d.blob_id > $1 ORDER BY d.blob_id LIMIT $2`, []any{after, scrubPage}, func(scan sqldb.Scan) (d Damaged, err error) {
			var since int64
			err = scan(&d.Blob, &d.Found, &since, &d.Size)
			d.Since = sqldb.Time(since)
			return d, err
		})
		if err != nil || len(all) == 0 {
			return fault.Wrap(err, "drive.EachDamaged")
		}
		for _, d := range all {
			if d.Holders, err = s.holders(ctx, d.Blob); err != nil {
				return fault.Wrap(err, "drive.EachDamaged")
			}
			if len(d.Holders) == 0 {
				continue
			}
			if err := fn(d); err != nil {
				return err
			}
		}
		after = all[len(all)-1].Blob
	}
}

// holders are the files and versions that have a content.
func (s *Drives) holders(ctx context.Context, blobID string) (all []Holder, err error) {
	type row struct {
		node     string
		replaced int64
		Holder
	}
	rows, err := sqldb.All(ctx, s.db, `SELECT id, drive_id, FALSE, 0 FROM nodes WHERE blob_id = $1
		UNION ALL SELECT node_id, drive_id, TRUE, created_at FROM versions WHERE blob_id = $1 LIMIT $2`, []any{blobID, maxHolders},
		func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.node, &r.DriveID, &r.Version, &r.replaced) })
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.Version {
			r.Replaced = sqldb.Time(r.replaced)
		}
		found := false
		if r.Path, r.Trashed, found, err = s.whereIs(ctx, r.node); err != nil {
			return nil, err
		}
		if found {
			all = append(all, r.Holder)
		}
	}
	return all, nil
}

// whereIs is the path of a node of any drive, or what it was before it, or a folder that it is in, was removed.
func (s *Drives) whereIs(ctx context.Context, nodeID string) (path Path, trashed, found bool, err error) {
	path = Root
	err = s.db.Each(ctx, `WITH RECURSIVE up (id, parent_id, name, depth) AS (
			SELECT id, parent_id, name, 0 FROM nodes WHERE id = $1
			UNION ALL
			SELECT p.id, p.parent_id, p.name, up.depth + 1 FROM up JOIN nodes p ON p.id = up.parent_id
		) SELECT up.name, COALESCE(t.path, '') FROM up LEFT JOIN trash t ON t.node_id = up.id ORDER BY up.depth DESC`, []any{nodeID}, func(scan sqldb.Scan) error {
		var name, removed string
		err := scan(&name, &removed)
		switch {
		case removed != "":
			path, trashed = Path(removed), true
		case found: // the first one is the root
			path = path.Join(name)
		}
		found = true
		return err
	})
	return path, trashed, found, err
}
