package server

import (
	"net/http"
	"slices"
)

// cors lets scripts of the origins in the settings use the doors that are for programs (Fetch standard, "CORS protocol").
// It stands outside the gate, so that a script can read why it was refused, and answers preflights, which
// bring no credentials, by itself. Other origins get no header, and their browsers keep the answer from them.
//
// Credentials that a browser adds by itself are never allowed: a script brings its bearer token, or Basic credentials that
// it has of its own. So a listed origin can do nothing in the name of somebody who is merely signed in to the pages;
// crossing.go relies on that.
func (s *Server) cors(next http.Handler) http.Handler {
	if len(s.corsOrigins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !exchangeOf(r.Context()).door.scripted {
			next.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Add("Vary", "Origin") // also without one: a cache must not hand that answer to a script
		allowed := s.allowedOrigin(r)
		if allowed == "" {
			next.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Origin", allowed)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			header.Set("Access-Control-Allow-Methods", corsMethods)
			header.Set("Access-Control-Allow-Headers", corsRequestHeaders)
			header.Set("Access-Control-Max-Age", corsMaxAge)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		header.Set("Access-Control-Expose-Headers", corsAnswerHeaders)
		next.ServeHTTP(w, r)
	})
}

// anyOrigin in the settings stands for every origin.
const anyOrigin = "*"

// allowedOrigin is what Access-Control-Allow-Origin says to a request, empty if nothing.
func (s *Server) allowedOrigin(r *http.Request) string {
	from := r.Header["Origin"]
	switch {
	case len(from) != 1:
		return ""
	case slices.Contains(s.corsOrigins, anyOrigin):
		return anyOrigin
	case slices.Contains(s.corsOrigins, from[0]):
		return from[0]
	}
	return ""
}

// corsMaxAge is how long a browser may remember a preflight, in seconds. None remembers it much longer.
const corsMaxAge = "7200"

// corsMethods is what a script may send. Which of them an address takes is for its door to say.
const corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, PROPFIND, PROPPATCH, REPORT, MKCOL, COPY, MOVE, LOCK, UNLOCK"

// corsRequestHeaders is what a script may send along: all that the doors read, and what clients of theirs are known to send.
const corsRequestHeaders = "Authorization, Content-Type, Content-Disposition, X-Requested-With, X-Request-Id, X-HTTP-Method-Override, Prefer, " +
	"If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, Range, Cache-Control, " + // RFC 9110 and 9111
	"Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Offset, Upload-Metadata, Upload-Concat, Upload-Checksum, " + // tus 1.0
	"Upload-Complete, Upload-Incomplete, Upload-Draft-Interop-Version, " + // the IETF's resumable uploads
	"Content-Digest, Repr-Digest, Want-Content-Digest, Want-Repr-Digest, " + // RFC 9530
	"Depth, Destination, If, Lock-Token, Overwrite, Timeout, X-Update-Range, X-OC-Mtime, X-Recalculate-Hash, OC-Checksum, OC-Total-Length" // WebDAV and its sync clients

// corsAnswerHeaders is what a script may read of an answer, besides what every script may.
const corsAnswerHeaders = "Location, ETag, Allow, Accept-Ranges, Content-Disposition, Content-Range, Date, Retry-After, WWW-Authenticate, X-Request-Id, " +
	"Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, " +
	"Upload-Length, Upload-Defer-Length, Upload-Offset, Upload-Metadata, Upload-Concat, Upload-Expires, " +
	"Upload-Complete, Upload-Incomplete, Upload-Draft-Interop-Version, Upload-Limit, Content-Digest, Repr-Digest, Accept-Patch, " +
	"DAV, Lock-Token, MS-Author-Via, X-OC-Mtime, OC-Checksum"
