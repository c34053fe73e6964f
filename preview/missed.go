package preview

import (
	"context"
	"path"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

const (
	// missedAfter is how old a file is before its thumbnails count as missed: the process that took it makes them as a rule.
	missedAfter = 2 * time.Minute
	// missedDrives and missedBatch are how many drives and changes of one are read at once.
	missedDrives = 200
	missedBatch  = 500
)

// Missed makes the thumbnails that processes had to make and forgot, as they were killed or had too much to do. It reads what changed in the drives since it
// did so last, in whatever process; a row for each drive says how far it came. Run makes the thumbnails, so that is to run too.
func (p *Previews) Missed(ctx context.Context) error {
	if p.o.Workers == 0 {
		return nil
	}
	type place struct {
		drive string
		at    int64
	}
	for after := ""; ; {
		drives, err := sqldb.All(ctx, p.db, `SELECT d.id, CASE WHEN t.sequence > d.pruned THEN t.sequence ELSE d.pruned END FROM drives d LEFT JOIN thumbnail_positions t ON t.drive_id = d.id
			WHERE d.id > $1 AND d.closed_at = 0 AND d.sequence > d.pruned AND d.sequence > COALESCE(t.sequence, 0) ORDER BY d.id LIMIT $2`, []any{after, missedDrives},
			func(scan sqldb.Scan) (d place, err error) { return d, scan(&d.drive, &d.at) })
		if err != nil || len(drives) == 0 {
			return fault.Wrap(err, "preview.Missed")
		}
		for _, d := range drives {
			if err := p.missedOf(ctx, d.drive, d.at); err != nil && !fault.Is(err, fault.NotFound) {
				return fault.Wrap(err, "preview.Missed")
			}
		}
		after = drives[len(drives)-1].drive
	}
}

// missedOf is Missed for one drive, behind a change.
func (p *Previews) missedOf(ctx context.Context, driveID string, at int64) error {
	until := p.o.Now().Add(-missedAfter)
	for {
		changes, err := p.drives.Changes(ctx, driveID, at, missedBatch)
		if fault.Is(err, fault.Gone) { // they were forgotten just now
			return nil
		}
		if err != nil || len(changes) == 0 {
			return err
		}
		var begun []*task
		began := at
		for _, c := range changes {
			if c.At.After(until) {
				break
			}
			wanted, err := p.missed(ctx, c)
			if err != nil {
				return err
			}
			if wanted {
				t, ok := p.queue.add(image{driveID, c.NodeID}, false)
				if !ok {
					break // there is no room: the next run goes on from here
				}
				begun = append(begun, t)
			}
			at = c.Sequence
		}
		for _, t := range begun {
			select {
			case <-t.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if at == began {
			return nil
		}
		if err := p.cameTo(ctx, driveID, at); err != nil {
			return err
		}
	}
}

// missed reports whether a change made a file whose thumbnails nobody has tried to make.
func (p *Previews) missed(ctx context.Context, c drive.Change) (bool, error) {
	if (c.Kind != drive.ChangeCreated && c.Kind != drive.ChangeWritten) || !namedLikeImage(path.Base(string(c.Path))) {
		return false, nil
	}
	node, err := p.drives.StatID(ctx, c.DriveID, c.NodeID)
	known := false
	if err == nil {
		_, known, err = p.Known(ctx, node, Small)
	}
	if fault.Is(err, fault.NotFound) { // it is gone, or can have none
		return false, nil
	}
	return err == nil && !known, err
}

// cameTo writes down how far Missed came in a drive.
func (p *Previews) cameTo(ctx context.Context, driveID string, sequence int64) error {
	return p.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO thumbnail_positions (drive_id, sequence) SELECT id, CAST($2 AS BIGINT) FROM drives WHERE id = $1
			ON CONFLICT (drive_id) DO UPDATE SET sequence = excluded.sequence`, driveID, sequence)
		return err
	})
}
