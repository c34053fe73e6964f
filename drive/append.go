package drive

import (
	"cmp"
	"context"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// While a long body arrives, its offset is recorded this often: what a killed server loses is at most that.
const (
	checkpointBytes = 32 << 20
	checkpointTime  = 5 * time.Second
)

// AppendOptions says how bytes are taken.
type AppendOptions struct {
	// Verify, if set, is asked after the last byte of the body and before any of it counts. Its error leaves the offset where
	// it was, and so does a body that breaks off.
	Verify func() error
}

// Append adds bytes to an upload at offset, and answers the upload as it is on record afterwards: Offset counts
// what is durable, also when err is not nil. The last byte commits the file. A body that breaks off leaves what had
// arrived: err is Invalid with code "body_truncated" then. At most Length bytes are taken; of a body that
// is longer the rest is not read. OffsetMismatch, NotFound, TooLarge, Full, and what commit refuses. The caller holds the upload.
func (s *Drives) Append(ctx context.Context, driveID, id string, offset int64, body io.Reader, o AppendOptions) (Upload, error) {
	u, err := s.readUpload(ctx, s.db, driveID, id)
	if err != nil {
		return u, fault.Wrap(err, "drive.Append")
	}
	return s.AppendTo(ctx, u, offset, body, o)
}

// AppendTo is Append to an upload that the caller holds and has read since, or that nobody else knows of yet.
func (s *Drives) AppendTo(ctx context.Context, u Upload, offset int64, body io.Reader, o AppendOptions) (Upload, error) {
	if err := writable(ctx, u.DriveID); err != nil || !sees(ctx, u) {
		return u, cmp.Or(err, noUpload())
	}
	if offset != u.Offset || !u.Ended.IsZero() || u.Kind == Joined || u.Kind == Chunked {
		return u, offsetMismatch()
	}
	if goesOn := s.flow.take(u.ID); offset > 0 && !goesOn {
		s.counts.resumed.Add(1)
	}
	a := &appending{s: s, u: &u, verify: o.Verify}
	if u.Length < 0 { // else its space is set aside
		usage, err := s.Usage(ctx, u.DriveID)
		if err != nil {
			return u, err
		}
		usage.Reserved -= u.reservation() // its own
		a.room = s.room(usage)
	}
	var err error
	if a.digest, err = u.runningDigest(); err != nil {
		return u, fault.Wrap(err, "drive.Append")
	}
	// A client that goes away must not undo what it sent: what follows its bytes is not tied to its request.
	durable := context.WithoutCancel(ctx)
	err = a.take(ctx, durable, s.counted(body))
	mismatch := fault.Is(err, fault.ChecksumMismatch)
	if mismatch {
		s.counts.mismatches.Add(1)
	}
	if mismatch || (err == nil && u.Ended.IsZero() && !u.Full()) {
		s.flow.add(u.ID)
	}
	if u.Kind == Partial && u.Full() {
		s.finishJoined(durable, u)
	}
	return u, fault.Wrap(err, "drive.Append")
}

func offsetMismatch() error {
	return fault.New(fault.OffsetMismatch, "drive.Append", "The upload is at another offset. Ask for it and go on from there.")
}

// appending is one Append under way.
type appending struct {
	s      *Drives
	u      *Upload // as on record
	room   room    // where the length is not known
	digest hash.Hash
	stage  blob.Stage
	verify func() error // may be nil

	at         int64 // bytes in the stage, those on record included
	checkpoint time.Time
}

func (a *appending) take(ctx, durable context.Context, body io.Reader) error {
	limit := a.u.Length - a.u.Offset
	if a.u.Length < 0 {
		if limit = a.room.bytes - a.u.Offset; limit < 0 {
			return a.room.over
		}
	}
	if !a.u.staged {
		grown, broken, err := a.takeSmall(durable, body, limit)
		if err != nil || !grown {
			return errors.Join(err, broken)
		}
		if broken != nil {
			return a.close(durable, broken)
		}
	} else if err := a.resume(durable); err != nil {
		return err
	}
	a.checkpoint = time.Now()
	taken := a.at - a.u.Offset
	more := limit - taken
	if a.u.Length < 0 {
		more++ // one byte too many shows that the body is longer
	}
	n, broken := a.s.pour(ctx, a.stage, body, a.digest, more, func(settle func()) error { return a.mark(durable, settle) })
	a.at += n
	return a.close(durable, broken)
}

// takeSmall reads up to the largest content that is kept in a row. grown says that there is more, and a stage holds it now.
// broken is why the body ended early.
func (a *appending) takeSmall(ctx context.Context, body io.Reader, limit int64) (grown bool, broken, err error) {
	take := min(limit, a.s.o.InlineMax-a.u.Offset)
	if a.u.Length < 0 && take == limit {
		take++ // one byte too many shows that the body is longer than there is room for
	}
	fresh, broken := readUpTo(body, take)
	if a.u.Length < 0 && int64(len(fresh)) > limit {
		return false, nil, a.room.over
	}
	a.digest.Write(fresh)
	whole := append(a.u.small, fresh...)
	if broken != nil {
		broken = truncatedUpload(broken)
	}
	if a.verify != nil && broken != nil {
		return false, nil, broken
	}
	// Content that just fills a row may be all there is; only a further byte makes it grow, unless the length says so already.
	if int64(len(whole)) < a.s.o.InlineMax || a.u.Length == int64(len(whole)) {
		if err := a.verified(); err != nil {
			return false, nil, err
		}
		return false, broken, a.recordSmall(ctx, whole)
	}
	if a.stage, err = a.s.newStage(ctx, *a.u); err != nil {
		return false, broken, err
	}
	a.at = int64(len(whole))
	if _, err := a.stage.Write(whole); err != nil {
		a.stage.Close()
		return false, broken, storeError(err, "drive.Append")
	}
	return true, broken, nil
}

// readUpTo reads a body's next n bytes, or fewer if it ends before. n is not large.
func readUpTo(body io.Reader, n int64) ([]byte, error) {
	b := make([]byte, n)
	at := 0
	for at < len(b) {
		m, err := body.Read(b[at:])
		at += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return b[:at], err
		}
	}
	return b[:at], nil
}

func (a *appending) verified() error {
	if a.verify == nil {
		return nil
	}
	return a.verify()
}

// newStage begins the stage of an upload, which the caller holds; one that a killed server left under its key is dropped, as no row knows it.
func (s *Drives) newStage(ctx context.Context, u Upload) (blob.Stage, error) {
	ctx, key := s.fenced(ctx, u.ID), u.key()
	stage, err := s.blobs.Stage(ctx, key)
	if errors.Is(err, blob.ErrExists) {
		if err := s.blobs.Remove(ctx, key); err != nil {
			return nil, storeError(err, "drive.newStage")
		}
		stage, err = s.blobs.Stage(ctx, key)
	}
	return stage, storeError(err, "drive.newStage")
}

// recordSmall keeps content in the upload's row; when it is whole, the file appears in the same transaction.
func (a *appending) recordSmall(ctx context.Context, whole []byte) error {
	u := *a.u
	full := int64(len(whole)) == u.Length
	state, err := digestState(a.digest)
	if err != nil {
		return err
	}
	if whole == nil {
		whole = []byte{}
	}
	err = a.s.edit(ctx, "drive.Append", u.DriveID, func(e *edit) error {
		u = *a.u
		if !full || u.Kind == Partial {
			return e.recordOffset(ctx, &u, int64(len(whole)), state, whole)
		}
		return e.commitSmall(ctx, &u, content{sha256: a.digest.Sum(nil), size: int64(len(whole)), small: whole})
	})
	if err != nil {
		return err // a refused commit keeps nothing of these bytes: they can be sent again
	}
	*a.u = u
	if !u.Ended.IsZero() {
		a.s.completed(u)
	}
	return nil
}

func (a *appending) resume(ctx context.Context) error {
	stage, err := a.s.blobs.Resume(a.s.fenced(ctx, a.u.ID), a.u.key(), a.u.Offset)
	a.stage, a.at = stage, a.u.Offset
	return stageError(err, "drive.resume")
}

// stageError is storeError for the stage of an upload: what was acknowledged of it may be lost, as where a rule of an S3 bucket aborted it.
func stageError(err error, op string) error {
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrShort) {
		return &fault.Error{Kind: fault.Gone, Op: op, Code: "upload_lost", Public: "What was received of this upload is gone. Begin it again.", Err: err}
	}
	return storeError(err, op)
}

// mark records the offset of a long body now and then.
func (a *appending) mark(ctx context.Context, settle func()) error {
	at := a.stage.Offset()
	if a.verify != nil {
		return nil // nothing counts before all of it is verified
	}
	if at-a.u.Offset < checkpointBytes && time.Since(a.checkpoint) < checkpointTime {
		return nil
	}
	a.checkpoint = time.Now()
	settle()
	return a.record(ctx, at)
}

// record makes what the stage holds durable, and then says so in the row: never the other way round.
func (a *appending) record(ctx context.Context, at int64) error {
	if at == a.u.Offset {
		return nil
	}
	crash.Point("append.staged")
	if err := a.stage.Sync(); err != nil {
		return stageError(err, "drive.record")
	}
	crash.Point("append.synced")
	state, err := digestState(a.digest)
	if err != nil {
		return err
	}
	u := *a.u
	if u.Length < 0 { // what it has set aside grows
		err = a.s.edit(ctx, "drive.record", u.DriveID, func(e *edit) error {
			u = *a.u
			return e.recordOffset(ctx, &u, at, state, nil)
		})
	} else {
		err = a.s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
			u = *a.u
			e := &edit{Tx: tx, s: a.s, drive: u.DriveID, now: a.s.o.Now()} // without the drive's row: nothing of it changes
			return e.recordOffset(ctx, &u, at, state, nil)
		})
	}
	if err == nil {
		*a.u = u
		crash.Point("append.recorded")
	}
	return err
}

// close ends an Append: records what came, commits what is full. broken is why the body ended early, nil if it did not.
func (a *appending) close(ctx context.Context, broken error) error {
	defer a.stage.Close()
	var body brokenBody
	if broken != nil && !errors.As(broken, &body) && !fault.Is(broken, fault.Invalid) {
		return stageError(broken, "drive.Append") // the store or the database: nothing more is recorded
	}
	if broken != nil {
		broken = truncatedUpload(broken)
	}
	if a.u.Length < 0 && a.at > a.room.bytes {
		return a.room.over // before the checksum, which would only say that there is more
	}
	if a.verify != nil {
		if broken != nil {
			return broken
		}
		if err := a.verify(); err != nil {
			return err
		}
	}
	if err := a.record(ctx, a.at); err != nil {
		return err
	}
	if !a.u.pending() {
		return broken
	}
	if err := a.stage.Seal(ctx); err != nil {
		return stageError(err, "drive.Append")
	}
	crash.Point("append.sealed")
	u, err := a.s.commit(ctx, *a.u, content{sha256: a.digest.Sum(nil), size: a.u.Length, key: a.u.key()})
	if err == nil {
		*a.u = u
	}
	return err
}

func truncatedUpload(cause error) error {
	switch {
	case fault.Is(cause, fault.Invalid):
		return cause
	case fault.Is(cause, fault.Timeout), fault.Is(cause, fault.Unauthenticated): // it tells more: the body stood still, or was cut
		return brokenBody{cause}
	}
	return &fault.Error{Kind: fault.Invalid, Op: "drive.Append", Code: "body_truncated", Public: "The body broke off. What had arrived is kept.", Err: cause}
}

// recordOffset moves the offset from the one that u has on record. It writes nothing if another
// request moved it, or took over the hold.
func (e *edit) recordOffset(ctx context.Context, u *Upload, at int64, state, small []byte) error {
	fence, held := e.s.fenceOf(u.ID)
	if !held {
		return heldElsewhere(nil)
	}
	if u.Length < 0 {
		grown := *u
		grown.Offset = at
		if err := e.reserve(grown.reservation() - u.reservation()); err != nil {
			return err
		}
	}
	expires := e.s.expiry(*u, u.Created, e.now)
	if expires.Before(e.now) {
		return uploadExpired()
	}
	n, err := e.Exec(ctx, `UPDATE uploads SET received = $3, digest = $4, content = $5, staged = $6, expires_at = $7, active_at = $8
		WHERE id = $1 AND received = $2 AND completed_at = 0 AND gone_at = 0 AND fence = $9`,
		u.ID, u.Offset, at, sqldb.Bytes(state), sqldb.Bytes(small), small == nil, sqldb.Micros(expires), sqldb.Micros(e.now), fence)
	if err != nil {
		return err
	}
	if n == 0 {
		return offsetMismatch()
	}
	u.Offset, u.digest, u.small, u.staged, u.Expires = at, state, small, small == nil, expires
	if u.Kind == Partial {
		return e.slideJoined(ctx, u.ID, expires)
	}
	return nil
}

// slideJoined keeps alive what belongs to a part that received bytes: the joined uploads that wait for it, and their other parts.
func (e *edit) slideJoined(ctx context.Context, partID string, expires time.Time) error {
	_, err := e.Exec(ctx, `UPDATE uploads SET expires_at = $2 WHERE completed_at = 0 AND gone_at = 0 AND expires_at < $2 AND id IN (
			SELECT upload_id FROM upload_parts WHERE part_id = $1
			UNION SELECT other.part_id FROM upload_parts mine JOIN upload_parts other ON other.upload_id = mine.upload_id WHERE mine.part_id = $1)`,
		partID, sqldb.Micros(expires))
	return err
}
