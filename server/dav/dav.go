package dav

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/origin"
)

// Options is what the door needs.
type Options struct {
	Drives *drive.Drives
	Origin origin.Origin // tells which Destination is this server
	Log    *slog.Logger  // default slog.Default()
	Prefix string        // where the drive is mounted, with a slash at both ends; default "/dav/"
	// MaxNodes is how many resources one PROPFIND answers. A deeper one is 403 propfind-finite-depth (RFC 4918,
	// section 9.1). It does not bound a listing of one folder. A sync-collection that has more to tell goes on with the next request.
	// Default 10,000.
	MaxNodes int
	Now      func() time.Time // default time.Now
	// NoFinderQuota leaves the quota out of what Finder is told, also where it asks: some versions of macOS stall at mounting over it.
	NoFinderQuota bool
	// Conflict, if set, is told of each request that is refused because of what is there or who holds it, by its status: 409, 412
	// or 423. A 207 that names what is locked inside a folder is a 423. It must return at once.
	Conflict func(status int)
	Uploads  // both may be nil
}

// Handler serves the caller's drive. The principal is in the request's context (package authn).
type Handler struct {
	o         Options
	questions *questions
	top       drive.Path // what the caller sees as the drive's top; empty for drive.Root
	readOnly  bool
}

// New makes the handler. It is to be mounted at o.Prefix and at the same without its last slash.
func New(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Prefix == "" {
		o.Prefix = "/dav/"
	}
	if o.MaxNodes <= 0 {
		o.MaxNodes = 10_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Conflict == nil {
		o.Conflict = func(int) {}
	}
	return &Handler{o: o, questions: newQuestions()}
}

// request is one request of a principal to a place in its drive.
type request struct {
	h       *Handler
	w       http.ResponseWriter
	r       *http.Request
	who     authn.Principal
	driveID string
	at      place
	home    string // the prefix that the handler was made for; the request's own may be another (mount.go)
}

// allMethods is the Allow header. It names what is served, and nothing else.
const allMethods = "OPTIONS, GET, HEAD, PUT, PATCH, DELETE, COPY, MOVE, MKCOL, PROPFIND, PROPPATCH, REPORT, LOCK, UNLOCK"

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		h.options(w)
		return
	}
	q := &request{h: h, w: w, r: r, home: h.o.Prefix}
	if err := q.serve(); err != nil {
		err = q.spell(err)
		h.tell(err)
		writeError(w, r, err)
	}
}

// tell hands a conflict on.
func (h *Handler) tell(err error) {
	status := answer.Status(err)
	var p *problem
	if errors.As(err, &p) {
		status = p.status
	}
	switch status {
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusLocked:
		h.o.Conflict(status)
	}
}

func (q *request) serve() (err error) {
	who, ok := authn.From(q.r.Context())
	if !ok {
		return fault.New(fault.Unauthenticated, "dav.serve", "")
	}
	q.who, q.driveID = who, who.UserID
	q.h = q.h.seenBy(q.r.Context())
	method := q.method()
	if method == nil {
		return notAllowed(allMethods, "This address does not know the method.")
	}
	prefix, uploads, ok := q.mount(q.r.URL.EscapedPath())
	if !ok {
		return fault.New(fault.NotFound, "dav.serve", "")
	}
	if prefix != q.h.o.Prefix {
		q.h = q.h.at(prefix)
	}
	if q.at, _, err = locate(prefix, q.r.URL.EscapedPath()); err != nil {
		return err
	}
	if uploads {
		return q.chunked()
	}
	if err := q.inside(&q.at); err != nil {
		return err
	}
	return method()
}

func (q *request) method() func() error {
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
		return q.get
	case http.MethodPut:
		return q.put
	case http.MethodPatch:
		return q.patch
	case http.MethodPost:
		return q.post
	case http.MethodDelete:
		return q.delete
	case "COPY":
		return q.copy
	case "MOVE":
		return q.move
	case "MKCOL":
		return q.mkcol
	case "PROPFIND":
		return q.propfind
	case "PROPPATCH":
		return q.proppatch
	case "REPORT":
		return q.report
	case "LOCK":
		return q.lock
	case "UNLOCK":
		return q.unlock
	}
	return nil
}

// hosts are the names under which this server is asked, with ports where they are not the scheme's own.
func (q *request) hosts() []string {
	hosts := []string{q.r.Host}
	if base, err := url.Parse(q.h.o.Origin.Base(q.r)); err == nil {
		hosts = append(hosts, base.Host)
	}
	return hosts
}

// explorer reports whether Windows' WebDAV client asks, which cuts a listing off at 1,000,000 bytes.
func (q *request) explorer() bool {
	return Client(q.r.UserAgent()) == explorer
}
