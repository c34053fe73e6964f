package server

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/dav"
)

// door is one way in, as what stands in front of it needs to know it.
type door struct {
	name    string // in metrics and log lines
	pattern string // of its addresses, where the door knows none of its own
	handler http.Handler
	gated   bool           // whether it matters who asks
	byLink  bool           // a link counts, and not who has it: what is sent as credentials is the door's to read
	accepts []authn.Method // credentials that count here
	guarded bool           // writes from other sites are refused even without credentials
	// scripted says that scripts of the origins in the settings may use it: it is for programs, not for pages.
	scripted bool
	// refuse writes an error as this door spells them.
	refuse func(w http.ResponseWriter, r *http.Request, err error)
}

func (d *door) takes(m authn.Method) bool { return slices.Contains(d.accepts, m) }

// doors are the ways in. Each is there once, whatever the number of its addresses.
type doors struct {
	tus, box, dav, above, api, web, health door
}

// davDoor is the name of both doors that speak WebDAV.
const davDoor = "dav"

// methodPropfind is WebDAV's (RFC 4918, section 9.1).
const methodPropfind = "PROPFIND"

// newDoors says which credentials count where.
//
//   - /dav/ takes no cookie. A file that was shared must not be able to make a browser write to the
//     drive, and no page needs it.
//   - Scripts of other origins use what programs use, and no page. What answers OPTIONS above the mount is none of them:
//     it stands for the pages' addresses too.
//   - Pages take no Basic: what a browser was once told for /dav/ would sign it in everywhere, with no way to sign out.
func newDoors(h handlers) doors {
	const (
		bearer = authn.MethodBearer
		basic  = authn.MethodBasic
		cookie = authn.MethodCookie
	)
	methods := func(m ...authn.Method) []authn.Method { return m }
	return doors{
		tus:    door{name: "tus", pattern: "/files/{upload}", handler: h.tus, gated: true, scripted: true, accepts: methods(bearer, basic, cookie), refuse: refuseTus},
		box:    door{name: "drop", pattern: "/drop/{box}/{upload}", handler: h.box, gated: true, byLink: true, scripted: true, refuse: refuseTus},
		dav:    door{name: davDoor, pattern: "/dav/{path...}", handler: h.dav, gated: true, scripted: true, accepts: methods(bearer, basic), refuse: answer.DAV},
		above:  door{name: davDoor, pattern: "/{path...}", handler: h.above, gated: true, accepts: methods(bearer, basic), refuse: answer.DAV},
		api:    door{name: "api", pattern: "/api/{path...}", handler: h.api, gated: true, scripted: true, accepts: methods(bearer, basic, cookie), refuse: answer.Error},
		web:    door{name: "web", pattern: "/{path...}", handler: h.web, gated: true, accepts: methods(bearer, cookie), guarded: true, refuse: h.webRefuse},
		health: door{name: "health", pattern: "/healthz", handler: h.health, refuse: answer.Text},
	}
}

// refuseTus is answer.Text with the header that every answer of the protocol has (tus 1.0, "Tus-Resumable").
func refuseTus(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Tus-Resumable", "1.0.0")
	answer.Text(w, r, err)
}

// handlers is what stands behind the doors.
type handlers struct {
	tus, box, dav, above, api, web, health http.Handler
	webRefuse                              func(w http.ResponseWriter, r *http.Request, err error)
	endStreams                             func() // may be nil
}

// route is every address of the public listener. It is no http.ServeMux, because that one redirects "/dav" and
// "//": WebDAV clients take a redirect for a refusal.
func (s *Server) route(r *http.Request) *door {
	d, path := &s.doors, r.URL.Path
	switch {
	case path == "/healthz", path == "/readyz":
		return &d.health
	case below(path, "/files"):
		return &d.tus
	case below(path, "/drop"):
		return &d.box
	case below(path, "/dav"), below(path, strings.TrimSuffix(dav.RemotePrefix, "/")):
		return &d.dav
	case below(path, "/api"), path == "/.well-known/jwks.json":
		return &d.api
	case r.Method == methodPropfind, r.Method == http.MethodOptions:
		return &d.above // Explorer asks the folders above a mount
	}
	return &d.web
}

// below reports whether path is folder or something in it; "/davx" is not below "/dav".
func below(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || rest[0] == '/')
}

// Public is the handler of the listener for everyone.
func (s *Server) Public() http.Handler {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		defer func() { x.route = cmp.Or(r.Pattern, x.door.pattern) }()
		x.door.handler.ServeHTTP(w, r)
	})
	for _, around := range [...]func(http.Handler) http.Handler{s.asking, s.gate, s.crossing, s.cors, s.strict, headers, s.rescue, patience, s.observe} { // the last is outermost
		h = around(h)
	}
	return h
}
