package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// Admin is the handler of the listener for operators: /metrics, /healthz, /readyz and /debug/pprof/. It asks nobody
// who they are, so it listens where only operators reach it.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.Registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		MaxRequestsInFlight: 4,
	}))
	mux.Handle("/healthz", s.health(true))
	mux.Handle("/readyz", s.health(true))
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /debug/pprof/":        pprof.Index,
		"GET /debug/pprof/cmdline": pprof.Cmdline,
		"GET /debug/pprof/profile": pprof.Profile,
		"GET /debug/pprof/symbol":  pprof.Symbol,
		"POST /debug/pprof/symbol": pprof.Symbol, // as go tool pprof asks
		"GET /debug/pprof/trace":   pprof.Trace,
	} {
		mux.Handle(pattern, byAddress(handler))
	}
	return headers(mux)
}

// byAddress refuses requests that name the server otherwise than by an IP address or as localhost. A page in an operator's
// browser could make its own name lead here (DNS rebinding), and then read the heap.
func byAddress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
			answer.Text(w, r, fault.New(fault.Forbidden, "server.byAddress", "Profiles are for requests to an IP address or localhost.").WithCode("not_by_address"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
