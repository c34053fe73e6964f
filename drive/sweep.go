package drive

import (
	"context"
	"errors"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// sweepBatch is how many rows a sweep looks at in one query.
const sweepBatch = 200

// sweepPatience is how long a sweep waits for an upload that a request writes to, before it goes on to the next.
const sweepPatience = 2 * time.Second

// Recover commits every upload that is full and has no file yet: the server was killed in between. One that is
// refused (over quota, say) is logged and stays. It is called at the start and by Sweep.
func (s *Drives) Recover(ctx context.Context) error {
	return s.eachUpload(ctx, `SELECT id, drive_id FROM uploads WHERE completed_at = 0 AND gone_at = 0 AND kind <> 'partial'
		AND (received = length OR kind = 'joined') AND id > $1 ORDER BY id LIMIT $2`, nil, func(ctx context.Context, driveID, id string) error {
		_, err := s.Upload(ctx, driveID, id)
		return s.forgetDrop(ctx, driveID, id, err)
	})
}

// Sweep ends what has expired: uploads without a byte for too long, old trash, changes, locks. It commits what Recover would.
func (s *Drives) Sweep(ctx context.Context) error {
	now := s.o.Now()
	return errors.Join(
		s.Recover(ctx),
		s.sweepUploads(ctx, now),
		s.sweepTrash(ctx, now),
		s.sweepChanges(ctx, now),
		s.sweepRows(ctx, now),
	)
}

// goneMemory is how long an expired upload is answered with Gone, and not with NotFound.
const goneMemory = 7 * 24 * time.Hour

func (s *Drives) sweepUploads(ctx context.Context, now time.Time) error {
	return s.eachUpload(ctx, `SELECT id, drive_id FROM uploads WHERE expires_at < $3 AND id > $1 ORDER BY id LIMIT $2`, []any{sqldb.Micros(now)},
		func(ctx context.Context, driveID, id string) error {
			return s.edit(ctx, "drive.sweepUploads", driveID, func(e *edit) error { return e.expire(ctx, id, now) })
		})
}

// expire ends an upload that nobody sent a byte to for too long. What was received is removed; the row
// remembers it for a while. A completed one's row is removed at once: its file is what matters.
func (e *edit) expire(ctx context.Context, id string, now time.Time) error {
	u, err := e.s.anyUpload(ctx, e, e.drive, id)
	if fault.Is(err, fault.NotFound) {
		return nil // a chunk, which has ended with its upload
	}
	if err == nil {
		err = e.holds(ctx, id)
	}
	if err != nil || !u.Expires.Before(now) {
		return err // a request moved it on while the sweep waited
	}
	if u.Kind == Chunked {
		e.after = append(e.after, func() { e.s.counts.expired.Add(1) })
		return e.endChunked(ctx, u)
	}
	if lives, err := e.chunkLives(ctx, u); err != nil || lives {
		return err
	}
	if u.gone || !u.Ended.IsZero() {
		_, err := e.Exec(ctx, `DELETE FROM uploads WHERE id = $1`, id)
		return err
	}
	if err := e.endUpload(ctx, u); err != nil {
		return err
	}
	e.after = append(e.after, func() { e.s.counts.expired.Add(1) })
	_, err = e.Exec(ctx, `UPDATE uploads SET gone_at = $2, expires_at = $3, digest = NULL, content = NULL, staged = FALSE WHERE id = $1`,
		id, sqldb.Micros(now), sqldb.Micros(now.Add(goneMemory)))
	return err
}

// eachUpload calls fn for every upload that the query finds, holding it. What fails is logged, and the next one is taken.
func (s *Drives) eachUpload(ctx context.Context, query string, more []any, fn func(ctx context.Context, driveID, id string) error) error {
	ctx = asServer(ctx)
	type row struct{ id, drive string }
	for after := ""; ; {
		rows, err := sqldb.All(ctx, s.db, query, append([]any{after, sweepBatch}, more...),
			func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.id, &r.drive) })
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := s.withHold(ctx, r.id, func() error { return fn(ctx, r.drive, r.id) }); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if fault.Is(err, fault.Locked) {
					continue // a request is at work on it, and ends it by itself
				}
				s.o.Log.Warn("an upload is left as it is", "upload", r.id, "error", err)
			}
		}
		after = rows[len(rows)-1].id
	}
}

func (s *Drives) withHold(ctx context.Context, id string, fn func() error) error {
	waiting, stop := context.WithTimeout(ctx, sweepPatience)
	defer stop()
	hold, err := s.hold(waiting, id, stop, false) // a request that wants it goes first
	if err != nil {
		return err
	}
	defer hold.Release()
	return fn()
}

func (s *Drives) sweepTrash(ctx context.Context, now time.Time) error {
	if s.o.TrashExpiry < 0 {
		return nil
	}
	until := now.Add(-s.o.TrashExpiry)
	for {
		var id string
		err := s.db.Row(ctx, `SELECT t.drive_id FROM trash t JOIN drives d ON d.id = t.drive_id AND d.closed_at = 0
			WHERE t.trashed_at <= $1 ORDER BY t.trashed_at LIMIT 1`, []any{sqldb.Micros(until)}, &id)
		if sqldb.NoRow(err) {
			return nil
		}
		for n := purgeBatch; err == nil && n == purgeBatch; {
			n, err = s.purge(ctx, id, "", until)
		}
		if err != nil {
			return err
		}
	}
}

// pruneBatch is how many changes one transaction of sweepChanges removes.
const pruneBatch = 1000

// sweepChanges forgets changes that are too old or too many. Those of a drive stay without a gap, and the newest one stays:
// it tells whoever knows it that nothing happened since.
func (s *Drives) sweepChanges(ctx context.Context, now time.Time) error {
	until := int64(-1 << 63)
	if s.o.ChangesExpiry > 0 {
		until = sqldb.Micros(now.Add(-s.o.ChangesExpiry))
	}
	for after := ""; ; {
		// One look a drive: at its oldest change.
		drives, err := sqldb.All(ctx, s.db, `SELECT d.id FROM drives d JOIN changes c ON c.drive_id = d.id AND c.sequence = d.pruned + 1
			WHERE d.id > $1 AND d.sequence > d.pruned + 1 AND (c.at <= $2 OR d.sequence - d.pruned > $3) ORDER BY d.id LIMIT $4`,
			[]any{after, until, s.o.MaxChanges, sweepBatch}, func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
		if err != nil || len(drives) == 0 {
			return err
		}
		for _, id := range drives {
			for n := pruneBatch; n == pruneBatch; {
				if n, err = s.pruneChanges(ctx, id, until); err != nil {
					return err
				}
			}
		}
		after = drives[len(drives)-1]
	}
}

// pruneChanges forgets a batch of a drive's oldest changes and answers how many.
func (s *Drives) pruneChanges(ctx context.Context, driveID string, until int64) (n int, err error) {
	err = s.edit(ctx, "drive.pruneChanges", driveID, func(e *edit) error {
		var pruned, last int64
		if err := e.Row(ctx, `SELECT pruned FROM drives WHERE id = $1`, []any{driveID}, &pruned); err != nil {
			return err
		}
		n, last = 0, pruned
		err := e.Each(ctx, `SELECT sequence, at FROM changes WHERE drive_id = $1 AND sequence > $2 AND sequence < $3 ORDER BY sequence LIMIT $4`,
			[]any{driveID, pruned, e.sequence, pruneBatch}, func(scan sqldb.Scan) error {
				var sequence, at int64
				err := scan(&sequence, &at)
				if err == nil && sequence == last+1 && (at <= until || e.sequence-last > int64(s.o.MaxChanges)) {
					n, last = n+1, sequence
				}
				return err
			})
		if err != nil || n == 0 {
			return err
		}
		if _, err := e.Exec(ctx, `DELETE FROM changes WHERE drive_id = $1 AND sequence <= $2`, driveID, last); err != nil {
			return err
		}
		_, err = e.Exec(ctx, `UPDATE drives SET pruned = $2 WHERE id = $1`, driveID, last)
		return err
	})
	return n, err
}

func (s *Drives) sweepRows(ctx context.Context, now time.Time) error {
	for _, old := range []struct {
		statement string
		before    time.Time
	}{
		{`DELETE FROM locks WHERE expires_at <= $1`, now},
		{`DELETE FROM proofs WHERE expires_at <= $1`, now},
		{`DELETE FROM upload_wants WHERE asked_at <= $1`, now.Add(-time.Hour)},
		{`DELETE FROM holders WHERE seen_at <= $1`, now.Add(-time.Hour)},
		{`DELETE FROM shares WHERE expires_at > 0 AND expires_at <= $1`, now.Add(-shareMemory)},
	} {
		if _, err := s.db.Exec(ctx, old.statement, sqldb.Micros(old.before)); err != nil {
			return err
		}
	}
	return nil
}
