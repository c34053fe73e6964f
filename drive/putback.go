package drive

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// rewind does what a plan says. All nodes that change their place are taken out of the tree first, so that names and folders can be exchanged; then each goes
// where it belongs, first those whose name is theirs there.
func (e *edit) rewind(ctx context.Context, p *rewindPlan) error {
	acts := slices.SortedFunc(maps.Values(p.acts), func(a, b *rewindAct) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.rank, b.rank), strings.Compare(a.id, b.id))
	})
	children, err := e.detach(ctx, acts)
	if err != nil {
		return err
	}
	e.given = map[numbering]int{}
	made := map[string]string{} // ids of folders that are made anew, by those that they had
	for _, a := range acts {
		if err := e.attach(ctx, p, a, made, children); err != nil {
			return err
		}
	}
	if err := e.regrow(ctx, children); err != nil {
		return err
	}
	if err := e.tellPlaces(ctx, p, acts); err != nil {
		return err
	}
	for _, w := range p.writes {
		if err := e.putBack(ctx, *w.node, w.held, p.pathAfter(w.node.ID)); err != nil {
			return err
		}
	}
	return nil
}

// order is when an act's turn is: what goes away makes room, what is surely free comes before what asks for a free name.
func (a *rewindAct) order() int {
	switch {
	case a.to == seat{}:
		return 0
	case a.node == nil && a.folder:
		return 1
	case a.surely:
		return 2
	case !a.away:
		return 3
	}
	return 4
}

// detach takes the nodes of all acts out of their folders and of the trash. It answers by how much the children of each folder grow.
func (e *edit) detach(ctx context.Context, acts []*rewindAct) (children map[string]int, err error) {
	children = map[string]int{}
	var ids []string
	for _, a := range acts {
		if a.node == nil {
			continue
		}
		ids = append(ids, a.id)
		if a.node.ParentID != "" {
			children[a.node.ParentID]--
		}
	}
	if err := execByID(ctx, e, `DELETE FROM trash WHERE node_id`, ids); err != nil {
		return nil, err
	}
	return children, execByID(ctx, e, `UPDATE nodes SET parent_id = NULL, revision = revision + 1 WHERE id`, ids)
}

// attach puts a node where it belongs.
func (e *edit) attach(ctx context.Context, p *rewindPlan, a *rewindAct, made map[string]string, children map[string]int) error {
	if a.to == (seat{}) {
		_, err := e.Exec(ctx, `INSERT INTO trash (node_id, drive_id, parent_id, path, trashed_at) VALUES ($1, $2, $3, $4, $5)`,
			a.id, e.drive, a.node.ParentID, string(a.landed), sqldb.Micros(e.now))
		return err
	}
	a.at = seat{cmp.Or(made[a.to.folder], a.to.folder), a.to.name}
	if !a.surely {
		free, err := e.freeName(ctx, link{a.at.folder, true, p.pathAfter(a.to.folder)}, a.to.name)
		if err != nil {
			return err
		}
		a.at.name = free
	}
	children[a.at.folder]++
	if a.node == nil {
		return e.remake(ctx, a, made)
	}
	_, err := e.Exec(ctx, `UPDATE nodes SET parent_id = $2, name = $3, name_key = $4 WHERE id = $1`, a.id, a.at.folder, a.at.name, nameKey(a.at.name))
	return err
}

// remake makes a node anew that is gone for good: a folder without what was in it, or a file of content that is still there.
func (e *edit) remake(ctx context.Context, a *rewindAct, made map[string]string) error {
	n := Node{ID: sqldb.NewID(), DriveID: e.drive, ParentID: a.at.folder, Name: a.at.name, Folder: a.folder, Created: e.now, Modified: e.now, Revision: 1}
	if a.folder {
		made[a.id] = n.ID
	} else {
		if err := e.settle(ctx, a.held, n.Name); err != nil {
			return err
		}
		if err := e.take(a.held.Size); err != nil {
			return err
		}
		n.fill(a.held.Node)
	}
	a.made = &n
	_, err := e.Exec(ctx, insertNode, e.nodeArgs(n)...)
	return err
}

// tellPlaces writes down what the acts did, as far as it did something, once every name is known.
func (e *edit) tellPlaces(ctx context.Context, p *rewindPlan, acts []*rewindAct) error {
	for _, a := range acts {
		if a.to != (seat{}) {
			a.to.name, a.landed = a.at.name, ""
		}
	}
	for _, a := range acts {
		a.landed = p.lands(a)
		a.rank = strings.Count(string(a.landed), "/")
	}
	slices.SortStableFunc(acts, func(a, b *rewindAct) int { // a folder before what is in it
		return cmp.Or(cmp.Compare(min(1, a.order()), min(1, b.order())), cmp.Compare(a.rank, b.rank))
	})
	measured := map[string]bool{} // folders below which every path is known to fit
	for _, a := range acts {
		if a.made != nil {
			if _, err := ParsePath(string(a.landed)); err != nil { // its folder may be further down by now
				return err
			}
			e.placed(ChangeCreated, *a.made, seat{}, a.at, a.landed)
			continue
		}
		from, kind := a.node.seat(), ChangeRestored
		if from.folder == "" {
			from = seat{}
		}
		if p.present(a.id) {
			kind = ChangeMoved
		}
		switch {
		case a.to == seat{}:
			e.placed(ChangeTrashed, *a.node, from, seat{}, a.landed)
		case a.at == from:
		default:
			if !p.endsBelow(a, measured) {
				now, after := p.pathNow(a.id), Node{ID: a.id, Folder: a.folder, Path: a.landed}
				if err := e.fits(ctx, now, after); err != nil {
					return err
				}
				measured[a.id] = after.lengthens(now)
			}
			e.placed(kind, *a.node, from, a.at, a.landed)
		}
	}
	return nil
}

// putBack gives a file content that it held. What it holds becomes a version, in the place of the one that it gets back, if there is one.
func (e *edit) putBack(ctx context.Context, old Node, held heldContent, path Path) error {
	if err := e.settle(ctx, &held, path.Name()); err != nil {
		return err
	}
	node := old
	node.fill(held.Node)
	node.Revision += 2 // one of them, if its place has changed too
	e.written(old, path)
	if err := e.rewrite(ctx, node); err != nil {
		return err
	}
	switch {
	case held.version == "":
		return e.supersede(ctx, old, node)
	case !e.s.keeps(old):
		e.replaced = append(e.replaced, old.blob)
		_, err := e.Exec(ctx, `DELETE FROM versions WHERE id = $1`, held.version)
		return cmp.Or(err, e.take(-old.Size))
	}
	_, err := e.Exec(ctx, `UPDATE versions SET id = $2, blob_id = $3, size = $4, media_type = $5, modified_at = $6, revision = $7, created_at = $8 WHERE id = $1`,
		held.version, sqldb.NewID(), string(old.blob), old.Size, old.MediaType, sqldb.Micros(old.Modified), old.Revision, sqldb.Micros(e.now))
	return err
}

// settle gives content that was found what a file of it needs: a row, a type and a time.
func (e *edit) settle(ctx context.Context, h *heldContent, name string) (err error) {
	if h.blob == "" { // of no bytes, which is always at hand
		if h.blob, err = e.adopt(ctx, content{sha256: emptySHA256(), small: []byte{}}); err != nil {
			return err
		}
	}
	if h.MediaType == "" {
		h.MediaType = mediaType(name)
	}
	if h.Modified.IsZero() {
		h.Modified = e.now
	}
	return nil
}

// regrow counts the children of folders, once for each. It is a change of the folders themselves.
func (e *edit) regrow(ctx context.Context, children map[string]int) error {
	for _, id := range slices.Sorted(maps.Keys(children)) {
		if err := e.grow(ctx, id, children[id]); err != nil {
			return err
		}
	}
	return nil
}
