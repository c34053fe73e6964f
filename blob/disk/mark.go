package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchelhq/satchel/blob"
)

// MarkName is the file in a store's folder that says whose it is. It is no key, so List passes over it.
const MarkName = ".installation"

// ErrForeign says that a folder has not the mark that it should have: it is another's, or nothing is mounted there.
var ErrForeign = errors.New("blob/disk: the folder is not marked as this installation's")

// Peeked is what a folder holds.
type Peeked struct {
	Mark  string     // whose it is; empty if it does not say
	Blobs []blob.Key // without a mark, some of its blobs; none only if it has none
}

// peeks bounds Peeked.Blobs.
const peeks = 50

// errEnough ends the look at a folder's blobs.
var errEnough = errors.New("enough was seen")

// Peek looks at a folder, which need not be there, and changes nothing.
func Peek(ctx context.Context, dir string) (p Peeked, err error) {
	if p.Mark, err = readMark(dir); err != nil {
		return p, fmt.Errorf("blob/disk: peek: %w", err)
	}
	if p.Mark != "" {
		return p, nil
	}
	err = (&Store{dir: dir}).listBlobs(ctx, func(e blob.Entry) error {
		if p.Blobs = append(p.Blobs, e.Key); len(p.Blobs) == peeks {
			return errEnough
		}
		return nil
	})
	if err != nil && err != errEnough && !errors.Is(err, fs.ErrNotExist) {
		return p, fmt.Errorf("blob/disk: peek: %w", err)
	}
	return p, nil
}

func readMark(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, MarkName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// checkMark is ErrForeign unless the folder has the mark of the options, if they have one.
func (s *Store) checkMark() error {
	if s.mark == "" {
		return nil
	}
	mark, err := readMark(s.dir)
	if err == nil && mark != s.mark {
		err = ErrForeign
	}
	return err
}

// putMark marks the folder, unless it is marked already. It may be done by several processes at once.
func (s *Store) putMark() (err error) {
	mark, err := readMark(s.dir)
	switch {
	case err != nil, mark == s.mark:
		return err
	case mark != "":
		return ErrForeign
	}
	f, err := os.CreateTemp(s.dir, MarkName+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(s.mark + "\n")
	if err == nil {
		err = f.Chmod(0o644) // it is no secret, and may be written by a command that another user runs than the server's
	}
	if err == nil && !s.relaxed {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.nameMark(f.Name())
	}
	if gone := os.Remove(f.Name()); err == nil && !errors.Is(gone, fs.ErrNotExist) {
		err = gone
	}
	if err != nil {
		return err
	}
	return s.syncDir(s.dir)
}

// nameMark gives a file that holds the mark its name. Of several installations one is the first, where the file system has links.
func (s *Store) nameMark(file string) error {
	name := filepath.Join(s.dir, MarkName)
	err := os.Link(file, name)
	if errors.Is(err, fs.ErrExist) { // somebody was faster, or it is empty, as after a power cut
		mark, err := readMark(s.dir)
		switch {
		case err != nil, mark == s.mark:
			return err
		case mark != "":
			return ErrForeign
		}
	}
	if err != nil {
		err = os.Rename(file, name)
	}
	return err
}
