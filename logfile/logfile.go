package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options says when a file begins anew.
type Options struct {
	// MaxSize is how many bytes it may have; 0 leaves beginning anew to others.
	MaxSize int64
	// Keep is how many files are kept beside it; the oldest are removed.
	Keep int

	now func() time.Time // default time.Now
}

// File is a file of lines. It is safe for use by many goroutines of one process; other processes have files of their own.
type File struct {
	path string
	o    Options

	mu   sync.Mutex
	f    *os.File // nil after an error; the next line tries again
	size int64    // as far as we know: others may have cut it back
	day  string   // of what is in it
	torn bool     // the last line was not written to its end
}

const day = "20060102"

// Open opens the file at path, or makes it, for this user and its group alone.
func Open(path string, o Options) (*File, error) {
	if o.now == nil {
		o.now = time.Now
	}
	f := &File{path: path, o: o}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f, f.open()
}

// Name is the path that it was opened with.
func (f *File) Name() string { return f.path }

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.f, f.size, f.day = file, info.Size(), f.o.now().UTC().Format(day)
	if f.size > 0 { // an earlier process may have written it on another day
		f.day = info.ModTime().UTC().Format(day)
	}
	return nil
}

// Write appends a line, which ends with a newline. It is whole in one file, and one write of the system. Where the file cannot begin anew it
// grows, and that is an error too.
func (f *File) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	stays := f.turn(int64(len(line)))
	if f.f == nil {
		return 0, stays
	}
	if f.torn {
		if _, err := f.f.Write([]byte("\n")); err != nil {
			return 0, err
		}
		f.torn = false
	}
	n, err := f.f.Write(line)
	f.size += int64(n)
	f.torn = n > 0 && n < len(line)
	return n, errors.Join(err, stays)
}

// turn begins the file anew if the next line wants it.
func (f *File) turn(next int64) error {
	if f.o.MaxSize <= 0 {
		return nil
	}
	now := f.o.now().UTC()
	if today := now.Format(day); f.day == today && f.size+next <= f.o.MaxSize {
		return nil
	}
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	f.size, f.day = info.Size(), max(f.day, now.Format(day))
	named, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !os.SameFile(info, named)) {
		return f.reopen() // somebody else was faster
	}
	if err != nil || f.size == 0 {
		return err
	}
	if err := f.keep(now); err != nil {
		return err
	}
	return f.reopen()
}

// keep gives the file another name, which no file has, and removes the oldest.
func (f *File) keep(now time.Time) error {
	name := f.path + "." + now.Format("20060102T150405.000000")
	for i := 1; ; i++ {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		name = fmt.Sprintf("%s.%s-%d", f.path, now.Format("20060102T150405.000000"), i)
	}
	if err := os.Rename(f.path, name); err != nil {
		return err
	}
	return f.prune()
}

func (f *File) prune() error {
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	var kept []string
	for _, e := range entries { // by name, which is by time
		if suffix, ours := strings.CutPrefix(e.Name(), filepath.Base(f.path)+"."); ours && stamped(suffix) && e.Type().IsRegular() {
			kept = append(kept, e.Name())
		}
	}
	slices.Sort(kept)
	var all []error
	for _, name := range kept[:max(0, len(kept)-f.o.Keep)] {
		if err := os.Remove(filepath.Join(filepath.Dir(f.path), name)); !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// stamped reports whether a name ends as keep ends it.
func stamped(suffix string) bool {
	suffix, _, _ = strings.Cut(suffix, "-")
	_, err := time.Parse("20060102T150405.000000", suffix)
	return err == nil
}

// Reopen goes on in the file that has the name now, which is made if there is none.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reopen()
}

func (f *File) reopen() error {
	old := f.f
	f.f, f.torn = nil, false
	err := f.open()
	if old != nil {
		err = errors.Join(err, old.Close())
	}
	return err
}

// Close closes the file. Lines that come later open it again.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil
	}
	old := f.f
	f.f = nil
	return old.Close()
}
