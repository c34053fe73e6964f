package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math"

	"github.com/satchelhq/satchel/blob"
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
	if err := e.endParts(ctx, u.Parts); err != nil { // first: what they have set aside is what the file takes
		return err
	}
	if err := e.becomeFile(ctx, u, c, current.reservation()); err != nil {
		return err
	}
	if _, err := e.Exec(ctx, `UPDATE uploads SET `+endedColumns+` WHERE id = $1`, u.endedArgs()...); err != nil {
		return err
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
	if e.s.expiry(u.Created, e.now).Before(e.now) {
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
	at, err := e.uploadTarget(ctx, *u)
	if err != nil {
		return err
	}
	e.usage.Uploads--
	if err := e.reserve(-reserved); err != nil {
		return err
	}
	w := writing{mediaType: u.MediaType, modified: u.Modified, conflict: Rename}
	if u.Conflict == Replace && (at.node == nil || !at.node.Folder) {
		w.conflict = Replace
	}
	node, _, err := e.write(ctx, at, c, w)
	if err != nil {
		return err
	}
	u.NodeID, u.Length, u.Ended, u.Offset, u.Expires = node.ID, c.size, e.now, c.size, e.now.Add(e.s.o.UploadExpiry)
	u.digest, u.small, u.staged = nil, nil, false
	return nil
}

// endParts removes the parts of an upload that was joined: they are used.
func (e *edit) endParts(ctx context.Context, parts []string) error {
	for _, id := range parts {
		part, err := e.s.anyUpload(ctx, e, e.drive, id)
		if fault.Is(err, fault.NotFound) {
			continue // it was named twice
		}
		if err != nil {
			return err
		}
		if err := e.endUpload(ctx, part); err != nil {
			return err
		}
		if _, err := e.Exec(ctx, `DELETE FROM uploads WHERE id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

// uploadTarget is where the file goes: into the folder that the upload began in, wherever that is by now, else
// into the folder of its path, made anew where it is missing.
func (e *edit) uploadTarget(ctx context.Context, u Upload) (*place, error) {
	if u.folderID == e.root {
		return resolve(ctx, e, e.drive, Root.Join(u.Name))
	}
	folder, err := locate(ctx, e, e.drive, u.folderID)
	if fault.Is(err, fault.NotFound) {
		folder, err = e.makeFolders(ctx, u.Folder)
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

func (s *Drives) completed(u Upload) {
	crash.Point("commit.done")
	s.counts.completed.Add(1)
	s.counts.stored.Add(u.Length)
}

// finish commits an upload that is pending: its bytes are all there, and the server was killed or the commit was
// refused. The caller holds it.
func (s *Drives) finish(ctx context.Context, u Upload) (Upload, error) {
	ctx = context.WithoutCancel(ctx) // begun, it is brought to its end
	var c content
	var err error
	if u.Kind == Joined {
		c, err = s.join(ctx, u)
	} else {
		c, err = s.seal(ctx, u)
	}
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
	return c, storeError(a.stage.Seal(ctx), "drive.seal")
}

// join puts the parts of a joined upload together: each byte is copied once. Busy with code "parts_unfinished" while parts are not full.
func (s *Drives) join(ctx context.Context, u Upload) (content, error) {
	parts := make([]Upload, len(u.Parts))
	c := content{}
	for i, id := range u.Parts {
		part, err := s.readUpload(ctx, s.db, u.DriveID, id)
		if err != nil {
			return content{}, partLost(err)
		}
		if !part.Full() {
			return content{}, fault.New(fault.Busy, "drive.join", "Parts of this upload are not complete yet.").WithCode("parts_unfinished")
		}
		parts[i] = part
		c.size += part.Length
	}
	if s.o.MaxFile > 0 && c.size > s.o.MaxFile { // a length of theirs came late
		return content{}, tooLarge(s.o.MaxFile)
	}
	digest := sha256.New()
	var sink io.Writer
	var small bytes.Buffer
	var stage blob.Stage
	if c.size <= s.o.InlineMax {
		sink = &small
	} else {
		var err error
		if stage, err = s.newStage(ctx, u.key()); err != nil {
			return content{}, err
		}
		defer stage.Close()
		c.key, sink = u.key(), stage
	}
	for _, part := range parts {
		if err := s.copyPart(ctx, io.MultiWriter(sink, digest), part); err != nil {
			return content{}, err
		}
	}
	c.sha256 = digest.Sum(nil)
	crash.Point("join.copied")
	if stage == nil {
		c.small = append([]byte{}, small.Bytes()...)
		return c, nil
	}
	return c, storeError(stage.Seal(ctx), "drive.join")
}

// partLost says that an upload cannot be joined any more, because a part expired or was removed.
func partLost(err error) error {
	if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Gone) {
		return err
	}
	return &fault.Error{Kind: fault.Gone, Op: "drive.join", Code: "part_lost", Public: "A part of this upload has expired or was removed. Begin it again.", Err: err}
}

func (s *Drives) copyPart(ctx context.Context, to io.Writer, part Upload) error {
	from := io.Reader(bytes.NewReader(part.small))
	if part.staged {
		opened, err := s.blobs.OpenStage(ctx, part.key(), part.Length)
		if errors.Is(err, blob.ErrNotFound) {
			return partLost(noUpload()) // removed since its row was read
		}
		if err != nil {
			return storeError(err, "drive.join")
		}
		defer opened.Close()
		from = opened
	}
	buffer := s.chunks.Get().(*[]byte)
	defer s.chunks.Put(buffer)
	_, err := io.CopyBuffer(to, from, *buffer)
	return storeError(err, "drive.join")
}

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
