package server

import "net/http"

// headers sets what every answer has; a door may set others.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		// Paths are private: no other site learns them. Our own pages still get a true Origin with their
		// forms, which "no-referrer" would make "null".
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
