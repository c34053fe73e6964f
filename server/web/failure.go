package web

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

// Refuse writes the error page. The server uses it too, for what it refuses before a page is reached.
func (h *Web) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := report(w, r, err)
	header := w.Header()
	for _, name := range [...]string{"Content-Disposition", "Etag", "Last-Modified"} {
		header.Del(name) // of the content that is not coming
	}
	if status == http.StatusUnauthorized { // a bearer token that is no good; a missing sign-in is a redirect
		header.Set("WWW-Authenticate", `Bearer realm="Satchel"`)
	}
	html, renderErr := h.in(r).Failure(pages.Failure{
		Frame:     pages.Frame{User: userOf(r), Problem: problemOf(r, err, true)},
		Status:    status,
		Retryable: (r.Method == http.MethodGet || r.Method == http.MethodHead) && (status >= 500 || status == http.StatusTooManyRequests),
	})
	if renderErr != nil {
		answer.Text(w, r, errors.Join(renderErr, err))
		return
	}
	_ = write(w, status, html)
}

// report tells the log what the page does not tell, says when it is worth trying again, and answers the status.
func report(w http.ResponseWriter, r *http.Request, err error) int {
	status := answer.Status(err)
	answer.RetryAfter(w.Header(), err)
	if status >= 500 {
		level := slog.LevelWarn // busy or full: expected under load
		if status == http.StatusInternalServerError {
			level = slog.LevelError
		}
		answer.Log(r.Context()).Log(r.Context(), level, "request failed", "request_id", answer.RequestID(r.Context()),
			"method", r.Method, "path", answer.LogPath(r.URL.Path), "status", status, "err", err)
	}
	return status
}

// problemOf is err for people. The request id is for what only the log can explain, or for every problem.
func problemOf(r *http.Request, err error, always bool) *pages.Problem {
	_, sentence, fields := fault.Public(err)
	p := &pages.Problem{Sentence: sentence, Fields: map[string]string{}}
	for _, f := range fields {
		p.Fields[f.Name] = f.Message
	}
	var some *partly
	if errors.As(err, &some) {
		p.Partly = &some.done
	}
	if always || fault.KindOf(err) == fault.Internal {
		p.RequestID = answer.RequestID(r.Context())
	}
	return p
}

// userOf is the name of who is signed in; empty for nobody.
func userOf(r *http.Request) string {
	who, _ := authn.From(r.Context())
	return who.Username
}

// isTooLong reports whether a body was cut by http.MaxBytesReader.
func isTooLong(err error) bool {
	var tooLong *http.MaxBytesError
	return errors.As(err, &tooLong)
}
