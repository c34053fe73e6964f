package e2e

import "testing"

// An app shows the pages in its WebView, and another shares files with the installed pages.
func TestEmbeddedPages(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"360x740", "1280x800"} {
		t.Run(size, func(t *testing.T) {
			s := start(t)
			s.Register(t, "ann")
			scene(t, "embed.mjs", size, s.URL, t.TempDir())
		})
	}
}
