package drive

import (
	"context"
	"errors"
	"fmt"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// repairDrive runs fn in a transaction on a drive, whether or not it is being removed.
func (s *Drives) repairDrive(ctx context.Context, driveID string, fn func(e *edit) error) error {
	err := s.edit(ctx, "drive.Repair", driveID, fn)
	if fault.Is(err, fault.NotFound) {
		err = s.editAs(ctx, "drive.Repair", driveID, true, fn)
	}
	return err
}

// repairIn is repairDrive on the drive of a row that the query finds by its id.
func (s *Drives) repairIn(ctx context.Context, query, id string, fn func(e *edit) error) error {
	var driveID string
	if err := s.db.Row(ctx, query, []any{id}, &driveID); err != nil {
		return err
	}
	return s.repairDrive(ctx, driveID, fn)
}

const (
	driveOfNode   = `SELECT drive_id FROM nodes WHERE id = $1`
	driveOfUpload = `SELECT drive_id FROM uploads WHERE id = $1`
)

// recount counts anew what a drive's row says of its files and open uploads.
func (s *Drives) recount(ctx context.Context, id string) (done string, err error) {
	err = s.repairDrive(ctx, id, func(e *edit) error {
		done = fmt.Sprintf("%d bytes were on record, and %d for %d open uploads", e.usage.Used, e.usage.Reserved, e.usage.Uploads)
		err := e.Row(ctx, `SELECT CAST(`+usedSum+` AS BIGINT), CAST(`+reservedSum+` AS BIGINT), `+openCount+` FROM drives d WHERE d.id = $1`, []any{id},
			&e.usage.Used, &e.usage.Reserved, &e.usage.Uploads)
		done += fmt.Sprintf("; now %d, and %d for %d", e.usage.Used, e.usage.Reserved, e.usage.Uploads)
		return err
	})
	return done, err
}

func (s *Drives) recountChunks(ctx context.Context, id string) (done string, err error) {
	err = s.repairIn(ctx, driveOfUpload, id, func(e *edit) error {
		_, err := e.Exec(ctx, `UPDATE uploads AS u SET received = `+chunkSum+` WHERE u.id = $1 AND u.kind = 'chunked'`, id)
		return err
	})
	return "counted anew", err
}

func (s *Drives) recountChildren(ctx context.Context, id string) (done string, err error) {
	err = s.repairIn(ctx, driveOfNode, id, func(e *edit) error {
		_, err := e.Exec(ctx, `UPDATE nodes SET children = (SELECT COUNT(*) FROM nodes c WHERE c.parent_id = $1) WHERE id = $1`, id)
		return err
	})
	return "counted anew", err
}

// wakeJoined has the next sweep look at a joined upload.
func (s *Drives) wakeJoined(ctx context.Context, id string) (done string, err error) {
	_, err = s.db.Exec(ctx, `UPDATE uploads SET waits_for = '' WHERE id = $1`, id)
	return "the next sweep looks at it", err
}

// closeGaps forgets a drive's changes up to the last one that is missing. Who knew an older one is told to begin anew, as when changes are too old; if the newest is
// missing, another takes its place, so that they are told.
func (s *Drives) closeGaps(ctx context.Context, id string) (done string, err error) {
	err = s.repairDrive(ctx, id, func(e *edit) error {
		gap, next := int64(-1), e.sequence
		err := e.Each(ctx, `SELECT sequence FROM changes WHERE drive_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence DESC`, []any{id, e.pruned, e.sequence},
			func(scan sqldb.Scan) error {
				var sequence int64
				err := scan(&sequence)
				if gap < 0 && sequence != next {
					gap = next
				}
				next = sequence - 1
				return err
			})
		if gap < 0 && next > e.pruned {
			gap = next
		}
		if err != nil || gap < 0 {
			return err
		}
		done = fmt.Sprintf("what happened up to change %d is forgotten: clients that sync begin anew", gap)
		if _, err := e.Exec(ctx, `DELETE FROM changes WHERE drive_id = $1 AND (sequence <= $2 OR sequence > $3)`, id, gap, e.sequence); err != nil {
			return err
		}
		if _, err := e.Exec(ctx, `UPDATE drives SET pruned = $2, oldest_at = 0 WHERE id = $1`, id, gap); err != nil {
			return err
		}
		e.pruned, e.oldest = gap, 0
		if gap == e.sequence {
			e.changed(ChangeTouched, e.root, Root)
		}
		return nil
	})
	return done, err
}

// bringBack puts a node that is nowhere into the top of its drive.
func (s *Drives) bringBack(ctx context.Context, id string) (done string, err error) {
	err = s.repairIn(ctx, driveOfNode, id, func(e *edit) error {
		n, err := e.Exec(ctx, `INSERT INTO trash (node_id, drive_id, parent_id, path, trashed_at) SELECT id, drive_id, CAST($2 AS TEXT), '/' || name, CAST($3 AS BIGINT) FROM nodes
			WHERE id = $1 AND parent_id IS NULL AND id <> $2 AND NOT EXISTS (SELECT 1 FROM trash WHERE node_id = $1)`, id, e.root, sqldb.Micros(e.now))
		if err != nil || n == 0 {
			return err
		}
		node, err := e.restore(ctx, id, "")
		done = fmt.Sprintf("it is %q now", node.Path)
		return err
	})
	return done, err
}

// keepInFolder has a node that is in a folder and in the trash in its folder alone.
func (s *Drives) keepInFolder(ctx context.Context, id string) (done string, err error) {
	err = s.repairIn(ctx, driveOfNode, id, func(e *edit) error {
		_, err := e.Exec(ctx, `DELETE FROM trash WHERE node_id = $1 AND EXISTS (SELECT 1 FROM nodes WHERE id = $1 AND parent_id IS NOT NULL)`, id)
		return err
	})
	return "it stays in its folder", err
}

// tellGC has the next gc look at content that nothing holds.
func (s *Drives) tellGC(ctx context.Context, id string) (done string, err error) {
	_, err = s.db.Exec(ctx, `INSERT INTO loose_blobs (id, blob_id, created_at) SELECT $2, id, created_at FROM blobs WHERE id = $1 AND `+unreferenced, id, sqldb.NewID())
	return "gc looks at it", err
}

// endBroken ends an upload whose bytes are lost, as its client would be told at the next byte.
func (s *Drives) endBroken(ctx context.Context, id string) (done string, err error) {
	var driveID string
	if err := s.db.Row(ctx, driveOfUpload, []any{id}, &driveID); err != nil {
		return "", err
	}
	ctx = asServer(ctx)
	err = s.withHold(ctx, id, func() error {
		r := bytesRow{id: id, stage: true}
		err := s.db.Row(ctx, `SELECT received, kind = 'partial' FROM uploads WHERE id = $1 AND staged AND completed_at = 0 AND gone_at = 0`, []any{id}, &r.size, &r.part)
		if err != nil {
			return err
		}
		found, why, err := s.checkBytes(ctx, r)
		if err == nil && found == contentUnreadable {
			err = fault.As(fault.Busy, "drive.Repair", errors.New(why))
		}
		if err != nil || found == contentRight {
			return err
		}
		done = "the upload is ended, and has to be begun anew"
		return s.endWithout(ctx, driveID, id)
	})
	return done, err
}
