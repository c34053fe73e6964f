package tus

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
)

// A body that stands still is not the server's fault: its client is told to go on, and from where.
func TestABodyThatStandsStill(t *testing.T) {
	each(t, drive.Options{InlineMax: 4}, func(t *testing.T, s *site) {
		door, err := New(Options{Drives: s.drives, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		send := func(method, path, headers, body string) *http.Response {
			r := httptest.NewRequest(method, path, io.MultiReader(strings.NewReader(body), iotest.ErrReader(os.ErrDeadlineExceeded)))
			r.ContentLength = 100
			r.Header.Set("Tus-Resumable", "1.0.0")
			r.Header.Set("Content-Type", octetStream)
			for line := range strings.Lines(headers) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r.WithContext(authn.WithPrincipal(r.Context(), authn.Principal{UserID: s.alice})))
			return w.Result()
		}
		want := func(what string, answer *http.Response) {
			t.Helper()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "body_stalled") {
				t.Errorf("%s: %d %s %v", what, answer.StatusCode, body, err)
			}
		}
		answer := send("POST", "/files/", "Upload-Length: 200", "hello")
		want("creation", answer)
		at, err := url.Parse(answer.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		want("PATCH", send("PATCH", at.Path, "Upload-Offset: 5", " again"))
		s.want("it goes on", s.do("HEAD", at.Path, "", ""), 200, "Upload-Offset: 11")
	})
}
