package dav

import (
	"encoding/xml"
	"net/http"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// report answers DAV:sync-collection (RFC 6578) on folders. Of any other report it says that it is not supported
// (RFC 3253, section 3.6).
func (q *request) report() error {
	if _, err := wantDepth(q.r.Header, depthZero); err != nil {
		return err
	}
	body, err := readBody(q.r)
	if err != nil {
		return err
	}
	if body == nil {
		return invalidBody("a report")
	}
	if len(q.r.Header.Values("If")) > 0 {
		if _, err := q.require(q.r.Context()); err != nil {
			return err
		}
	}
	if !body.is("sync-collection") {
		if _, err := q.h.o.Drives.Stat(q.r.Context(), q.driveID, q.at.path); err != nil {
			return err
		}
		return &problem{status: http.StatusForbidden, condition: "supported-report",
			err: fault.New(fault.Forbidden, "dav.report", "The report is not supported.").WithCode("unsupported_report")}
	}
	sync, err := parseSyncCollection(body)
	if err != nil {
		return err
	}
	return q.syncCollection(sync)
}

// syncCollection tells what changed in a folder since a token. What does not fit into an answer follows with the next one, which the
// folder's own response says: 507 (section 3.6). Which that is, a client finds by the new token.
func (q *request) syncCollection(sync syncCollection) error {
	var since drive.Point
	if sync.token != "" {
		var ok bool
		if since, ok = parseSyncToken(sync.token); !ok {
			return invalidSyncToken(fault.New(fault.Forbidden, "dav.syncCollection", "This is not one of this server's sync tokens.").WithCode("invalid_sync_token"))
		}
	}
	limit := q.h.o.MaxNodes
	if sync.limited {
		if sync.limit == 0 {
			return &problem{status: http.StatusInsufficientStorage, condition: "number-of-matches-within-limits",
				err: fault.New(fault.Invalid, "dav.syncCollection", "Nothing can be told in no responses.").WithCode("invalid_limit")}
		}
		limit = min(limit, sync.limit)
	}
	l, err := q.listing(propfind{kind: findProps, names: sync.names})
	if err != nil {
		return err
	}
	changes, err := q.h.o.Drives.Sync(q.r.Context(), q.driveID, q.at.path, since, sync.deep, limit)
	if err != nil {
		return err
	}
	l.top(changes.Folder)
	for _, r := range changes.Removed {
		l.out.b = append(l.out.b, "<D:response><D:href>"...)
		l.out.b = append(l.appendHref(l.out.b, r.Path, r.Folder), "</D:href>"...)
		l.out.status(http.StatusNotFound)
		l.out.close()
	}
	if err := q.write(l, changes.Changed); err != nil {
		return l.out.broken(err)
	}
	if changes.More {
		l.out.b = append(l.out.b, "<D:response><D:href>"...)
		l.out.b = append(l.appendHref(l.out.b, changes.Folder.Path, true), "</D:href>"...)
		l.out.status(http.StatusInsufficientStorage)
		l.out.b = append(l.out.b, "<D:error><D:number-of-matches-within-limits/></D:error></D:response>"...)
	}
	l.out.b = append(l.out.b, "<D:sync-token>"...)
	l.out.b = append(appendSyncToken(l.out.b, changes.Point), "</D:sync-token>"...)
	l.out.end()
	return nil
}

func invalidSyncToken(err error) error {
	return &problem{status: http.StatusForbidden, condition: "valid-sync-token", err: err}
}

// syncCollection is what a sync-collection body asks for (section 6.1).
type syncCollection struct {
	token   string
	deep    bool
	limited bool
	limit   int
	names   []xml.Name
}

func parseSyncCollection(root *element) (sync syncCollection, err error) {
	token, level, prop := root.child("sync-token"), root.child("sync-level"), root.child("prop")
	if token == nil || level == nil || prop == nil {
		return sync, invalidBody("sync-token, sync-level and prop")
	}
	sync.token = trimmed(token)
	switch trimmed(level) {
	case "1":
	case "infinite":
		sync.deep = true
	default:
		return sync, invalidBody("a sync-level of 1 or infinite")
	}
	if limit := root.child("limit"); limit != nil {
		if sync.limit, sync.limited, err = parseLimit(limit); err != nil {
			return sync, err
		}
	}
	sync.names, err = parseNames(prop)
	return sync, err
}
