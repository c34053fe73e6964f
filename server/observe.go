package server

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/traces"
)

// observe makes the request's exchange and, when it has ended, tells the metrics and the access log. A line at
// level info holds no path, because names of files are private; at level debug, and in an access log of its own, it does.
// Queries, which may hold a ticket, are never logged.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		x := &exchange{ResponseWriter: w, door: s.route(r), peer: r.RemoteAddr, stream: r.ProtoMajor >= 2, id: requestID(r, s.origin)}
		if x.stream && (r.Method == http.MethodGet || r.Method == http.MethodHead) && hasBody(r) {
			_ = r.Body.Close() // it means nothing (RFC 9110, section 9.3.1), and would be kept in memory as long as the answer is sent
			r.Body = http.NoBody
		}
		if hasBody(r) {
			x.body = &body{ReadCloser: r.Body, x: x}
		}
		w.Header()[requestIDHeader] = []string{x.id}

		ctx := answer.WithLog(answer.WithRequestID(withExchange(r.Context(), x), x.id), s.log)
		if s.traces != nil && x.door.gated { // probes ask every few seconds
			ctx, x.span = s.traces.BeginRequest(ctx, known(methods[:], r.Method), x.door.name, x.id, r.Header, s.origin.FromProxy(r))
		}
		r = r.WithContext(ctx)
		if x.body != nil {
			r.Body = x.body
		}

		s.inFlight.Add(1)
		cut := true // unless the door comes back: a panic on its way through here ends the connection
		defer func() {
			defer s.inFlight.Add(-1) // last, so that whoever waits for it finds the request counted and logged
			took := time.Since(start)
			if !cut {
				x.begin() // net/http answers 200 for a handler that wrote nothing
			}
			s.metrics.observeRequest(x, r, took)
			if x.span != nil {
				x.span.End(ctx, known(methods[:], r.Method), traces.Answered{Route: cmp.Or(x.route, x.door.pattern), Status: x.status, Received: x.received(), Sent: x.sent, Cut: cut})
			}
			s.logRequest(x, r, start, took, cut)
		}()
		next.ServeHTTP(x, r)
		cut = false
	})
}

func (s *Server) logRequest(x *exchange, r *http.Request, began time.Time, took time.Duration, cut bool) {
	level := slog.LevelInfo
	switch {
	case !x.door.gated: // probes ask every few seconds
		level = slog.LevelDebug
	case s.access != nil:
		s.access.write(x, r, s.origin.ClientAddr(r), began, took, cut)
		level = slog.LevelDebug
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", x.id),
		slog.String("door", x.door.name),
		slog.String("method", r.Method),
		slog.Int("status", x.status),
		slog.Int64("bytes", x.sent),
		slog.Duration("took", took),
	}
	if x.user != "" {
		attrs = append(attrs, slog.String("user", x.user))
	}
	if id := x.span.TraceID(); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if cut {
		attrs = append(attrs, slog.Bool("cut", true))
	}
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		attrs = append(attrs, slog.String("path", answer.LogPath(r.URL.Path)), slog.String("client", s.origin.ClientAddr(r)))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}
