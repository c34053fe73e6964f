package drive

import (
	"context"

	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// commitUpload makes the file of a full upload, in the caller's transaction. Committing what is committed does nothing,
// so that whoever finds a full upload may do it. Its parts, if it was joined, end with it.
//
// The name may have been taken since the upload began. As bytes that a client believes in must become a file, the
// upload then takes the next free name, also where Fail was asked for.
func (e *edit) commitUpload(ctx context.Context, u *Upload, c content) error {
	current, err := e.s.readUpload(ctx, e, e.drive, u.ID)
	if err != nil || !current.Ended.IsZero() {
		*u = current
		return err
	}
	if err := e.endParts(ctx, u.Parts, c.key); err != nil { // first, because the file takes the space that they give back
		return err
	}
	if err := e.becomeFile(ctx, u, c, current.reservation()); err != nil {
		return err
	}
	if _, err := e.Exec(ctx, `UPDATE uploads SET `+endedColumns+` WHERE id = $1`, u.endedArgs()...); err != nil {
		return err
	}
	if u.Kind == Joined { // see joinUsed
		u.digest = c.sha256
		if _, err := e.Exec(ctx, `UPDATE uploads SET digest = $2 WHERE id = $1`, u.ID, u.digest); err != nil {
			return err
		}
	}
	crash.Point("commit.written")
	return nil
}

// commitSmall is commitUpload together with recordOffset, for the last bytes of content that never was in a stage: u is as on
// record before them. Nothing is read again, since the row is written only if it still is as u says.
func (e *edit) commitSmall(ctx context.Context, u *Upload, c content) error {
	fence, held := e.s.fenceOf(u.ID)
	if !held {
		return heldElsewhere(nil)
	}
	if e.s.expiry(*u, u.Created, e.now).Before(e.now) {
		return uploadExpired()
	}
	before := u.Offset
	if err := e.becomeFile(ctx, u, c, u.reservation()); err != nil {
		return err
	}
	n, err := e.Exec(ctx, `UPDATE uploads SET `+endedColumns+`, active_at = $3
		WHERE id = $1 AND received = $6 AND completed_at = 0 AND gone_at = 0 AND fence = $7`, append(u.endedArgs(), before, fence)...)
	if err != nil {
		return err
	}
	if n == 0 {
		return offsetMismatch()
	}
	crash.Point("commit.written")
	return nil
}

// endedColumns is what of an upload's row changes when it becomes a file.
const endedColumns = `node_id = $2, completed_at = $3, length = $4, received = $4, expires_at = $5, digest = NULL, content = NULL, staged = FALSE`

func (u *Upload) endedArgs() []any {
	return []any{u.ID, u.NodeID, sqldb.Micros(u.Ended), u.Length, sqldb.Micros(u.Expires)}
}

// becomeFile writes the file of an upload and gives back the space that was reserved. The upload's row is the caller's.
func (e *edit) becomeFile(ctx context.Context, u *Upload, c content, reserved int64) error {
	crash.Point("commit.begun")
	if err := e.dropLives(ctx, *u); err != nil {
		return err
	}
	at, err := e.uploadTarget(ctx, *u)
	if err != nil {
		return err
	}
	e.usage.Uploads--
	if err := e.reserve(-reserved); err != nil {
		return err
	}
	node, _, err := e.write(ctx, at, c, u.writing(at, c.size))
	if err != nil {
		return err
	}
	u.NodeID, u.Length, u.Ended, u.Offset, u.Expires = node.ID, c.size, e.now, c.size, e.now.Add(e.s.patience(*u))
	u.digest, u.small, u.staged = nil, nil, false
	return nil
}

// writing is how an upload's content becomes the file at a place. What is in its way, it goes around.
func (u *Upload) writing(at *place, size int64) writing {
	w := writing{size: size, mediaType: u.MediaType, modified: u.Modified, conflict: Rename}
	if u.Conflict == Replace && (at.node == nil || !at.node.Folder) && len(at.path) <= MaxPath {
		w.conflict = Replace
	}
	return w
}

// uploadTarget is where the file goes: into the folder that the upload began in, wherever that is by now, else
// into the folder of its path, made anew where it is missing.
func (e *edit) uploadTarget(ctx context.Context, u Upload) (*place, error) {
	ctx = within(ctx, u)
	if u.folderID == e.root {
		return resolve(ctx, e, e.drive, Root.Join(u.Name))
	}
	folder, err := locate(ctx, e, e.drive, u.folderID)
	if fault.Is(err, fault.NotFound) && u.share == "" {
		folder, err = e.makeFolders(ctx, u.Folder)
	}
	if fault.Is(err, fault.NotFound) && u.within != "" { // that path leads out of the folder by now
		folder, err = locate(ctx, e, e.drive, u.within)
	}
	if err != nil {
		return nil, err
	}
	return resolve(ctx, e, e.drive, folder.last().path.Join(u.Name))
}

// commit is commitUpload in a transaction of its own.
func (s *Drives) commit(ctx context.Context, u Upload, c content) (Upload, error) {
	done := u
	err := s.edit(ctx, "drive.commit", u.DriveID, func(e *edit) error {
		done = u
		if err := e.holds(ctx, u.ID); err != nil {
			return err
		}
		if c.key != "" && c.key != u.key() { // the stage of a part became the file
			if err := e.holds(ctx, string(c.key)); err != nil {
				return err
			}
		}
		return e.commitUpload(ctx, &done, c)
	})
	if err != nil {
		return u, err
	}
	s.completed(done)
	return done, nil
}

// holds refuses a holder whose lease another took over: its stage may be the other's by now. It locks the row, so
// that nobody takes the lease before the transaction ends.
func (e *edit) holds(ctx context.Context, id string) error {
	fence, held := e.s.fenceOf(id)
	if !held {
		return heldElsewhere(nil)
	}
	n, err := e.Exec(ctx, `UPDATE uploads SET fence = fence WHERE id = $1 AND fence = $2`, id, fence)
	if err == nil && n == 0 {
		err = heldElsewhere(nil)
	}
	return err
}

// stillHolds is holds for what is also done by who never held the upload.
func (e *edit) stillHolds(ctx context.Context, id string) error {
	if _, held := e.s.fenceOf(id); !held {
		return nil
	}
	return e.holds(ctx, id)
}

func (s *Drives) completed(u Upload) {
	crash.Point("commit.done")
	s.counts.completed.Add(1)
	s.counts.stored.Add(u.Length)
}

// finish commits an upload that is pending: its bytes are all there, and the server was killed or the commit was
// refused. The caller holds it.
func (s *Drives) finish(ctx context.Context, u Upload) (Upload, error) {
	ctx = context.WithoutCancel(ctx) // begun, it is brought to its end
	if u.Kind == Joined {
		return s.joinParts(ctx, u)
	}
	c, err := s.seal(ctx, u)
	if err != nil {
		return u, err
	}
	return s.commit(ctx, u, c)
}

// finishHeld is finish for one who does not hold the upload yet.
func (s *Drives) finishHeld(ctx context.Context, u Upload) (Upload, error) {
	hold, err := s.HoldUpload(ctx, u.ID, func() {})
	if err != nil {
		return u, err
	}
	defer hold.Release()
	return s.Upload(ctx, u.DriveID, u.ID)
}

// seal turns what a full upload received into content.
func (s *Drives) seal(ctx context.Context, u Upload) (content, error) {
	digest, err := u.runningDigest()
	if err != nil {
		return content{}, err
	}
	c := content{sha256: digest.Sum(nil), size: u.Length}
	if !u.staged {
		c.small = append([]byte{}, u.small...)
		return c, nil
	}
	a := &appending{s: s, u: &u}
	if err := a.resume(ctx); err != nil {
		return content{}, err
	}
	defer a.stage.Close()
	c.key = u.key()
	return c, stageError(a.stage.Seal(ctx), "drive.seal")
}
