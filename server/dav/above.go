package dav

import (
	"net/http"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Above answers OPTIONS and PROPFIND for the collections that lead to prefix: for "/dav/" that is "/", which
// holds "dav". Explorer asks for them before it mounts a folder, often without credentials, so it answers
// anyone; there is nothing to learn. Other methods are 405 and other paths 404, so mount it for these two methods only.
func Above(prefix string) http.Handler {
	h := New(Options{Prefix: prefix})
	since := time.Now().UTC()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodOptions:
			h.options(w)
		case "PROPFIND":
			q := &request{h: h, w: w, r: r}
			if err := q.propfindAbove(since); err != nil {
				writeError(w, r, q.spell(err))
			}
		default:
			writeError(w, r, notAllowed("OPTIONS, PROPFIND", "This address takes OPTIONS and PROPFIND."))
		}
	})
}

func (q *request) propfindAbove(since time.Time) error {
	d, err := parseDepth(q.r.Header, depthInfinity)
	if err != nil {
		return err
	}
	if d == depthInfinity {
		return &problem{status: http.StatusForbidden, condition: "propfind-finite-depth",
			err: fault.New(fault.Forbidden, "dav.Above", "Ask with Depth: 0 or 1.")}
	}
	body, err := readBody(q.r)
	if err != nil {
		return err
	}
	find, err := parsePropfind(body)
	if err != nil {
		return err
	}
	path := strings.TrimSuffix(q.r.URL.Path, "/") + "/"
	below, ok := strings.CutPrefix(q.h.o.Prefix, path)
	if !ok || below == "" {
		return fault.New(fault.NotFound, "dav.Above", "")
	}
	at, err := drive.ParsePath(path)
	if err != nil {
		return err
	}
	l := newListing(q.h, q.w, find)
	l.href, l.rootName, l.compact, l.noQuota = strings.TrimSuffix(path, "/"), "/", true, true
	folder := func(p drive.Path) drive.Node {
		return drive.Node{ID: string(p), Name: p.Name(), Path: p, Folder: true, Created: since, Modified: since}
	}
	nodes := []drive.Node{folder(at)}
	if d == depthOne {
		child, _, _ := strings.Cut(below, "/")
		nodes = append(nodes, folder(at.Join(child)))
	}
	l.all(nodes)
	return nil
}
