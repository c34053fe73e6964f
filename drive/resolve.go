package drive

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// place is what a path leads to: the nodes that exist on the way, and the names that name nothing.
type place struct {
	path    Path
	chain   []link   // from the root to the last node that exists
	node    *Node    // what stands at path, nil if nothing does
	missing []string // the names after the chain
	top     string   // id of the folder that the caller is kept to (limit.go); empty if to none
}

// link is a node on the way to another.
type link struct {
	id     string
	folder bool
	path   Path // spelled as stored
}

func (p *place) last() link { return p.chain[len(p.chain)-1] }

// parent is the folder that holds path, or would: ParentMissing if there is none. The root has no parent: Forbidden.
func (p *place) parent() (link, error) {
	switch {
	case p.path == Root, p.node != nil && p.node.ID == p.top:
		return link{}, fault.New(fault.Forbidden, "drive.parent", "This cannot be done to the drive itself.").WithCode("is_root")
	case p.node != nil:
		return p.chain[len(p.chain)-2], nil
	case len(p.missing) == 1 && p.last().folder:
		return p.last(), nil
	}
	return link{}, parentMissing(p.path)
}

func parentMissing(path Path) error {
	return fault.New(fault.ParentMissing, "drive.parent", "").WithPath(string(path))
}

// found is the node at path, or NotFound.
func (p *place) found() (Node, error) {
	if p.node == nil {
		return Node{}, fault.New(fault.NotFound, "drive.resolve", "").WithPath(string(p.path))
	}
	return *p.node, nil
}

// nodeColumns are what scanNode reads, of the table alias n.
const nodeColumns = `n.id, n.parent_id, n.name, n.folder, n.blob_id, n.sha256, n.size, n.media_type, n.created_at, n.modified_at, n.revision`

// nodeRow takes the columns; all may be NULL where an outer join found nothing.
type nodeRow struct {
	id, parent, name, blob, mediaType sql.NullString
	folder                            sql.NullBool
	sha256                            []byte
	size, created, modified, revision sql.NullInt64
}

func (r *nodeRow) dest() []any {
	return []any{&r.id, &r.parent, &r.name, &r.folder, &r.blob, &r.sha256, &r.size, &r.mediaType, &r.created, &r.modified, &r.revision}
}

func (r *nodeRow) node(driveID string, path Path) Node {
	return Node{
		ID: r.id.String, DriveID: driveID, ParentID: r.parent.String, Name: r.name.String, Path: path, Folder: r.folder.Bool,
		Size: r.size.Int64, MediaType: r.mediaType.String, SHA256: r.sha256,
		Created: sqldb.Time(r.created.Int64), Modified: sqldb.Time(r.modified.Int64), Revision: r.revision.Int64,
		blob: blob.Key(r.blob.String),
	}
}

// stride is how many names one query resolves. SQLite joins at most 64 tables.
const stride = 16

// resolve follows path from the drive's root. NotFound only if the drive does not exist, or if the caller is kept to a folder that
// path does not lead into.
func resolve(ctx context.Context, q sqldb.Querier, driveID string, path Path) (*place, error) {
	p, err := resolveAll(ctx, q, driveID, path)
	if err == nil {
		err = confine(ctx, driveID, p)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func resolveAll(ctx context.Context, q sqldb.Querier, driveID string, path Path) (*place, error) {
	p := &place{path: path, missing: path.Names()}
	for first := true; first || len(p.missing) > 0; first = false {
		names := p.missing[:min(stride, len(p.missing))]
		from := driveID
		if !first {
			from = p.last().id
		}
		found, err := p.follow(ctx, q, driveID, from, first, names)
		if err != nil {
			return nil, err
		}
		p.missing = p.missing[found:]
		if found < len(names) {
			return p, nil // the way ends here
		}
	}
	return p, nil
}

// follow resolves names below a node with one query and answers how many of them exist.
func (p *place) follow(ctx context.Context, q sqldb.Querier, driveID, from string, fromRoot bool, names []string) (int, error) {
	args := []any{from}
	for _, name := range names {
		args = append(args, nameKey(name))
	}
	type step struct {
		id, name sql.NullString
		folder   sql.NullBool
	}
	steps := make([]step, len(names)+1)
	var row nodeRow
	var dest []any
	for i := range steps {
		dest = append(dest, &steps[i].id, &steps[i].name, &steps[i].folder)
	}
	dest = append(dest, row.dest()...)
	if err := q.Row(ctx, followSQL(len(names), fromRoot), args, dest...); err != nil {
		return 0, err
	}
	found := 0
	for i, s := range steps {
		if !s.id.Valid {
			break
		}
		found = i
		switch {
		case i == 0 && fromRoot:
			p.chain = append(p.chain, link{s.id.String, s.folder.Bool, Root})
		case i > 0:
			p.chain = append(p.chain, link{s.id.String, s.folder.Bool, p.last().path.Join(s.name.String)})
		}
	}
	if row.id.Valid && found == len(p.missing) {
		node := row.node(driveID, p.last().path)
		p.node = &node
	}
	return found, nil
}

// followTexts are the texts of followSQL by depth, from a drive's root and from a node.
var followTexts = func() (texts [stride + 1][2]string) {
	for depth := range texts {
		texts[depth] = [2]string{followText(depth, true), followText(depth, false)}
	}
	return texts
}()

// followSQL joins nodes to their children depth times, at most stride.
func followSQL(depth int, fromRoot bool) string {
	if fromRoot {
		return followTexts[depth][0]
	}
	return followTexts[depth][1]
}

func followText(depth int, fromRoot bool) string {
	var columns, joins strings.Builder
	for i := 0; i <= depth; i++ {
		fmt.Fprintf(&columns, "%[1]s.id, %[1]s.name, %[1]s.folder, ", alias(i, depth))
		if i > 0 {
			fmt.Fprintf(&joins, " LEFT JOIN nodes %[1]s ON %[1]s.parent_id = %[2]s.id AND %[1]s.name_key = $%[3]d", alias(i, depth), alias(i-1, depth), i+1)
		}
	}
	start := "$1"
	if fromRoot {
		start = "(SELECT root_id FROM drives WHERE id = $1)"
	}
	return "SELECT " + columns.String() + nodeColumns + " FROM nodes " + alias(0, depth) + joins.String() + " WHERE " + alias(0, depth) + ".id = " + start
}

// alias names the tables of followSQL: the last one is n, whose columns scan as a node.
func alias(i, depth int) string {
	if i == depth {
		return "n"
	}
	return fmt.Sprintf("a%d", i)
}

// locate finds a node by its id and the way to it. NotFound for another drive's, for what is in the trash, and for what is not in the
// folder that the caller is kept to.
func locate(ctx context.Context, q sqldb.Querier, driveID, nodeID string) (*place, error) {
	missing := fault.New(fault.NotFound, "drive.locate", "")
	if !sqldb.ValidID(nodeID) {
		return nil, missing
	}
	var root string
	if err := q.Row(ctx, `SELECT root_id FROM drives WHERE id = $1`, []any{driveID}, &root); err != nil {
		return nil, err
	}
	type step struct {
		link
		name string
	}
	up, err := sqldb.All(ctx, q, `WITH RECURSIVE up (id, parent_id, name, folder, depth) AS (
			SELECT id, parent_id, name, folder, 0 FROM nodes WHERE id = $1 AND drive_id = $2
			UNION ALL
			SELECT p.id, p.parent_id, p.name, p.folder, up.depth + 1 FROM up JOIN nodes p ON p.id = up.parent_id
		) SELECT id, name, folder FROM up ORDER BY depth DESC`, []any{nodeID, driveID},
		func(scan sqldb.Scan) (s step, err error) { return s, scan(&s.id, &s.name, &s.folder) })
	if err != nil {
		return nil, err
	}
	if len(up) == 0 || up[0].id != root {
		return nil, missing
	}
	p := &place{path: Root, chain: []link{{root, true, Root}}}
	for _, s := range up[1:] {
		p.path = p.path.Join(s.name)
		p.chain = append(p.chain, link{s.id, s.folder, p.path})
	}
	var row nodeRow
	if err := q.Row(ctx, `SELECT `+nodeColumns+` FROM nodes n WHERE n.id = $1`, []any{nodeID}, row.dest()...); err != nil {
		return nil, err
	}
	node := row.node(driveID, p.path)
	p.node = &node
	if err := confine(ctx, driveID, p); err != nil {
		return nil, err
	}
	return p, nil
}

// nodeKey is a path in a drive, as a client spells it, seen from the folder that the client is kept to.
type nodeKey struct {
	drive  string
	path   Path
	within string
}

const (
	maxNodes = 4096 // how many nodes are remembered
	longNode = 512  // bytes of the longest path that is
)

// stat finds the node at path as the database has it now. NotFound.
func (s *Drives) stat(ctx context.Context, driveID string, path Path) (Node, error) {
	if err := ofDrive(ctx, driveID); err != nil {
		return Node{}, err
	}
	key := nodeKey{driveID, path, keptTo(ctx)}
	node, mark, ok := s.nodes.Find(key)
	if ok {
		return node, nil
	}
	p, err := resolve(ctx, s.db, driveID, path)
	if err != nil {
		return Node{}, err
	}
	if node, err = p.found(); err == nil && len(path) <= longNode {
		s.nodes.Keep(key, mark, node)
	}
	return node, err
}
