package drive

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// joinedLength checks the parts of a joined upload and adds up their lengths; negative while one is not known. ready says
// that all of them are full.
func (e *edit) joinedLength(ctx context.Context, parts []string) (total int64, ready bool, err error) {
	ready = true
	for _, id := range parts {
		part, err := e.s.readUpload(ctx, e, e.drive, id)
		if err != nil {
			return 0, false, err
		}
		if part.Kind != Partial {
			return 0, false, fault.New(fault.Invalid, "drive.joinedLength", "An upload is joined of partial uploads.").WithCode("part_unfit")
		}
		if !part.Ended.IsZero() {
			return 0, false, partUsed()
		}
		ready = ready && part.Full()
		if part.Length < 0 || total < 0 {
			total = -1
			continue
		}
		if part.Length > math.MaxInt64-total {
			return 0, false, tooLarge(math.MaxInt64)
		}
		total += part.Length
	}
	return total, ready, nil
}

// partsLength is the length of a joined upload whose parts' lengths were not all known when it began; negative while one is not known.
func (s *Drives) partsLength(ctx context.Context, u Upload) (total int64, err error) {
	lengths, err := sqldb.All(ctx, s.db, `SELECT u.length FROM upload_parts p JOIN uploads u ON u.id = p.part_id WHERE p.upload_id = $1 AND u.drive_id = $2`,
		[]any{u.ID, u.DriveID}, func(scan sqldb.Scan) (length int64, err error) { return length, scan(&length) })
	if err != nil || len(lengths) < len(u.Parts) {
		return -1, err
	}
	for _, length := range lengths {
		if length < 0 || length > math.MaxInt64-total {
			return -1, nil
		}
		total += length
	}
	return total, nil
}

// fullParts reads the parts of a joined upload, and adds up their lengths.
func (s *Drives) fullParts(ctx context.Context, u Upload) (parts []Upload, size int64, err error) {
	parts = make([]Upload, len(u.Parts))
	for i, id := range u.Parts {
		if parts[i], err = s.fullPart(ctx, u.DriveID, id); err != nil {
			return nil, 0, err
		}
		size += parts[i].Length
	}
	if most := s.limits().MaxFile; most > 0 && size > most { // a length of theirs came late
		return nil, 0, tooLarge(most)
	}
	return parts, size, nil
}

// fullPart reads a part that can be joined.
func (s *Drives) fullPart(ctx context.Context, driveID, id string) (Upload, error) {
	part, err := s.readUpload(ctx, s.db, driveID, id)
	switch {
	case err != nil:
		return part, partLost(err)
	case !part.Ended.IsZero():
		return part, partUsed()
	case !part.Full():
		return part, fault.New(fault.Busy, "drive.join", "Parts of this upload are not complete yet.").WithCode(unfinishedCode)
	}
	return part, nil
}

// How long a join waits for a part that another process holds.
const (
	solePatience    = 200 * time.Millisecond // not long: who holds the part may be waiting for what is joined
	reclaimPatience = 2 * leaseTime          // the process may have been killed; who only looks at a full part waits for nothing else
)

// holdPart is HoldUpload for a join: it makes nobody let go.
func (s *Drives) holdPart(ctx context.Context, part Upload, patience time.Duration) (*Hold, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	return s.hold(ctx, part.ID, func() {}, false)
}

// reclaim makes sure that a part has its stage. It may have been sealed by a join that was cut short, and whose upload is gone since.
func (s *Drives) reclaim(ctx context.Context, part Upload) error {
	if !part.staged {
		return nil
	}
	opened, err := s.blobs.OpenStage(ctx, part.key(), part.Length)
	if err == nil {
		return opened.Close()
	}
	if !errors.Is(err, blob.ErrNotFound) {
		return partError(err)
	}
	hold, err := s.holdPart(ctx, part, reclaimPatience)
	if err != nil {
		return &fault.Error{Kind: fault.Locked, Op: "drive.join", Code: "part_locked",
			Public: "Another upload that a part of this one belongs to is being made a file. Try again.", Err: err}
	}
	defer hold.Release()
	if _, err := s.fullPart(ctx, part.DriveID, part.ID); err != nil { // its blob may be a file's by now
		return err
	}
	return partError(s.blobs.Unseal(s.fenced(ctx, part.ID), part.key()))
}

// readPart writes a part's bytes to a digest or a buffer.
func (s *Drives) readPart(ctx context.Context, to io.Writer, part Upload) error {
	if !part.staged {
		_, err := to.Write(part.small)
		return err
	}
	from, err := s.blobs.OpenStage(ctx, part.key(), part.Length)
	if err != nil {
		return partError(err)
	}
	defer from.Close()
	buffer := s.chunks.Get().(*[]byte)
	defer s.chunks.Put(buffer)
	for {
		n, err := from.Read(*buffer)
		if _, err := to.Write((*buffer)[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return storeError(err, "drive.join")
		}
	}
}

func appendPart(ctx context.Context, to blob.Stage, part Upload) error {
	if part.staged {
		return partError(to.Append(ctx, part.key(), part.Length))
	}
	_, err := to.Write(part.small)
	return storeError(err, "drive.join")
}

// partLost says that an upload cannot be joined any more, because a part expired or was removed.
func partLost(err error) error {
	if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Gone) {
		return err
	}
	return &fault.Error{Kind: fault.Gone, Op: "drive.join", Code: "part_lost", Public: "A part of this upload has expired or was removed. Begin it again.", Err: err}
}

// unfinishedCode tells parts that are on their way from a database that is busy, after which nobody knows whether the join is done.
const unfinishedCode = "parts_unfinished"

func isUnfinished(err error) bool {
	code, _, _ := fault.Public(err)
	return code == unfinishedCode
}

const usedCode = "part_used"

func partUsed() error {
	return fault.New(fault.Gone, "drive.join", "A part of this upload is used up: another file was made of it. Begin it again.").WithCode(usedCode)
}

func isPartUsed(err error) bool {
	code, _, _ := fault.Public(err)
	return code == usedCode
}

// partError gives a blob store's error over a part's stage its kind. One that is not there was removed since the part's row was read.
func partError(err error) error {
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrShort) {
		return partLost(&fault.Error{Kind: fault.Gone, Op: "drive.join", Err: err})
	}
	return storeError(err, "drive.join")
}

// endParts uses up the parts of an upload that was joined. The bytes of the one whose key is kept became the file. Their rows stay as long
// as the joined upload's: a client that does not know that they were joined may ask how far they are before it has them joined
// again, and would send them anew if they were not full.
func (e *edit) endParts(ctx context.Context, parts []string, kept blob.Key) error {
	for _, id := range parts {
		part, err := e.s.anyUpload(ctx, e, e.drive, id)
		if fault.Is(err, fault.NotFound) {
			continue // joined to another upload and dropped, since its bytes were read
		}
		if err != nil {
			return err
		}
		end := func(part Upload) error { return e.endUpload(ctx, part) }
		if part.key() == kept {
			if end = e.unreserve; part.gone || !part.Ended.IsZero() {
				return partUsed() // by another join, which has removed its bytes
			}
		}
		if err := end(part); err != nil {
			return err
		}
		if _, err := e.Exec(ctx, `UPDATE uploads SET completed_at = $2, expires_at = $3, digest = NULL, content = NULL, staged = FALSE
			WHERE id = $1 AND completed_at = 0 AND gone_at = 0`, id, sqldb.Micros(e.now), sqldb.Micros(e.now.Add(e.s.limits().UploadExpiry))); err != nil {
			return err
		}
	}
	return nil
}
