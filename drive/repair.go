package drive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Repaired is what became of a problem.
type Repaired struct {
	Problem Problem
	// Done is what was done; empty if nothing could be, and Why says the reason.
	Done, Why string
	// Holders are the files that it is about, at most 100. The path of a drive is its root's; an upload's is where its file was to be.
	Holders []Holder
}

// Repairing says how Repair mends.
type Repairing struct {
	// Backup, if set, answers the drives of the n-th backup in which content is looked for, from 0 on; nil if there are no more.
	Backup func(n int) (*Drives, error)
	// Tell is told what became of each problem, in their order.
	Tell func(Repaired) error
}

// Damages are problems of content that is known to be damaged, beside those that are given, which Check found.
func (s *Drives) Damages(ctx context.Context, beside []Problem) (all []Problem, err error) {
	known := map[string]bool{}
	for _, p := range beside {
		known[p.id] = p.of == aboutBlob
	}
	err = s.EachDamaged(ctx, func(d Damaged) error {
		if !known[d.Blob] {
			all = append(all, Problem{says: "blob %s: its content is damaged (" + d.Found + ")", id: d.Blob, of: aboutBlob})
		}
		return nil
	})
	return all, err
}

// Repair puts right what Check and Damages found, as far as it is known what was right. Each is looked at again, in the transaction that changes it, so it is safe beside
// servers, and safe to be ended and called again. No file, version or folder goes: what cannot be mended stays as it is, and is told with those that hold it. Content that is
// damaged, and in no backup, is on record as such afterwards, so that an upload of the same bytes mends it. An error is one of the database, of a store that does not work
// now, or of Tell, and ends it.
func (s *Drives) Repair(ctx context.Context, problems []Problem, o Repairing) error {
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.seen }) {
		select { // a store that has gone away says so by then
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.o.ScrubPause):
		}
	}
	for _, p := range problems {
		r := Repaired{Problem: p}
		var err error
		if r.Holders, err = s.concerned(ctx, p); err == nil {
			switch {
			case p.repair != nil:
				r.Done, err = p.repair(ctx, p.id)
			case p.of == aboutBlob:
				r.Done, r.Why, err = s.repairBlob(ctx, blob.Key(p.id), o.Backup)
			default:
				r.Why = "it cannot be told what was right"
			}
		}
		switch kind := fault.KindOf(err); {
		case err == nil && r.Done == "" && r.Why == "":
			r.Done = "it is right by now"
		case err == nil:
		case fault.Is(err, fault.NotFound): // removed meanwhile
			r.Done = "it is not there any more"
		case kind == fault.Internal, errors.Is(err, blob.ErrAway), ctx.Err() != nil:
			return fault.Wrap(err, "drive.Repair")
		default: // busy, or refused: one does not keep the others from it
			r.Done, r.Why = "", err.Error()
		}
		if err := o.Tell(r); err != nil {
			return err
		}
	}
	return nil
}

// concerned are those that a problem is about.
func (s *Drives) concerned(ctx context.Context, p Problem) (all []Holder, err error) {
	var h Holder
	switch p.of {
	case aboutBlob:
		return s.holders(ctx, p.id)
	case aboutDrive:
		return []Holder{{DriveID: p.id, Path: Root}}, nil
	case aboutUpload:
		var folder, name string
		err = s.db.Row(ctx, `SELECT drive_id, folder, name FROM uploads WHERE id = $1`, []any{p.id}, &h.DriveID, &folder, &name)
		h.Path = Path(folder).Join(name)
	case aboutNode:
		if err = s.db.Row(ctx, driveOfNode, []any{p.id}, &h.DriveID); err == nil {
			h.Path, h.Trashed, _, err = s.whereIs(ctx, p.id)
		}
	}
	if sqldb.NoRow(err) {
		return nil, nil
	}
	return []Holder{h}, err
}

// repairBlob mends content by the first of the backups that has it whole.
func (s *Drives) repairBlob(ctx context.Context, key blob.Key, backup func(n int) (*Drives, error)) (done, why string, err error) {
	r, err := s.scrubRow(ctx, key)
	if err != nil {
		return "", "", err
	}
	found, err := s.lookAgain(ctx, &pace{}, r)
	switch {
	case err != nil:
		return "", "", err
	case found == contentGone:
		return "nothing holds it any more", "", nil
	case found == contentRight && r.known:
		return "it is right again", "", s.keepDamage(ctx, nil, []string{string(key)})
	case found == contentRight:
		return "it is right by now", "", nil
	}
	if err := s.keepDamage(ctx, []suspect{{r, found}}, nil); err != nil {
		return "", "", err
	}
	if backup == nil {
		return "", "no backup was given (--from)", nil
	}
	for n := 0; ; n++ {
		b, err := backup(n)
		if err != nil {
			return "", "", err
		}
		if b == nil {
			return "", "no backup has it whole", nil
		}
		c, err := s.fetch(ctx, b, r.blobRow)
		if err == nil {
			return "it is back from a backup", "", s.replaceBlob(ctx, key, c)
		}
		if !errors.Is(err, blob.ErrNotFound) {
			return "", "", err
		}
	}
}

// fetch copies content of a backup. ErrNotFound if that does not have it, or not as it was.
func (s *Drives) fetch(ctx context.Context, backup *Drives, row blobRow) (c content, err error) {
	from, small, err := backup.sameContent(ctx, row)
	if err != nil {
		return c, err
	}
	c = content{sha256: row.sha256, size: row.size}
	if small != nil {
		digest := sha256.New()
		digest.Write(small)
		if !row.is(int64(len(small)), digest) {
			return c, blob.ErrNotFound
		}
		c.small = small
		return c, nil
	}
	source, err := backup.blobs.Open(ctx, from)
	if err != nil && !errors.Is(err, blob.ErrAway) {
		err = unreadable(err)
	}
	if err != nil {
		return c, storeError(err, "drive.fetch")
	}
	defer source.Close() // it was only read
	c.key = blob.Key(sqldb.NewID())
	right, err := s.copyBlob(ctx, s.blobs, c.key, paced{backedUp{source}, ctx, &pace{}}, row)
	c.sealed = s.o.Now()
	if err == nil && right {
		err = s.readBack(ctx, s.blobs, c.key, row)
	}
	if err == nil && !right {
		err = blob.ErrNotFound
	}
	return c, storeError(err, "drive.fetch")
}

// backedUp is content of a backup, which may be damaged itself.
type backedUp struct{ io.Reader }

func (b backedUp) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, blob.ErrAway) {
		err = unreadable(err)
	}
	return n, err
}

func unreadable(err error) error {
	return fmt.Errorf("%w: a backup does not give it out: %w", blob.ErrNotFound, err)
}

// replaceBlob mends damaged content by c, unless somebody was faster.
func (s *Drives) replaceBlob(ctx context.Context, old blob.Key, c content) error {
	fresh := c.key
	if fresh == "" {
		fresh = blob.Key(sqldb.NewID())
	}
	lock := `SELECT b.id FROM blobs b WHERE b.id = $1 AND ` + damagedBlob
	if s.db.Engine() == sqldb.Postgres {
		lock += ` FOR UPDATE`
	}
	err := s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		var id string
		if err := tx.Row(ctx, lock, []any{string(old)}, &id); err != nil {
			return err
		}
		if s.outlived(c, s.o.Now()) {
			return fault.New(fault.Precondition, "drive.Repair", "its copy took too long to be read back")
		}
		return s.mend(ctx, tx, old, fresh, c)
	})
	if err == nil {
		s.mended(old, fresh, c.size)
	} else if c.key != "" && refused(err) {
		s.discard(c.key)
	}
	return err
}
