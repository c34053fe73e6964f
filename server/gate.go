package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/origin"
)

// strangerPatience is how long a request may take to send its body and to take its answer whose sender did not prove to be anyone.
const strangerPatience = time.Minute

// leftoverPatience is how long net/http may go on reading a body that no door wanted. It does so before it answers.
const leftoverPatience = 5 * time.Second

// patience bounds the time of every request, also of those that are refused before anybody asks who sends them: net/http reads
// on in a body that nobody wanted before it answers. Who the gate knows is not bounded, since an upload takes as long as it takes:
// only a body that stands still is cut (body.go).
func patience(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		x.until = time.Now().Add(strangerPatience)
		if x.body != nil {
			defer x.body.leave()
		}
		next.ServeHTTP(w, r)
	})
}

// bind gives the request of a stranger, or of somebody whom nobody has asked for yet, the time that it has. It is called before the first
// byte of the body is read or the first one is written.
func (x *exchange) bind() {
	if x.asked || x.until.IsZero() {
		return
	}
	x.asked = true
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(x.until.Add(2 * leftoverPatience)) // what cannot set deadlines is no network
	if x.body != nil {
		_ = x.setReadDeadline(x.until)
	}
}

// unbound lets a request take all the time it needs, as long as its body moves.
func (s *Server) unbound(x *exchange) {
	x.asked = true
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Time{}) // an earlier request on this connection may have set one
	if x.body != nil {
		x.body.pace(s.bodyPatience)
	}
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// gate finds out who is asking, before a body is read or a lock is taken, and puts the authn.Principal into
// the context. Nobody in particular passes as well: whether a stranger is welcome is for the door to say.
//
// An Authorization header decides alone: one that is refused is a 401 even beside a good cookie, since the
// program that sent it meant to be somebody. A cookie that is refused counts as none, and the pages
// ask to sign in.
func (s *Server) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if !x.door.gated || x.door.byLink {
			x.bind()
			next.ServeHTTP(w, r)
			return
		}
		who, known, err := s.identify(x.door, r)
		if err != nil {
			x.door.refuse(w, r, err)
			return
		}
		if known {
			x.user = who.UserID
			ctx, err := s.limited(r, who)
			if err != nil {
				x.door.refuse(w, r, err)
				return
			}
			s.unbound(x)
			ctx, done := s.watch.guard(authn.WithPrincipal(ctx, who), x, who)
			defer done()
			r = r.WithContext(ctx)
		} else {
			x.bind()
		}
		next.ServeHTTP(w, r)
	})
}

// limited keeps a request to what its app password opens. The rules see to it wherever drives are read or changed (drive.WithLimit), so that no door
// has to; what would change something is refused here as well, before its body is read.
func (s *Server) limited(r *http.Request, who authn.Principal) (context.Context, error) {
	if who.Folder == "" && !who.ReadOnly {
		return r.Context(), nil
	}
	if who.ReadOnly && !onlyReads(r.Method) {
		return nil, fault.New(fault.Forbidden, "server.gate", "This app password is for reading only.").WithCode("read_only")
	}
	return s.drives.WithLimit(r.Context(), who.UserID, drive.Limit{Folder: who.Folder, ReadOnly: who.ReadOnly})
}

// onlyReads reports whether a method changes nothing (RFC 9110, section 9.2.1; RFC 4918, RFC 3253).
func onlyReads(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, methodPropfind, "REPORT":
		return true
	}
	return false
}

func (s *Server) identify(d *door, r *http.Request) (who authn.Principal, known bool, err error) {
	if _, sent := r.Header["Authorization"]; sent {
		who, err = s.byHeader(d, r)
		return who, err == nil, err
	}
	if !d.takes(authn.MethodCookie) {
		return who, false, nil
	}
	cookie, err := r.Cookie(cookieName(r, s.origin))
	if err != nil {
		return who, false, nil
	}
	who, err = s.accounts.Cookie(r.Context(), cookie.Value)
	if fault.Is(err, fault.Unauthenticated) {
		return who, false, nil
	}
	return who, err == nil, err
}

func (s *Server) byHeader(d *door, r *http.Request) (authn.Principal, error) {
	if len(r.Header["Authorization"]) > 1 {
		return authn.Principal{}, fault.New(fault.Unauthenticated, "server.gate", "There is more than one Authorization header.")
	}
	switch scheme := authScheme(r); {
	case scheme == schemeBearer && d.takes(authn.MethodBearer):
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		return s.accounts.Bearer(r.Context(), strings.TrimSpace(token))
	case scheme == schemeBasic && d.takes(authn.MethodBasic):
		login, password, ok := r.BasicAuth()
		if !ok {
			return authn.Principal{}, fault.New(fault.Unauthenticated, "server.gate", "The Authorization header cannot be read.")
		}
		return s.accounts.Basic(r.Context(), login, password, authn.Client{Address: s.origin.ClientAddr(r), UserAgent: r.UserAgent()})
	}
	return authn.Principal{}, fault.New(fault.Unauthenticated, "server.gate", "This address does not take credentials of this kind.")
}

// cookieName is the page cookie's name on this connection. On HTTPS only the __Host- one counts, which
// no other host and no plain connection can have set (RFC 6265bis, section 4.1.3.2).
func cookieName(r *http.Request, from origin.Origin) string {
	if from.Secure(r) {
		return authn.SecureCookieName
	}
	return authn.CookieName
}

func hasCookie(r *http.Request, from origin.Origin) bool {
	_, err := r.Cookie(cookieName(r, from))
	return err == nil
}
