package dav

import (
	"net/http"
)

// delete moves a file or folder, with all that is in it, to the trash: 204.
func (q *request) delete() error {
	if _, err := wantDepth(q.r.Header, depthInfinity); err != nil { // RFC 4918, section 9.6.1
		if err := q.onlyOfFile(err); err != nil {
			return err
		}
	}
	guard, err := q.guard(q.r.Context())
	if err != nil {
		return err
	}
	if err := q.h.o.Drives.Trash(q.r.Context(), q.driveID, q.at.path, guard); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// onlyOfFile forgives a Depth that has no meaning: a file has nothing below it.
func (q *request) onlyOfFile(refusal error) error {
	node, err := q.h.o.Drives.Stat(q.r.Context(), q.driveID, q.at.path)
	if err == nil && node.Folder {
		return refusal
	}
	return err
}
