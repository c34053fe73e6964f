package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrClaimed says that another process has claimed a store.
var ErrClaimed = errors.New("blob/disk: another process has claimed the folder")

// Claim takes the store for work that only one process may do at a time, until it closes the claim or ends. ErrClaimed if another has it.
// Nothing but other claims is kept from the store.
func (s *Store) Claim() (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, ".claim"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("blob/disk: claim: %w", full(err))
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrClaimed
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
