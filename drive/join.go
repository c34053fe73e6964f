package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// beginJoined is BeginUpload for uploads that join others.
func (s *Drives) beginJoined(ctx context.Context, driveID string, n NewUpload) (Upload, error) {
	for {
		u, known, ready, err := s.recordJoined(ctx, driveID, n)
		switch {
		case err != nil:
			return Upload{}, err
		case !u.Ended.IsZero(), !known && !ready:
			return u, nil
		case !known:
			return s.joinNow(ctx, u)
		}
		done, err := s.finishHeld(ctx, u) // if its parts are full
		if !fault.Is(err, fault.NotFound) {
			return done, err
		}
		// The request that had begun it was refused and has ended it. So this one is the first.
	}
}

// recordJoined writes a joined upload down, or finds the one that is known. ready says that the parts of a new one are full.
func (s *Drives) recordJoined(ctx context.Context, driveID string, n NewUpload) (u Upload, known, ready bool, err error) {
	err = s.edit(ctx, "drive.beginJoined", driveID, func(e *edit) (err error) {
		if u, known, err = e.sameJoined(ctx, n); err != nil || known {
			return err
		}
		u = Upload{ID: sqldb.NewID(), DriveID: driveID, NewUpload: n, within: keptTo(ctx)}
		u.Length, ready, err = e.joinedLength(ctx, n.Parts)
		if isPartUsed(err) {
			return e.joinUsed(ctx, &u, err)
		}
		if err != nil {
			return err
		}
		return e.beginUpload(ctx, &u, ready)
	})
	if err == nil && !known {
		s.counts.begun.Add(1)
		if !u.Ended.IsZero() {
			s.completed(u)
		}
	}
	return u, known, ready, err
}

// ofParts finds the joined uploads u of a drive ($1) that have as many parts, and the same first and last one ($2 to $4): these are
// few, and the others are compared one by one.
const ofParts = `FROM uploads u JOIN upload_parts first ON first.upload_id = u.id AND first.position = 0
	WHERE u.drive_id = $1 AND u.gone_at = 0 AND first.part_id = $2
		AND EXISTS (SELECT 1 FROM upload_parts last WHERE last.upload_id = u.id AND last.position = $3 AND last.part_id = $4)
		AND NOT EXISTS (SELECT 1 FROM upload_parts more WHERE more.upload_id = u.id AND more.position > $3)`

// joinedOf answers the newest of the uploads that a query over ofParts finds, if they have these parts and pass the test.
func (e *edit) joinedOf(ctx context.Context, parts []string, and string, args []any, fits func(u Upload) bool) (u Upload, found bool, err error) {
	last := len(parts) - 1
	ids, err := sqldb.All(ctx, e, `SELECT u.id `+ofParts+and+` ORDER BY u.id DESC LIMIT 10`, append([]any{e.drive, parts[0], last, parts[last]}, args...),
		func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
	for _, id := range ids {
		if u, err = e.s.anyUpload(ctx, e, e.drive, id); fault.Is(err, fault.NotFound) {
			err = nil // one that the caller may not know of
			continue
		}
		if err != nil {
			return Upload{}, false, err
		}
		if slices.Equal(u.Parts, parts) && fits(u) {
			return u, true, nil
		}
	}
	return Upload{}, false, err
}

// sameJoined finds the upload that an earlier request has begun for the same parts in the same order, to make the same file: its answer
// was lost, and whoever asks again must not get a second file, nor be told that its parts are used up. It is found as long as it is on
// record: while it is unfinished, and for Options.UploadExpiry once it is a file, wherever that is by then.
//
// The same file is one of the same folder, name, media type, time, way out of a conflict and hash. Metadata that the drive does not
// know makes no difference.
func (e *edit) sameJoined(ctx context.Context, n NewUpload) (u Upload, known bool, err error) {
	return e.joinedOf(ctx, n.Parts, ` AND u.folder = $5 AND u.name = $6 AND u.media_type = $7 AND u.modified_at = $8 AND u.conflict = $9`,
		[]any{string(n.Folder), n.Name, n.MediaType, sqldb.Micros(n.Modified), string(n.Conflict)},
		func(u Upload) bool { return bytes.Equal(u.SHA256, n.SHA256) && !e.s.expired(u) })
}

// joinUsed makes another file of parts that were joined before, in the same order: a client that finds them full does not know that
// they are used up. Its content is there, and no byte is copied. used is the error if it is not, or if they were joined otherwise.
func (e *edit) joinUsed(ctx context.Context, u *Upload, used error) error {
	before, found, err := e.joinedOf(ctx, u.Parts, ` AND u.completed_at > 0`, nil, func(Upload) bool { return true })
	if err != nil {
		return err
	}
	if !found {
		return used
	}
	u.Length = before.Length
	if err := e.beginUpload(ctx, u, true); err != nil || !u.Ended.IsZero() {
		return err
	}
	err = e.commitUpload(ctx, u, content{sha256: before.digest, size: before.Length, known: true})
	if fault.Is(err, fault.NotFound) {
		return used // the file was removed for good since, and so was its content
	}
	return err
}

// joinNow commits a joined upload that has just begun. If that is refused, it ends: its client gets an error and no address, so
// that nobody could end it. The parts stay, to be joined again. Where it only failed, or another process took it over, it may be that
// it is done: it stays, and is found by whoever asks for it again.
func (s *Drives) joinNow(ctx context.Context, u Upload) (Upload, error) {
	hold, err := s.HoldUpload(ctx, u.ID, func() {})
	if err != nil {
		return u, err
	}
	defer hold.Release() // not before it has ended: the same request may be waiting for it
	done, err := s.Upload(ctx, u.DriveID, u.ID)
	if err != nil && refused(err) && !isHeldElsewhere(err) {
		if err := s.removeUpload(context.WithoutCancel(ctx), u.DriveID, u.ID); err != nil {
			s.o.Log.Warn("a joined upload that was refused is left to expire", "upload", u.ID, "error", err)
		}
	}
	return done, err
}

// joinParts puts the parts of a joined upload together and commits it. Busy with code "parts_unfinished" while parts are not full. The
// caller holds the upload.
//
// Content of some size is put together in the first part's stage, if nothing else wants that part: then it is not copied, and the blob
// has the part's key. Until the commit the part stays what it is: its row says how long it is, and what lies beyond in its stage
// counts for nothing. A stage that was sealed by then is unsealed by whoever comes next: the next attempt, or another upload that
// names the part.
func (s *Drives) joinParts(ctx context.Context, u Upload) (Upload, error) {
	parts, size, err := s.fullParts(ctx, u)
	if err != nil {
		return u, err
	}
	if size <= s.o.InlineMax {
		c, err := s.joinSmall(ctx, parts)
		if err != nil {
			return u, err
		}
		return s.commit(ctx, u, c)
	}
	if err := s.expectJoined(ctx, u, size); err != nil {
		return u, err
	}
	key := u.key()
	if hold := s.holdSole(ctx, parts[0]); hold != nil {
		defer hold.Release()
		key = parts[0].key()
		if parts[0], err = s.fullPart(ctx, u.DriveID, parts[0].ID); err != nil { // another join may have ended since
			return u, err
		}
	}
	c, err := s.joinLarge(ctx, u, key, parts, size)
	if err != nil {
		s.putBack(ctx, u, key, parts[0])
		if _, _, lost := s.fullParts(ctx, u); lost != nil { // another join was faster, and this broke on what it removed
			err = lost
		}
		return u, err
	}
	done, err := s.commit(ctx, u, c)
	if err != nil && refused(err) {
		s.putBack(ctx, u, key, parts[0])
	}
	return done, err
}

// errUndone ends a transaction that was only to show whether it would be refused. It is a refusal itself, and not a failing database.
var errUndone = fault.New(fault.Precondition, "drive.join", "")

// expectJoined refuses before anything is copied what commit would refuse, so that a joined upload that waits for a lock to end, or
// for space, costs nothing each time that somebody looks at it.
func (s *Drives) expectJoined(ctx context.Context, u Upload, size int64) error {
	err := s.edit(ctx, "drive.join", u.DriveID, func(e *edit) error {
		if err := e.endParts(ctx, u.Parts, u.key()); err != nil {
			return err
		}
		at, err := e.uploadTarget(ctx, u)
		if err != nil {
			return err
		}
		if _, _, _, err := e.admit(ctx, at, u.writing(at, size)); err != nil {
			return err
		}
		if err := e.take(size); err != nil {
			return err
		}
		return errUndone
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	return err
}

// holdSole holds a part whose stage may become the file's: one that has a stage and is named once, by this joined upload alone. It
// answers nil if it does not, or cannot hold the part: then it is copied like the others.
func (s *Drives) holdSole(ctx context.Context, part Upload) *Hold {
	var named int
	err := s.db.Row(ctx, `SELECT COUNT(*) FROM upload_parts p JOIN uploads u ON u.id = p.upload_id
		WHERE p.part_id = $1 AND u.completed_at = 0 AND u.gone_at = 0`, []any{part.ID}, &named)
	if err != nil || !part.staged || named != 1 {
		return nil
	}
	hold, err := s.holdPart(ctx, part, solePatience)
	if err != nil {
		return nil
	}
	return hold
}

// joinSmall puts together what fits into a row.
func (s *Drives) joinSmall(ctx context.Context, parts []Upload) (content, error) {
	var whole bytes.Buffer
	digest := sha256.New()
	for _, part := range parts {
		if err := s.reclaim(ctx, part); err != nil {
			return content{}, err
		}
		if err := s.readPart(ctx, io.MultiWriter(&whole, digest), part); err != nil {
			return content{}, err
		}
	}
	crash.Point("join.copied")
	return content{sha256: digest.Sum(nil), size: int64(whole.Len()), small: append([]byte{}, whole.Bytes()...)}, nil
}

// joinLarge puts the parts together in the stage of key, and seals it. If that is the first part's, it holds its bytes already. The
// digest of the first part goes on over the others, which are read for it while they are copied.
func (s *Drives) joinLarge(ctx context.Context, u Upload, key blob.Key, parts []Upload, size int64) (content, error) {
	digest, err := parts[0].runningDigest()
	if err != nil {
		return content{}, err
	}
	copied := parts
	if key == parts[0].key() {
		copied = parts[1:]
	}
	for _, part := range copied {
		if err := s.reclaim(ctx, part); err != nil {
			return content{}, err
		}
	}
	stage, err := s.joinStage(ctx, u, key, parts[0])
	if err != nil {
		return content{}, err
	}
	defer stage.Close()
	crash.Point("join.begun")
	both, either := errgroup.WithContext(ctx)
	both.Go(func() error {
		for _, part := range parts[1:] {
			if err := s.readPart(either, digest, part); err != nil {
				return err
			}
		}
		return nil
	})
	both.Go(func() error {
		for _, part := range copied {
			if err := appendPart(either, stage, part); err != nil {
				return err
			}
			crash.Point("join.appended")
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		return content{}, err
	}
	crash.Point("join.copied")
	if err := stage.Seal(ctx); err != nil {
		return content{}, storeError(err, "drive.join")
	}
	crash.Point("join.sealed")
	return content{sha256: digest.Sum(nil), size: size, key: key}, nil
}

// joinStage is the stage in which parts are put together: the first one's, as long as that is, or an empty one.
func (s *Drives) joinStage(ctx context.Context, u Upload, key blob.Key, first Upload) (blob.Stage, error) {
	if key != first.key() {
		return s.newStage(ctx, u)
	}
	ctx = s.fenced(ctx, first.ID)
	err := s.blobs.Unseal(ctx, key) // an attempt that was cut short may have sealed it
	var stage blob.Stage
	if err == nil {
		stage, err = s.blobs.Resume(ctx, key, first.Length)
	}
	return stage, partError(err)
}

// putBack undoes joinLarge: the first part is what it was, or the copy is gone. Whose hold was lost meanwhile is another's: it may be a
// file by now. What is not undone is left to the next attempt.
func (s *Drives) putBack(ctx context.Context, u Upload, key blob.Key, first Upload) {
	err := s.edit(ctx, "drive.putBack", u.DriveID, func(e *edit) error {
		now, err := s.readUpload(ctx, e, u.DriveID, string(key))
		if err == nil && !now.Ended.IsZero() {
			err = partUsed()
		}
		if err != nil {
			return err
		}
		return e.holds(ctx, now.ID)
	})
	switch {
	case err != nil:
	case key != first.key():
		err = s.blobs.Remove(s.fenced(ctx, u.ID), key)
	default:
		var stage blob.Stage
		if stage, err = s.joinStage(ctx, u, key, first); err == nil {
			err = stage.Close()
		}
	}
	if err != nil {
		s.o.Log.Warn("what was joined is left as it is", "upload", u.ID, "error", err)
	}
}

// finishJoined commits the joined uploads that waited for a part. What refuses one is not the part's fault: it is
// logged, and told to whoever looks at the joined upload.
func (s *Drives) finishJoined(ctx context.Context, part Upload) {
	waiting, err := sqldb.All(ctx, s.db, `SELECT u.id FROM upload_parts p JOIN uploads u ON u.id = p.upload_id
		WHERE p.part_id = $1 AND u.drive_id = $2 AND u.completed_at = 0 AND u.gone_at = 0`, []any{part.ID, part.DriveID},
		func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
	for _, id := range waiting {
		if _, err = s.finishHeld(ctx, Upload{ID: id, DriveID: part.DriveID}); err != nil {
			break
		}
	}
	if err != nil {
		s.o.Log.Warn("a joined upload is left as it is", "part", part.ID, "error", err)
	}
}
