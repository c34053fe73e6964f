package api

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// forCaller is a handler for a caller who is somebody.
type forCaller func(w http.ResponseWriter, r *http.Request, p authn.Principal) error

// signedIn is h for a caller who is somebody; a stranger gets Unauthenticated.
func signedIn(h forCaller) answer.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, ok := authn.From(r.Context())
		if !ok {
			return fault.New(fault.Unauthenticated, "api", "")
		}
		return h(w, r, p)
	}
}

// inSession is signedIn for what manages the account: credentials that are sent with every request (Basic) do not do that, since they may
// be one device's only.
func inSession(h forCaller) answer.Handler {
	return signedIn(func(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
		if p.SessionID == "" {
			return fault.New(fault.Forbidden, "api", "Sign in for this: POST /api/v1/login answers a token.").WithCode("session_required")
		}
		return h(w, r, p)
	})
}

// asAdmin is inSession for administrators. To others the address does not exist.
func asAdmin(h forCaller) answer.Handler {
	return inSession(func(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
		if p.Role != authn.RoleAdmin {
			return fault.New(fault.NotFound, "api", "")
		}
		return h(w, r, p)
	})
}
