package e2e

import (
	"strings"
	"testing"
)

// A person works with files on a phone and on a desktop, while another client does. SATCHEL_SCREENSHOTS names a folder that keeps what was on
// the screen.
func TestDrivePages(t *testing.T) {
	chromium := program(t, "chromium", "chromium")
	for _, size := range []string{"360x740", "1280x800"} {
		t.Run(size, func(t *testing.T) {
			s := start(t)
			s.Register(t, "ann")
			folder := t.TempDir()
			defer keepScreenshots(t, folder)
			var events []string
			lines(t, node(t, "drivepages.mjs", size, chromium, s.URL, folder), func(line string) { events = append(events, line) })
			if last := events[len(events)-1]; !strings.Contains(last, "done") {
				t.Fatalf("the script ended before its end: %s", last)
			}
		})
	}
}
