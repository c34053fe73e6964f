package drive

import (
	"context"
	"database/sql"
	"math"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Trashed is a removed node.
type Trashed struct {
	Node    Node // Path is where it was
	Removed time.Time
	Expires time.Time // when it is removed for good; zero for never
}

// Trash is TrashAll for who does not offer to undo it.
func (s *Drives) Trash(ctx context.Context, driveID string, path Path, g Guard) error {
	_, err := s.TrashAll(ctx, driveID, []Path{path}, g)
	return err
}

// MaxAtOnce is how many nodes one TrashAll takes.
const MaxAtOnce = 1000

// TrashAll moves nodes, each with all below it, into the trash: all of them or none. They still count against the quota. It answers what
// can be restored, all with the same time: not what desktops scatter, which is gone at once. The root is Forbidden. NotFound, also for
// what is below another one of them; Locked, Precondition, TooLarge for more than MaxAtOnce.
func (s *Drives) TrashAll(ctx context.Context, driveID string, paths []Path, g Guard) (all []Trashed, err error) {
	if len(paths) > MaxAtOnce {
		return nil, fault.New(fault.TooLarge, "drive.TrashAll", "At most "+strconv.Itoa(MaxAtOnce)+" files and folders are removed at once.").WithCode("too_many_nodes")
	}
	err = s.edit(ctx, "drive.TrashAll", driveID, func(e *edit) error {
		all = nil
		for _, path := range paths {
			node, err := e.removeAt(ctx, path, g)
			if err != nil {
				return err
			}
			if node.Folder || !litter(node.Name) {
				all = append(all, s.trashed(node, sqldb.Time(sqldb.Micros(e.now))))
			}
		}
		return nil
	})
	return all, err
}

func (e *edit) removeAt(ctx context.Context, path Path, g Guard) (Node, error) {
	at, err := resolve(ctx, e, e.drive, path)
	if err != nil {
		return Node{}, err
	}
	node, err := at.found()
	if err != nil {
		return Node{}, err
	}
	if _, err := at.parent(); err != nil {
		return Node{}, err
	}
	if err := e.check(ctx, g, &node); err != nil {
		return Node{}, err
	}
	if err := e.unlocked(ctx, g.Tokens, treeOf(at)); err != nil {
		return Node{}, err
	}
	return node, e.trash(ctx, at)
}

func (s *Drives) trashed(n Node, removed time.Time) Trashed {
	t := Trashed{Node: n, Removed: removed}
	if expiry := s.limits().TrashExpiry; expiry >= 0 {
		t.Expires = removed.Add(expiry)
	}
	return t
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

// trashPlace is the item after which a list of the trash goes on.
type trashPlace struct {
	Removed int64  `json:"r"`
	ID      string `json:"i"`
}

// TrashList answers what was removed, newest first, at most limit (up to MaxList), from the place that an earlier answer ended with, or
// from the beginning. next is empty if there is no more. Invalid with code "invalid_place"; NotFound for one who is kept to a folder, as of all
// that is done to the trash.
func (s *Drives) TrashList(ctx context.Context, driveID, after string, limit int) (all []Trashed, next string, err error) {
	if err := unlimited(ctx, driveID); err != nil {
		return nil, "", fault.Wrap(err, "drive.TrashList")
	}
	limit = max(1, min(limit, MaxList))
	from := trashPlace{Removed: math.MaxInt64}
	if after != "" {
		if err := parsePlace(after, &from); err != nil {
			return nil, "", err
		}
		if !sqldb.ValidID(from.ID) {
			return nil, "", invalidPlace()
		}
	}
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		if err := keepOrder(ctx, tx); err != nil { // there is an index that has them in order
			return err
		}
		all, err = s.trashedWhere(ctx, tx, `t.drive_id = $1 AND (t.trashed_at, t.node_id) < ($2, $3) ORDER BY t.trashed_at DESC, t.node_id DESC LIMIT $4`,
			driveID, from.Removed, from.ID, limit+1)
		return err
	})
	if err == nil && len(all) > limit {
		all = all[:limit]
		next = writePlace(trashPlace{sqldb.Micros(all[limit-1].Removed), all[limit-1].Node.ID})
	}
	return all, next, fault.Wrap(err, "drive.TrashList")
}

// RemovedAt answers what one TrashAll moved to the trash and is still there.
func (s *Drives) RemovedAt(ctx context.Context, driveID string, removed time.Time) ([]Trashed, error) {
	if err := unlimited(ctx, driveID); err != nil {
		return nil, fault.Wrap(err, "drive.RemovedAt")
	}
	all, err := s.trashedWhere(ctx, s.db, removedAt, driveID, sqldb.Micros(removed))
	return all, fault.Wrap(err, "drive.RemovedAt")
}

const removedAt = `t.drive_id = $1 AND t.trashed_at = $2 ORDER BY t.node_id LIMIT 1000`

func (s *Drives) trashedWhere(ctx context.Context, q sqldb.Querier, where string, args ...any) ([]Trashed, error) {
	return sqldb.All(ctx, q, `SELECT t.drive_id, t.path, t.trashed_at, `+nodeColumns+` FROM trash t JOIN nodes n ON n.id = t.node_id WHERE `+where, args,
		func(scan sqldb.Scan) (t Trashed, err error) {
			var row nodeRow
			var driveID, path string
			var removed int64
			err = scan(append([]any{&driveID, &path, &removed}, row.dest()...)...)
			return s.trashed(row.node(driveID, Path(path)), sqldb.Time(removed)), err
		})
}

// Restore puts a removed node back where it was: under the next free name if its own is taken, and in the
// root if its folder is gone. NotFound; TooLarge if its paths would be too long there.
func (s *Drives) Restore(ctx context.Context, driveID, nodeID string) (Node, error) {
	return s.RestoreAs(ctx, driveID, nodeID, "")
}

// RestoreAs is Restore under another name: Exists if that is taken. An empty one is the node's own.
func (s *Drives) RestoreAs(ctx context.Context, driveID, nodeID, name string) (node Node, err error) {
	if err := unlimited(ctx, driveID); err != nil {
		return Node{}, fault.Wrap(err, "drive.Restore")
	}
	if name != "" {
		if err := CheckName(name); err != nil {
			return Node{}, err
		}
	}
	err = s.edit(ctx, "drive.Restore", driveID, func(e *edit) error {
		node, err = e.restore(ctx, nodeID, name)
		return err
	})
	return node, err
}

// Undo restores what one TrashAll moved to the trash, as far as it is still there, and answers what that was. All that Restore refuses.
func (s *Drives) Undo(ctx context.Context, driveID string, removed time.Time) (nodes []Node, err error) {
	if err := unlimited(ctx, driveID); err != nil {
		return nil, fault.Wrap(err, "drive.Undo")
	}
	err = s.edit(ctx, "drive.Undo", driveID, func(e *edit) error {
		nodes = nil
		all, err := s.trashedWhere(ctx, e, removedAt, driveID, sqldb.Micros(removed))
		if err != nil {
			return err
		}
		for _, t := range all {
			node, err := e.restore(ctx, t.Node.ID, "")
			if err != nil {
				return err
			}
			nodes = append(nodes, node)
		}
		return nil
	})
	return nodes, err
}

func (e *edit) restore(ctx context.Context, nodeID, name string) (Node, error) {
	var row nodeRow
	var parentID, was string
	err := e.Row(ctx, `SELECT t.parent_id, t.path, `+nodeColumns+` FROM trash t JOIN nodes n ON n.id = t.node_id
		WHERE t.node_id = $1 AND t.drive_id = $2`, []any{nodeID, e.drive}, append([]any{&parentID, &was}, row.dest()...)...)
	if err != nil {
		return Node{}, err
	}
	folder, err := locate(ctx, e, e.drive, parentID)
	if fault.Is(err, fault.NotFound) || (err == nil && !folder.node.Folder) {
		folder, err = resolve(ctx, e, e.drive, Root)
	}
	if err != nil {
		return Node{}, err
	}
	if err := e.unlocked(ctx, nil, membersOf(folder.chain)); err != nil {
		return Node{}, err
	}
	node := row.node(e.drive, "")
	if err := e.restoredName(ctx, &node, folder.last(), name); err != nil {
		return Node{}, err
	}
	node.ParentID, node.Path, node.Revision = folder.last().id, folder.last().path.Join(node.Name), node.Revision+1
	if err := e.fits(ctx, Path(was), node); err != nil {
		return Node{}, err
	}
	if err := e.grow(ctx, node.ParentID, 1); err != nil {
		return Node{}, err
	}
	e.placed(ChangeRestored, node, seat{}, node.seat(), node.Path)
	if _, err := e.Exec(ctx, `DELETE FROM trash WHERE node_id = $1`, node.ID); err != nil {
		return Node{}, err
	}
	_, err = e.Exec(ctx, `UPDATE nodes SET parent_id = $2, name = $3, name_key = $4, revision = $5 WHERE id = $1`,
		node.ID, node.ParentID, node.Name, nameKey(node.Name), node.Revision)
	return node, err
}

// restoredName gives a node the name that was asked for, if it is free, or the next free one after its own.
func (e *edit) restoredName(ctx context.Context, node *Node, folder link, name string) (err error) {
	if name == "" {
		node.Name, err = e.freeName(ctx, folder, node.Name)
		return err
	}
	if !node.Folder {
		if err := e.proposed(name, node.MediaType, node.Size); err != nil {
			return err
		}
	}
	free, err := e.nameFree(ctx, folder.id, name)
	if err == nil && !free {
		err = taken(folder.path.Join(name))
	}
	node.Name = name
	return err
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
			if err := e.leaves(ctx, r.id); err != nil {
				return err
			}
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
		) SELECT SUM(size), SUM((SELECT SUM(v.size) FROM versions v WHERE v.node_id = tree.id)),
			SUM((SELECT SUM(`+propertySize+`) FROM properties p WHERE p.node_id = tree.id)) FROM tree`,
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
