package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// A folder says whose it is: Open marks an empty one, refuses another's, and Ready notices that another is in its place.
func TestMark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	if p, err := Peek(t.Context(), dir); err != nil || p.Mark != "" || len(p.Blobs) != 0 {
		t.Errorf("a folder that is not there: %+v, %v", p, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Peek has made it: %v", err)
	}
	for range 2 {
		s, err := Open(dir, Options{Mark: "mine"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, MarkName), 0); err != nil { // as a power cut may leave it
		t.Fatal(err)
	}
	must(Open(dir, Options{Mark: "mine"}))
	s := must(Open(dir, Options{}))
	if err := must(s.Stage(t.Context(), "k1")).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := Peek(t.Context(), dir); err != nil || p.Mark != "mine" || p.Blobs != nil {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := Open(dir, Options{Mark: "another's"}); !errors.Is(err, ErrForeign) {
		t.Errorf("another's: %v", err)
	}
	s = must(Open(dir, Options{Mark: "mine"}))
	if err := os.Rename(dir, dir+".unmounted"); err != nil {
		t.Fatal(err)
	}
	must(Open(dir, Options{})) // what is below the disk
	if err := s.Ready(t.Context()); !errors.Is(err, ErrForeign) {
		t.Errorf("the disk is not mounted: %v", err)
	}
}

// Processes of one installation that begin at once on a folder without a mark all open it.
func TestManyMarkAtOnce(t *testing.T) {
	for range 100 {
		dir := t.TempDir()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := Open(dir, Options{Relaxed: true, Mark: "mine"}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}

// Of several installations that begin at once on one folder, one has it.
func TestOneMarkStays(t *testing.T) {
	for range 50 {
		dir := t.TempDir()
		var all sync.WaitGroup
		var opened atomic.Int64
		for i := range 8 {
			all.Go(func() {
				switch _, err := Open(dir, Options{Relaxed: true, Mark: fmt.Sprint("mark", i)}); {
				case err == nil:
					opened.Add(1)
				case !errors.Is(err, ErrForeign):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := opened.Load(); n != 1 {
			t.Errorf("%d have it", n)
		}
		if left, err := filepath.Glob(filepath.Join(dir, MarkName+".*")); err != nil || len(left) > 0 {
			t.Errorf("%v, %v", left, err)
		}
	}
}

// What List takes for the store's is what Peek sees: in a folder that is elsewhere by a link, too, and beside what a file system has of its own.
func TestPeekSeesWhatListDoes(t *testing.T) {
	dir, away := t.TempDir(), t.TempDir()
	s := must(Open(dir, Options{Relaxed: true}))
	if err := must(s.Stage(t.Context(), "k1")).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.blobDir(), filepath.Join(away, "blob")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(away, "blob"), s.blobDir()); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"lost+found", "zz/k2"} {
		if err := os.MkdirAll(filepath.Join(s.blobDir(), other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.blobDir(), "lost+found", "k3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := Peek(t.Context(), dir); err != nil || len(p.Blobs) != 1 || p.Blobs[0] != "k1" {
		t.Errorf("%+v, %v", p, err)
	}
}
