package drive

import (
	"context"
	"errors"
	"slices"

	"github.com/satchelhq/satchel/sqldb"
)

// delta tells a folder's changes since a point.
//
// Where there is too much for one answer, it tells what the first changes did, and goes on after them the next time. Then what moved
// later on is passed over: it is told, with all that is in it, when its move is. So all paths that a client has been told are
// those of its point, and the next answer knows which of them to take back.
type delta struct {
	*history
	deep  bool
	limit int // of paths
}

// told is what the first of the changes did.
type told struct {
	changed []Node
	removed []Removed
}

// errTooMuch says that fewer changes have to be told at once.
var errTooMuch = errors.New("drive: too much to tell at once")

// maxReplaced is how many names of a folder that another one took the place of are looked at.
const maxReplaced = 10_000

// tell answers as many changes, from the first one on, as fit.
func (d *delta) tell(ctx context.Context) (Synced, error) {
	if len(d.events) == 0 {
		return d.synced(told{}, 0), nil
	}
	if err := d.loadWays(ctx); err != nil {
		return Synced{}, err
	}
	if all, err := d.first(ctx, len(d.events)); err == nil {
		return d.synced(all, len(d.events)), nil
	} else if !errors.Is(err, errTooMuch) {
		return Synced{}, err
	}
	var best told
	few, many := 0, len(d.events) // few fit, many don't
	for many-few > 1 {
		n := (few + many) / 2
		t, err := d.first(ctx, n)
		switch {
		case errors.Is(err, errTooMuch):
			many = n
		case err != nil:
			return Synced{}, err
		default:
			few, best = n, t
		}
	}
	if few > 0 {
		return d.synced(best, few), nil
	}
	return d.tellPart(ctx)
}

func (d *delta) synced(t told, n int) Synced {
	s := Synced{Changed: t.changed, Removed: t.removed, Point: d.point, More: n < len(d.events)}
	if n > 0 {
		s.Point.Sequence, s.Point.At = d.events[n-1].sequence, d.events[n-1].at
	}
	return s
}

// tellPart begins to tell the first change alone, which brought more than fits.
func (d *delta) tellPart(ctx context.Context) (Synced, error) {
	e := d.events[0]
	removed, err := d.gone(ctx, 1)
	path, ok := d.pathNow(e.node, e.sequence)
	if errors.Is(err, errTooMuch) || err == nil && (!ok || len(removed) > d.limit) {
		return Synced{}, invalidPoint() // one move leaves one path at which there is nothing, so this does not happen
	}
	if err != nil {
		return Synced{}, err
	}
	s := d.synced(told{removed: removed}, 1)
	s.Point.Below, s.More = e.node, true
	top := *d.nodes[e.node]
	top.Path = path
	err = d.descend(ctx, &s, top, d.limit-len(removed))
	return s, err
}

// resume goes on with the content of a node.
func (d *delta) resume(ctx context.Context, from Point) (Synced, error) {
	s := Synced{Point: from, More: true}
	top := d.folder
	if from.Below != d.folder.ID {
		if !sqldb.ValidID(from.Below) {
			return Synced{}, invalidPoint()
		}
		if err := d.climb(ctx, []string{from.Below}); err != nil {
			return Synced{}, err
		}
		path, ok := d.pathNow(from.Below, from.Sequence)
		if !ok { // it moved away since, which is told next
			s.Point.Below, s.Point.After, s.More = "", "", d.last() > from.Sequence
			return s, nil
		}
		top = *d.nodes[from.Below]
		top.Path = path
	}
	if !storable(from.After) {
		return Synced{}, invalidPoint()
	}
	err := d.descend(ctx, &s, top, d.limit)
	return s, err
}

// descend adds at most limit nodes of a tree, from the point's place on, and moves the point on.
func (d *delta) descend(ctx context.Context, s *Synced, top Node, limit int) error {
	walk := descent{q: d.q, top: top, levels: MaxDepth, skip: func(id string) bool { return d.movedAfter(id, s.Point.Sequence) }}
	if !d.deep {
		walk.levels = 0
		if top.ID == d.folder.ID {
			walk.levels = 1
		}
	}
	nodes, place, done, err := walk.next(ctx, s.Point.After, limit)
	if err != nil {
		return err
	}
	s.Changed, s.Point.After = append(s.Changed, nodes...), place
	if done {
		s.Point.Below, s.Point.After, s.More = "", "", d.last() > s.Point.Sequence
	}
	return nil
}

// first answers what the first n changes did, or errTooMuch.
func (d *delta) first(ctx context.Context, n int) (told, error) {
	changed, err := d.come(ctx, n)
	if err != nil {
		return told{}, err
	}
	removed, err := d.gone(ctx, n)
	if err == nil && len(changed)+len(removed) > d.limit {
		err = errTooMuch
	}
	return told{changed, removed}, err
}

// come answers the nodes that the first n changes brought or changed, where they still are.
func (d *delta) come(ctx context.Context, n int) (changed []Node, err error) {
	until := d.events[n-1].sequence
	seen := map[string]bool{d.folder.ID: true}
	for i := range d.events[:n] {
		id := d.events[i].node
		if seen[id] {
			continue
		}
		seen[id] = true
		path, ok := d.pathNow(id, until)
		if !ok || !d.deep && d.nodes[id].ParentID != d.folder.ID || d.cameAlong(id) {
			continue
		}
		node := *d.nodes[id]
		node.Path = path
		tree := []Node{node}
		if node.Folder && d.deep && d.traces[id] != nil {
			walk := descent{q: d.q, top: node, levels: MaxDepth, skip: func(id string) bool { return d.movedAfter(id, until) }}
			if tree, _, ok, err = walk.next(ctx, "", d.limit-len(changed)); err != nil {
				return nil, err
			}
		}
		if changed = append(changed, tree...); !ok || len(changed) > d.limit {
			return nil, errTooMuch
		}
	}
	return changed, nil
}

// cameAlong reports whether a folder above a node moved, and is told with all that is in it.
func (d *delta) cameAlong(id string) bool {
	for id = d.nodes[id].ParentID; id != d.folder.ID; id = d.nodes[id].ParentID {
		if d.traces[id] != nil {
			return true
		}
	}
	return false
}

// gone answers the paths that the first n changes left, and at which there is nothing now.
func (d *delta) gone(ctx context.Context, n int) ([]Removed, error) {
	until := d.events[n-1].sequence
	g := &leavings{delta: d, until: until, removed: map[string]Removed{}}
	for i := range d.events[:n] {
		e := &d.events[i]
		if e.from.folder == "" || !d.deep && e.from.folder != d.folder.ID {
			continue
		}
		// The folder that it left may have had another path then. The client may know either.
		then, ok := d.pathThen(e.from.folder)
		if ok {
			if err := g.left(ctx, then.Join(e.from.name), e); err != nil {
				return nil, err
			}
		}
		now, still := d.pathNow(e.from.folder, until)
		if still && !(ok && now == then) {
			if err := g.left(ctx, now.Join(e.from.name), e); err != nil {
				return nil, err
			}
		}
	}
	return g.topmost(), nil
}

// leavings are the paths that nodes left.
type leavings struct {
	*delta
	until   int64              // what moved after this change is passed over
	removed map[string]Removed // by the key of the path
	looked  int
}

// left takes up a path that a node left by an event.
func (g *leavings) left(ctx context.Context, path Path, e *event) error {
	now, err := g.at(ctx, path, g.until)
	switch {
	case err != nil:
		return err
	case now == nil:
		g.remove(path, e.folder)
		if len(g.removed) > 2*g.limit { // some may be below others
			return errTooMuch
		}
		return nil
	case now.ID == e.node, !e.folder, !g.deep:
		return nil
	}
	return g.replaced(ctx, path, e.node, now, e.sequence)
}

func (g *leavings) remove(path Path, folder bool) {
	g.removed[nameKey(string(path))] = Removed{path, folder}
}

// replaced takes up what was in a folder that was at path, and is not in what is there now. before is the change by which it left.
func (g *leavings) replaced(ctx context.Context, path Path, old string, now *Node, before int64) error {
	type name struct {
		id, name string
		folder   bool
	}
	if n, known := g.nodes[old]; known && n == nil {
		return errTooMuch // it is gone for good: nobody knows what was in it
	}
	names, err := sqldb.All(ctx, g.q, `SELECT id, name, folder FROM nodes WHERE parent_id = $1 LIMIT $2`, []any{old, maxReplaced + 1 - g.looked},
		func(scan sqldb.Scan) (n name, err error) { return n, scan(&n.id, &n.name, &n.folder) })
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n name) bool { return g.traces[n.id] != nil }) // those are known from the events
	for i := range g.events {
		e := &g.events[i]
		if e.to.folder == old && e.sequence < before {
			names = append(names, name{e.node, e.to.name, e.folder})
		}
		if e.from.folder == old && g.traces[e.node].start == e.from {
			names = append(names, name{e.node, e.from.name, e.folder})
		}
	}
	if g.looked += len(names); g.looked > maxReplaced {
		return errTooMuch
	}
	for _, n := range names {
		at := path.Join(n.name)
		there, err := g.childNow(ctx, now.ID, n.name, g.until)
		if err != nil {
			return err
		}
		switch {
		case there == nil:
			g.remove(at, n.folder)
		case there.ID != n.id && n.folder:
			if _, err := g.load(ctx, []string{n.id}); err != nil {
				return err
			}
			if err := g.replaced(ctx, at, n.id, there, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// topmost are the paths that are below no other one (RFC 6578, section 3.5.2), in order.
func (g *leavings) topmost() []Removed {
	var all []Removed
	for _, r := range g.removed {
		top := true
		for above := r.Path.Parent(); top && above != Root && above != g.folder.Path; above = above.Parent() {
			_, removed := g.removed[nameKey(string(above))]
			top = !removed
		}
		if top {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Removed) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return all
}
