package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/blobtest"
)

func TestContract(t *testing.T) {
	for _, o := range []Options{{}, {Relaxed: true}} {
		t.Run(fmt.Sprintf("relaxed=%v", o.Relaxed), func(t *testing.T) {
			blobtest.Run(t, func(t *testing.T) blobtest.Harness {
				dir := t.TempDir()
				reopen := func(*testing.T) blob.Store { return must(Open(dir, o)) }
				return blobtest.Harness{Store: reopen(t), Reopen: reopen}
			})
		})
	}
}

// TestOpenIsAFile holds what sendfile needs: net/http has to find the *os.File itself.
func TestOpenIsAFile(t *testing.T) {
	s := must(Open(t.TempDir(), Options{}))
	if err := must(s.Stage(t.Context(), "k1")).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := must(s.Open(t.Context(), "k1"))
	defer c.Close()
	if _, is := c.(*os.File); !is {
		t.Errorf("Open gives a %T", c)
	}
}

// TestAppendOfAFile holds what copy_file_range needs: package os has to find both files itself.
func TestAppendOfAFile(t *testing.T) {
	s := must(open(t.TempDir(), Options{}, watching{t: t}))
	g := must(s.Stage(t.Context(), "part"))
	if _, err := g.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	whole := must(s.Stage(t.Context(), "whole"))
	if err := errors.Join(g.Close(), whole.Append(t.Context(), "part", 5), whole.Close()); err != nil {
		t.Fatal(err)
	}
}

// watching is the operating system's file system; its new files look at what is copied to them.
type watching struct {
	osFileSystem
	t *testing.T
}

func (w watching) Create(name string) (file, error) {
	f, err := w.osFileSystem.Create(name)
	return watched{f, w.t}, err
}

type watched struct {
	file
	t *testing.T
}

func (w watched) CopyAt(from io.Reader, n, offset int64) (int64, error) {
	if _, is := from.(*os.File); !is {
		w.t.Errorf("copied is a %T", from)
	}
	return w.file.CopyAt(from, n, offset)
}

// TestLayout is what an operator finds on the disk.
func TestLayout(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "deep", "blobs")
	s := must(Open(dir, Options{}))
	for _, key := range []blob.Key{"0jk2sealed01", "0jk2sealed02", "x"} {
		if err := must(s.Stage(t.Context(), key)).Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := must(s.Stage(t.Context(), "0jk2stage")).Close(); err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == top {
			return err
		}
		info, err := d.Info()
		got[must(filepath.Rel(top, path))] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const folder, file = fs.ModeDir | 0o700, 0o600
	want := map[string]fs.FileMode{
		"deep":                            folder,
		"deep/blobs":                      folder,
		"deep/blobs/stage":                folder,
		"deep/blobs/stage/0jk2stage":      file,
		"deep/blobs/blob":                 folder,
		"deep/blobs/blob/01":              folder,
		"deep/blobs/blob/01/0jk2sealed01": file,
		"deep/blobs/blob/02":              folder,
		"deep/blobs/blob/02/0jk2sealed02": file,
		"deep/blobs/blob/x":               folder,
		"deep/blobs/blob/x/x":             file,
	}
	if !maps.Equal(got, want) {
		t.Errorf("on the disk is %v, want %v", got, want)
	}
}

func TestListPassesOverForeignFiles(t *testing.T) {
	dir := t.TempDir()
	s := must(Open(dir, Options{}))
	if err := must(s.Stage(t.Context(), "k1")).Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"stage/.probe", "stage/README.txt", "stage/folder/k2", "blob/k3", "blob/k1/.k1.swp", "blob/k1/wrongshelf",
		"blob/lost+found/k4", "blob/k1/folder/k1", "other/k5", "k6",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/dev/null", filepath.Join(dir, "stage", "link")); err != nil {
		t.Fatal(err)
	}
	err := s.List(t.Context(), func(e blob.Entry) error {
		if e.Key != "k1" {
			t.Errorf("List shows %v", e)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestListTellsOfErrors(t *testing.T) {
	for _, broken := range []string{"stage", "blob"} {
		dir := t.TempDir()
		s := must(Open(dir, Options{}))
		path := filepath.Join(dir, broken)
		if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		err := s.List(t.Context(), func(blob.Entry) error { return nil })
		if !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("List with a broken %s folder: %v", broken, err)
		}
	}
}

// TestFull fills the disk at every call: each says ErrFull and keeps what the system said.
func TestFull(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		eachCall(t, failing, func(p plan) (*machine, error) {
			p.err = errno
			m, c := newMachine(), client{}
			s, err := start(m, p, Options{})
			if err == nil {
				err = c.upload(s)
			}
			if m.calls >= p.at && (!errors.Is(err, blob.ErrFull) || !errors.Is(err, errno)) {
				return m, fmt.Errorf("%w is told as: %w", errno, err)
			}
			return m, nil
		})
	}
}

// TestMissingFolder is a store whose folder was taken away, as by a volume that is not mounted:
// its keys are not merely unknown.
func TestMissingFolder(t *testing.T) {
	dir := t.TempDir()
	s := must(Open(dir, Options{}))
	if err := os.Remove(filepath.Join(dir, "stage")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stage(t.Context(), "k1"); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Stage: %v", err)
	}
	if _, err := Open(filepath.Join(os.DevNull, "blobs"), Options{}); err == nil {
		t.Error("Open below what is not a folder: no error")
	}
}
