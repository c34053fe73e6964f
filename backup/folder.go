package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/disk"
)

// folder is a [Place] on a disk.
type folder struct {
	rows    string
	content *disk.Store
	claim   io.Closer
}

// OpenFolder opens a folder of backups, which is made if it is missing. ErrBusy if another process has it.
func OpenFolder(path string) (Place, error) {
	store, err := disk.Open(FolderContent(path), disk.Options{})
	if err != nil {
		return nil, err
	}
	claim, err := store.Claim()
	if errors.Is(err, disk.ErrClaimed) {
		return nil, fmt.Errorf("%s: %w", path, ErrBusy)
	}
	if err != nil {
		return nil, err
	}
	f := &folder{filepath.Join(path, "rows"), store, claim}
	err = os.RemoveAll(f.Workshop()) // what a backup that was killed has left
	if err == nil {
		err = os.MkdirAll(f.Workshop(), 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, claim.Close())
	}
	return f, nil
}

// FolderContent is where a folder of backups at path has its content.
func FolderContent(path string) string { return filepath.Join(path, "content") }

// HasFolder reports whether there is a folder of backups at path.
func HasFolder(path string) bool {
	at, err := os.Stat(filepath.Join(path, "rows"))
	return err == nil && at.IsDir()
}

func (f *folder) Content() (blob.Store, bool) { return f.content, false }

// Workshop is on the same file system as the files.
func (f *folder) Workshop() string { return filepath.Join(f.rows, ".half") }

func (f *folder) Files(context.Context) ([]string, error) {
	entries, err := os.ReadDir(f.rows)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (f *folder) Put(_ context.Context, name, path string) error {
	if err := syncPath(path); err != nil {
		return err
	}
	if err := os.Rename(path, filepath.Join(f.rows, name)); err != nil {
		return err
	}
	return f.settle()
}

func (f *folder) Get(_ context.Context, name, path string) (err error) {
	source, err := os.Open(filepath.Join(f.rows, name))
	if err != nil {
		return err
	}
	defer source.Close() // it was only read
	return write(path, source)
}

// write makes a file of what is read.
func write(path string, from io.Reader) error {
	target, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, from)
	return errors.Join(err, target.Close())
}

func (f *folder) Remove(_ context.Context, name string) error {
	if err := removeIfThere(filepath.Join(f.rows, name)); err != nil {
		return err
	}
	return f.settle()
}

// settle makes the names in the folder durable, and its own.
func (f *folder) settle() error {
	return errors.Join(syncPath(f.rows), syncPath(filepath.Dir(f.rows)))
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (f *folder) Close() error {
	return errors.Join(os.RemoveAll(f.Workshop()), f.claim.Close())
}
