package hooks

import (
	"context"
	"net/http"
	"strings"
)

// Request is what a receiver is told of the request that brings content.
type Request struct {
	ID         string // the request's id, as log lines and errors have it
	Door       string // the way in: "tus", "drop", "dav", "api" or "web", or "import" of the command, which has nothing else
	Method     string
	URI        string      // its path, without what opens something to whoever knows it, and without a query
	RemoteAddr string      // HOST:PORT of the client; port 0 behind a reverse proxy
	Header     http.Header // as it came, Host among it: passing says what of it is told
}

type requestKey struct{}

// WithRequest puts the request that ctx is of into it. request is called when somebody is to be told of it, in the time of the request.
func WithRequest(ctx context.Context, request func() Request) context.Context {
	return context.WithValue(ctx, requestKey{}, request)
}

func requestOf(ctx context.Context) Request {
	if request, ok := ctx.Value(requestKey{}).(func() Request); ok {
		return request()
	}
	return Request{}
}

// passes are the headers of a request that a receiver is told. All that may open something stays here: credentials, cookies, addresses that are secrets
// (Referer, Destination).
var passes = [...]string{
	"Accept-Language", "Content-Disposition", "Content-Length", "Content-Type", "Host", "Origin", "Tus-Resumable", "Upload-Complete", "Upload-Concat",
	"Upload-Defer-Length", "Upload-Draft-Interop-Version", "Upload-Incomplete", "Upload-Length", "Upload-Metadata", "User-Agent", "X-Oc-Mtime", "Oc-Total-Length",
}

// stays are headers that are told to nobody, whatever the settings say.
var stays = [...]string{"Authorization", "Cookie", "Destination", "Lock-Token", "If", "Proxy-Authorization", "Referer", "Sec-Websocket-Key", "X-Csrf-Token"}

// passing is what of a header is told, more being what the settings name besides.
func passing(header http.Header, more []string) http.Header {
	told := http.Header{}
	for _, names := range [...][]string{passes[:], more} {
		for _, name := range names {
			if values, ok := header[name]; ok {
				told[name] = values
			}
		}
	}
	return told
}

// mayPass reports whether the settings may name a header.
func mayPass(name string) bool {
	for _, s := range stays {
		if strings.EqualFold(name, s) {
			return false
		}
	}
	return name != ""
}
