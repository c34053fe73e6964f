package e2e

import "testing"

// A person goes back to the moment before a drive was wrecked, on a phone and on a desktop, and without script.
func TestRewind(t *testing.T) {
	t.Parallel()
	eachView(t, chinese, func(t *testing.T, size, language string) {
		s := start(t)
		s.Register(t, "ann")
		scene(t, "rewind.mjs", size, s.URL, t.TempDir(), language)
	})
}
