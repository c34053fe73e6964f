package server

import (
	"net/http"
	"strconv"
	"time"
)

// strictTransport is the value of Strict-Transport-Security (RFC 6797, section 6.1). Other hosts of the domain are not ours to speak for.
func strictTransport(life time.Duration) []string {
	if life <= 0 {
		return nil
	}
	return []string{"max-age=" + strconv.FormatInt(int64(life/time.Second), 10)}
}

// strict has browsers come by HTTPS only, where they did (section 7.2: never over plain HTTP).
func (s *Server) strict(next http.Handler) http.Handler {
	if s.hsts == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.origin.Secure(r) {
			w.Header()["Strict-Transport-Security"] = s.hsts
		}
		next.ServeHTTP(w, r)
	})
}
