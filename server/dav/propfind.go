package dav

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// propfind lists properties: of the resource (Depth: 0), of a folder and its children (1), or of all that is
// below it (infinity, which is also meant when Depth is missing) up to Options.MaxNodes, above which it is
// 403 propfind-finite-depth. A listing is one query for the nodes, and one more each for dead properties,
// locks and quota if they were asked for.
func (q *request) propfind() error {
	d, err := parseDepth(q.r.Header, depthInfinity)
	if err != nil {
		return err
	}
	find, err := q.h.questions.read(q.r)
	if err != nil {
		return err
	}
	if len(q.r.Header.Values("If")) > 0 {
		if _, err := q.require(q.r.Context()); err != nil {
			return err
		}
	}
	l := &listing{h: q.h, find: find, href: q.at.href, rootName: q.who.Username, compact: q.explorer(),
		noQuota: q.h.o.NoFinderQuota && Client(q.r.UserAgent()) == finder}
	if l.nodes, err = q.nodes(d); err != nil {
		return err
	}
	if err := q.load(l, d); err != nil {
		return err
	}
	l.write(q.w)
	return nil
}

// nodes are what a PROPFIND is about, parents before children.
func (q *request) nodes(d depth) ([]drive.Node, error) {
	ctx, drives := q.r.Context(), q.h.o.Drives
	switch d {
	case depthZero:
		node, err := drives.Stat(ctx, q.driveID, q.at.path)
		return []drive.Node{node}, err
	case depthOne:
		node, children, err := drives.List(ctx, q.driveID, q.at.path)
		return append([]drive.Node{node}, children...), err
	}
	var all []drive.Node
	err := drives.Walk(ctx, q.driveID, q.at.path, q.h.o.MaxNodes, func(n drive.Node) error {
		all = append(all, n)
		return nil
	})
	return all, err
}

// load reads what the nodes' rows do not hold, as far as it was asked for.
func (q *request) load(l *listing, d depth) (err error) {
	ctx, drives := q.r.Context(), q.h.o.Drives
	if l.wantsDead() {
		l.dead = map[string][]drive.Property{}
		for i, n := range l.nodes {
			// One query answers a folder and its children. Only below those it takes more: one a folder.
			if i > 0 && (d != depthInfinity || !n.Folder) {
				continue
			}
			of, err := drives.Properties(ctx, q.driveID, n.Path, d != depthZero)
			if fault.Is(err, fault.NotFound) && i > 0 {
				continue // it was removed in the meantime
			}
			if err != nil {
				return err
			}
			for id, properties := range of {
				l.dead[id] = properties
			}
		}
	}
	if err := q.loadChecksums(l, d); err != nil {
		return err
	}
	if l.wants("lockdiscovery") {
		byNode, err := drives.Locks(ctx, q.driveID)
		if err != nil {
			return err
		}
		l.locks = coverage(l.nodes, byNode)
	}
	if l.wants("quota-available-bytes") || l.wants("quota-used-bytes") {
		l.usage, err = drives.Usage(ctx, q.driveID)
	}
	return err
}

// coverage answers the locks that cover each node, by its id: its own, and the deep ones around it.
func coverage(nodes []drive.Node, byNode map[string][]drive.Lock) map[string][]drive.Lock {
	covering := map[string][]drive.Lock{}
	if len(byNode) == 0 {
		return covering
	}
	// What a folder hands down is one slice for all of its children: a thousand locks on a folder of many thousand files
	// are a thousand, not millions.
	handed := map[string][]drive.Lock{}
	for i, n := range nodes {
		var all []drive.Lock
		if i == 0 {
			for id, locks := range byNode {
				for _, lock := range locks {
					if id != n.ID && lock.Deep && n.Path.Within(lock.Path) {
						all = append(all, lock)
					}
				}
			}
		} else if deep, ok := handed[n.ParentID]; ok {
			all = deep
		} else {
			for _, lock := range covering[n.ParentID] {
				if lock.Deep {
					all = append(all, lock)
				}
			}
			handed[n.ParentID] = all
		}
		if own := byNode[n.ID]; len(own) > 0 || i == 0 {
			all = slices.Concat(all, own)
			slices.SortFunc(all, func(a, b drive.Lock) int { return compare(a.Token, b.Token) })
		}
		if len(all) > 0 {
			covering[n.ID] = all
		}
	}
	return covering
}

// listing is the answer to a PROPFIND.
type listing struct {
	h        *Handler
	find     propfind
	href     string // of the first node, as the client spelled it, without a slash at the end
	rootName string // the display name of the drive itself
	compact  bool
	noQuota  bool         // there is none to tell of
	nodes    []drive.Node // the first is the one that was asked for
	dead     map[string][]drive.Property
	locks    map[string][]drive.Lock
	usage    drive.Usage

	checksums map[string]drive.Checksums // by node id, as far as they are known
}

// wants reports whether a live DAV: property is to be answered with its value.
func (l *listing) wants(local string) bool {
	if l.find.kind == findNames {
		return false
	}
	return slices.Contains(l.find.names, dav(local)) || l.find.kind == findAll && l.all(live(dav(local)))
}

// asksFor reports whether a property is asked for by its name, with its value.
func (l *listing) asksFor(name xml.Name) bool {
	return l.find.kind != findNames && slices.Contains(l.find.names, name)
}

// all reports whether an allprop answer holds the property. For Explorer, which asks allprop of every
// folder and cuts the answer off, it leaves out what says the same of each file.
func (l *listing) all(p *liveProperty) bool {
	if l.compact && (p.name.Local == "supportedlock" || p.name.Local == "lockdiscovery") {
		return false
	}
	return p.all
}

func (l *listing) wantsDead() bool {
	if l.find.kind != findProps {
		return true
	}
	return slices.ContainsFunc(l.find.names, func(name xml.Name) bool { return live(name) == nil })
}

func (l *listing) write(w http.ResponseWriter) {
	m := newMultistatus(w, l.find.names)
	for i := range l.nodes {
		n := &l.nodes[i]
		m.open(l.hrefOf(n))
		switch l.find.kind {
		case findNames:
			l.writeNames(m, n)
		case findAll:
			l.writeAll(m, n)
		default:
			l.writeProps(m, n)
		}
		m.close()
		if m.err != nil {
			return
		}
	}
	m.end()
}

// hrefOf begins with the address that was asked for, in the client's own spelling; folders end in a slash.
func (l *listing) hrefOf(n *drive.Node) string {
	b := append(make([]byte, 0, len(l.href)+64), l.href...)
	if top := l.nodes[0].Path; n.Path != top {
		below := string(n.Path)
		if top != drive.Root {
			below = strings.TrimPrefix(below, string(top))
		}
		b = appendHref(b, below)
	}
	if n.Folder && (len(b) == 0 || b[len(b)-1] != '/') {
		b = append(b, '/')
	}
	return string(b)
}

func (l *listing) writeNames(m *multistatus, n *drive.Node) {
	m.openStat()
	for i := range liveProperties {
		if p := &liveProperties[i]; p.has(l, n) && p.name.Space == "DAV:" {
			m.empty(m.qualified(p.name))
		}
	}
	for _, p := range l.dead[n.ID] {
		m.dead(p, true)
	}
	m.closeStat(http.StatusOK)
}

func (l *listing) writeAll(m *multistatus, n *drive.Node) {
	m.openStat()
	for i := range liveProperties {
		if p := &liveProperties[i]; l.all(p) && p.has(l, n) {
			l.writeLive(m, p, n)
		}
	}
	for _, p := range l.dead[n.ID] {
		m.dead(p, false)
	}
	var missing []xml.Name
	for _, name := range l.find.names {
		p := live(name)
		switch {
		case p != nil && l.all(p):
		case p != nil && p.has(l, n):
			l.writeLive(m, p, n)
		case p != nil || deadOf(l.dead[n.ID], name) == nil:
			missing = append(missing, name)
		}
	}
	m.closeStat(http.StatusOK)
	writeMissing(m, missing)
}

func (l *listing) writeProps(m *multistatus, n *drive.Node) {
	var missing []xml.Name
	found := false
	before := len(m.b)
	m.openStat()
	for _, name := range l.find.names {
		p := live(name)
		if p != nil && p.has(l, n) {
			l.writeLive(m, p, n)
			found = true
			continue
		}
		if d := deadOf(l.dead[n.ID], name); p == nil && d != nil {
			m.dead(*d, false)
			found = true
			continue
		}
		missing = append(missing, name)
	}
	if found || len(missing) == 0 {
		m.closeStat(http.StatusOK)
	} else {
		m.b = m.b[:before] // nothing to tell but what is missing
	}
	writeMissing(m, missing)
}

func writeMissing(m *multistatus, missing []xml.Name) {
	if len(missing) == 0 {
		return
	}
	m.openStat()
	for _, name := range missing {
		m.empty(m.qualified(name))
	}
	m.closeStat(http.StatusNotFound)
}

func (l *listing) writeLive(m *multistatus, p *liveProperty, n *drive.Node) {
	qualified := m.qualified(p.name)
	m.b = append(m.b, '<')
	m.b = append(m.b, qualified...)
	m.b = append(m.b, '>')
	before := len(m.b)
	m.b = p.value(m.b, l, n)
	if len(m.b) == before { // an empty element
		m.b[len(m.b)-1] = '/'
		m.b = append(m.b, '>')
		return
	}
	m.b = append(m.b, '<', '/')
	m.b = append(m.b, qualified...)
	m.b = append(m.b, '>')
}

func deadOf(all []drive.Property, name xml.Name) *drive.Property {
	for i := range all {
		if all[i].Namespace == name.Space && all[i].Name == name.Local {
			return &all[i]
		}
	}
	return nil
}
