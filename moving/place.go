package moving

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/satchelhq/satchel/fault"
)

// place is a folder here. It stays open while anybody holds it; whoever lets go last ends it.
type place struct {
	root  *os.Root
	below string // its path below the top; empty for the top
	names sync.Mutex
	held  atomic.Int32
	end   func(*os.Root) error // before it is closed; may be nil
}

// openPlace opens the top. The path is that of whoever runs the command, who may name a link.
func openPlace(folder string) (*place, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	p := &place{root: root}
	p.held.Store(1)
	return p, nil
}

// enter opens a folder in a folder. What is a symbolic link, or becomes one meanwhile, is not followed.
func (p *place) enter(name string) (*place, error) {
	before, err := p.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	root, err := p.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	after, err := root.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = errSwapped()
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	inner := &place{root: root, below: p.path(name)}
	inner.held.Store(1)
	return inner, nil
}

// open opens a regular file to be read, and nothing that takes its place meanwhile: a link, say, or a pipe that would be waited for.
func (p *place) open(name string) (*os.File, fs.FileInfo, error) {
	before, err := p.root.Lstat(name)
	if err == nil && !before.Mode().IsRegular() {
		err = errSwapped()
	}
	if err != nil {
		return nil, nil, err
	}
	file, err := p.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(before, info) {
		err = errSwapped()
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// take gives a file its name. Unless it replaces what has that, there must be nothing: another file of this run may have come to it meanwhile, where the
// file system takes two names for one.
func (p *place) take(part, name string, replace bool) error {
	p.names.Lock()
	defer p.names.Unlock()
	if !replace {
		switch _, err := p.root.Lstat(name); {
		case err == nil:
			return nameTaken("Another file has come to its name here meanwhile.")
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return p.root.Rename(part, name)
}

func errSwapped() error {
	return fault.New(fault.Precondition, "moving.place", "Something else has taken its place.")
}

// path is that of something in the folder, below the top.
func (p *place) path(name string) string { return path.Join(p.below, name) }

func (p *place) hold() { p.held.Add(1) }

func (p *place) release() error {
	if p.held.Add(-1) > 0 {
		return nil
	}
	var err error
	if p.end != nil {
		err = p.end(p.root)
	}
	return errors.Join(err, p.root.Close())
}

// What is not whole yet has a name between these, as satchel get gives it.
const (
	partPrefix = ".satchel-"
	partSuffix = ".part"
)

func isPart(name string) bool {
	return strings.HasPrefix(name, partPrefix) && strings.HasSuffix(name, partSuffix)
}

// leftOut says what something is that is neither a file nor a folder; nil if it is one.
func leftOut(mode fs.FileMode) error {
	switch kind := mode.Type(); {
	case kind == 0, kind == fs.ModeDir:
		return nil
	case kind&fs.ModeSymlink != 0:
		return errors.New("a symbolic link")
	case kind&fs.ModeSocket != 0:
		return errors.New("a socket")
	case kind&fs.ModeNamedPipe != 0:
		return errors.New("a pipe")
	case kind&fs.ModeDevice != 0:
		return errors.New("a device")
	default:
		return fmt.Errorf("neither a file nor a folder (%s)", mode)
	}
}

// nameTaken says that something is in the way.
func nameTaken(sentence string) error {
	return fault.New(fault.Exists, "moving", sentence).WithCode("name_taken")
}
