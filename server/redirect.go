package server

import (
	"net"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/origin"
)

// Redirect is the handler of a listener for plain HTTP beside one for HTTPS, which is reached at the port, or at the public address.
//
// It sends on what can be sent on: requests without credentials that carry nothing. 308 keeps their method (RFC 9110, section
// 15.4.9), where 301 would make a GET of others. A request with a body or a password is refused, before the body is read: sending it on
// would hide for ever that everything goes over the wire twice, the first time for all to read.
func Redirect(from origin.Origin, port string) http.Handler {
	return headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := "https://" + authority(from.Hostname(r), port)
		if from.Public != nil {
			base = from.Base(r)
		}
		if hasBody(r) || r.Header.Get("Authorization") != "" || !carriesNothing(r.Method) {
			w.Header().Set("Connection", "close")
			answer.Text(w, r, fault.New(fault.Forbidden, "server.redirect", "This server is reached by HTTPS: change http:// to https:// in its address.").WithCode("https_only"))
			return
		}
		w.Header().Set("Cache-Control", "no-store") // browsers would keep a 308 beyond a change of the settings
		w.Header().Set("Location", base+path(r))
		w.WriteHeader(http.StatusPermanentRedirect)
	}))
}

// path is what the request is for, with its query; of "OPTIONS *" it is the root.
func path(r *http.Request) string {
	if p := r.URL.RequestURI(); strings.HasPrefix(p, "/") {
		return p
	}
	return "/"
}

// carriesNothing reports whether requests of a method are only questions.
func carriesNothing(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, methodPropfind:
		return true
	}
	return false
}

// authority is a host, an IPv6 address without brackets, and a port, which HTTPS's own is not told.
func authority(host, port string) string {
	if port != "443" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
