package dav

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/drive"
)

// listing writes the properties of nodes.
type listing struct {
	h        *Handler
	out      *multistatus
	find     propfind
	asked    []property // find.names
	known    []property // the live ones, for allprop and propname
	href     string     // of the first node, as the client spelled it, without a slash at the end
	rootName string     // the display name of the drive itself
	compact  bool
	noQuota  bool // there is none to tell of
	stub     bool // what is listed is no drive: it has no history

	path  drive.Path // of the first node
	dead  map[string][]drive.Property
	locks coverage
	usage drive.Usage
	now   drive.Point // of the drive, not newer than what is listed

	checksums map[string]drive.Checksums // by node id, as far as they are known

	missing []*property // of the node that is being written
}

// property is a property's name as the answer spells it, and what the server knows of it.
type property struct {
	name               xml.Name
	live               *liveProperty // nil for a dead one
	open, close, empty string        // tags
}

func newListing(h *Handler, w http.ResponseWriter, find propfind) *listing {
	l := &listing{h: h, find: find, out: newMultistatus(w, find.names)}
	spell := func(name xml.Name) property {
		tag := l.out.qualified(name)
		return property{name: name, live: live(name), open: "<" + tag + ">", close: "</" + tag + ">", empty: "<" + tag + "/>"}
	}
	for _, name := range find.names {
		l.asked = append(l.asked, spell(name))
	}
	for i := range liveProperties {
		if name := liveProperties[i].name; find.kind != findProps && name.Space == "DAV:" {
			l.known = append(l.known, spell(name))
		}
	}
	return l
}

// top says of which node the others are children.
func (l *listing) top(n drive.Node) { l.path = n.Path }

// wants reports whether a live DAV: property is to be answered with its value.
func (l *listing) wants(local string) bool {
	if l.find.kind == findNames {
		return false
	}
	return slices.Contains(l.find.names, dav(local)) || l.find.kind == findAll && l.byDefault(live(dav(local)))
}

// asksFor reports whether a property is asked for by its name, with its value.
func (l *listing) asksFor(name xml.Name) bool {
	return l.find.kind != findNames && slices.Contains(l.find.names, name)
}

// byDefault reports whether an allprop answer holds the property. For Explorer, which asks allprop of every
// folder and cuts the answer off, it leaves out what says the same of each file.
func (l *listing) byDefault(p *liveProperty) bool {
	if l.compact && (p.name.Local == "supportedlock" || p.name.Local == "lockdiscovery") {
		return false
	}
	return p.all
}

func (l *listing) wantsDead() bool {
	if l.find.kind != findProps {
		return true
	}
	return slices.ContainsFunc(l.asked, func(p property) bool { return p.live == nil })
}

// fields are what has to be read of each node.
func (l *listing) fields() drive.Fields {
	var fields drive.Fields
	if l.wantsDead() || len(l.locks.on) > 0 {
		fields |= drive.FieldID
	}
	for i := range liveProperties {
		p := &liveProperties[i]
		// Of a property's name alone it is still asked whether the node has it.
		if l.find.kind == findNames || l.find.kind == findAll && p.all || slices.Contains(l.find.names, p.name) {
			fields |= p.fields()
		}
	}
	return fields
}

// all writes an answer about what is shown as nodes and is none of a drive's. The first one is what was asked for.
func (l *listing) all(nodes []drive.Node) {
	l.stub = true
	l.top(nodes[0])
	if l.write(nodes) == nil {
		l.out.end()
	}
}

// write writes a response for each of the nodes.
func (l *listing) write(nodes []drive.Node) error {
	m := l.out
	for i := range nodes {
		n := &nodes[i]
		m.b = append(m.b, "<D:response><D:href>"...)
		m.b = l.appendHref(m.b, n.Path, n.Folder)
		m.b = append(m.b, "</D:href>"...)
		switch l.find.kind {
		case findNames:
			l.writeNames(n)
		case findAll:
			l.writeAll(n)
		default:
			l.writeProps(n)
		}
		if m.close(); m.err != nil {
			return m.err
		}
	}
	return nil
}

// appendHref begins with the address that was asked for, in the client's own spelling; folders end in a slash. It is percent-encoded,
// and needs no escaping.
func (l *listing) appendHref(b []byte, path drive.Path, folder bool) []byte {
	start := len(b)
	b = append(b, l.href...)
	if path != l.path {
		below := string(path)
		if l.path != drive.Root {
			below = strings.TrimPrefix(below, string(l.path))
		}
		b = appendHref(b, below)
	}
	if folder && (len(b) == start || b[len(b)-1] != '/') {
		b = append(b, '/')
	}
	return b
}

func (l *listing) writeNames(n *drive.Node) {
	m := l.out
	m.openStat()
	for i := range l.known {
		if p := &l.known[i]; p.live.has(l, n) {
			m.b = append(m.b, p.empty...)
		}
	}
	for _, p := range l.dead[n.ID] {
		m.dead(p, true)
	}
	m.closeStat(http.StatusOK)
}

func (l *listing) writeAll(n *drive.Node) {
	m := l.out
	m.openStat()
	for i := range l.known {
		if p := &l.known[i]; l.byDefault(p.live) && p.live.has(l, n) {
			l.writeLive(p, n)
		}
	}
	dead := l.dead[n.ID]
	for _, p := range dead {
		m.dead(p, false)
	}
	l.missing = l.missing[:0]
	for i := range l.asked {
		p := &l.asked[i]
		switch {
		case p.live != nil && l.byDefault(p.live):
		case p.live != nil && p.live.has(l, n):
			l.writeLive(p, n)
		case p.live != nil || deadOf(dead, p.name) == nil:
			l.missing = append(l.missing, p)
		}
	}
	m.closeStat(http.StatusOK)
	l.writeMissing()
}

func (l *listing) writeProps(n *drive.Node) {
	m := l.out
	var dead []drive.Property
	if len(l.dead) > 0 {
		dead = l.dead[n.ID]
	}
	found := false
	before := len(m.b)
	m.openStat()
	l.missing = l.missing[:0]
	for i := range l.asked {
		p := &l.asked[i]
		if p.live != nil && p.live.has(l, n) {
			l.writeLive(p, n)
			found = true
			continue
		}
		if d := deadOf(dead, p.name); p.live == nil && d != nil {
			m.dead(*d, false)
			found = true
			continue
		}
		l.missing = append(l.missing, p)
	}
	if found || len(l.missing) == 0 {
		m.closeStat(http.StatusOK)
	} else {
		m.b = m.b[:before] // nothing to tell but what is missing
	}
	l.writeMissing()
}

func (l *listing) writeMissing() {
	if len(l.missing) == 0 {
		return
	}
	l.out.openStat()
	for _, p := range l.missing {
		l.out.b = append(l.out.b, p.empty...)
	}
	l.out.closeStat(http.StatusNotFound)
}

func (l *listing) writeLive(p *property, n *drive.Node) {
	m := l.out
	start := len(m.b)
	m.b = append(m.b, p.open...)
	before := len(m.b)
	if m.b = p.live.value(m.b, l, n); len(m.b) == before {
		m.b = append(m.b[:start], p.empty...)
		return
	}
	m.b = append(m.b, p.close...)
}

func deadOf(all []drive.Property, name xml.Name) *drive.Property {
	for i := range all {
		if all[i].Namespace == name.Space && all[i].Name == name.Local {
			return &all[i]
		}
	}
	return nil
}
