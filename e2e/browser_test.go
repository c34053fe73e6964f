package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// A person with a phone of 360 by 740 pixels. SATCHEL_SCREENSHOTS names a folder that keeps what was on the screen.
func TestBrowser(t *testing.T) {
	chromium := program(t, "chromium", "chromium")
	for _, test := range []struct {
		scenario string // of browser.mjs
		file     string // what is uploaded, downloaded and compared
		size     int64
	}{
		{"visit", "holiday photo ü 熊.bin", 3 << 20},
		{"resume", "long film.bin", 32 << 20},
		{"plain", "without script.bin", 2 << 20},
	} {
		t.Run(test.scenario, func(t *testing.T) {
			s := start(t)
			folder := t.TempDir()
			sum := noiseFile(t, filepath.Join(folder, test.file), 42, test.size)
			var done bool
			script := node(t, "browser.mjs", test.scenario, chromium, s.URL, folder)
			defer keepScreenshots(t, folder)
			lines(t, script, func(line string) {
				var event struct {
					Event  string
					Offset int64
				}
				if err := json.Unmarshal([]byte(line), &event); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				done = done || event.Event == "done"
				t.Log(line)
			})
			if !done {
				t.Fatal("the script ended before its end")
			}
			if got := hashTree(t, folder)["downloaded"]; got != sum {
				t.Errorf("the download has SHA-256 %s; want %s", got, sum)
			}
			ann := s.Login(t, "ann")
			if got, size := ann.SHA256(t, test.file); got != sum || size != test.size {
				t.Errorf("WebDAV serves %d bytes with SHA-256 %s; want %d with %s", size, got, test.size, sum)
			}
		})
	}
}

// keepScreenshots copies the screenshots of a folder to the one that SATCHEL_SCREENSHOTS names.
func keepScreenshots(t *testing.T, folder string) {
	keep := os.Getenv("SATCHEL_SCREENSHOTS")
	if keep == "" {
		return
	}
	if err := os.MkdirAll(keep, 0o755); err != nil {
		t.Error(err)
		return
	}
	pictures, err := filepath.Glob(filepath.Join(folder, "*.png"))
	if err != nil {
		t.Error(err)
	}
	for _, picture := range pictures {
		content, err := os.ReadFile(picture)
		if err != nil {
			t.Error(err)
			continue
		}
		kept := filepath.Join(keep, filepath.Base(picture))
		if err := os.WriteFile(kept, content, 0o644); err != nil {
			t.Error(err)
		}
		t.Log("screenshot", kept)
	}
}
