package server

import (
	"mime"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/origin"
)

// crossing refuses writes that another site makes a browser send with credentials which the browser adds by
// itself: the page cookie, and a name and password that it remembers. Requests of programs, which
// have neither an Origin nor a Sec-Fetch-Site, pass; so do reads.
func (s *Server) crossing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if s.ambient(x.door, r) {
			if err := s.crossOrigin.Check(r); err != nil {
				refused := fault.New(fault.Forbidden, "server.crossing", "Another site may not do this in your name.").WithCode("cross_origin")
				refused.Err = err
				x.door.refuse(w, r, refused)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// ambient reports whether a browser could have been made to send this request, with credentials, by
// a page of another site, without asking us first (a CORS preflight).
//
// A bearer token is in no browser's hands: a script set it. Basic credentials are: once typed, a browser adds
// them to whatever any site sends here. But only a plain POST goes out unasked, and no preflight of ours
// allows credentials. So a script of another origin can use tus and the API with Basic of its own, and no form can.
func (s *Server) ambient(d *door, r *http.Request) bool {
	switch scheme := authScheme(r); scheme {
	case "":
		// Nothing to misuse but the cookie. The pages are guarded without one too: their forms make sessions.
		return d.guarded || (d.takes(authn.MethodCookie) && hasCookie(r, s.origin))
	case schemeBasic:
		return r.Method == http.MethodPost && !preflighted(r)
	default:
		return false
	}
}

// preflighted reports whether no browser sends this POST to another origin without asking first: it has a header or a content type
// that a form cannot have (Fetch standard, "CORS-safelisted request-header").
func preflighted(r *http.Request) bool {
	for _, name := range [...]string{"Tus-Resumable", "Upload-Complete", "Upload-Incomplete"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

const (
	schemeBasic  = "basic"
	schemeBearer = "bearer"
)

// authScheme is the scheme of the Authorization header in lower case (RFC 9110, section 11.1); empty without one.
func authScheme(r *http.Request) string {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.ToLower(scheme)
}

// newCrossOrigin compares a browser's Origin with the request's host, and with the public address, which a
// proxy in front may have replaced in Host.
func newCrossOrigin(from origin.Origin) (*http.CrossOriginProtection, error) {
	protection := http.NewCrossOriginProtection()
	if from.Public != nil {
		if err := protection.AddTrustedOrigin(from.Public.Scheme + "://" + from.Public.Host); err != nil {
			return nil, err
		}
	}
	return protection, nil
}
