package disk

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/satchelhq/satchel/blob"
)

// fileSystem is every call whose order durability rests on. The tests put a machine behind it
// whose power can be cut; in production it is the operating system. Errors are those of package os.
type fileSystem interface {
	// Create makes a new, empty file for writing; fs.ErrExist if the name is taken.
	Create(name string) (file, error)
	// Edit opens an existing file for writing.
	Edit(name string) (file, error)
	// Open opens a file for reading. The operating system's is an *os.File.
	Open(name string) (blob.Content, error)
	// Exists reports whether there is something of that name.
	Exists(name string) (bool, error)
	// Mkdir makes a folder; fs.ErrExist if the name is taken.
	Mkdir(name string) error
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes the names in a folder survive a power cut.
	SyncDir(name string) error
}

type file interface {
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// CopyAt writes n bytes that are read from another file at offset, and answers how many it wrote: fewer only with an error,
	// io.ErrUnexpectedEOF if there are no more.
	CopyAt(from io.Reader, n, offset int64) (int64, error)
	Truncate(size int64) error
	// StartWriteBack has the kernel begin to write a range to the disk, and does not wait for it.
	StartWriteBack(offset, length int64) error
	// Datasync makes the content and its length survive a power cut.
	Datasync() error
}

type osFileSystem struct{}

func (osFileSystem) Create(name string) (file, error) {
	return osOpen(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (osFileSystem) Edit(name string) (file, error) { return osOpen(name, os.O_RDWR) }

func (osFileSystem) Open(name string) (blob.Content, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err // not f: a nil *os.File would be a Content that is not nil
	}
	return f, nil
}

func (osFileSystem) Exists(name string) (bool, error) {
	_, err := os.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (osFileSystem) Mkdir(name string) error      { return os.Mkdir(name, 0o700) }
func (osFileSystem) Rename(from, to string) error { return os.Rename(from, to) }
func (osFileSystem) Remove(name string) error     { return os.Remove(name) }

func (osFileSystem) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // some network file systems have no such call for folders: there is nothing more to be had
	}
	return errors.Join(err, d.Close())
}

// osFile adds to an *os.File what package os does not have; see sync_linux.go and sync_other.go.
type osFile struct{ *os.File }

func osOpen(name string, flag int) (file, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// CopyAt lets the kernel copy, by copy_file_range(2) where it can; that is ReadFrom's own choice, and so is what it does elsewhere.
func (f osFile) CopyAt(from io.Reader, n, offset int64) (int64, error) {
	if _, err := f.Seek(offset, io.SeekStart); err != nil { // nothing else asks where the descriptor stands
		return 0, err
	}
	done, err := f.ReadFrom(io.LimitReader(from, n))
	if err == nil && done < n {
		err = io.ErrUnexpectedEOF
	}
	return done, err
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
