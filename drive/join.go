package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/sqldb"
)

// joinNow commits a joined upload that has just begun. If that is refused, it ends: its client gets an error and no address, so
// that nobody could end it. The parts stay, to be joined again. Where it only failed, it may be that it is done: it stays.
func (s *Drives) joinNow(ctx context.Context, u Upload) (Upload, error) {
	done, err := s.finishHeld(ctx, u)
	if err != nil && refused(err) {
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
		if parts[0], err = s.readUpload(ctx, s.db, u.DriveID, parts[0].ID); err != nil {
			return u, partLost(err)
		}
	}
	c, err := s.joinLarge(ctx, key, parts, size)
	if err != nil {
		s.putBack(ctx, key, parts[0])
		return u, err
	}
	done, err := s.commit(ctx, u, c)
	if err != nil && refused(err) {
		s.putBack(ctx, key, parts[0])
	}
	return done, err
}

// errUndone ends a transaction that was only to show whether it would be refused.
var errUndone = errors.New("drive: undone")

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
func (s *Drives) joinLarge(ctx context.Context, key blob.Key, parts []Upload, size int64) (content, error) {
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
	stage, err := s.joinStage(ctx, key, parts[0])
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
func (s *Drives) joinStage(ctx context.Context, key blob.Key, first Upload) (blob.Stage, error) {
	if key != first.key() {
		return s.newStage(ctx, key)
	}
	err := s.blobs.Unseal(ctx, key) // an attempt that was cut short may have sealed it
	var stage blob.Stage
	if err == nil {
		stage, err = s.blobs.Resume(ctx, key, first.Length)
	}
	return stage, partError(err)
}

// putBack undoes joinLarge: the first part is what it was, or the copy is gone. What fails is left to the next attempt.
func (s *Drives) putBack(ctx context.Context, key blob.Key, first Upload) {
	if key != first.key() {
		s.discard(key)
		return
	}
	stage, err := s.joinStage(ctx, key, first)
	if err == nil {
		err = stage.Close()
	}
	if err != nil {
		s.o.Log.Warn("what was appended to a part is left there", "part", first.ID, "error", err)
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
