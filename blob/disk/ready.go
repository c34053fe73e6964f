package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/satchelhq/satchel/blob"
)

const (
	// readyFor is how long an answer of Ready is given again, so that a flood of questions is cheap.
	readyFor = 3 * time.Second
	// readyWithin is how long Ready waits for a disk that does not answer.
	readyWithin = 5 * time.Second
)

// probeName is no key, so that List passes over it.
const probeName = ".probe"

// readiness remembers the last answer. One probe runs at a time: a system call on a disk that
// hangs cannot be called off, and should not hold more than one thread.
type readiness struct {
	mu      sync.Mutex
	running chan struct{} // closed when the probe that runs now ends; nil if none does
	at      time.Time     // when err was found; zero if never
	err     error
	space   blob.Space
}

// Ready looks for the mark, and writes, syncs, reads and removes a small file. It answers within 5 seconds, with
// an answer that is at most 3 seconds old.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.Space(ctx)
	return err
}

// Space is Ready with the room on the file system that has the blobs.
func (s *Store) Space(ctx context.Context) (blob.Space, error) {
	r := &s.readiness
	r.mu.Lock()
	if !r.at.IsZero() && time.Since(r.at) < readyFor {
		defer r.mu.Unlock()
		return r.space, r.err
	}
	if r.running == nil {
		r.running = make(chan struct{})
		go s.runProbe(r.running)
	}
	running := r.running
	r.mu.Unlock()

	limit := time.NewTimer(readyWithin)
	defer limit.Stop()
	select {
	case <-running:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.space, r.err
	case <-ctx.Done():
		return blob.Space{}, ctx.Err()
	case <-limit.C:
		return blob.Space{}, fmt.Errorf("blob/disk: the disk has not answered for %v", readyWithin)
	}
}

func (s *Store) runProbe(done chan struct{}) {
	err := s.probe()
	space, _ := SpaceOf(s.blobDir()) // zero, where it is not known
	r := &s.readiness
	r.mu.Lock()
	r.err, r.space, r.at, r.running = err, space, time.Now(), nil
	r.mu.Unlock()
	close(done)
}

// probe may run in several processes that share the folder at once: they write the same, read
// from the file that they opened and do not mind who removes it. It ends in the blob
// folder too, which may have gone missing on its own.
func (s *Store) probe() error {
	if err := s.checkMark(); err != nil {
		return fmt.Errorf("blob/disk: not ready: %s: is its disk mounted? %w", s.dir, err)
	}
	for _, dir := range []string{s.stageDir(), s.blobDir()} {
		path := filepath.Join(dir, probeName)
		err := s.probeFile(path)
		if gone := os.Remove(path); err == nil && !errors.Is(gone, fs.ErrNotExist) {
			err = gone
		}
		if err != nil {
			return fmt.Errorf("blob/disk: not ready: %w", full(err))
		}
	}
	return nil
}

func (s *Store) probeFile(path string) (err error) {
	opened, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f := osFile{opened}
	defer func() { err = errors.Join(err, f.Close()) }()
	want := []byte("ready\n")
	if _, err := f.WriteAt(want, 0); err != nil {
		return err
	}
	if !s.relaxed {
		if err := f.Datasync(); err != nil {
			return err
		}
	}
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, 0); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s reads back as something else", path)
	}
	return nil
}
