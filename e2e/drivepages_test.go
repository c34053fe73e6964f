package e2e

import "testing"

// A person works with files on a phone and on a desktop, while another client does.
func TestDrivePages(t *testing.T) {
	t.Parallel()
	eachView(t, english, func(t *testing.T, size, language string) {
		s := start(t)
		s.Register(t, "ann")
		scene(t, "drivepages.mjs", size, s.URL, t.TempDir(), language)
	})
}
