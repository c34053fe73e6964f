package web

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/archive"
	"github.com/satchelhq/satchel/server/origin"
	"github.com/satchelhq/satchel/server/overview"
)

// Options are the rooms behind the pages. All are required.
type Options struct {
	Accounts *authn.Accounts
	Drives   *drive.Drives
	Previews *preview.Previews
	Origin   origin.Origin
	Pages    *pages.Pages
	Mount    string // the path at which WebDAV has the drive, such as /dav/
	Overview overview.Source
}

// Web is the door. It is safe for use by many goroutines.
type Web struct {
	accounts  *authn.Accounts
	drives    *drive.Drives
	previews  *preview.Previews
	origin    origin.Origin
	pages     *pages.Pages
	mount     string
	overview  overview.Source
	mux       *http.ServeMux
	compress  func(http.Handler) http.HandlerFunc
	streams   *streams
	transfers turns          // ZIPs and forms of visitors
	zips      *archive.Turns // of people who are signed in
	boxes     turns          // uploads of visitors
}

// New makes the door.
func New(o Options) *Web {
	h := &Web{accounts: o.Accounts, drives: o.Drives, previews: o.Previews, origin: o.Origin, pages: o.Pages, mount: o.Mount, overview: o.Overview,
		mux: http.NewServeMux(), compress: newCompress(), streams: newStreams(), transfers: newTurns(maxShareTransfers, maxOfOneShare, maxOfOneNetwork, time.Minute), zips: archive.NewTurns(maxZips, maxZipsOfOne, time.Minute), boxes: newTurns(maxSending, maxSendingInto, maxSendingBy, sendingWait)}
	for _, routes := range [...]map[string]answer.Handler{
		h.signInRoutes(),
		h.driveRoutes(),
		h.viewRoutes(),
		h.accountRoutes(),
		h.sessionRoutes(),
		h.factorRoutes(),
		h.appPasswordRoutes(),
		h.registerRoutes(),
		h.ownDataRoutes(),
		h.oidcRoutes(),
		h.linkRoutes(),
		h.shareRoutes(),
		h.trashRoutes(),
		h.rewindRoutes(),
		h.searchRoutes(),
		h.eventRoutes(),
		h.adminRoutes(),
		h.languageRoutes(),
		h.installRoutes(),
		h.connectRoutes(),
	} {
		for pattern, handler := range routes {
			h.mux.Handle(pattern, answer.Handle(handler, h.Refuse))
		}
	}
	return h
}

// signInRoutes is getting in and out.
func (h *Web) signInRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET /login":   h.loginPage,
		"POST /login":  h.login,
		"POST /logout": h.logout,
		"GET /open":    h.open,
		"POST /open":   h.openConfirmed,
	}
}

// driveRoutes is the drive, and what belongs to no page in particular.
func (h *Web) driveRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET /{$}":              h.start,
		"GET /drive/{path...}":  h.private(h.folder),
		"POST /drive/{path...}": h.private(h.act),
		"GET /raw/{path...}":    h.private(h.raw),
		"GET /assets/{name}":    h.asset,
		"/":                     h.nothing,
	}
}

// ServeHTTP answers a request whose principal, if any, is in the context.
func (h *Web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.settle(w, r)
	h.mux.ServeHTTP(w, r)
}

func (h *Web) start(w http.ResponseWriter, r *http.Request) error {
	to := loginPath
	if _, ok := authn.From(r.Context()); ok {
		to = driveAddress(drive.Root)
	}
	return redirect(w, r, to)
}

// nothing is every address that names no page, or not with this method.
func (h *Web) nothing(_ http.ResponseWriter, r *http.Request) error {
	return fault.New(fault.NotFound, "web.nothing", "").WithPath(answer.LogPath(r.URL.Path))
}

func (h *Web) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	a, ok := h.pages.Asset(name)
	if !ok {
		return fault.New(fault.NotFound, "web.asset", "").WithPath(name)
	}
	header := w.Header()
	header.Set("Content-Type", a.MediaType)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	header.Set("ETag", `W/"`+name+`"`) // weak: it is the same one compressed
	return h.compressed(w, r, func(w http.ResponseWriter) error {
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(a.Content))
		return nil
	})
}

// private is for who is signed in. Others are sent to sign in, and back to what they asked for.
func (h *Web) private(handler func(w http.ResponseWriter, r *http.Request, who authn.Principal) error) answer.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		who, ok := authn.From(r.Context())
		if !ok {
			return redirect(w, r, loginAddress(r.URL.RequestURI()))
		}
		return handler(w, r, who)
	}
}

// redirect answers 303 (RFC 9110, section 15.4.4). Nobody keeps it: where it leads depends on who asks.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// pagePolicy lets a page load its own assets and talk to this server, and nothing else. The pages open in a
// WebView as themselves, never in a frame.
const pagePolicy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; manifest-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// write sends a page that was rendered as a whole.
func write(w http.ResponseWriter, status int, html []byte) error {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(html)))
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY") // for what is too old for frame-ancestors
	// "no-referrer" would make browsers send "Origin: null" with our own forms, which looks like another site.
	header.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(html) // who left does not read it
	return nil
}

// maxForm bounds the body of a form without files, in bytes.
const maxForm = 64 << 10

// parseForm reads a form without files into r.PostForm.
func parseForm(w http.ResponseWriter, r *http.Request) error { return parseFormOf(w, r, maxForm) }

// parseFormOf is parseForm for a form of at most so many bytes.
func parseFormOf(w http.ResponseWriter, r *http.Request, most int64) error {
	r.Body = http.MaxBytesReader(w, r.Body, most)
	if err := r.ParseForm(); err != nil {
		if isTooLong(err) {
			return fault.As(fault.TooLarge, "web.parseForm", err)
		}
		if fault.Is(err, fault.Timeout) || fault.Is(err, fault.Unauthenticated) {
			return err
		}
		return fault.As(fault.Invalid, "web.parseForm", err)
	}
	return nil
}
