package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// An administrator looks after a server in the light, in the dark and without script.
func TestAdminPages(t *testing.T) {
	t.Parallel()
	eachView(t, english, func(t *testing.T, size, language string) {
		s := start(t)
		s.Register(t, "ann")
		if out, err := s.Command("user", "role", "ann", "admin").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		bob := s.Register(t, "bob")
		bob.Put(t, "a.txt", "what bob has")
		tus := map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "50000000", "Content-Type": octets,
			"Upload-Metadata": "filename " + base64Of("private.mp4") + ",filetype " + base64Of("video/mp4")}
		if answer := send(t, bob.Bearer, http.MethodPost, s.URL+"/files/", headers(tus), strings.NewReader(strings.Repeat("x", 300_000))); answer.StatusCode != http.StatusCreated {
			t.Fatalf("bob's upload: %s %s", answer.Status, answer.text)
		}
		scene(t, "admin.mjs", size, s.URL, t.TempDir(), language)
	})
}
