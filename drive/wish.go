package drive

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/sqldb"
)

// wish is content whose digests somebody asked for and nobody knows yet.
type wish struct {
	drive string
	blob  blob.Key
	size  int64
}

// content is what a wish is about: a drive does not wish for it twice.
func (w wish) content() [2]string { return [2]string{w.drive, string(w.blob)} }

// The bounds of wishes. What does not fit is forgotten, and wished for again by whoever asks again.
const (
	maxWishes      = 100_000 // of this process
	maxDriveWishes = 20_000  // of one drive
)

// wishes are the contents whose digests are to be computed in the background, by drive. They are in memory only.
type wishes struct {
	mu      sync.Mutex
	byDrive map[string][]wish  // oldest first
	drives  []string           // whose turn it is, in order: each drive has one wish fulfilled in its turn
	wished  map[[2]string]bool // all of them
	wake    chan struct{}      // gets one when there was none
	turns   *turns             // of requests that compute digests at once, by drive
	atWork  chan struct{}      // holds one for each of them that does
}

func newWishes() *wishes {
	return &wishes{byDrive: map[string][]wish{}, wished: map[[2]string]bool{}, wake: make(chan struct{}, 1), turns: newTurns(), atWork: make(chan struct{}, atOnce)}
}

func (q *wishes) add(all ...wish) {
	if len(all) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range all {
		if q.wished[w.content()] || len(q.wished) >= maxWishes || len(q.byDrive[w.drive]) >= maxDriveWishes {
			continue
		}
		if len(q.byDrive[w.drive]) == 0 {
			q.drives = append(q.drives, w.drive)
		}
		q.byDrive[w.drive] = append(q.byDrive[w.drive], w)
		q.wished[w.content()] = true
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next takes a wish out, one of each drive after the other.
func (q *wishes) next() (w wish, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.drives) == 0 {
		return w, false
	}
	id := q.drives[0]
	w, rest := q.byDrive[id][0], q.byDrive[id][1:]
	q.drives = q.drives[1:]
	if len(rest) > 0 {
		q.byDrive[id] = rest
		q.drives = append(q.drives, id)
	} else {
		delete(q.byDrive, id)
	}
	delete(q.wished, w.content())
	return w, true
}

// ChecksumsWanted gets a value when ComputeChecksums has something to do.
func (s *Drives) ChecksumsWanted() <-chan struct{} { return s.wishes.wake }

// What is computed between two transactions that write it down.
const (
	describedAtOnce = 200
	describedBytes  = 256 << 20
)

// ComputeChecksums computes the digests that Checksums did not know, until there are none left, one file at a time and at
// Options.ChecksumRate. Content that was removed meanwhile is left out, and so is, with a line in the log, what cannot be read.
func (s *Drives) ComputeChecksums(ctx context.Context) error {
	slow := &pace{rate: s.o.ChecksumRate}
	around := func(r io.Reader) io.Reader { return paced{r, ctx, slow} }
	for more := true; more; {
		var done []described
		for bytes := int64(0); len(done) < describedAtOnce && bytes < describedBytes; {
			var w wish
			if w, more = s.wishes.next(); !more {
				break
			}
			sums, err := s.compute(ctx, w, around)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, blob.ErrNotFound), sqldb.NoRow(err):
				continue
			case err != nil:
				s.o.Log.Warn("the checksums of content are not computed", "blob", w.blob, "error", err)
				continue
			}
			bytes += w.size
			done = append(done, described{w, sums})
		}
		if err := s.recordChecksums(ctx, done); err != nil {
			return err
		}
	}
	return nil
}
