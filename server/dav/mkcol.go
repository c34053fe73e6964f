package dav

import (
	"io"
	"net/http"

	"github.com/satchelhq/satchel/fault"
)

// mkcol makes a folder: 201; 405 where something is, 409 where the folder around it is missing, 415 for
// a body, of which RFC 4918 (section 9.3) defines none.
func (q *request) mkcol() error {
	if hasBody(q.r) {
		return fault.New(fault.Unsupported, "dav.mkcol", "MKCOL takes no body here.")
	}
	guard, err := q.guard(q.r.Context())
	if err != nil {
		return err
	}
	if _, err := q.h.o.Drives.MakeFolder(q.r.Context(), q.driveID, q.at.path, guard); err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusCreated)
	return nil
}

// hasBody reports whether at least a byte comes; a chunked body may turn out to be empty.
func hasBody(r *http.Request) bool {
	if r.ContentLength >= 0 || r.Body == nil {
		return r.ContentLength > 0
	}
	n, _ := io.ReadFull(r.Body, make([]byte, 1))
	return n > 0
}
