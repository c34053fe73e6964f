package drive

import (
	"context"
	"database/sql"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// removeBatch is how many rows one transaction of Remove deletes, so that everybody else's have their turn in between.
const removeBatch = 200

// letGoPatience is how long Remove waits for a request that writes to an upload of the drive.
const letGoPatience = 5 * time.Second

// Remove closes a drive for good, so that nothing in it can be changed any more, and removes it with all that it holds, a piece at a time. After
// each piece rows and usage agree, so it may break off anywhere: the next call goes on. Content that nobody else holds is freed by GC. A
// drive that is not there is no error. It may run several times at once.
func (s *Drives) Remove(ctx context.Context, driveID string) error {
	err := s.remove(ctx, driveID)
	if fault.Is(err, fault.NotFound) {
		err = nil // somebody else was faster
	}
	return fault.Wrap(err, "drive.Remove")
}

func (s *Drives) remove(ctx context.Context, driveID string) error {
	_, err := s.db.Exec(ctx, `UPDATE drives SET closed_at = $2 WHERE id = $1 AND closed_at = 0`, driveID, sqldb.Micros(s.o.Now()))
	if err != nil {
		return err
	}
	if err := s.removeOpenUploads(ctx, driveID); err != nil {
		return err
	}
	for _, rows := range removals() {
		for n := 1; n > 0; {
			if n, err = s.removePiece(ctx, driveID, rows); err != nil {
				return err
			}
		}
	}
	_, err = s.db.Exec(ctx, `DELETE FROM drives WHERE id = $1 AND closed_at > 0`, driveID)
	return err
}

// removal deletes a batch of one kind of rows of the drive and answers how many; 0 is that none are left.
type removal func(e *edit, ctx context.Context) (int, error)

// removals are in the order in which Remove goes through them.
func removals() []removal {
	return []removal{(*edit).removeEndedUploads, (*edit).removeLocks, (*edit).removeVersions, (*edit).removeLeaves, (*edit).removeChecksums, (*edit).removeChanges}
}

func (s *Drives) removePiece(ctx context.Context, driveID string, rows removal) (n int, err error) {
	err = s.editAs(ctx, "drive.Remove", driveID, true, func(e *edit) (err error) {
		n, err = rows(e, ctx)
		return err
	})
	return n, err
}

// removeOpenUploads ends the uploads that are not finished, those in chunks first, which take their chunks along. Whoever writes to one is made to let go.
func (s *Drives) removeOpenUploads(ctx context.Context, driveID string) error {
	for {
		ids, err := sqldb.All(ctx, s.db, `SELECT id FROM uploads WHERE drive_id = $1 AND completed_at = 0 AND gone_at = 0
			ORDER BY CASE kind WHEN 'chunked' THEN 0 ELSE 1 END LIMIT $2`, []any{driveID, removeBatch},
			func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := s.removeOpenUpload(ctx, driveID, id); err != nil {
				return err
			}
		}
	}
}

func (s *Drives) removeOpenUpload(ctx context.Context, driveID, id string) error {
	ctx = asServer(ctx)
	waiting, stop := context.WithTimeout(ctx, letGoPatience)
	defer stop()
	hold, err := s.hold(waiting, id, stop, true)
	if err != nil {
		return err
	}
	defer hold.Release()
	return s.editAs(ctx, "drive.Remove", driveID, true, func(e *edit) error {
		u, err := s.anyUpload(ctx, e, driveID, id)
		switch {
		case fault.Is(err, fault.NotFound):
			return nil // a chunk, which has ended with its upload
		case err != nil:
			return err
		case u.Kind == Chunked:
			return e.endChunked(ctx, u)
		}
		return e.remove(ctx, u)
	})
}

func (e *edit) removeEndedUploads(ctx context.Context) (int, error) {
	return e.removeRows(ctx, `DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE drive_id = $1 AND (completed_at > 0 OR gone_at > 0) LIMIT $2)`)
}

func (e *edit) removeLocks(ctx context.Context) (int, error) {
	return e.removeRows(ctx, `DELETE FROM locks WHERE token IN (SELECT token FROM locks WHERE drive_id = $1 LIMIT $2)`)
}

func (e *edit) removeChecksums(ctx context.Context) (int, error) {
	return e.removeRows(ctx, `DELETE FROM checksums WHERE drive_id = $1 AND blob_id IN (SELECT blob_id FROM checksums WHERE drive_id = $1 LIMIT $2)`)
}

func (e *edit) removeRows(ctx context.Context, statement string) (int, error) {
	n, err := e.Exec(ctx, statement, e.drive, removeBatch)
	return int(n), err
}

func (e *edit) removeVersions(ctx context.Context) (n int, err error) {
	var freed int64
	err = e.Each(ctx, `DELETE FROM versions WHERE id IN (SELECT id FROM versions WHERE drive_id = $1 LIMIT $2) RETURNING size`,
		[]any{e.drive, removeBatch}, func(scan sqldb.Scan) error {
			var size int64
			err := scan(&size)
			n, freed = n+1, freed+size
			return err
		})
	if err != nil {
		return 0, err
	}
	return n, e.take(-freed)
}

// removeLeaves deletes files and empty folders, in the trash or not, all but the root. So a tree goes from its ends.
func (e *edit) removeLeaves(ctx context.Context) (int, error) {
	var ids []string
	var freed int64
	gone := map[string]int{} // children, by their folder
	err := e.Each(ctx, `SELECT id, parent_id, size FROM nodes WHERE drive_id = $1 AND children = 0 AND id <> $2 LIMIT $3`,
		[]any{e.drive, e.root, removeBatch}, func(scan sqldb.Scan) error {
			var id string
			var parent sql.NullString
			var size int64
			err := scan(&id, &parent, &size)
			ids, freed = append(ids, id), freed+size
			if parent.Valid {
				gone[parent.String]++
			}
			return err
		})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	for folder, n := range gone {
		if _, err := e.Exec(ctx, `UPDATE nodes SET children = children - $2 WHERE id = $1`, folder, n); err != nil {
			return 0, err
		}
	}
	err = eachByID(ctx, e, `SELECT COALESCE(SUM(`+propertySize+`), 0) FROM properties p WHERE p.node_id`, ids, func(scan sqldb.Scan) error {
		var size int64
		err := scan(&size)
		freed += size
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := e.Exec(ctx, `DELETE FROM nodes WHERE id = $1`, id); err != nil {
			return 0, err
		}
	}
	return len(ids), e.take(-freed)
}

// removeChanges forgets changes from the oldest on, the newest one too.
func (e *edit) removeChanges(ctx context.Context) (int, error) {
	var pruned int64
	if err := e.Row(ctx, `SELECT pruned FROM drives WHERE id = $1`, []any{e.drive}, &pruned); err != nil {
		return 0, err
	}
	until := min(e.sequence, pruned+removeBatch)
	if _, err := e.Exec(ctx, `DELETE FROM changes WHERE drive_id = $1 AND sequence <= $2`, e.drive, until); err != nil {
		return 0, err
	}
	_, err := e.Exec(ctx, `UPDATE drives SET pruned = $2 WHERE id = $1`, e.drive, until)
	return int(until - pruned), err
}
