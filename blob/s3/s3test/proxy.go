package s3test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Fate is what becomes of a request.
type Fate int

// What a proxy does with a request.
const (
	Pass   Fate = iota // nothing special
	Refuse             // 503, and S3 does not see it
	Lose               // S3 answers, and the connection is cut instead of its answer
	Break              // the connection is cut within the answer, after 100 kB
	Claim              // 200, and S3 does not see it: as versitygw answers while it is at it, or was killed over it
)

// Proxy stands between a store and a server.
type Proxy struct {
	Endpoint string

	mu   sync.Mutex
	fate func(r *http.Request) Fate
	seen []string
}

// NewProxy starts a proxy that passes everything. The end of the test ends it.
func NewProxy(t testing.TB, server *Server) *Proxy {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{fate: func(*http.Request) Fate { return Pass }}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p.decide(r) {
		case Refuse:
			w.WriteHeader(http.StatusServiceUnavailable)
		case Claim:
			w.Header().Set("Content-Type", "application/xml")
			_, _ = io.WriteString(w, `<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></CompleteMultipartUploadResult>`)
		case Lose:
			reverse.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case Break:
			reverse.ServeHTTP(&breaking{w, 100_000}, r)
		default:
			reverse.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	p.Endpoint = front.URL
	return p
}

// breaking cuts the connection after some bytes.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	n, err := b.ResponseWriter.Write(p[:min(len(p), b.left)])
	if b.left -= n; b.left <= 0 {
		_ = http.NewResponseController(b.ResponseWriter).Flush() // what went before is sent, if it can be
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func (p *Proxy) decide(r *http.Request) Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, Operation(r))
	return p.fate(r)
}

// Decide has fn say what becomes of each request from now on. It is called by one goroutine at a time.
func (p *Proxy) Decide(fn func(r *http.Request) Fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fate = fn
}

// Seen are the operations since it was asked last.
func (p *Proxy) Seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// Operation is S3's name of what a request asks for, of those that the store uses.
func Operation(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPut && q.Has("partNumber") && r.Header.Get("X-Amz-Copy-Source") != "":
		return "UploadPartCopy"
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "UploadPart"
	case r.Method == http.MethodPut:
		return "PutObject"
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "AbortMultipartUpload"
	case r.Method == http.MethodDelete:
		return "DeleteObject"
	case r.Method == http.MethodHead:
		return "HeadObject"
	case r.Method == http.MethodGet && q.Has("uploadId"):
		return "ListParts"
	case r.Method == http.MethodGet && q.Has("list-type"):
		return "ListObjectsV2"
	case r.Method == http.MethodGet && q.Has("uploads"):
		return "ListMultipartUploads"
	}
	return "GetObject"
}
