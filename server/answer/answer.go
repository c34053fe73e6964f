package answer

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
)

// Handler answers a request, or returns an error before it has written anything.
//
// A handler whose body breaks off half way must not return the error, since
// the status is gone by then: it panics with http.ErrAbortHandler, and the client sees a cut connection.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Handle adapts h; write spells its errors: [Error], [Text], [DAV], or a door's own.
func Handle(h Handler, write func(w http.ResponseWriter, r *http.Request, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			write(w, r, err)
		}
	})
}

// JSON writes v with a status; a nil v is an empty body. It is not cached unless the caller
// has set Cache-Control already.
func JSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	header := w.Header()
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "no-store")
	}
	if v == nil {
		w.WriteHeader(status)
		return
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		Log(r.Context()).Debug("answer was not written", "request_id", RequestID(r.Context()), "err", err)
	}
}

// begin sets what every error answer has in common, logs err if it is the server's, and answers the status.
// Headers that described the body which is not coming are taken back.
func begin(w http.ResponseWriter, r *http.Request, err error) int {
	status := Status(err)
	header := w.Header()
	for _, name := range [...]string{"Content-Length", "Content-Encoding", "Content-Disposition", "Content-Range", "Etag", "Last-Modified"} {
		header.Del(name)
	}
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if no, ok := hooks.Rejected(err); ok {
		header.Set(hooks.RejectionHeader, "1")
		for name, value := range no.Header {
			header.Set(name, value)
		}
	}
	RetryAfter(header, err)
	if status >= 500 {
		logFault(r, status, err)
	}
	return status
}

// RetryAfter sets for how long a client should wait, in seconds (RFC 9110, section 10.2.3), where err says that it is worth
// trying again and nobody has set it already.
func RetryAfter(header http.Header, err error) {
	if wait := fault.RetryAfter(err); wait > 0 && header.Get("Retry-After") == "" {
		header.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(wait.Seconds())), 10))
	}
}

// logFault tells the log what the client is not told. The query is left out: it may hold a ticket.
func logFault(r *http.Request, status int, err error) {
	level := slog.LevelWarn // busy or full: expected under load
	if status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	Log(r.Context()).Log(r.Context(), level, "request failed", "request_id", RequestID(r.Context()),
		"method", r.Method, "path", LogPath(r.URL.Path), "status", status, "err", err)
}

const basicChallenge = `Basic realm="Satchel", charset="UTF-8"` // RFC 7617, section 2.1

// challenge tells a client how to sign in (RFC 9110, section 11.6.1). A script in a browser
// gets no Basic challenge, because the browser would open its own password dialog over the page.
func challenge(w http.ResponseWriter, r *http.Request, code string) {
	bearer := `Bearer realm="Satchel"`
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") && refusesToken(code) {
		bearer += `, error="invalid_token"` // RFC 6750, section 3.1
	}
	w.Header()["Www-Authenticate"] = []string{bearer}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode == "" || mode == "navigate" {
		w.Header().Add("WWW-Authenticate", basicChallenge)
	}
}

// refusesToken reports whether a stable code says that the access token itself was refused.
func refusesToken(code string) bool {
	switch code {
	case "invalid_token", "token_expired", "session_ended":
		return true
	}
	return false
}
