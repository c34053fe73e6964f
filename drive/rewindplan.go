package drive

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// rewindPlan is what has to be done to put a part of a drive back to what it was.
type rewindPlan struct {
	*past
	whole bool
	// The rewind is of what is, or was then, below the tops, and of the tops themselves where they are not fixed: nodes on the way to a top
	// stay, or the tree would go round.
	tops   map[string]bool
	fixed  map[string]bool
	within map[string]int8 // memo of inside: 1 is yes, -1 no

	acts   map[string]*rewindAct // by node id; of what is gone, by the id that it had
	writes []rewindWrite
	held   []string     // ids of what was in the folder then, and is above it now
	lost   []RewindItem // removed for good
	stale  []RewindItem
	more   int64 // bytes that the drive holds besides afterwards
}

// rewindAct is what happens to the place of a node.
type rewindAct struct {
	node    *Node // nil if it has to be made anew, from folder or held
	id      string
	folder  bool
	to      seat // the zero seat is the trash
	away    bool // its folder is gone: to is another one
	surely  bool // nothing else can have its name there
	held    *heldContent
	landed  Path // where it is afterwards; of what goes to the trash, where it was
	rank    int  // how deep that is
	already bool // it stays where it is
	at      seat // where it has come to, once it has
	made    *Node
}

// rewindWrite is content that a file gets back.
type rewindWrite struct {
	node *Node
	held heldContent
}

// heldContent is content that the drive holds.
type heldContent struct {
	Node           // its content alone
	version string // id of the version of the same file that holds it; empty if it is elsewhere
}

// planRewind works out what a rewind does.
func (s *Drives) planRewind(ctx context.Context, q sqldb.Querier, driveID string, path Path, to Instant) (*rewindPlan, error) {
	then, err := readPast(ctx, q, driveID, to)
	if err != nil {
		return nil, err
	}
	p := &rewindPlan{past: then, whole: path == Root, tops: map[string]bool{}, fixed: map[string]bool{}, within: map[string]int8{}, acts: map[string]*rewindAct{}}
	if err := p.aim(ctx, path); err != nil {
		return nil, err
	}
	if err := p.planContent(ctx); err != nil {
		return nil, err
	}
	p.planPlaces()
	return p, nil
}

// aim finds what the rewind is of.
func (p *rewindPlan) aim(ctx context.Context, path Path) error {
	if p.whole {
		p.tops[p.root], p.fixed[p.root] = true, true
		return nil
	}
	at, err := resolve(ctx, p.q, p.drive, path)
	if err != nil {
		return err
	}
	from := "" // the way up from here stays
	if at.node != nil {
		if !at.node.Folder {
			return fault.New(fault.Invalid, "drive.Rewind", "This is a file, not a folder.").WithCode("is_file")
		}
		if err := p.climb(ctx, []string{at.node.ID}); err != nil {
			return err
		}
		p.tops[at.node.ID] = true
		if p.stood(at.node.ID) == inTree {
			from = at.node.ID
		}
	}
	if from == "" { // what is there now was made since
		id, err := p.nodeThen(ctx, path)
		if err != nil {
			return err
		}
		t, n := p.traces[id], p.nodes[id]
		if id == "" || n == nil && (t == nil || !t.folder) || n != nil && !n.Folder || p.stood(id) != inTree {
			return fault.New(fault.NotFound, "drive.Rewind", "The folder was not there then.").WithPath(string(path))
		}
		p.tops[id] = true
		from = p.above(id)
	}
	for from != "" {
		p.fixed[from] = true
		n := p.nodes[from]
		if n == nil {
			break
		}
		from = n.ParentID
	}
	return nil
}

// belowThen reports whether a node is a top or was below one.
func (p *rewindPlan) belowThen(id string) bool {
	for range 2 * MaxDepth {
		switch {
		case id == "":
			return false
		case p.tops[id]:
			return true
		}
		id = p.above(id)
	}
	return false
}

// inside reports whether the rewind is of a node: it was below a top, or is below one, or below what was.
func (p *rewindPlan) inside(id string) bool {
	if p.whole {
		return !p.fixed[id]
	}
	return !p.fixed[id] && p.reaches(id)
}

func (p *rewindPlan) reaches(id string) bool {
	if id == "" {
		return false
	}
	if known := p.within[id]; known != 0 {
		return known > 0
	}
	yes := p.tops[id] || p.belowThen(id) && !p.fixed[id]
	if n := p.nodes[id]; !yes && n != nil {
		yes = p.reaches(n.ParentID)
	}
	p.within[id] = -1
	if yes {
		p.within[id] = 1
	}
	return yes
}

// planContent finds the content that files get back, and that of files that ended by being moved over another one.
func (p *rewindPlan) planContent(ctx context.Context) error {
	var wanted []heldWish
	for _, id := range slices.Sorted(maps.Keys(p.traces)) {
		t, n := p.traces[id], p.nodes[id]
		if !p.inside(id) || p.stood(id) == notInTree {
			continue
		}
		switch {
		case n == nil && t.moved:
			if !t.folder && litter(t.start.name) {
				continue
			}
			if !t.folder && t.held != nil && p.stood(id) == inTree {
				wanted = append(wanted, heldWish{id: id, sum: t.held})
				continue
			}
			p.lost = append(p.lost, RewindItem{Path: p.wasAt(id), Folder: t.folder})
		case n != nil && !n.Folder && t.writtenAt > 0 && !bytes.Equal(t.held, n.SHA256):
			wanted = append(wanted, heldWish{id: id, sum: t.held, at: t.writtenAt, name: n.Name})
		}
	}
	found, err := p.findContents(ctx, wanted)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		n, held := p.nodes[w.id], found[w.id]
		switch {
		case n == nil && held == nil:
			p.lost = append(p.lost, RewindItem{Path: p.wasAt(w.id)})
		case n == nil:
			p.acts[w.id] = &rewindAct{id: w.id, to: p.traces[w.id].start, held: held}
			p.more += held.Size
		case held == nil && !litter(n.Name):
			p.stale = append(p.stale, RewindItem{Path: p.wasAt(w.id)})
		case held != nil:
			p.writes = append(p.writes, rewindWrite{n, *held})
			if held.version == "" {
				p.more += held.Size
			}
		}
	}
	return nil
}

// wasAt is where a node was, or the best that is known of it.
func (p *rewindPlan) wasAt(id string) Path {
	if path, ok := p.pathThen(id); ok {
		return path
	}
	return p.traces[id].path
}

// planPlaces finds what goes where.
func (p *rewindPlan) planPlaces() {
	var back, away []string
	for _, id := range slices.Sorted(maps.Keys(p.traces)) {
		t, n := p.traces[id], p.nodes[id]
		if t.moved && p.fixed[id] && !p.tops[id] && p.belowThen(id) {
			p.held = append(p.held, id)
		}
		if !t.moved || !p.inside(id) {
			continue
		}
		switch {
		case n == nil:
			if p.acts[id] != nil {
				back = append(back, id)
			}
		case p.stood(id) == notInTree:
			if n.ParentID != "" {
				p.acts[id] = &rewindAct{id: id, node: n, folder: n.Folder}
				away = append(away, id)
			}
		case n.seat() != t.start:
			p.acts[id] = &rewindAct{id: id, node: n, folder: n.Folder, to: t.start}
			back = append(back, id)
		}
	}
	for _, id := range back {
		p.home(p.acts[id])
	}
	for _, id := range away { // what is in the trash with its folder, or goes there with it, needs no act
		if !p.stays(p.nodes[id].ParentID) {
			delete(p.acts, id)
		}
	}
	for _, a := range p.acts {
		a.landed = p.lands(a)
		a.rank = strings.Count(string(a.landed), "/")
	}
}

// home makes sure that the folder to which a node goes is there.
func (p *rewindPlan) home(a *rewindAct) {
	folder := a.to.folder
	if p.nodes[folder] == nil && p.acts[folder] == nil && p.remakes(folder) {
		t := p.traces[folder]
		again := &rewindAct{id: folder, folder: true, to: t.start}
		p.acts[folder] = again
		p.home(again)
	}
	if p.stays(folder) {
		a.surely = p.whole || p.inside(folder) || p.tops[folder]
		return
	}
	a.away = true
	if n := a.node; n != nil && p.present(a.id) && p.stays(n.ParentID) {
		a.to, a.already = n.seat(), true
		return
	}
	a.to.folder = p.root
}

// remakes reports whether a folder that is gone for good can be made anew, without what was in it.
func (p *rewindPlan) remakes(id string) bool {
	t := p.traces[id]
	return t != nil && t.moved && t.folder && p.stood(id) == inTree && p.inside(id)
}

// stays reports whether a folder is in the tree when all is done.
func (p *rewindPlan) stays(id string) bool {
	for id != p.root {
		if a := p.acts[id]; a != nil {
			return a.to != seat{}
		}
		n := p.nodes[id]
		if n == nil || n.ParentID == "" {
			return false
		}
		id = n.ParentID
	}
	return true
}

// endsBelow reports whether a node is below one of some folders when all is done.
func (p *rewindPlan) endsBelow(a *rewindAct, some map[string]bool) bool {
	for id := a.to.folder; id != p.root; {
		if some[id] {
			return true
		}
		if above := p.acts[id]; above != nil {
			id = above.to.folder
		} else if n := p.nodes[id]; n != nil {
			id = n.ParentID
		} else {
			return false
		}
	}
	return false
}

// lands is where a node is when all is done, but for numbers that free names get; of what goes to the trash, where it is now.
func (p *rewindPlan) lands(a *rewindAct) Path {
	switch {
	case a.to == seat{} && p.present(a.id):
		return p.pathNow(a.id)
	case a.to == seat{}: // it would come back with its folder
		return p.pathAfter(a.node.ParentID).Join(a.node.Name)
	}
	return p.pathAfter(a.to.folder).Join(a.to.name)
}

func (p *rewindPlan) pathAfter(id string) Path {
	if id == p.root {
		return Root
	}
	if a := p.acts[id]; a != nil {
		if a.landed == "" {
			a.landed = p.lands(a)
		}
		return a.landed
	}
	n := p.nodes[id]
	if n == nil {
		return Root
	}
	return p.pathAfter(n.ParentID).Join(n.Name)
}

// unlocked refuses with Locked what a lock covers: on what is put back, on the folders that it leaves or comes to, and below it.
func (p *rewindPlan) unlocked(ctx context.Context, now time.Time) error {
	locks, err := readLocks(ctx, p.q, p.drive, now)
	if err != nil || len(locks) == 0 {
		return err
	}
	ids := make([]string, len(locks))
	for i, l := range locks {
		ids[i] = l.node
	}
	if err := p.climb(ctx, ids); err != nil {
		return err
	}
	touched, above := map[string]bool{}, map[string]bool{}
	touch := func(id string) {
		touched[id] = true
		for n := p.nodes[id]; n != nil && !above[n.ParentID]; n = p.nodes[n.ParentID] {
			above[n.ParentID] = true
		}
	}
	for _, a := range p.acts {
		if a.already {
			continue
		}
		touch(a.id)
		touch(a.to.folder)
		if a.node != nil {
			touch(a.node.ParentID)
		}
	}
	for _, w := range p.writes {
		touch(w.node.ID)
	}
	for _, l := range locks {
		covers := touched[l.node] || l.Deep && above[l.node]
		for id := l.node; !covers && p.nodes[id] != nil; id = p.nodes[id].ParentID {
			a := p.acts[id]
			covers = a != nil && !a.already
		}
		if covers {
			return fault.New(fault.Locked, "drive.Rewind", "Something that would be put back is locked. Close the programs that have it open, or wait until the lock ends.").WithPath(string(l.Path))
		}
	}
	return nil
}
