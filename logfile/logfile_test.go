package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// desk is a file with a clock and what lies beside it.
type desk struct {
	*File
	t    *testing.T
	path string
	at   time.Time
}

func newDesk(t *testing.T, maxSize int64, keep int) *desk {
	t.Helper()
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "access.log"), at: time.Now()}
	d.open(maxSize, keep)
	return d
}

func (d *desk) open(maxSize int64, keep int) {
	d.t.Helper()
	f, err := Open(d.path, Options{MaxSize: maxSize, Keep: keep, now: func() time.Time { return d.at }})
	d.must(err)
	d.t.Cleanup(func() { f.Close() })
	d.File = f
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) line(text string) {
	d.t.Helper()
	d.at = d.at.Add(time.Second)
	n, err := d.Write([]byte(text + "\n"))
	if n != len(text)+1 || err != nil {
		d.t.Fatalf("%q: %d, %v", text, n, err)
	}
}

// want compares what the files hold, the oldest first, with their names.
func (d *desk) want(contents ...string) {
	d.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(d.path))
	d.must(err)
	var got []string
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(d.path), e.Name()))
		d.must(err)
		told := strings.ReplaceAll(string(text), "\n", " ")
		if e.Name() == "access.log" {
			defer func(told string) {
				d.t.Helper()
				if got = append(got, told); strings.Join(got, "|") != strings.Join(contents, "|") {
					d.t.Errorf("there is %q; want %q", got, contents)
				}
			}(told)
			continue
		}
		if !regexp.MustCompile(`^access\.log\.\d{8}T\d{6}\.\d{6}(-\d+)?$`).MatchString(e.Name()) {
			d.t.Errorf("a file is called %s", e.Name())
		}
		got = append(got, told)
	}
}

func TestItBeginsAnewWhenItIsFull(t *testing.T) {
	d := newDesk(t, 10, 2)
	for _, text := range []string{"aaaa", "bbbb", "cccc", "larger than ten bytes", "dd", "ee"} {
		d.line(text)
	}
	d.want("cccc ", "larger than ten bytes ", "dd ee ")
}

func TestItBeginsAnewWithTheDay(t *testing.T) {
	d := newDesk(t, 1000, 30)
	d.at = time.Date(2026, 3, 1, 23, 59, 50, 0, time.UTC)
	d.must(d.Reopen())
	d.line("yesterday")
	d.at = d.at.Add(20 * time.Second)
	d.line("today")
	d.line("later")
	d.want("yesterday ", "today later ")

	// Nothing was written on the next day, and a new process is the next to write.
	d.must(d.Close())
	d.must(os.Chtimes(d.path, d.at, d.at))
	d.at = d.at.Add(48 * time.Hour)
	d.open(1000, 30)
	d.line("the day after")
	d.want("yesterday ", "today later ", "the day after ")
}

func TestOthersMayBeginItAnew(t *testing.T) {
	for _, size := range []int64{0, 1000} {
		d := newDesk(t, size, 30)
		aside := filepath.Join(t.TempDir(), "aside")

		d.line("one") // copytruncate
		text, err := os.ReadFile(d.path)
		d.must(err)
		d.must(os.WriteFile(aside, text, 0o600))
		d.must(os.Truncate(d.path, 0))
		d.line("two")
		d.want("two ")

		d.must(os.Rename(d.path, aside)) // create, and a signal
		d.line("three")
		d.must(d.Reopen())
		d.line("four")
		d.want("four ")
		if text, err := os.ReadFile(aside); err != nil || string(text) != "two\nthree\n" {
			t.Errorf("what was put aside holds %q, %v", text, err)
		}
	}
}

// A file that others have put away is not put away once more, and what they cut back is not full.
func TestTheirTurnIsNotTakenTwice(t *testing.T) {
	d := newDesk(t, 10, 30)
	d.line("aaaa")
	d.must(os.Rename(d.path, filepath.Join(t.TempDir(), "aside")))
	d.line("bbbbbb")
	d.want("bbbbbb ")
	d.must(os.Truncate(d.path, 0))
	d.line("cccccc")
	d.line("d")
	d.want("cccccc d ")
}

// Without a limit it is others' business.
func TestNobodyAsksItToBeginAnew(t *testing.T) {
	d := newDesk(t, 0, 30)
	d.line(strings.Repeat("a", 100))
	d.at = d.at.Add(48 * time.Hour)
	d.line("b")
	d.want(strings.Repeat("a", 100) + " b ")
}

// The folder holds files of others, which stay; those that are kept have names of their own though they were made at the same moment.
func TestOnlyItsOwnFilesAreRemoved(t *testing.T) {
	d := newDesk(t, 3, 0)
	beside := filepath.Join(filepath.Dir(d.path), "access.log.gz")
	d.must(os.WriteFile(beside, nil, 0o600))
	d.line("a")
	d.line("b")
	d.line("c")
	if _, err := os.Stat(beside); err != nil {
		t.Error(err)
	}
	d.must(os.Remove(beside))
	d.want("c ")

	d = newDesk(t, 3, 30)
	for range 3 {
		if _, err := d.Write([]byte("aa\n")); err != nil {
			t.Fatal(err)
		}
	}
	d.want("aa ", "aa ", "aa ")
}

// A folder that is away costs lines, and nothing else: when it is back they are written again.
func TestAFolderThatIsAway(t *testing.T) {
	d := newDesk(t, 3, 30)
	d.line("a")
	d.must(os.RemoveAll(filepath.Dir(d.path)))
	if _, err := d.Write([]byte("lost\n")); err == nil {
		t.Error("a line was written to nowhere")
	}
	d.must(os.Mkdir(filepath.Dir(d.path), 0o700))
	d.line("b")
	d.want("b ")
}

func TestManyWriteWholeLines(t *testing.T) {
	d := newDesk(t, 4096, 1000)
	const writers, each = 8, 200
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if _, err := fmt.Fprintf(d, "%d-%d %s\n", w, i, strings.Repeat("x", 40)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	files, err := filepath.Glob(d.path + "*")
	d.must(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		d.must(err)
		if len(text) > 4096 {
			t.Errorf("%s has %d bytes", file, len(text))
		}
		for line := range strings.Lines(string(text)) {
			if !regexp.MustCompile(`^\d-\d+ x{40}\n$`).MatchString(line) || seen[line] {
				t.Errorf("%q", line)
			}
			seen[line] = true
		}
	}
	if len(seen) != writers*each || len(files) < 10 {
		t.Errorf("%d lines in %d files", len(seen), len(files))
	}
}
