package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// An upload that a browser began in parts is gone on with, each part from where it is.
func TestPutGoesOnWithParts(t *testing.T) {
	t.Parallel()
	bothDatabases(t, func(t *testing.T, s *Server) {
		ann := s.Register(t, "ann")
		content := grain(7, 20<<20)
		post := func(header http.Header) string {
			header.Set("Tus-Resumable", "1.0.0")
			answer := send(t, ann.Bearer, http.MethodPost, s.URL+"/files/", header, nil)
			if answer.StatusCode != http.StatusCreated {
				t.Fatalf("POST: %s %s", answer.Status, answer.text)
			}
			return answer.Header.Get("Location")
		}
		cuts := []int{0, 9 << 20, 15<<20 + 77, len(content)}
		var parts []string
		for i := range cuts[1:] {
			parts = append(parts, post(http.Header{"Upload-Concat": {"partial"}, "Upload-Length": {fmt.Sprint(cuts[i+1] - cuts[i])}}))
		}
		text := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		post(http.Header{
			"Upload-Concat":   {"final;" + strings.Join(parts, " ")},
			"Upload-Metadata": {"filename " + text("film.bin") + ",folder " + text("/films") + ",conflict " + text("replace") + ",sha256 " + text(sumOf(content))},
		})
		for i, sent := range []int{3<<20 + 5, 0, len(content) - cuts[2]} {
			if sent == 0 {
				continue
			}
			if answer := ann.patch(t, parts[i], 0, bytes.NewReader(content[cuts[i]:cuts[i]+sent])); answer.StatusCode != http.StatusNoContent {
				t.Fatalf("PATCH of part %d: %s %s", i, answer.Status, answer.text)
			}
		}
		w := newWire(t, s)
		p := newPrompt(t)
		p.signIn(w.URL, "ann")
		p.write("film.bin", content)
		p.does("put", "film.bin", "/films/film.bin")
		if got := p.recorded("/films/film.bin"); got != sumOf(content) {
			t.Errorf("the drive has %s, want %s", got, sumOf(content))
		}
		if sent, most := w.Up.Load(), int64(cuts[2]-3<<20+overhead); sent > most {
			t.Errorf("%d bytes went to the server, want at most %d", sent, most)
		}
		if got := p.does("uploads"); strings.Contains(got, "film.bin") {
			t.Errorf("still under way:\n%s", got)
		}
	})
}
