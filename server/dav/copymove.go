package dav

import (
	"net/http"

	"github.com/satchelhq/satchel/drive"
)

// destination is where COPY and MOVE lead.
func (q *request) destination() (place, error) {
	at, err := parseDestination(q.r.Header, q.drivePrefix(q.r.Header.Get("Destination")), q.hosts()...)
	if err == nil {
		err = q.inside(&at)
	}
	return at, err
}

// copy copies a file, or a folder with (Depth: infinity, the default) or without (Depth: 0) what is in it: 201,
// or 204 if something was replaced, which is then in the trash.
func (q *request) copy() error {
	d, err := wantDepth(q.r.Header, depthInfinity, depthZero) // RFC 4918, section 9.8.3
	if err != nil {
		return err
	}
	return q.transfer(func(t transfer) (bool, error) {
		_, replaced, err := q.h.o.Drives.Copy(q.r.Context(), q.driveID, q.at.path, t.to.path, t.overwrite, d == depthInfinity, t.guard)
		return replaced, err
	})
}

// move moves and renames: 201, or 204 if something was replaced.
func (q *request) move() error {
	if _, err := wantDepth(q.r.Header, depthInfinity); err != nil { // section 9.9.2
		if err := q.onlyOfFile(err); err != nil {
			return err
		}
	}
	return q.transfer(func(t transfer) (bool, error) {
		_, replaced, err := q.h.o.Drives.Move(q.r.Context(), q.driveID, q.at.path, t.to.path, t.overwrite, t.guard)
		return replaced, err
	})
}

// transfer reads what COPY and MOVE share, does it in one transaction of package drive, and answers. Nothing
// at the target is touched unless all of it happens.
func (q *request) transfer(do func(transfer) (replaced bool, err error)) error {
	var t transfer
	var err error
	if t.to, err = q.destination(); err != nil {
		return err
	}
	if t.overwrite, err = parseOverwrite(q.r.Header); err != nil {
		return err
	}
	if t.guard, err = q.guard(q.r.Context()); err != nil {
		return err
	}
	t.guard.Source, t.guard.Check = t.guard.Check, nil // conditions are about the source
	replaced, err := do(t)
	if err != nil {
		return err
	}
	if replaced {
		q.w.WriteHeader(http.StatusNoContent)
	} else {
		q.w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// transfer is a COPY or MOVE as its headers say.
type transfer struct {
	to        place
	overwrite bool
	guard     drive.Guard
}
