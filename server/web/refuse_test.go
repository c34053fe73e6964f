package web_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// What the server refuses before a page is reached looks like the pages, and tells no internals.
func TestRefuse(t *testing.T) {
	h := newHouse(t)
	ctx := answer.WithLog(answer.WithRequestID(t.Context(), "r-9"), slog.New(slog.DiscardHandler))
	secret := errors.New("dial tcp 10.0.0.7: password is hunter2")
	for _, c := range []struct {
		name   string
		err    error
		status int
		shows  string
		header [2]string
	}{
		{"an internal error", fault.As(fault.Internal, "drive.Move", secret).WithPath("/private"), 500, "The request id finds it in the log.", [2]string{"Cache-Control", "no-store"}},
		{"an error of no kind", secret, 500, "The request id finds it in the log.", [2]string{}},
		{"a bearer token that is no good", fault.New(fault.Unauthenticated, "gate", "The token has expired."), 401, "The token has expired.", [2]string{"Www-Authenticate", `Bearer realm="Satchel"`}},
		{"another site's form", fault.New(fault.Forbidden, "crossing", "Another site may not do this."), 403, "Another site may not do this.", [2]string{}},
		{"busy", fault.As(fault.Busy, "sqldb", secret), 503, "The server is busy.", [2]string{"Retry-After", "2"}},
		{"too many", fault.New(fault.TooMany, "limit", ""), 429, "Try again later.", [2]string{"Retry-After", "30"}},
		{"text with markup", fault.New(fault.Invalid, "x", "<script>alert(1)</script>"), 400, "<script>alert(1)</script>", [2]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/drive/", nil)
			h.door.Refuse(w, r.WithContext(ctx), c.err)
			raw := w.Body.String()
			doc := h.browser().page(w.Result(), c.status)
			if got := doc.Find("main").Text(); !strings.Contains(got, c.shows) || !strings.Contains(got, "r-9") {
				t.Errorf("page reads %q, want %q and the request id", got, c.shows)
			}
			if strings.Contains(raw, "hunter2") || strings.Contains(raw, "/private") || strings.Contains(raw, "<script>alert") {
				t.Errorf("the page tells too much: %s", raw)
			}
			if c.header[0] != "" && w.Header().Get(c.header[0]) != c.header[1] {
				t.Errorf("%s is %q, want %q", c.header[0], w.Header().Get(c.header[0]), c.header[1])
			}
		})
	}
}
