package drive

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Point is a moment in the history of a folder, which a client keeps to learn later what changed since (RFC 6578).
// It stands for the folder as it was after a change, or for a part of it, if there was too much to tell at once.
type Point struct {
	Folder   string // its id
	Sequence int64  // of the drive's last change that is told; 0 is none
	At       int64  // when that was, in microseconds since 1970: numbers alone come again when a backup is restored
	// Below is the id of a node whose content is being told, in parts; empty if there is none. After is the last path below it
	// that was, by its names' keys: "/" is the node itself, and empty is nothing yet.
	Below, After string
}

// Removed is a path at which there is nothing any more.
type Removed struct {
	Path   Path
	Folder bool // it was one
}

// Synced is what changed in a folder.
type Synced struct {
	Folder  Node
	Changed []Node    // that are new at their path, or have other content or properties than they had; a folder before what is in it
	Removed []Removed // none is below another one
	Point   Point     // where to go on
	More    bool      // there is more to tell, from Point on
}

// Sync answers what changed in the folder at path since a point that an earlier Sync or Head answered, or all that is in it for the
// zero Point; with deep at any depth, and else right in it. At most limit paths, which is at least 1, are told at once. A path
// that was left and is taken again is told as changed; one that was taken and left in between is told as removed. What is in a folder
// that is told as removed is not told.
//
// What is read grows with the changes of the drive since then (at most Options.MaxChanges) and with what is told; a folder that came from
// elsewhere is told with all that is in it. One snapshot of the database answers all of it.
//
// NotFound; Invalid with code "is_file"; Forbidden with code "invalid_sync_token" for a point that is not of this folder, or too old.
func (s *Drives) Sync(ctx context.Context, driveID string, path Path, since Point, deep bool, limit int) (synced Synced, err error) {
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		synced, err = s.sync(ctx, tx, driveID, path, since, deep, limit)
		return err
	})
	return synced, fault.Wrap(err, "drive.Sync")
}

func (s *Drives) sync(ctx context.Context, q sqldb.Querier, driveID string, path Path, since Point, deep bool, limit int) (Synced, error) {
	at, err := resolve(ctx, q, driveID, path)
	if err != nil {
		return Synced{}, err
	}
	folder, err := at.found()
	if err != nil {
		return Synced{}, err
	}
	if !folder.Folder {
		return Synced{}, fault.New(fault.Invalid, "drive.Sync", "This is a file, not a folder.").WithCode("is_file")
	}
	if since == (Point{}) {
		if since, err = head(ctx, q, driveID, folder.ID); err != nil {
			return Synced{}, err
		}
		since.Below, since.After = folder.ID, "/"
	}
	h, err := s.since(ctx, q, folder, since)
	if err != nil {
		return Synced{}, err
	}
	d := &delta{history: h, deep: deep, limit: limit}
	var synced Synced
	if since.Below != "" {
		synced, err = d.resume(ctx, since)
	} else {
		synced, err = d.tell(ctx)
	}
	synced.Folder = folder
	return synced, err
}

func invalidPoint() error {
	return fault.New(fault.Forbidden, "drive.Sync", "What changed since then is not known, or not any more: sync from the beginning.").WithCode("invalid_sync_token")
}

// Head answers the point of now for any folder of a drive: its Folder is left to be filled in. What is read afterwards is at least
// as new.
func (s *Drives) Head(ctx context.Context, driveID string) (Point, error) {
	p, err := head(ctx, s.db, driveID, "")
	return p, fault.Wrap(err, "drive.Head")
}

func head(ctx context.Context, q sqldb.Querier, driveID, folderID string) (Point, error) {
	p := Point{Folder: folderID}
	err := q.Row(ctx, `SELECT sequence, COALESCE((SELECT at FROM changes WHERE drive_id = drives.id AND sequence = drives.sequence), 0)
		FROM drives WHERE id = $1`, []any{driveID}, &p.Sequence, &p.At)
	return p, err
}

// Unchanged reports whether the folder at path is the point's, and nothing in it changed since, at any depth.
// A point that is not known any more is taken for one with changes.
func (s *Drives) Unchanged(ctx context.Context, driveID string, path Path, since Point) (unchanged bool, err error) {
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		at, err := resolve(ctx, tx, driveID, path)
		if err != nil {
			return err
		}
		if at.node == nil || at.node.ID != since.Folder {
			return nil
		}
		unchanged, err = s.unchanged(ctx, tx, *at.node, since)
		return err
	})
	return unchanged, fault.Wrap(err, "drive.Unchanged")
}

func (s *Drives) unchanged(ctx context.Context, q sqldb.Querier, folder Node, since Point) (bool, error) {
	h, err := s.since(ctx, q, folder, since)
	if fault.Is(err, fault.Forbidden) {
		return false, nil
	}
	if err != nil || len(h.events) == 0 {
		return err == nil, err
	}
	touched, err := h.touchesFolder(ctx)
	return !touched, err
}

// stillSo refuses with Precondition if one of the points' folders has changed since.
func (e *edit) stillSo(ctx context.Context, points []Point) error {
	for _, p := range points {
		if p.Sequence == e.sequence { // this transaction holds the drive
			continue
		}
		at, err := locate(ctx, e, e.drive, p.Folder)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		same := err == nil
		if same {
			if same, err = e.s.unchanged(ctx, e, *at.node, p); err != nil {
				return err
			}
		}
		if !same {
			return fault.New(fault.Precondition, "drive.stillSo", "The folder has changed since.")
		}
	}
	return nil
}
