package server

import "net/http"

// Values that every answer has. Answers share them: neither net/http nor http.Header's methods change a value in place.
var (
	nosniff    = []string{"nosniff"}
	sameOrigin = []string{"same-origin"}
)

// headers sets what every answer has; a door may set others.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		// Paths are private: no other site learns them. Our own pages still get a true Origin with their
		// forms, which "no-referrer" would make "null".
		h["Referrer-Policy"] = sameOrigin
		next.ServeHTTP(w, r)
	})
}
