package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// chromiums is the room for browsers. More than two at once, and two cores answer none of them in time.
var chromiums = make(chan struct{}, 2)

// headless is Chromium without the browser around its pages: it takes two thirds of the time.
const headless = "/usr/lib/chromium/chromium-headless-shell"

// whole are the scripts that see what only all of Chromium has, as its viewer of PDF files, or what people see.
var whole = []string{"hostile.mjs", "firstload.mjs", "pictures.mjs"}

// chromiumFor is the program that plays a script: headless, where all of Chromium need not be.
func chromiumFor(t testing.TB, script string) string {
	t.Helper()
	if slices.Contains(whole, script) || allViews() {
		return program(t, "chromium", "chromium")
	}
	return program(t, headless, "chromium-headless-shell")
}

// chromium is the program for a script, with a place for it until the test ends. A test that has one must not ask for another, nor call scene.
func chromium(t testing.TB, script string) string {
	t.Helper()
	path := chromiumFor(t, script)
	chromiums <- struct{}{}
	t.Cleanup(func() { <-chromiums })
	return path
}

// scene plays a scenario of a script that chromium.mjs describes, to its end, and answers the lines that it told before. The folder is
// the script's; SATCHEL_SCREENSHOTS names one that keeps what was on the screen.
func scene(t *testing.T, script, scenario, address, folder string, more ...string) (told []string) {
	t.Helper()
	command := node(t, script, append([]string{scenario, chromiumFor(t, script), address, folder}, more...)...)
	command.Env = append(command.Env, "BELIEVE="+authority.Pin())
	chromiums <- struct{}{}
	defer func() { <-chromiums }()
	defer keepScreenshots(t, folder)
	var last struct{ Event string }
	lines(t, command, func(line string) {
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		t.Log(line)
		told = append(told, line)
	})
	if last.Event != "done" {
		t.Fatalf("the script ended before its end: %q", last.Event)
	}
	return told[:len(told)-1]
}

// The languages of the pages, as the scripts take them.
const (
	english = "en"
	chinese = "zh-CN"
)

// allViews reports whether everything is looked at, which takes long: make soak does.
func allViews() bool { return os.Getenv("SATCHEL_TEST_LANGUAGES") == "all" }

// eachView runs a flow in parallel on a phone that speaks a language, and on a desktop that speaks the other one. So each flow is seen
// small and large and in both languages, and each language on phones, if tests differ in what theirs speaks. With SATCHEL_TEST_LANGUAGES=all
// every size speaks every language, in all of Chromium.
func eachView(t *testing.T, phone string, flow func(t *testing.T, size, language string)) {
	t.Helper()
	all := allViews()
	for _, size := range []string{"360x740", "1280x800"} {
		for _, language := range []string{english, chinese} {
			if !all && (size == "360x740") != (language == phone) {
				continue
			}
			t.Run(size+" "+language, func(t *testing.T) {
				t.Parallel()
				flow(t, size, language)
			})
		}
	}
}

// A person comes for the first time, and one whose upload breaks off, and one without script.
func TestBrowser(t *testing.T) {
	t.Parallel()
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
			eachView(t, chinese, func(t *testing.T, size, language string) {
				s := start(t)
				folder := t.TempDir()
				sum := noiseFile(t, filepath.Join(folder, test.file), 42, test.size)
				scene(t, "browser.mjs", test.scenario, s.URL, folder, size, language)
				if got := hashTree(t, folder)["downloaded"]; got != sum {
					t.Errorf("the download has SHA-256 %s; want %s", got, sum)
				}
				ann := s.Login(t, "ann")
				if got, size := ann.SHA256(t, test.file); got != sum || size != test.size {
					t.Errorf("WebDAV serves %d bytes with SHA-256 %s; want %d with %s", size, got, test.size, sum)
				}
			})
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
