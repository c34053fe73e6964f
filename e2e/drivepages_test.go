package e2e

import "testing"

// A person works with files on a phone and on a desktop, while another client does.
func TestDrivePages(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"360x740", "1280x800"} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Register(t, "ann")
			scene(t, "drivepages.mjs", size, s.URL, t.TempDir())
		})
	}
}
