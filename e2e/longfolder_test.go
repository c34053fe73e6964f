package e2e

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// A long folder on a phone. SATCHEL_TEST_FRAMES is how long a frame may take, in milliseconds, with 10,000 files in it on a desktop; without it that
// is only told, and there are fewer.
func TestLongFolder(t *testing.T) {
	if bound, err := strconv.Atoi(os.Getenv("SATCHEL_TEST_FRAMES")); err == nil {
		if longest := scrolled(t, "1280x800", english, 10_000); longest > bound {
			t.Errorf("a frame took %d ms", longest)
		}
		return
	}
	t.Parallel()
	scrolled(t, "360x740", chinese, 2500)
}

// scrolled goes through a folder of so many files, and answers how long the longest frame took, in milliseconds.
func scrolled(t *testing.T, size, language string, files int) (longest int) {
	s := start(t)
	s.Register(t, "ann").Fill(t, "long", files)
	for _, line := range scene(t, "longfolder.mjs", size, s.URL, t.TempDir(), language, strconv.Itoa(files)) {
		var step struct{ Longest int }
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		longest = max(longest, step.Longest)
	}
	return longest
}
