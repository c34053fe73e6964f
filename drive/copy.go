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
		node, replaced, err = e.copyTo(ctx, from, to, overwrite, deep, g)
		return err
	})
	return node, replaced, err
}

func (e *edit) copyTo(ctx context.Context, from, to Path, overwrite, deep bool, g Guard) (node Node, replaced bool, err error) {
	src, dst, err := e.pair(ctx, from, to, overwrite, g)
	if err != nil {
		return Node{}, false, err
	}
	if dst.node != nil && dst.node.ID == src.node.ID {
		return Node{}, false, fault.New(fault.Forbidden, "drive.Copy", "A file cannot be copied onto itself.").WithCode("same_place")
	}
	replaced = dst.node != nil
	if replaced && !src.node.Folder && !dst.node.Folder {
		node, err = e.copyOnto(ctx, src, dst)
		return node, replaced, err
	}
	if replaced {
		if err := e.trash(ctx, dst); err != nil {
			return Node{}, false, err
		}
	}
	node, err = e.copy(ctx, src, dst, deep)
	return node, replaced, err
}

func (e *edit) copyOnto(ctx context.Context, src, dst *place) (Node, error) {
	node := *dst.node
	node.fill(*src.node)
	node.Revision++
	if err := e.supersede(ctx, *dst.node, node); err != nil {
		return Node{}, err
	}
	if err := e.dropProperties(ctx, node.ID); err != nil {
		return Node{}, err
	}
	e.written(*dst.node, node.Path)
	if err := e.rewrite(ctx, node); err != nil {
		return Node{}, err
	}
	return node, e.copyProperties(ctx, src.node.ID, node.ID)
}

func (e *edit) copy(ctx context.Context, src, dst *place, deep bool) (Node, error) {
	parent, err := dst.parent()
	if err != nil {
		return Node{}, err
	}
	folders := []copiedFolder{{Node: *src.node}}
	bytes := src.node.Size
	if deep && src.node.Folder {
		if folders, bytes, err = e.foldersBelow(ctx, *src.node); err != nil {
			return Node{}, err
		}
	}
	if err := e.take(bytes); err != nil {
		return Node{}, err
	}
	if err := e.grow(ctx, parent.id, 1); err != nil {
		return Node{}, err
	}
	top := *src.node
	top.ID, top.ParentID, top.Name, top.Path, top.Created, top.Revision = sqldb.NewID(), parent.id, dst.path.Name(), parent.path.Join(dst.path.Name()), e.now, 1
	if err := e.fits(ctx, src.path, Node{ID: src.node.ID, Folder: src.node.Folder, Path: top.Path}); err != nil {
		return Node{}, err
	}
	if err := e.insertCopies(ctx, folders, top); err != nil {
		return Node{}, err
	}
	e.placed(ChangeCreated, top, seat{}, top.seat(), top.Path)
	return top, nil
}

// copiedFolder is a folder that is copied, or the one file that is.
type copiedFolder struct {
	Node
	children, files int // that are copied with it
}

// foldersBelow answers a folder and the folders below it, parents first, with how many bytes the files in them have. Over MaxCopy nodes
// is TooLarge.
func (e *edit) foldersBelow(ctx context.Context, top Node) (folders []copiedFolder, bytes int64, err error) {
	folders = []copiedFolder{{Node: top}}
	for i, total := 0, 1; i < len(folders); i++ {
		f := &folders[i]
		var size int64
		var inner int
		err := e.Row(ctx, `SELECT COUNT(*), COUNT(*) FILTER (WHERE folder), COALESCE(SUM(size), 0) FROM nodes WHERE parent_id = $1`, []any{f.ID}, &f.children, &inner, &size)
		if err != nil {
			return nil, 0, err
		}
		f.files = f.children - inner
		bytes += size
		if total += f.children; total > MaxCopy {
			return nil, 0, tooManyNodes(MaxCopy)
		}
		if inner == 0 {
			continue
		}
		err = e.Each(ctx, `SELECT `+nodeColumns+` FROM nodes n WHERE n.parent_id = $1 AND n.folder ORDER BY n.name_key`, []any{f.ID}, func(scan sqldb.Scan) error {
			var row nodeRow
			err := scan(row.dest()...)
			folders = append(folders, copiedFolder{Node: row.node(top.DriveID, "")})
			return err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return folders, bytes, nil
}

// copyBatch is how many rows one INSERT of insertCopies writes.
const copyBatch = 50

// insertCopies writes the rows of the folders, the first of which becomes top, and of the files in them. A folder's files are one
// statement: their rows do not leave the database.
func (e *edit) insertCopies(ctx context.Context, folders []copiedFolder, top Node) error {
	ids := map[string]string{folders[0].ID: top.ID} // old → new
	for _, f := range folders[1:] {
		ids[f.ID] = sqldb.NewID()
	}
	for rest := folders; len(rest) > 0; {
		batch := rest[:1]
		if len(rest) >= copyBatch {
			batch = rest[:copyBatch]
		}
		rest = rest[len(batch):]
		var args []any
		for _, f := range batch {
			parent, name := ids[f.ParentID], f.Name
			if ids[f.ID] == top.ID {
				parent, name = top.ParentID, top.Name
			}
			var blobID any
			if !f.Folder {
				blobID = string(f.blob)
			}
			args = append(args, ids[f.ID], e.drive, parent, name, nameKey(name), f.Folder, blobID, sqldb.Bytes(f.SHA256), f.Size, f.MediaType,
				f.children, sqldb.Micros(e.now), sqldb.Micros(f.Modified), 1)
		}
		if _, err := e.Exec(ctx, insertNodesSQL(len(batch)), args...); err != nil {
			return err
		}
	}
	for _, f := range folders {
		if err := e.copyProperties(ctx, f.ID, ids[f.ID]); err != nil {
			return err
		}
		if f.files == 0 {
			continue
		}
		if err := e.copyFiles(ctx, f.ID, ids[f.ID]); err != nil {
			return err
		}
	}
	return nil
}

// copyColumns are those of insertNodesSQL and copyFilesSQL.
const copyColumns = `id, drive_id, parent_id, name, name_key, folder, blob_id, sha256, size, media_type, children, created_at, modified_at, revision`

// insertNodesSQL is an INSERT of rows nodes; it has two texts, for one row and for a whole batch.
func insertNodesSQL(rows int) string {
	const columns = 14
	var b strings.Builder
	b.WriteString(`INSERT INTO nodes (` + copyColumns + `) VALUES `)
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

// serialDigits are those of an id that copyFiles counts by itself, in hexadecimal; the rest is a new id's beginning.
const serialDigits = 10

// copyFilesSQL makes copies of the files in a folder. Rows are told apart by SQLite's own number of a row, which is cheaper there than to count.
func copyFilesSQL(engine sqldb.Engine) string {
	serial := `printf('%010x', n.rowid)`
	if engine == sqldb.Postgres {
		serial = `lpad(to_hex(row_number() OVER (ORDER BY n.name_key)), 10, '0')`
	}
	return `INSERT INTO nodes (` + copyColumns + `)
		SELECT CAST($1 AS TEXT) || ` + serial + `, n.drive_id, CAST($2 AS TEXT), n.name, n.name_key, FALSE, n.blob_id, n.sha256, n.size, n.media_type,
			0, CAST($3 AS BIGINT), n.modified_at, 1
		FROM nodes n WHERE n.parent_id = $4 AND NOT n.folder ORDER BY n.name_key`
}

// copyFiles copies the files of a folder into another that has none, with their dead properties.
func (e *edit) copyFiles(ctx context.Context, from, to string) error {
	prefix := sqldb.NewID()[:sqldb.IDLength-serialDigits]
	if _, err := e.Exec(ctx, copyFilesSQL(e.Engine()), prefix, to, sqldb.Micros(e.now), from); err != nil {
		return err
	}
	// CROSS JOIN tells SQLite the order: it would look through everybody's properties first.
	copied, err := e.Exec(ctx, `INSERT INTO properties (node_id, namespace, name, language, value)
		SELECT c.id, p.namespace, p.name, p.language, p.value FROM nodes n CROSS JOIN properties p CROSS JOIN nodes c
		WHERE n.parent_id = $2 AND NOT n.folder AND p.node_id = n.id AND c.parent_id = $1 AND c.name_key = n.name_key`, to, from)
	if err != nil || copied == 0 {
		return err
	}
	var size int64
	if err := e.Row(ctx, `SELECT COALESCE(SUM(`+propertySize+`), 0) FROM nodes c CROSS JOIN properties p WHERE c.parent_id = $1 AND NOT c.folder AND p.node_id = c.id`,
		[]any{to}, &size); err != nil {
		return err
	}
	return e.take(size)
}

// copyProperties copies the dead properties of a node to one that has none.
func (e *edit) copyProperties(ctx context.Context, from, to string) error {
	_, size, err := e.countProperties(ctx, from)
	if err != nil || size == 0 {
		return err
	}
	if err := e.take(size); err != nil {
		return err
	}
	_, err = e.Exec(ctx, `INSERT INTO properties (node_id, namespace, name, language, value)
		SELECT CAST($1 AS TEXT), namespace, name, language, value FROM properties WHERE node_id = $2`, to, from)
	return err
}
