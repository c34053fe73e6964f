package dav

import (
	"errors"
	"net/http"

	"github.com/satchelhq/satchel/drive"
)

// propfind lists properties: of the resource (Depth: 0), of a folder and its children (1), or of all that is
// below it (infinity, which is also meant when Depth is missing) up to Options.MaxNodes, above which it is
// 403 propfind-finite-depth.
//
// A folder's children are read and written a part at a time, and nothing is held in the database while a client takes what was
// written: what a listing takes does not grow with the folder. For dead properties, locks and quota the database is asked if they
// were asked for.
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
	l, err := q.listing(find)
	if err != nil {
		return err
	}
	if err := q.list(l, d); err != nil {
		return l.out.broken(err)
	}
	l.out.end()
	return nil
}

// list writes the resource and what is below it as far as it was asked for.
func (q *request) list(l *listing, d depth) error {
	ctx, drives := q.r.Context(), q.h.o.Drives
	switch d {
	case depthZero:
		node, err := drives.Stat(ctx, q.driveID, q.at.path)
		if err != nil {
			return err
		}
		l.top(node)
		return q.write(l, []drive.Node{node})
	case depthOne:
		begun := false
		return drives.ListParts(ctx, q.driveID, q.at.path, l.fields(), func(folder drive.Node, part []drive.Node) error {
			if !begun {
				begun = true
				l.top(folder)
				part = append([]drive.Node{folder}, part...)
			}
			return q.write(l, part)
		})
	}
	var all []drive.Node
	err := drives.Walk(ctx, q.driveID, q.at.path, q.h.o.MaxNodes, func(n drive.Node) error {
		all = append(all, n)
		return nil
	})
	if err != nil {
		return err
	}
	l.top(all[0])
	return q.write(l, all)
}

// write reads what the nodes' rows do not hold, and writes responses for them.
func (q *request) write(l *listing, nodes []drive.Node) error {
	for len(nodes) > 0 {
		n := len(nodes)
		if l.wantsDead() {
			var err error
			if l.dead, n, err = q.h.o.Drives.Properties(q.r.Context(), nodes); err != nil {
				return err
			}
		}
		if l.asksFor(oc("checksums")) {
			var err error
			if l.checksums, err = q.h.o.Drives.Checksums(q.r.Context(), q.driveID, nodes[:n]); err != nil {
				return err
			}
		}
		if err := l.write(nodes[:n]); err != nil {
			return err
		}
		nodes = nodes[n:]
	}
	return nil
}

// listing begins an answer, and reads what is one for all of it. What it reads is not newer than the nodes that are read after it.
func (q *request) listing(find propfind) (*listing, error) {
	l := newListing(q.h, q.w, find)
	l.href, l.rootName, l.compact = q.at.href, q.who.Username, q.explorer()
	l.noQuota = q.h.o.NoFinderQuota && Client(q.r.UserAgent()) == finder
	ctx, drives := q.r.Context(), q.h.o.Drives
	var err error
	if l.wants("lockdiscovery") {
		if l.locks.on, err = drives.Locks(ctx, q.driveID); err != nil {
			return nil, err
		}
	}
	if l.wants("quota-available-bytes") || l.wants("quota-used-bytes") {
		if l.usage, err = drives.Usage(ctx, q.driveID); err != nil {
			return nil, err
		}
	}
	if l.wants("sync-token") {
		if l.now, err = drives.Head(ctx, q.driveID); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// broken is for an answer that cannot go on. If it has begun, its status is gone, so the connection is cut: half a listing must not look
// like a whole one.
func (m *multistatus) broken(err error) error {
	switch {
	case !m.started:
		return err
	case errors.Is(err, errGone):
		return nil
	}
	panic(http.ErrAbortHandler)
}
