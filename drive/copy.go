package drive

import (
	"context"
	"fmt"
	"strings"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// MaxCopy is how many nodes one Copy takes: it is one transaction.
const MaxCopy = 200_000

// Copy copies a node, with all below it if deep is set. Content is shared, not copied: rows are written. What
// stands at the target is in the way unless overwrite is set (Exists); then a file over a file becomes its
// newest version, and anything else at the target goes to the trash. Copying onto itself, below itself or onto
// a folder above it is Forbidden. NotFound, ParentMissing, Locked, Precondition, Full. g.Check sees the target.
func (s *Drives) Copy(ctx context.Context, driveID string, from, to Path, overwrite, deep bool, g Guard) (node Node, replaced bool, err error) {
	err = s.edit(ctx, "drive.Copy", driveID, func(e *edit) error {
		src, dst, err := e.pair(ctx, from, to, overwrite, g)
		if err != nil {
			return err
		}
		if dst.node != nil && dst.node.ID == src.node.ID {
			return fault.New(fault.Forbidden, "drive.Copy", "A file cannot be copied onto itself.").WithCode("same_place")
		}
		replaced = dst.node != nil
		if replaced && !src.node.Folder && !dst.node.Folder {
			node, err = e.copyOnto(ctx, src, dst)
			return err
		}
		if replaced {
			if err := e.trash(ctx, dst); err != nil {
				return err
			}
		}
		node, err = e.copy(ctx, src, dst, deep)
		return err
	})
	return node, replaced, err
}

func (e *edit) copyOnto(ctx context.Context, src, dst *place) (Node, error) {
	node := *dst.node
	node.fill(*src.node)
	node.Revision++
	if err := e.supersede(ctx, *dst.node, node); err != nil {
		return Node{}, err
	}
	if _, err := e.Exec(ctx, `DELETE FROM properties WHERE node_id = $1`, node.ID); err != nil {
		return Node{}, err
	}
	e.changed(ChangeWritten, node.ID, node.Path)
	if err := e.rewrite(ctx, node); err != nil {
		return Node{}, err
	}
	return node, e.copyProperties(ctx, map[string]string{src.node.ID: node.ID}, src.node.ID)
}

func (e *edit) copy(ctx context.Context, src, dst *place, deep bool) (Node, error) {
	parent, err := dst.parent()
	if err != nil {
		return Node{}, err
	}
	all := []Node{*src.node}
	if deep {
		if all, err = e.s.subtree(ctx, e, *src.node, MaxCopy); err != nil {
			return Node{}, err
		}
	}
	ids := make(map[string]string, len(all)) // old → new
	children := make(map[string]int, len(all))
	var bytes int64
	for i := range all {
		n := &all[i]
		ids[n.ID] = sqldb.NewID()
		bytes += n.Size
		if i > 0 {
			children[n.ParentID]++
		}
	}
	if err := e.take(bytes); err != nil {
		return Node{}, err
	}
	if err := e.grow(ctx, parent.id, 1); err != nil {
		return Node{}, err
	}
	top := *src.node
	top.ID, top.ParentID, top.Name, top.Path, top.Created, top.Revision = ids[top.ID], parent.id, dst.path.Name(), parent.path.Join(dst.path.Name()), e.now, 1
	if err := e.fits(ctx, src.path, Node{ID: src.node.ID, Folder: src.node.Folder, Path: top.Path}); err != nil {
		return Node{}, err
	}
	if err := e.insertCopies(ctx, all, ids, children, top); err != nil {
		return Node{}, err
	}
	e.changed(ChangeCreated, top.ID, top.Path)
	return top, e.copyProperties(ctx, ids, src.node.ID)
}

// copyBatch is how many rows one INSERT of insertCopies writes.
const copyBatch = 50

func (e *edit) insertCopies(ctx context.Context, all []Node, ids map[string]string, children map[string]int, top Node) error {
	for len(all) > 0 {
		batch := all[:1]
		if len(all) >= copyBatch {
			batch = all[:copyBatch]
		}
		all = all[len(batch):]
		var args []any
		for _, n := range batch {
			parent, name := ids[n.ParentID], n.Name
			if ids[n.ID] == top.ID {
				parent, name = top.ParentID, top.Name
			}
			var blobID any
			if !n.Folder {
				blobID = string(n.blob)
			}
			args = append(args, ids[n.ID], e.drive, parent, name, nameKey(name), n.Folder, blobID, sqldb.Bytes(n.SHA256), n.Size, n.MediaType,
				children[n.ID], sqldb.Micros(e.now), sqldb.Micros(n.Modified), 1)
		}
		if _, err := e.Exec(ctx, insertNodesSQL(len(batch)), args...); err != nil {
			return err
		}
	}
	return nil
}

// insertNodesSQL is an INSERT of rows nodes; it has two texts, for one row and for a whole batch.
func insertNodesSQL(rows int) string {
	const columns = 14
	var b strings.Builder
	b.WriteString(`INSERT INTO nodes (id, drive_id, parent_id, name, name_key, folder, blob_id, sha256, size, media_type, children, created_at, modified_at, revision) VALUES `)
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "$%d", r*columns+c+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// copyProperties copies the dead properties of every node that is in ids, all of them at top or below it.
func (e *edit) copyProperties(ctx context.Context, ids map[string]string, top string) error {
	// The values stay in the database: together they may be larger than memory.
	holders, err := sqldb.All(ctx, e, `WITH RECURSIVE tree (id) AS (
			SELECT id FROM nodes WHERE id = $1
			UNION ALL
			SELECT c.id FROM tree JOIN nodes c ON c.parent_id = tree.id
		) SELECT id FROM tree WHERE EXISTS (SELECT 1 FROM properties p WHERE p.node_id = tree.id)`,
		[]any{top}, func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
	if err != nil {
		return err
	}
	for _, holder := range holders {
		copied, ok := ids[holder]
		if !ok {
			continue // below a folder that was copied without its content
		}
		if _, err := e.Exec(ctx, `INSERT INTO properties (node_id, namespace, name, language, value)
			SELECT CAST($1 AS TEXT), namespace, name, language, value FROM properties WHERE node_id = $2`, copied, holder); err != nil {
			return err
		}
	}
	return nil
}
