package tus

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/satchelhq/satchel/drive"
)

// reply mends the headers of the handler's answers just before they go out.
type reply struct {
	http.ResponseWriter
	base     string                          // scheme and host, as the outside sees them
	address  func(id string) (string, error) // the path of an upload
	location string                          // the path of the one that was created
	metadata string                          // as the request has it
	upload   *upload                         // the one that this request is about, once it is known
	created  bool                            // by this request
	seen     drive.Seen                      // the one that its address names, as admit saw it
	patch    int64                           // the offset that a PATCH is for; negative for other methods
	verify   func() error                    // tells whether the body was what its checksum says; nil without one
	current  func(http.Header, int)          // tells where the upload is on record, in the refusal of a PATCH
	brief    bool                            // no body is read, which is what may take long
	headless bool                            // a HEAD that came as a POST: its length must not be announced, as no body follows

	mu          sync.Mutex
	sent        bool
	interrupted bool // another request for the same upload made this one let go
}

type replyKey struct{}

// statusClientClosedRequest is what package answer says to a cancelled context.
const statusClientClosedRequest = 499

// interrupt makes the request let go, unless it is about to: it is brief, or its answer is on its way.
func (p *reply) interrupt(requestUnlock func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.sent && !p.brief {
		p.interrupted = true
		requestUnlock()
	}
}

// letsGo reports whether the request was made to let go.
func (p *reply) letsGo() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.interrupted
}

func (p *reply) WriteHeader(status int) {
	if !p.sent {
		p.mu.Lock()
		p.sent = status >= 200
		interrupted := p.interrupted
		p.mu.Unlock()
		if interrupted {
			// The handler ends the reading of the connection, maybe only later. For net/http the client is gone then: the
			// contexts of all requests that followed on the connection would be cancelled from their beginning.
			p.Header().Set("Connection", "close")
		}
		// The handler calls a request malformed that had to let go, or its context was cancelled. Its client may be alive, and may try again.
		if interrupted && (status == http.StatusBadRequest || status == statusClientClosedRequest) {
			status = http.StatusLocked
		}
		p.mend(status)
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *reply) mend(status int) {
	header := p.Header()
	// The address is right behind a proxy too, and is told when the bytes that came along were refused: the
	// upload exists, and the client can go on.
	if p.created {
		header.Set("Location", p.base+p.location)
		if status >= http.StatusBadRequest {
			header.Set("Upload-Offset", strconv.FormatInt(p.upload.u.Offset, 10))
		}
	}
	if p.upload != nil && status != http.StatusGone && status != http.StatusNotFound {
		expires(header, p.upload.u)
	}
	if header.Get("Upload-Metadata") != "" { // the handler has a map of it
		header.Set("Upload-Metadata", p.upload.u.Metadata)
	}
	if p.current != nil && status >= http.StatusBadRequest {
		p.current(header, status)
	}
	if p.headless {
		header.Del("Content-Length")
	}
	header.Set("Cache-Control", "no-store")
}

func (p *reply) Write(b []byte) (int, error) {
	if !p.sent {
		p.WriteHeader(http.StatusOK)
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (p *reply) Unwrap() http.ResponseWriter { return p.ResponseWriter }
