package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A folder says whose it is: Open marks an empty one, refuses another's, and Ready notices that another is in its place.
func TestMark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "blobs")
	if p, err := Peek(dir); err != nil || p.Mark != "" || len(p.Blobs) != 0 {
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
	s := must(Open(dir, Options{}))
	if err := must(s.Stage(t.Context(), "k1")).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := Peek(dir); err != nil || p.Mark != "mine" || len(p.Blobs) != 1 || p.Blobs[0] != "k1" {
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
