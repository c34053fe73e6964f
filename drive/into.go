package drive

import (
	"context"

	"github.com/satchelhq/satchel/fault"
)

// MoveInto moves a node into a folder, under the next free name if its own is taken there; what is in the folder already stays as it is.
// A file in the place of the folder is ParentMissing. NotFound, Locked, Forbidden as Move has it.
func (s *Drives) MoveInto(ctx context.Context, driveID string, from, folder Path, g Guard) (node Node, err error) {
	err = s.edit(ctx, "drive.MoveInto", driveID, func(e *edit) error {
		src, to, err := e.into(ctx, from, folder)
		if err != nil {
			return err
		}
		if node = *src.node; node.ParentID == to.id {
			return nil
		}
		name, err := e.freeName(ctx, to, node.Name)
		if err != nil {
			return err
		}
		node, _, err = e.moveTo(ctx, from, to.path.Join(name), false, g)
		return err
	})
	return node, err
}

// CopyInto copies a node with all below it into a folder, which may be the one that it is in, under the next free name if its own is taken
// there. A file in the place of the folder is ParentMissing. NotFound, Locked, Full, Forbidden as Copy has it.
func (s *Drives) CopyInto(ctx context.Context, driveID string, from, folder Path, g Guard) (node Node, err error) {
	err = s.edit(ctx, "drive.CopyInto", driveID, func(e *edit) error {
		src, to, err := e.into(ctx, from, folder)
		if err != nil {
			return err
		}
		name, err := e.freeName(ctx, to, src.node.Name)
		if err != nil {
			return err
		}
		node, _, err = e.copyTo(ctx, from, to.path.Join(name), false, true, g)
		return err
	})
	return node, err
}

// into finds a node and the folder that it is to go to.
func (e *edit) into(ctx context.Context, from, folder Path) (src *place, to link, err error) {
	if src, err = resolve(ctx, e, e.drive, from); err != nil {
		return
	}
	if _, err = src.found(); err != nil {
		return
	}
	if _, err = src.parent(); err != nil {
		return
	}
	at, err := resolve(ctx, e, e.drive, folder)
	if err != nil {
		return
	}
	if at.node == nil || !at.node.Folder {
		return nil, link{}, parentMissing(folder)
	}
	if folder.Within(src.path) {
		return nil, link{}, fault.New(fault.Forbidden, "drive.into", "A folder cannot be moved or copied into itself.").WithCode("same_place").WithPath(string(folder))
	}
	return src, at.last(), nil
}
