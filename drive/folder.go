package drive

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// MakeFolder makes an empty folder. Exists, ParentMissing, Locked, Precondition.
func (s *Drives) MakeFolder(ctx context.Context, driveID string, path Path, g Guard) (node Node, err error) {
	return s.MakeFolderWith(ctx, driveID, path, nil, time.Time{}, g)
}

// MakeFolderWith is MakeFolder with dead properties and, unless it is zero, a time of last change: all of it in one transaction.
// TooLarge for more properties than PatchProperties takes.
func (s *Drives) MakeFolderWith(ctx context.Context, driveID string, path Path, set []Property, modified time.Time, g Guard) (node Node, err error) {
	if err := checkProperties(set); err != nil {
		return Node{}, fault.Wrap(err, "drive.MakeFolder")
	}
	err = s.edit(ctx, "drive.MakeFolder", driveID, func(e *edit) error {
		at, err := resolve(ctx, e, driveID, path)
		if err != nil {
			return err
		}
		if at.node != nil {
			return taken(path)
		}
		parent, err := at.parent()
		if err != nil {
			return err
		}
		if err := e.check(ctx, g, nil); err != nil {
			return err
		}
		if err := e.unlocked(ctx, g.Tokens, membersOf(at.chain)); err != nil {
			return err
		}
		if node, err = e.makeFolder(ctx, parent, path.Name()); err != nil {
			return err
		}
		return e.setProperties(ctx, &node, set, modified, 0)
	})
	return node, err
}

func (e *edit) makeFolder(ctx context.Context, parent link, name string) (Node, error) {
	node := Node{
		ID: sqldb.NewID(), DriveID: e.drive, ParentID: parent.id, Name: name, Path: parent.path.Join(name),
		Folder: true, Created: e.now, Modified: e.now, Revision: 1,
	}
	e.placed(ChangeCreated, node, seat{}, node.seat(), node.Path)
	return node, e.insert(ctx, node)
}

// makeFolders makes the folders on the way to path that are missing, and answers the last one.
// A file in the way is ParentMissing.
func (e *edit) makeFolders(ctx context.Context, path Path) (*place, error) {
	at, err := resolve(ctx, e, e.drive, path)
	if err != nil {
		return nil, err
	}
	for len(at.missing) > 0 {
		if !at.last().folder {
			break
		}
		if err := e.unlocked(ctx, nil, membersOf(at.chain)); err != nil {
			return nil, err
		}
		node, err := e.makeFolder(ctx, at.last(), at.missing[0])
		if err != nil {
			return nil, err
		}
		at.chain = append(at.chain, link{node.ID, true, node.Path})
		at.missing = at.missing[1:]
		at.node = &node
	}
	if !at.last().folder {
		return nil, parentMissing(path)
	}
	return at, nil
}
