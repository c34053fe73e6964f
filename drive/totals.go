package drive

import (
	"context"
	"sync"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
)

// Totals is what all drives hold.
type Totals struct {
	Used    int64 // bytes that count against somebody's quota; what several drives hold alike counts for each
	Uploads int64 // that are open, parts and chunks among them; not bytes
	// Files and Folders, those in the trash among them, were counted at Counted. It is zero if that took too long.
	Files, Folders int64
	Counted        time.Time
}

const (
	// censusFresh is how long files that were counted are not counted again: there may be millions.
	censusFresh = 10 * time.Minute
	// censusPatience bounds how long counting may take.
	censusPatience = 3 * time.Second
)

// census remembers how many files there are. One counts at a time, and the others wait for it.
type census struct {
	mu             sync.Mutex
	files, folders int64
	at             time.Time // zero if they never were counted
	tried          time.Time
}

// Totals adds up all drives. It reads the row of each; files are counted once in ten minutes.
func (s *Drives) Totals(ctx context.Context) (t Totals, err error) {
	err = s.db.Row(ctx, `SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT), CAST(COALESCE(SUM(uploads), 0) AS BIGINT) FROM drives`, nil, &t.Used, &t.Uploads)
	if err != nil {
		return t, fault.Wrap(err, "drive.Totals")
	}
	t.Files, t.Folders, t.Counted = s.countFiles(ctx)
	return t, nil
}

// countFiles answers how many files and folders there are, and as of when.
func (s *Drives) countFiles(ctx context.Context) (files, folders int64, at time.Time) {
	c := &s.census
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := s.o.Now(); c.tried.IsZero() || now.Sub(c.tried) >= censusFresh {
		c.tried = now
		counting, stop := context.WithTimeout(context.WithoutCancel(ctx), censusPatience)
		defer stop()
		var nodes, branches, roots int64
		// Each drive's root is a folder that nobody made.
		if err := s.db.Row(counting, `SELECT (SELECT COUNT(*) FROM nodes), (SELECT COUNT(*) FROM nodes WHERE folder), (SELECT COUNT(*) FROM drives)`, nil, &nodes, &branches, &roots); err != nil {
			s.o.Log.Warn("files were not counted", "err", err)
		} else {
			c.files, c.folders, c.at = nodes-branches, branches-roots, now
		}
	}
	return c.files, c.folders, c.at
}

// Space is how much room the store has for content, and false if it does not know. An error says that the store does not work now.
func (s *Drives) Space(ctx context.Context) (space blob.Space, known bool, err error) {
	roomy, ok := s.blobs.(blob.Roomy)
	if !ok {
		return blob.Space{}, false, fault.Wrap(s.blobs.Ready(ctx), "drive.Space")
	}
	space, err = roomy.Space(ctx)
	return space, space.Total > 0, fault.Wrap(err, "drive.Space")
}
