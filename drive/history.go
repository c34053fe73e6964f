package drive

import (
	"context"

	"github.com/satchelhq/satchel/sqldb"
)

// history is what happened in a drive since a point, as one of its folders sees it: where nodes were then, and where they are now.
type history struct {
	q      sqldb.Querier
	folder Node
	point  Point
	events []event // after the point, oldest first
	traces map[string]*trace
	nodes  map[string]*Node // that were read, Path left empty; nil for what is gone
	taken  map[seat]string  // by a node's folder and the key of its name: who is there now, empty for nobody
}

// event is a change, as the rows hold it.
type event struct {
	sequence, at int64
	node         string
	folder       bool
	moved        bool // from one seat to another; else something else about the node changed
	from, to     seat
}

// trace is what happened to the seat of one node.
type trace struct {
	start  seat  // at the point, if moved is not 0
	moved  int64 // sequence of its last move; 0 if it stayed
	folder bool
}

// since reads the history of a folder from a point on: Forbidden if it is not known.
func (s *Drives) since(ctx context.Context, q sqldb.Querier, folder Node, p Point) (*history, error) {
	h := &history{q: q, folder: folder, point: p, traces: map[string]*trace{}, nodes: map[string]*Node{}, taken: map[seat]string{}}
	now, err := head(ctx, q, folder.DriveID, folder.ID)
	if err != nil {
		return nil, err
	}
	if p.Folder != folder.ID || p.Sequence < 0 || p.Sequence > now.Sequence || now.Sequence-p.Sequence > int64(s.o.MaxChanges) {
		return nil, invalidPoint()
	}
	if p.Sequence == now.Sequence {
		if p.At != now.At {
			return nil, invalidPoint()
		}
		return h, nil
	}
	next := max(1, p.Sequence) // the point's own change comes first, to know it by its time
	err = q.Each(ctx, `SELECT sequence, at, node_id, kind, path, folder, from_id, from_name, parent_id FROM changes
		WHERE drive_id = $1 AND sequence >= $2 ORDER BY sequence`, []any{folder.DriveID, p.Sequence}, func(scan sqldb.Scan) error {
		var e event
		var kind ChangeKind
		var path Path
		if err := scan(&e.sequence, &e.at, &e.node, (*string)(&kind), (*string)(&path), &e.folder, &e.from.folder, &e.from.name, &e.to.folder); err != nil {
			return err
		}
		if e.sequence != next || e.sequence == p.Sequence && e.at != p.At {
			return invalidPoint()
		}
		next++
		if e.sequence == p.Sequence {
			return nil
		}
		if e.to.folder != "" {
			e.to.name = path.Name()
		}
		e.moved = e.from != seat{} || e.to != seat{}
		h.add(e)
		return nil
	})
	return h, err
}

func (h *history) add(e event) {
	h.events = append(h.events, e)
	if !e.moved {
		return
	}
	t := h.traces[e.node]
	if t == nil {
		t = &trace{start: e.from, folder: e.folder}
		h.traces[e.node] = t
	}
	t.moved = e.sequence
}

// last is the sequence of the newest change.
func (h *history) last() int64 {
	if len(h.events) == 0 {
		return h.point.Sequence
	}
	return h.events[len(h.events)-1].sequence
}

// movedAfter reports whether a node changed its seat after a change.
func (h *history) movedAfter(id string, sequence int64) bool {
	t := h.traces[id]
	return t != nil && t.moved > sequence
}

// loadWays reads the nodes of all events, and those on their ways up, then and now.
func (h *history) loadWays(ctx context.Context) error {
	var ids []string
	for i := range h.events {
		e := &h.events[i]
		ids = append(ids, e.node, e.from.folder, e.to.folder)
	}
	return h.climb(ctx, ids)
}

// climb reads nodes and those on their ways up: a query for many ids, and again for those above them.
func (h *history) climb(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		loaded, err := h.load(ctx, ids)
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, id := range loaded {
			if n := h.nodes[id]; n != nil {
				ids = append(ids, n.ParentID)
			}
			if t := h.traces[id]; t != nil {
				ids = append(ids, t.start.folder)
			}
		}
	}
	return nil
}

// load reads those of the nodes that were not read before, and answers their ids. It goes no further up than the folder.
func (h *history) load(ctx context.Context, ids []string) (loaded []string, err error) {
	for _, id := range ids {
		if _, known := h.nodes[id]; !known && id != "" && id != h.folder.ID {
			h.nodes[id] = nil
			loaded = append(loaded, id)
		}
	}
	err = eachByID(ctx, h.q, `SELECT `+nodeColumns+` FROM nodes n WHERE n.id`, loaded, func(scan sqldb.Scan) error {
		var row nodeRow
		err := scan(row.dest()...)
		h.nodes[row.id.String] = h.node(&row)
		return err
	})
	return loaded, err
}

func (h *history) node(row *nodeRow) *Node {
	n := row.node(h.folder.DriveID, "")
	return &n
}

// pathNow is where a node is, if it is in the folder and neither it nor a folder above it moved after a change.
func (h *history) pathNow(id string, until int64) (Path, bool) {
	if id == h.folder.ID {
		return h.folder.Path, true
	}
	n := h.nodes[id]
	if n == nil || h.movedAfter(id, until) {
		return "", false
	}
	above, ok := h.pathNow(n.ParentID, until)
	return above.Join(n.Name), ok
}

// pathThen is where a node was at the point, if it was in the folder. Of what is gone together with a folder above it nothing is known.
func (h *history) pathThen(id string) (Path, bool) {
	if id == h.folder.ID {
		return h.folder.Path, true
	}
	at := seat{}
	if t := h.traces[id]; t != nil {
		at = t.start
	} else if n := h.nodes[id]; n != nil {
		at = n.seat()
	}
	if at.folder == "" {
		return "", false
	}
	above, ok := h.pathThen(at.folder)
	return above.Join(at.name), ok
}

// childNow answers the node that has a name in a folder and did not move after a change; nil if there is none.
func (h *history) childNow(ctx context.Context, folderID, name string, until int64) (*Node, error) {
	at := seat{folderID, nameKey(name)}
	id, known := h.taken[at]
	if !known {
		var row nodeRow
		err := h.q.Row(ctx, `SELECT `+nodeColumns+` FROM nodes n WHERE n.parent_id = $1 AND n.name_key = $2`, []any{at.folder, at.name}, row.dest()...)
		if err != nil && !sqldb.NoRow(err) {
			return nil, err
		}
		if err == nil {
			id = row.id.String
			h.nodes[id] = h.node(&row)
		}
		h.taken[at] = id
	}
	if id == "" || h.movedAfter(id, until) {
		return nil, nil
	}
	return h.nodes[id], nil
}

// at answers the node at a path in the folder, if neither it nor a folder above it moved after a change; nil if there is none.
func (h *history) at(ctx context.Context, path Path, until int64) (*Node, error) {
	n := &h.folder
	for _, name := range path.Names()[len(h.folder.Path.Names()):] {
		var err error
		if n, err = h.childNow(ctx, n.ID, name, until); n == nil || err != nil {
			return nil, err
		}
	}
	return n, nil
}

// touchesFolder reports whether one of the events happened in the folder. What left the folder left it from a folder that is still
// there, so it is enough to look where the folders of the events are now.
func (h *history) touchesFolder(ctx context.Context) (bool, error) {
	if err := h.loadWays(ctx); err != nil {
		return false, err
	}
	for i := range h.events {
		e := &h.events[i]
		for _, id := range [...]string{e.node, e.from.folder, e.to.folder} {
			if id == h.folder.ID && id == e.node {
				continue // the folder itself, not what is in it
			}
			if _, ok := h.pathNow(id, h.last()); ok {
				return true, nil
			}
		}
	}
	return false, nil
}
