package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// past is a drive as it was after a change, worked out backwards from what it is now by the changes since. It holds the nodes that those
// were about and the ones above them, then and now; all others are where they were.
type past struct {
	q           sqldb.Querier
	drive, root string
	then, now   Moment
	reach       time.Time
	traces      map[string]*bygone
	nodes       map[string]*Node  // as they are now, Path left empty; nil for what is gone for good
	seats       map[seat]string   // by folder and key of a name: who had it then, of those who moved since
	stands      map[string]stance // then; filled in by stood
}

// bygone is what a node was, told by the first change of each kind since.
type bygone struct {
	start     seat // its own then, if it moved since
	moved     bool
	folder    bool
	path      Path   // which the first change names
	held      []byte // SHA-256 of what it held then, where a change tells
	writtenAt int64  // when it was first given other content; 0 for never
}

// stance is whether a node was in the tree.
type stance int

const (
	inTree    stance = iota + 1
	notInTree        // not made yet, or in the trash
	lostAbove        // a folder above it is gone for good, and no change says where that was
)

// Reach is the earliest moment that a drive can be rewound to: since then it is known what changed. NotFound for one who is kept to a folder.
func (s *Drives) Reach(ctx context.Context, driveID string) (reach time.Time, err error) {
	if err = unlimited(ctx, driveID); err == nil {
		reach, _, err = reached(ctx, s.db, driveID)
	}
	return reach, fault.Wrap(err, "drive.Reach")
}

// reached answers the reach, and the number of the last change that is forgotten.
func reached(ctx context.Context, q sqldb.Querier, driveID string) (time.Time, int64, error) {
	var pruned, at int64
	err := q.Row(ctx, `SELECT d.pruned, CASE WHEN d.pruned = 0 THEN d.created_at ELSE COALESCE(c.at, d.created_at) END
		FROM drives d LEFT JOIN changes c ON c.drive_id = d.id AND c.sequence = d.pruned + 1 WHERE d.id = $1`, []any{driveID}, &pruned, &at)
	return sqldb.Time(at), pruned, err
}

// readPast reads what a drive was at an instant.
func readPast(ctx context.Context, q sqldb.Querier, driveID string, to Instant) (*past, error) {
	p := &past{q: q, drive: driveID, traces: map[string]*bygone{}, nodes: map[string]*Node{}, seats: map[seat]string{}, stands: map[string]stance{}}
	if err := q.Row(ctx, `SELECT root_id FROM drives WHERE id = $1`, []any{driveID}, &p.root); err != nil {
		return nil, err
	}
	now, err := head(ctx, q, driveID, "")
	if err != nil {
		return nil, err
	}
	p.now = Moment{now.Sequence, now.At}
	if err := p.find(ctx, to); err != nil {
		return nil, err
	}
	if err := p.readChanges(ctx); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(p.traces))
	for id, t := range p.traces {
		ids = append(ids, id)
		if t.moved && t.start.folder != "" {
			p.seats[seat{t.start.folder, nameKey(t.start.name)}] = id
		}
	}
	return p, p.climb(ctx, ids)
}

// find tells which change an instant is after: the last one up to it.
func (p *past) find(ctx context.Context, to Instant) (err error) {
	var pruned int64
	if p.reach, pruned, err = reached(ctx, p.q, p.drive); err != nil {
		return err
	}
	if to.Time.IsZero() {
		p.then = to.Moment
		if p.then.Sequence == 0 && pruned == 0 && p.then.At == 0 {
			return nil
		}
		var at int64
		err = p.q.Row(ctx, `SELECT at FROM changes WHERE drive_id = $1 AND sequence = $2`, []any{p.drive, p.then.Sequence}, &at)
		if sqldb.NoRow(err) || err == nil && at != p.then.At {
			err = changesGone()
		}
		return err
	}
	if to.Time.Before(p.reach) {
		return fault.New(fault.Gone, "drive.Rewind", "How the drive was then is not known any more. Choose a later moment.").WithCode("changes_gone")
	}
	err = p.q.Row(ctx, `SELECT sequence, at FROM changes WHERE drive_id = $1 AND at <= $2 ORDER BY sequence DESC LIMIT 1`,
		[]any{p.drive, sqldb.Micros(to.Time)}, &p.then.Sequence, &p.then.At)
	if sqldb.NoRow(err) { // nothing had happened yet
		return nil
	}
	return err
}

// readChanges takes up what happened since.
func (p *past) readChanges(ctx context.Context) error {
	next := p.then.Sequence + 1
	err := p.q.Each(ctx, `SELECT sequence, at, node_id, kind, path, folder, from_id, from_name, parent_id, held FROM changes
		WHERE drive_id = $1 AND sequence > $2 ORDER BY sequence`, []any{p.drive, p.then.Sequence}, func(scan sqldb.Scan) error {
		var c Change
		var at int64
		if err := scan(&c.Sequence, &at, &c.NodeID, (*string)(&c.Kind), (*string)(&c.Path), &c.folder, &c.from.folder, &c.from.name, &c.to.folder, &c.held); err != nil {
			return err
		}
		if c.Sequence != next {
			return changesGone()
		}
		next++
		return p.add(c, at)
	})
	return err
}

func (p *past) add(c Change, at int64) error {
	moved, written := c.from.folder != "" || c.to.folder != "", c.Kind == ChangeWritten
	if !moved && !written {
		return nil // times and properties have no history
	}
	t := p.traces[c.NodeID]
	if t == nil {
		if len(p.traces) >= MaxRewind {
			return fault.New(fault.TooLarge, "drive.Rewind", fmt.Sprintf("More than %d files and folders changed since. Choose a later moment.", MaxRewind)).WithCode("too_many_changes")
		}
		t = &bygone{path: c.Path}
		p.traces[c.NodeID] = t
	}
	if moved && !t.moved {
		t.start, t.moved, t.folder = c.from, true, c.folder
	}
	if t.held == nil && t.writtenAt == 0 {
		t.held = c.held
	}
	if written && t.writtenAt == 0 {
		t.writtenAt = at
	}
	return nil
}

// climb reads nodes and those on their ways up, then and now.
func (p *past) climb(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		var fresh []string
		for _, id := range ids {
			if _, known := p.nodes[id]; !known && id != "" {
				p.nodes[id] = nil
				fresh = append(fresh, id)
			}
		}
		err := eachByID(ctx, p.q, `SELECT `+nodeColumns+` FROM nodes n WHERE n.id`, fresh, func(scan sqldb.Scan) error {
			var row nodeRow
			err := scan(row.dest()...)
			n := row.node(p.drive, "")
			p.nodes[n.ID] = &n
			return err
		})
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, id := range fresh {
			if n := p.nodes[id]; n != nil {
				ids = append(ids, n.ParentID)
			}
			if t := p.traces[id]; t != nil {
				ids = append(ids, t.start.folder)
			}
		}
	}
	return nil
}

// above is the folder that a node was in then; empty for none, and for what is gone for good with a folder above it.
func (p *past) above(id string) string {
	if t := p.traces[id]; t != nil && t.moved {
		return t.start.folder
	}
	if n := p.nodes[id]; n != nil {
		return n.ParentID
	}
	return ""
}

// stood tells whether a node was in the tree then.
func (p *past) stood(id string) stance {
	if id == p.root {
		return inTree
	}
	if known := p.stands[id]; known != 0 {
		return known
	}
	p.stands[id] = lostAbove // for what goes round, which sound rows don't
	stands := notInTree
	t := p.traces[id]
	if above := p.above(id); above != "" {
		stands = p.stood(above)
	} else if p.nodes[id] == nil && (t == nil || !t.moved) {
		stands = lostAbove
	}
	p.stands[id] = stands
	return stands
}

// present reports whether a node is in the tree now.
func (p *past) present(id string) bool {
	for id != p.root {
		n := p.nodes[id]
		if n == nil || n.ParentID == "" {
			return false
		}
		id = n.ParentID
	}
	return true
}

// pathThen is where a node was, as far up as that is known.
func (p *past) pathThen(id string) (Path, bool) {
	if id == p.root {
		return Root, true
	}
	name, above := "", p.above(id)
	if t := p.traces[id]; t != nil && t.moved {
		name = t.start.name
	} else if n := p.nodes[id]; n != nil {
		name = n.Name
	}
	if above == "" || p.stood(id) != inTree {
		return "", false
	}
	path, ok := p.pathThen(above)
	return path.Join(name), ok
}

// pathNow is where a node is; in the trash, below what was removed.
func (p *past) pathNow(id string) Path {
	n := p.nodes[id]
	if n == nil || id == p.root {
		return Root
	}
	return p.pathNow(n.ParentID).Join(n.Name)
}

// childThen is who had a name in a folder then; empty for nobody.
func (p *past) childThen(ctx context.Context, folder, name string) (string, error) {
	at := seat{folder, nameKey(name)}
	if id := p.seats[at]; id != "" {
		return id, nil
	}
	var id string
	err := p.q.Row(ctx, `SELECT id FROM nodes WHERE parent_id = $1 AND name_key = $2`, []any{at.folder, at.name}, &id)
	if sqldb.NoRow(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if t := p.traces[id]; t != nil && t.moved {
		return "", nil
	}
	return id, p.climb(ctx, []string{id})
}

// nodeThen is what was at a path then; empty for nothing.
func (p *past) nodeThen(ctx context.Context, path Path) (id string, err error) {
	id = p.root
	for _, name := range path.Names() {
		if id, err = p.childThen(ctx, id, name); id == "" || err != nil {
			return "", err
		}
	}
	return id, nil
}
