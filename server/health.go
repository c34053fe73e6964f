package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// readyWait bounds how long /readyz waits for a part to answer.
	readyWait = 2 * time.Second
	// readyFresh is how long an answer of a part counts: strangers who ask often cost nothing.
	readyFresh = time.Second
)

// probe asks one part of the server whether it works. However many ask, it runs once at a time and at most
// once in readyFresh. A part that hangs keeps one goroutine and no request.
type probe struct {
	name  string
	check func(context.Context) error

	mu      sync.Mutex
	running chan struct{} // closed when the check that is under way ends; nil if none is
	at      time.Time     // when the last check ended
	err     error         // and what it said
}

var errNoAnswer = errors.New("no answer in time")

// begin sees to it that the last answer is fresh or a check is under way, and says which: nil is fresh.
func (p *probe) begin() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil && time.Since(p.at) >= readyFresh {
		p.running = make(chan struct{})
		go p.run(p.running)
	}
	return p.running
}

// answer waits for what begin began.
func (p *probe) answer(ctx context.Context, running <-chan struct{}) error {
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			return errNoAnswer
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// run serves all who wait, so it does not end with the request that began it.
func (p *probe) run(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), readyWait)
	defer cancel()
	err := p.check(ctx)
	p.mu.Lock()
	p.running, p.at, p.err = nil, time.Now(), err
	p.mu.Unlock()
	close(done)
}

// alive answers that the process serves requests, and nothing more: a broken database is no reason to restart it.
func alive(w http.ResponseWriter, r *http.Request) {
	plain(w, r, http.StatusOK, "ok\n")
}

// ready answers 200 when every part works, else 503. Only operators learn which part does not, and why.
func (s *Server) ready(w http.ResponseWriter, r *http.Request, operator bool) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	running := make([]<-chan struct{}, len(s.probes))
	for i, p := range s.probes {
		running[i] = p.begin()
	}
	var broken strings.Builder
	for i, p := range s.probes {
		if err := p.answer(ctx, running[i]); err != nil {
			fmt.Fprintf(&broken, "%s: %v\n", p.name, err)
		}
	}
	switch {
	case broken.Len() == 0:
		plain(w, r, http.StatusOK, "ready\n")
	case operator:
		plain(w, r, http.StatusServiceUnavailable, "not ready\n"+broken.String())
	default:
		plain(w, r, http.StatusServiceUnavailable, "not ready\n")
	}
}

// health serves the two addresses on either listener.
func (s *Server) health(operator bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			plain(w, r, http.StatusMethodNotAllowed, "GET or HEAD\n")
		case r.URL.Path == "/readyz":
			s.ready(w, r, operator)
		default:
			alive(w, r)
		}
	})
}

func plain(w http.ResponseWriter, r *http.Request, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // a probe that left does not read it
	}
}
