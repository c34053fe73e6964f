package e2e

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// A long folder on the pages. SATCHEL_TEST_FRAMES is how long a frame may take, in milliseconds, with 10,000 files in it; without it that is only
// told, and there are fewer.
func TestLongFolder(t *testing.T) {
	files := 10_000
	bound, err := strconv.Atoi(os.Getenv("SATCHEL_TEST_FRAMES"))
	if err != nil {
		t.Parallel()
		files = 2500
	}
	s := start(t)
	s.Register(t, "ann").Fill(t, "long", files)
	for _, line := range scene(t, "longfolder.mjs", "1280x800", s.URL, t.TempDir(), strconv.Itoa(files)) {
		var step struct {
			Event   string
			Longest int
		}
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if bound > 0 && step.Longest > bound {
			t.Errorf("%s: a frame took %d ms", step.Event, step.Longest)
		}
	}
}
