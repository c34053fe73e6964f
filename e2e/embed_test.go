package e2e

import "testing"

// An app shows the pages in its WebView, and another shares files with the installed pages.
func TestEmbeddedPages(t *testing.T) {
	t.Parallel()
	eachView(t, english, func(t *testing.T, size, language string) {
		s := start(t)
		s.Register(t, "ann")
		scene(t, "embed.mjs", size, s.URL, t.TempDir(), language)
	})
}
