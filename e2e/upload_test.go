package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// uploadEvent is a line of upload.mjs.
type uploadEvent struct {
	Event   string // "progress", "accepted", "offset", "broken", "done"
	Bytes   int64
	Status  int
	Message string
	URL     string
}

// The main job: a large upload survives a server that crashes three times, and the file is on the mounted
// drive and on the page.
func TestUploadThroughThreeCrashes(t *testing.T) {
	t.Parallel()
	const (
		size  = 256 << 20
		chunk = 16 << 20
		name  = "Film über Bären 熊.mkv"
	)
	file := filepath.Join(t.TempDir(), "source")
	want := noiseFile(t, file, 1, size)

	bothDatabases(t, func(t *testing.T, s *Server) {
		ann := s.Register(t, "ann")
		crashes := []int64{size * 20 / 100, size * 45 / 100, size * 70 / 100}
		var broken, resumed int
		var accepted int64
		var done bool
		upload := node(t, "upload.mjs", s.URL+"/files/", ann.Token, file, name, strconv.Itoa(chunk))
		lines(t, upload, func(line string) {
			var e uploadEvent
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			switch e.Event {
			case "progress":
				if len(crashes) > 0 && e.Bytes >= crashes[0] {
					crashes = crashes[1:]
					s.Kill()
					s.Start()
				}
			case "accepted":
				accepted = e.Bytes
			case "offset":
				resumed++
				t.Logf("resumed at %d of %d, %d had been answered", e.Bytes, size, accepted)
				if e.Bytes < accepted {
					t.Errorf("after a crash the offset is %d; %d had been answered", e.Bytes, accepted)
				}
			case "broken":
				broken++
			case "done":
				done = true
			}
		})
		if !done || len(crashes) > 0 || broken < 3 || resumed < 3 {
			t.Fatalf("done %v, %d crashes left, broken %d times, resumed %d times; want an upload through three crashes",
				done, len(crashes), broken, resumed)
		}
		if got, n := ann.SHA256(t, name); got != want || n != size {
			t.Errorf("WebDAV serves %d bytes with SHA-256 %s; want %d with %s", n, got, size, want)
		}
		if names := Listed(t, ann.Browser(t), s.URL+"/drive"); !slices.Equal(names, []string{name}) {
			t.Errorf("the page lists %q; want the file", names)
		}
	})
}
