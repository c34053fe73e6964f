package drive

import (
	"context"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// descent walks down a tree, a folder before what is in it and siblings by their names, from any place on.
type descent struct {
	q      sqldb.Querier
	top    Node
	levels int                  // how far down from top; 0 is top alone
	skip   func(id string) bool // nodes that are passed over with all below them
	stack  []level
}

// level is a folder on the way down.
type level struct {
	folder Node
	after  string // key of the last name that was read
	read   []child
	end    bool // nothing is left to read
}

type child struct {
	node  Node
	empty bool // a file, or a folder with nothing in it
}

// descendBatch is how many children are read at a time. A walk holds as many for each level that it is below top.
const descendBatch = 256

// next answers at most limit nodes, and the place of the last one; done is that there are no more. after is a place that an
// earlier walk ended at: "" is before top, "/" is top itself, else the keys of the names below it. What it names may be gone.
func (d *descent) next(ctx context.Context, after string, limit int) (nodes []Node, place string, done bool, err error) {
	if err := keepOrder(ctx, d.q); err != nil {
		return nil, "", false, err
	}
	if after == "" {
		if limit == 0 {
			return nil, "", false, nil
		}
		nodes, place = append(nodes, d.top), "/"
		d.enter(d.top)
	} else if err := d.seek(ctx, after); err != nil {
		return nil, "", false, err
	} else {
		place = after
	}
	for len(d.stack) > 0 {
		c, ok, err := d.child(ctx)
		if err != nil {
			return nil, "", false, err
		}
		if !ok {
			d.stack = d.stack[:len(d.stack)-1]
			continue
		}
		if d.skip(c.node.ID) {
			continue
		}
		if len(nodes) == limit {
			return nodes, place, false, nil
		}
		nodes, place = append(nodes, c.node), d.place(c.node)
		if !c.empty {
			d.enter(c.node)
		}
	}
	return nodes, place, true, nil
}

// place spells where a node is below top.
func (d *descent) place(n Node) string {
	below := string(n.Path)
	if d.top.Path != Root {
		below = strings.TrimPrefix(below, string(d.top.Path))
	}
	return nameKey(below)
}

func (d *descent) enter(n Node) {
	if n.Folder && len(d.stack) < d.levels {
		d.stack = append(d.stack, level{folder: n})
	}
}

// seek goes down to a place, as far as it is there.
func (d *descent) seek(ctx context.Context, place string) error {
	d.enter(d.top)
	for _, key := range Path(place).Names() {
		if len(d.stack) == 0 {
			return nil
		}
		l := &d.stack[len(d.stack)-1]
		depth := len(d.stack)
		l.after = key
		var row nodeRow
		err := d.q.Row(ctx, `SELECT `+nodeColumns+` FROM nodes n WHERE n.parent_id = $1 AND n.name_key = $2`, []any{l.folder.ID, key}, row.dest()...)
		if sqldb.NoRow(err) {
			return nil
		}
		if err != nil {
			return err
		}
		n := row.node(d.top.DriveID, l.folder.Path.Join(row.name.String))
		if d.skip(n.ID) {
			return nil
		}
		if d.enter(n); len(d.stack) == depth {
			return nil
		}
	}
	return nil
}

// child takes the next child of the folder that the walk is in; not ok is that it has no more.
func (d *descent) child(ctx context.Context) (c child, ok bool, err error) {
	l := &d.stack[len(d.stack)-1]
	if len(l.read) == 0 && !l.end {
		l.read, err = sqldb.All(ctx, d.q, `SELECT `+nodeColumns+`, n.children, n.name_key FROM nodes n WHERE n.parent_id = $1 AND n.name_key > $2 ORDER BY n.name_key LIMIT `+strconv.Itoa(descendBatch),
			[]any{l.folder.ID, l.after}, func(scan sqldb.Scan) (child, error) {
				var row nodeRow
				var children int64
				err := scan(append(row.dest(), &children, &l.after)...)
				return child{row.node(l.folder.DriveID, l.folder.Path.Join(row.name.String)), children == 0}, err
			})
		if err != nil {
			return child{}, false, err
		}
		l.end = len(l.read) < descendBatch
	}
	if len(l.read) == 0 {
		return child{}, false, nil
	}
	c, l.read = l.read[0], l.read[1:]
	return c, true, nil
}
