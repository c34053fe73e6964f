package disk

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/satchelhq/satchel/blob"
)

// crowdedFiles is a file system in which a process, or all of them, have as many files open as they may.
type crowdedFiles struct {
	osFileSystem
	err error
}

func (c crowdedFiles) Open(name string) (blob.Content, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: c.err}
}

// That too many files are open says nothing about one of them.
func TestTooManyOpenFilesIsNoDamage(t *testing.T) {
	for _, full := range []error{syscall.EMFILE, syscall.ENFILE} {
		s := must(open(t.TempDir(), Options{Relaxed: true}, crowdedFiles{err: full}))
		if _, err := s.Open(t.Context(), "k1"); !errors.Is(err, blob.ErrAway) || !errors.Is(err, full) {
			t.Errorf("%v", err)
		}
		if _, err := s.OpenStage(t.Context(), "k1", 0); !errors.Is(err, blob.ErrAway) {
			t.Errorf("%v", err)
		}
	}
	s := must(open(t.TempDir(), Options{Relaxed: true}, crowdedFiles{err: syscall.EIO}))
	if _, err := s.Open(t.Context(), "k1"); errors.Is(err, blob.ErrAway) || !errors.Is(err, syscall.EIO) {
		t.Errorf("a bad disk: %v", err)
	}
}
