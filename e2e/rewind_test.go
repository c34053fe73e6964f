package e2e

import "testing"

// A person goes back to the moment before a drive was wrecked, on a phone and on a desktop, and without script.
func TestRewind(t *testing.T) {
	for _, size := range []string{"360x740", "1280x800"} {
		t.Run(size, func(t *testing.T) {
			s := start(t)
			s.Register(t, "ann")
			scene(t, "rewind.mjs", size, s.URL, t.TempDir())
		})
	}
}
