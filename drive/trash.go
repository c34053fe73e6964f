package drive

import (
	"context"
	"database/sql"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Trashed is a removed node.
type Trashed struct {
	Node    Node // Path is where it was
	Removed time.Time
}

// Trash removes a node with all below it into the trash: one row changes. It still counts against the
// quota. The root is Forbidden. NotFound, Locked, Precondition.
func (s *Drives) Trash(ctx context.Context, driveID string, path Path, g Guard) error {
	return s.edit(ctx, "drive.Trash", driveID, func(e *edit) error {
		at, err := resolve(ctx, e, driveID, path)
		if err != nil {
			return err
		}
		node, err := at.found()
		if err != nil {
			return err
		}
		if _, err := at.parent(); err != nil {
			return err
		}
		if err := e.check(ctx, g, &node); err != nil {
			return err
		}
		if err := e.unlocked(ctx, g.Tokens, treeOf(at)); err != nil {
			return err
		}
		return e.trash(ctx, at)
	})
}

// trash moves what stands at a place out of the tree. What desktops scatter is removed at once.
func (e *edit) trash(ctx context.Context, at *place) error {
	node := *at.node
	parent, err := at.parent()
	if err != nil {
		return err
	}
	if err := e.unlockTree(ctx, at.path); err != nil {
		return err
	}
	if err := e.grow(ctx, parent.id, -1); err != nil {
		return err
	}
	e.placed(ChangeTrashed, node, node.seat(), seat{}, node.Path)
	if litter(node.Name) && !node.Folder {
		return e.purge(ctx, node.ID)
	}
	if _, err := e.Exec(ctx, `INSERT INTO trash (node_id, drive_id, parent_id, path, trashed_at) VALUES ($1, $2, $3, $4, $5)`,
		node.ID, e.drive, parent.id, string(node.Path), sqldb.Micros(e.now)); err != nil {
		return err
	}
	_, err = e.Exec(ctx, `UPDATE nodes SET parent_id = NULL, revision = revision + 1 WHERE id = $1`, node.ID)
	return err
}

// TrashList answers what was removed, newest first, at most limit. NotFound for one who is kept to a folder, as of all that is done to the trash.
func (s *Drives) TrashList(ctx context.Context, driveID string, limit int) ([]Trashed, error) {
	if err := unlimited(ctx, driveID); err != nil {
		return nil, fault.Wrap(err, "drive.TrashList")
	}
	all, err := sqldb.All(ctx, s.db, `SELECT t.path, t.trashed_at, `+nodeColumns+` FROM trash t JOIN nodes n ON n.id = t.node_id
		WHERE t.drive_id = $1 ORDER BY t.trashed_at DESC, t.node_id DESC LIMIT $2`, []any{driveID, limit},
		func(scan sqldb.Scan) (t Trashed, err error) {
			var row nodeRow
			var path string
			var removed int64
			err = scan(append([]any{&path, &removed}, row.dest()...)...)
			return Trashed{row.node(driveID, Path(path)), sqldb.Time(removed)}, err
		})
	return all, fault.Wrap(err, "drive.TrashList")
}

// Restore puts a removed node back where it was: under the next free name if its own is taken, and in the
// root if its folder is gone. NotFound; TooLarge if its paths would be too long there.
func (s *Drives) Restore(ctx context.Context, driveID, nodeID string) (node Node, err error) {
	if err := unlimited(ctx, driveID); err != nil {
		return Node{}, fault.Wrap(err, "drive.Restore")
	}
	err = s.edit(ctx, "drive.Restore", driveID, func(e *edit) error {
		var row nodeRow
		var parentID, was string
		err := e.Row(ctx, `SELECT t.parent_id, t.path, `+nodeColumns+` FROM trash t JOIN nodes n ON n.id = t.node_id
			WHERE t.node_id = $1 AND t.drive_id = $2`, []any{nodeID, driveID}, append([]any{&parentID, &was}, row.dest()...)...)
		if err != nil {
			return err
		}
		folder, err := locate(ctx, e, driveID, parentID)
		if fault.Is(err, fault.NotFound) || (err == nil && !folder.node.Folder) {
			folder, err = resolve(ctx, e, driveID, Root)
		}
		if err != nil {
			return err
		}
		if err := e.unlocked(ctx, nil, membersOf(folder.chain)); err != nil {
			return err
		}
		node = row.node(driveID, "")
		if node.Name, err = e.freeName(ctx, folder.last(), node.Name); err != nil {
			return err
		}
		node.ParentID, node.Path, node.Revision = folder.last().id, folder.last().path.Join(node.Name), node.Revision+1
		if err := e.fits(ctx, Path(was), node); err != nil {
			return err
		}
		if err := e.grow(ctx, node.ParentID, 1); err != nil {
			return err
		}
		e.placed(ChangeRestored, node, seat{}, node.seat(), node.Path)
		if _, err := e.Exec(ctx, `DELETE FROM trash WHERE node_id = $1`, node.ID); err != nil {
			return err
		}
		_, err = e.Exec(ctx, `UPDATE nodes SET parent_id = $2, name = $3, name_key = $4, revision = $5 WHERE id = $1`,
			node.ID, node.ParentID, node.Name, nameKey(node.Name), node.Revision)
		return err
	})
	return node, err
}

// purgeBatch is how many trashed nodes one transaction of Purge removes.
const purgeBatch = 100

// Purge removes a trashed node for good and frees its space; an empty nodeID empties the trash. NotFound.
func (s *Drives) Purge(ctx context.Context, driveID, nodeID string) error {
	if err := unlimited(ctx, driveID); err != nil {
		return fault.Wrap(err, "drive.Purge")
	}
	if nodeID != "" {
		_, err := s.purge(ctx, driveID, nodeID, s.o.Now())
		return err
	}
	for before := s.o.Now(); ; {
		n, err := s.purge(ctx, driveID, "", before)
		if err != nil || n < purgeBatch {
			return err
		}
	}
}

// purge removes one trashed node, or a batch of those that were removed up to a moment.
func (s *Drives) purge(ctx context.Context, driveID, nodeID string, until time.Time) (n int, err error) {
	err = s.edit(ctx, "drive.Purge", driveID, func(e *edit) error {
		type row struct{ id, path string }
		read := func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.id, &r.path) }
		var rows []row
		var err error
		if nodeID != "" {
			rows, err = sqldb.All(ctx, e, `SELECT node_id, path FROM trash WHERE drive_id = $1 AND node_id = $2`, []any{driveID, nodeID}, read)
			if err == nil && len(rows) == 0 {
				err = fault.New(fault.NotFound, "drive.Purge", "")
			}
		} else {
			rows, err = sqldb.All(ctx, e, `SELECT node_id, path FROM trash WHERE drive_id = $1 AND trashed_at <= $2 ORDER BY trashed_at LIMIT $3`,
				[]any{driveID, sqldb.Micros(until), purgeBatch}, read)
		}
		if err != nil {
			return err
		}
		n = len(rows)
		for _, r := range rows {
			e.changed(ChangePurged, r.id, Path(r.path))
			if err := e.purge(ctx, r.id); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// purge deletes a node and all below it, and gives its bytes back: its files', their versions' and its properties'.
func (e *edit) purge(ctx context.Context, nodeID string) error {
	var files, versions, properties sql.NullInt64
	err := e.Row(ctx, `WITH RECURSIVE tree (id, size) AS (
			SELECT id, size FROM nodes WHERE id = $1
			UNION ALL
			SELECT c.id, c.size FROM tree JOIN nodes c ON c.parent_id = tree.id
		) SELECT (SELECT SUM(size) FROM tree), (SELECT SUM(v.size) FROM tree JOIN versions v ON v.node_id = tree.id),
			(SELECT SUM(`+propertySize+`) FROM tree JOIN properties p ON p.node_id = tree.id)`,
		[]any{nodeID}, &files, &versions, &properties)
	if err != nil {
		return err
	}
	if err := e.take(-files.Int64 - versions.Int64 - properties.Int64); err != nil {
		return err
	}
	_, err = e.Exec(ctx, `DELETE FROM nodes WHERE id = $1`, nodeID)
	return err
}
