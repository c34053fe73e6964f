package drive

import (
	"context"
	"fmt"

	"github.com/satchelhq/satchel/fault"
)

// Move moves and renames a node with all below it: one row changes. What stands at the target is in the
// way unless overwrite is set (Exists); then a file over a file becomes its newest version, and anything
// else at the target goes to the trash. Locks on what moves are left behind. Moving onto itself, below
// itself or onto a folder above it is Forbidden. NotFound, ParentMissing, Locked, Precondition. g.Check sees the target.
func (s *Drives) Move(ctx context.Context, driveID string, from, to Path, overwrite bool, g Guard) (node Node, replaced bool, err error) {
	err = s.edit(ctx, "drive.Move", driveID, func(e *edit) error {
		node, replaced, err = e.moveTo(ctx, from, to, overwrite, g)
		return err
	})
	return node, replaced, err
}

func (e *edit) moveTo(ctx context.Context, from, to Path, overwrite bool, g Guard) (node Node, replaced bool, err error) {
	src, dst, err := e.pair(ctx, from, to, overwrite, g)
	if err != nil {
		return Node{}, false, err
	}
	if err := e.unlocked(ctx, g.Tokens, treeOf(src)); err != nil {
		return Node{}, false, err
	}
	same := dst.node != nil && dst.node.ID == src.node.ID // only the spelling changes
	replaced = dst.node != nil && !same
	if replaced && !src.node.Folder && !dst.node.Folder {
		node, err = e.moveOnto(ctx, src, dst)
		return node, replaced, err
	}
	if replaced {
		if err := e.trash(ctx, dst); err != nil {
			return Node{}, false, err
		}
	}
	node, err = e.move(ctx, src, dst)
	return node, replaced, err
}

// pair finds source and target and refuses what neither Move nor Copy does.
func (e *edit) pair(ctx context.Context, from, to Path, overwrite bool, g Guard) (src, dst *place, err error) {
	if src, err = resolve(ctx, e, e.drive, from); err != nil {
		return
	}
	if _, err = src.found(); err != nil {
		return
	}
	if _, err = src.parent(); err != nil {
		return
	}
	if dst, err = resolve(ctx, e, e.drive, to); err != nil {
		return
	}
	spelling := dst.node != nil && dst.node.ID == src.node.ID && to.Name() != src.node.Name
	if !spelling && (to.Within(from) || from.Within(to)) {
		return nil, nil, fault.New(fault.Forbidden, "drive.pair", "A file or folder cannot be moved or copied onto itself, into itself or onto a folder that holds it.").WithCode("same_place").WithPath(string(to))
	}
	if _, err = dst.parent(); err != nil {
		return
	}
	if !src.node.Folder {
		if err = e.proposed(to.Name(), src.node.MediaType, src.node.Size); err != nil {
			return
		}
	}
	if err = e.check(ctx, g, dst.node); err != nil {
		return
	}
	if g.Source != nil {
		if err = g.Source(src.node); err != nil {
			return
		}
	}
	if dst.node != nil && !spelling && !overwrite {
		return nil, nil, taken(to)
	}
	if dst.node != nil {
		err = e.unlocked(ctx, g.Tokens, treeOf(dst))
	} else {
		err = e.unlocked(ctx, g.Tokens, membersOf(dst.chain))
	}
	return
}

func (e *edit) move(ctx context.Context, src, dst *place) (Node, error) {
	from, err := src.parent()
	if err != nil {
		return Node{}, err
	}
	to, err := dst.parent()
	if err != nil {
		return Node{}, err
	}
	node := *src.node
	node.ParentID, node.Name, node.Revision = to.id, dst.path.Name(), node.Revision+1
	node.Path = to.path.Join(node.Name)
	if err := e.fits(ctx, src.path, node); err != nil {
		return Node{}, err
	}
	if err := e.unlockTree(ctx, src.path); err != nil {
		return Node{}, err
	}
	if err := e.grow(ctx, from.id, -1); err != nil {
		return Node{}, err
	}
	if err := e.grow(ctx, to.id, 1); err != nil {
		return Node{}, err
	}
	e.placed(ChangeMoved, node, src.node.seat(), node.seat(), node.Path)
	_, err = e.Exec(ctx, `UPDATE nodes SET parent_id = $2, name = $3, name_key = $4, revision = $5 WHERE id = $1`,
		node.ID, node.ParentID, node.Name, nameKey(node.Name), node.Revision)
	return node, err
}

// moveOnto gives the file at dst the content, properties and history of the file at src, which ends.
// That is how programs save that write a new file and move it over the old one: the history goes on.
func (e *edit) moveOnto(ctx context.Context, src, dst *place) (Node, error) {
	from, err := src.parent()
	if err != nil {
		return Node{}, err
	}
	moving, node := *src.node, *dst.node
	node.fill(moving)
	node.Revision = max(node.Revision, moving.Revision) + 1
	if err := e.take(-moving.Size); err != nil {
		return Node{}, err
	}
	if err := e.supersede(ctx, *dst.node, node); err != nil {
		return Node{}, err
	}
	if err := e.unlockTree(ctx, src.path); err != nil {
		return Node{}, err
	}
	if err := e.dropProperties(ctx, node.ID); err != nil {
		return Node{}, err
	}
	for _, step := range []string{
		`UPDATE versions SET node_id = $1 WHERE node_id = $2`,
		`UPDATE properties SET node_id = $1 WHERE node_id = $2`,
		`DELETE FROM nodes WHERE id = $2 AND $1 <> ''`,
	} {
		if _, err := e.Exec(ctx, step, node.ID, moving.ID); err != nil {
			return Node{}, err
		}
	}
	if err := e.pruneVersions(ctx, node.ID); err != nil {
		return Node{}, err
	}
	if err := e.grow(ctx, from.id, -1); err != nil {
		return Node{}, err
	}
	e.placed(ChangeMoved, moving, moving.seat(), seat{}, node.Path)
	e.written(*dst.node, node.Path)
	return node, e.rewrite(ctx, node)
}

// fits refuses a move or copy after which a path below node would be deeper or longer than ParsePath takes.
// Only a tree that gets deeper or longer is read for it.
func (e *edit) fits(ctx context.Context, from Path, node Node) error {
	if _, err := ParsePath(string(node.Path)); err != nil {
		return err
	}
	if !node.lengthens(from) {
		return nil
	}
	depth, length := len(node.Path.Names()), len(node.Path)
	var deepest, longest int
	err := e.Row(ctx, `WITH RECURSIVE tree (id, depth, length) AS (
			SELECT id, 1, octet_length(name) + 1 FROM nodes WHERE parent_id = $1
			UNION ALL
			SELECT c.id, tree.depth + 1, tree.length + octet_length(c.name) + 1 FROM tree JOIN nodes c ON c.parent_id = tree.id
		) SELECT COALESCE(MAX(depth), 0), COALESCE(MAX(length), 0) FROM tree`, []any{node.ID}, &deepest, &longest)
	if err != nil {
		return err
	}
	if depth+deepest > MaxDepth || length+longest > MaxPath {
		return fault.New(fault.TooLarge, "drive.fits", fmt.Sprintf("Below it, paths would be over %d names or %d bytes.", MaxDepth, MaxPath)).WithCode("path_too_long")
	}
	return nil
}

// lengthens reports whether paths below a folder get longer or deeper by its coming from another path.
func (n *Node) lengthens(from Path) bool {
	return n.Folder && (len(n.Path.Names()) > len(from.Names()) || len(n.Path) > len(from))
}
