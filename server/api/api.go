package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/archive"
	"github.com/satchelhq/satchel/server/origin"
	"github.com/satchelhq/satchel/server/overview"
)

// Options is what the API works on. What has no default is required.
type Options struct {
	Accounts *authn.Accounts
	Drives   *drive.Drives
	Previews *preview.Previews
	Events   *hooks.Events
	Origin   origin.Origin
	Uploads  string // the path below which tus has its uploads, such as /files/
	Mount    string // the path at which WebDAV has the drive, such as /dav/
	Overview overview.Source
}

type api struct {
	accounts *authn.Accounts
	drives   *drive.Drives
	previews *preview.Previews
	events   *hooks.Events
	origin   origin.Origin
	uploads  string
	mount    string
	overview overview.Source
	document []byte // the API's own description
	exports  *exports
	zips     *archive.Turns
}

// New makes the door. Who is asking is in the request's context already (authn.WithPrincipal).
func New(o Options) http.Handler {
	document, err := readParts()
	if err != nil {
		panic(err) // it is part of the program, and a test reads it
	}
	a := &api{accounts: o.Accounts, drives: o.Drives, previews: o.Previews, events: o.Events, origin: o.Origin, uploads: o.Uploads, mount: o.Mount, overview: o.Overview, document: document, exports: newExports(), zips: archive.NewTurns(maxZips, maxZipsOfOne, time.Minute)}
	byPath := make(map[string]methods)
	for _, r := range a.routes() {
		if byPath[r.path] == nil {
			byPath[r.path] = methods{}
		}
		byPath[r.path][r.method] = answer.Handle(r.handler, answer.Error)
	}
	mux := http.NewServeMux()
	for path, m := range byPath {
		mux.Handle(path, m)
	}
	mux.Handle("/", answer.Handle(notFound, answer.Error))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect to where they lead: DELETE /trash/. to /trash, which is all of it.
		if names := strings.Split(r.URL.Path, "/"); slices.Contains(names, ".") || slices.Contains(names, "..") {
			answer.Error(w, r, fault.New(fault.Invalid, "api", `"." and ".." are not names.`).WithCode("invalid_name"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// methods answers one address. HEAD is GET without its body.
type methods map[string]http.Handler

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := m[method]; ok {
		h.ServeHTTP(w, r)
		return
	}
	allowed := make([]string, 0, len(m)+1)
	for method := range m {
		allowed = append(allowed, method)
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	answer.MethodNotAllowed(w, r, allowed...)
}

func notFound(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.NotFound, "api", "The API has no such address. GET /api/v1/openapi.json describes all that it has.").WithCode("no_such_route")
}

func (a *api) client(r *http.Request) authn.Client {
	return authn.Client{Address: a.origin.ClientAddr(r), UserAgent: r.UserAgent(), Language: r.Header.Get("Accept-Language")}
}
