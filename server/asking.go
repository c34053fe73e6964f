package server

import (
	"net"
	"net/http"
	"net/url"

	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/server/answer"
)

// asking tells package hooks of the request, for when somebody is asked whether what it brings may be taken.
func (s *Server) asking(next http.Handler) http.Handler {
	if !s.asks {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before := r
		ctx := hooks.WithRequest(r.Context(), func() hooks.Request { return s.described(before) })
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// described is a request as others may know of it.
func (s *Server) described(r *http.Request) hooks.Request {
	header := r.Header.Clone()
	header.Set("Host", r.Host) // as tusd does
	uri := url.URL{Path: answer.LogPath(r.URL.Path)}
	from := r.RemoteAddr
	if s.origin.FromProxy(r) {
		from = net.JoinHostPort(s.origin.ClientAddr(r), "0")
	}
	return hooks.Request{
		ID: answer.RequestID(r.Context()), Door: exchangeOf(r.Context()).door.name, Method: r.Method, URI: uri.EscapedPath(), RemoteAddr: from, Header: header,
	}
}
