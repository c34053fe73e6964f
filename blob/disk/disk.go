package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/satchelhq/satchel/blob"
)

// Options says how a store writes.
type Options struct {
	// Relaxed leaves syncing to the operating system: faster, and a power cut loses what was written last.
	Relaxed bool
	// Mark, if set, says whose the folder is. Open marks one that has no mark, and refuses one with another (ErrForeign). Ready looks whether it is there still, as it is
	// not while the disk is not mounted. See [Peek].
	Mark string
}

// Store is a [blob.Store] in a folder. Make one with [Open].
type Store struct {
	dir       string
	fs        fileSystem
	relaxed   bool
	mark      string   // of Options
	writeBack int64    // bytes between two starts of write-back
	folders   sync.Map // names of the folders in blob/ that this process knows to survive; at most 36² + 36
	readiness readiness
}

var _ blob.Store = (*Store)(nil)

// writeBackEvery is how many bytes of a stage gather before their write-back is started, so
// that the sync at the end finds little left to write.
const writeBackEvery = 8 << 20

// Open opens the store in the folder dir, which is made if it is missing.
func Open(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("blob/disk: %w", err)
	}
	if err := makeAll(dir, o.Relaxed); err != nil {
		return nil, fmt.Errorf("blob/disk: %w", full(err))
	}
	if o.Mark != "" {
		if err := (&Store{dir: dir, fs: osFileSystem{}, relaxed: o.Relaxed, mark: o.Mark}).putMark(); err != nil {
			return nil, fmt.Errorf("blob/disk: %w", full(err))
		}
	}
	return open(dir, o, osFileSystem{})
}

func open(dir string, o Options, fsys fileSystem) (*Store, error) {
	s := &Store{
		dir:       dir,
		fs:        fsys,
		relaxed:   o.Relaxed,
		mark:      o.Mark,
		writeBack: writeBackEvery,
	}
	for _, folder := range []string{s.stageDir(), s.blobDir()} {
		if err := fsys.Mkdir(folder); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("blob/disk: %w", full(err))
		}
	}
	// The stage folder too: a process that was killed, or that ran relaxed, may have left names in it unsynced.
	for _, folder := range []string{dir, s.stageDir()} {
		if err := s.syncDir(folder); err != nil {
			return nil, fmt.Errorf("blob/disk: %w", full(err))
		}
	}
	return s, nil
}

// makeAll makes dir and its missing parents, and syncs the folder that holds each new one.
func makeAll(dir string, relaxed bool) error {
	var holders []string
	for d := dir; ; d = filepath.Dir(d) {
		_, err := os.Stat(d)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			return err
		}
		holders = append(holders, filepath.Dir(d))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil || relaxed {
		return err
	}
	for _, h := range holders {
		if err := (osFileSystem{}).SyncDir(h); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) stageDir() string { return filepath.Join(s.dir, "stage") }
func (s *Store) blobDir() string  { return filepath.Join(s.dir, "blob") }

func (s *Store) stagePath(key blob.Key) string { return filepath.Join(s.stageDir(), string(key)) }
func (s *Store) blobPath(key blob.Key) string  { return filepath.Join(s.shelf(key), string(key)) }

// shelf is the folder that the blob of key is in.
func (s *Store) shelf(key blob.Key) string { return filepath.Join(s.blobDir(), shelfName(key)) }

func shelfName(key blob.Key) string { return string(key[max(0, len(key)-2):]) }

// makeShelf makes key's shelf and makes it durable. That it exists is not enough to skip the
// sync: another goroutine, or a process that was killed, may have made it a moment ago.
func (s *Store) makeShelf(key blob.Key) error {
	name := shelfName(key)
	if _, known := s.folders.Load(name); known {
		return nil
	}
	if err := s.fs.Mkdir(s.shelf(key)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := s.syncDir(s.blobDir()); err != nil {
		return err
	}
	s.folders.Store(name, nil)
	return nil
}

func (s *Store) syncDir(name string) error {
	if s.relaxed {
		return nil
	}
	return s.fs.SyncDir(name)
}

// fail says whose error it is, and gives one of the file system its kind.
func fail(op string, key blob.Key, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", blob.ErrNotFound, err)
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) { // too many files are open, which says nothing about this one
		err = fmt.Errorf("%w: %w", blob.ErrAway, err)
	}
	return fmt.Errorf("blob/disk: %s %s: %w", op, key, full(err))
}

// full adds blob.ErrFull to an error that says that the disk, or a quota on it, is full.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", blob.ErrFull, err)
	}
	return err
}

func checkKey(op string, key blob.Key) error {
	if !key.Valid() {
		return fmt.Errorf("blob/disk: %s %q: %w", op, string(key), blob.ErrKey)
	}
	return nil
}
