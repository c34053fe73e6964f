package drive

import (
	"context"
	"errors"
	"math"
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
	finish := func(ctx context.Context, driveID, id string) error {
		_, err := s.Upload(ctx, driveID, id)
		return s.forgetDrop(ctx, driveID, id, err)
	}
	const open, next = `SELECT id, drive_id, 0 FROM uploads WHERE completed_at = 0 AND gone_at = 0 AND `, ` AND id > $2 AND 0 = $1 ORDER BY id LIMIT $3`
	if err := s.eachUpload(ctx, open+`kind <> 'partial' AND received = length`+next, nil, finish); err != nil {
		return err
	}
	return s.eachUpload(ctx, open+`kind = 'joined' AND waits_for = ''`+next, nil, func(ctx context.Context, driveID, id string) error {
		if waits, err := s.waits(ctx, driveID, id); err != nil || waits {
			return err
		}
		return finish(ctx, driveID, id)
	})
}

// waits reports whether parts of an upload are on their way, the last of which commits it, and writes one of them down: while that is neither full nor gone
// no sweep looks again.
func (s *Drives) waits(ctx context.Context, driveID, id string) (waits bool, err error) {
	err = s.edit(ctx, "drive.Recover", driveID, func(e *edit) error {
		query := `SELECT part.id FROM upload_parts p JOIN uploads part ON part.id = p.part_id
			WHERE p.upload_id = $1 AND part.completed_at = 0 AND part.gone_at = 0 AND part.received <> part.length ORDER BY p.position LIMIT 1`
		if e.Engine() == sqldb.Postgres { // bytes are recorded without the drive's row: the last one would find nobody who waits, whom this write would let wait for ever
			query += ` FOR SHARE OF part`
		}
		var part string
		err := e.Row(ctx, query, []any{id}, &part)
		if waits = err == nil; !waits {
			if sqldb.NoRow(err) {
				err = nil
			}
			return err
		}
		_, err = e.Exec(ctx, `UPDATE uploads SET waits_for = $2 WHERE id = $1`, id, part)
		return err
	})
	return waits, err
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
	return s.eachUpload(ctx, `SELECT id, drive_id, expires_at FROM uploads WHERE expires_at < $4 AND (expires_at, id) > ($1, $2) ORDER BY expires_at, id LIMIT $3`, []any{sqldb.Micros(now)},
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

// eachUpload calls fn for every upload that the query finds, holding it: in an order by a number and the id, after $1 and $2, at most $3. What fails is
// logged, and the next one is taken.
func (s *Drives) eachUpload(ctx context.Context, query string, more []any, fn func(ctx context.Context, driveID, id string) error) error {
	ctx = asServer(ctx)
	type row struct {
		id, drive string
		number    int64
	}
	for after := (row{}); ; {
		rows, err := sqldb.All(ctx, s.db, query, append([]any{after.number, after.id, sweepBatch}, more...),
			func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.id, &r.drive, &r.number) })
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
		after = rows[len(rows)-1]
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
	expiry := s.limits().TrashExpiry
	if expiry < 0 {
		return nil
	}
	until := now.Add(-expiry)
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
	type row struct {
		id     string
		oldest int64
	}
	if err := s.boundChanges(ctx); err != nil {
		return err
	}
	for after := (row{oldest: -1}); ; {
		drives, err := sqldb.All(ctx, s.db, `SELECT id, oldest_at FROM drives WHERE oldest_at <= $1 AND (oldest_at, id) > ($2, $3) AND closed_at = 0
			ORDER BY oldest_at, id LIMIT $4`, []any{max(0, until), after.oldest, after.id, sweepBatch},
			func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.id, &r.oldest) })
		if err != nil || len(drives) == 0 {
			return err
		}
		for _, d := range drives {
			for n := pruneBatch; n == pruneBatch; {
				if n, err = s.pruneChanges(ctx, d.id, until); err != nil {
					return err
				}
			}
		}
		after = drives[len(drives)-1]
	}
}

// boundChanges looks once at all drives whether they know more changes than MaxChanges, which may have been another number before the start.
func (s *Drives) boundChanges(ctx context.Context) error {
	if s.changesBound.Load() {
		return nil
	}
	_, err := s.db.Exec(ctx, `UPDATE drives SET oldest_at = 0 WHERE sequence - pruned > $1 AND oldest_at > 0`, s.o.MaxChanges)
	s.changesBound.Store(err == nil)
	return err
}

// nothingOld is drives.oldest_at where there is no change that a sweep may forget: none, or the newest alone.
const nothingOld = math.MaxInt64

// aged is drives.oldest_at after a transaction that has written changes.
func (e *edit) aged() int64 {
	switch {
	case len(e.changes) == 0:
		return e.oldest
	case e.sequence-e.pruned > int64(e.s.o.MaxChanges):
		return 0
	case e.oldest == nothingOld && e.sequence-int64(len(e.changes)) > e.pruned:
		return 0 // the one that was the newest may be old
	}
	return min(e.oldest, sqldb.Micros(e.now))
}

// pruneChanges forgets a batch of a drive's oldest changes and answers how many.
func (s *Drives) pruneChanges(ctx context.Context, driveID string, until int64) (n int, err error) {
	err = s.edit(ctx, "drive.pruneChanges", driveID, func(e *edit) error {
		last, oldest := e.pruned, int64(nothingOld)
		n = 0
		err := e.Each(ctx, `SELECT sequence, at FROM changes WHERE drive_id = $1 AND sequence > $2 AND sequence < $3 ORDER BY sequence LIMIT $4`,
			[]any{driveID, e.pruned, e.sequence, pruneBatch}, func(scan sqldb.Scan) error {
				var sequence, at int64
				err := scan(&sequence, &at)
				switch {
				case err != nil || oldest != nothingOld:
				case sequence == last+1 && (at <= until || e.sequence-last > int64(s.o.MaxChanges)):
					n, last = n+1, sequence
				default:
					oldest = at
				}
				return err
			})
		if err != nil {
			return err
		}
		if n > 0 {
			if _, err := e.Exec(ctx, `DELETE FROM changes WHERE drive_id = $1 AND sequence <= $2`, driveID, last); err != nil {
				return err
			}
		}
		_, err = e.Exec(ctx, `UPDATE drives SET pruned = $2, oldest_at = $3 WHERE id = $1`, driveID, last, oldest)
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
