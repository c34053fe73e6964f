package drive

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// A hold is the right to write to an upload: one request has it at a time. Whoever wants it asks
// the holder to let go, which its request does at the next chunk: a client that resumes is never kept
// waiting by its own dead connection.
//
// Within a process the holders are in memory. Where other processes serve the same database, a hold is
// a lease in the upload's row as well: see lease.go.
type Hold struct {
	s      *Drives
	id     string
	fence  int64
	letGo  func()
	free   chan struct{} // closed on Release
	once   sync.Once
	leased bool        // guarded by holds.mu
	wanted atomic.Bool // by another process, which is told when it is given back
}

// holds are the uploads that this process writes to now.
type holds struct {
	mu    sync.Mutex
	byID  map[string]*Hold
	pulse pulse
	// awaited are the uploads that another process holds and a request of this one wants.
	awaited map[string]chan struct{}
	// released counts how often a hold was given back, by slot.
	released [256]uint64
	// fresh are uploads that have just begun, as they are on record until somebody holds them.
	fresh map[string]Seen
}

// The bounds of holds.fresh: how many, and how long the metadata of one may be, in bytes.
const (
	maxFresh         = 1024
	maxFreshMetadata = 1 << 10
)

// slot is the counter of an upload. Others have the same: their releases count as its own.
func slot(id string) uint8 {
	var sum uint8
	for i := len(id) - 4; i < len(id); i++ { // the end of an id is random
		sum = sum<<2 ^ id[max(0, i)]
	}
	return sum
}

// releases answers the counter of an upload.
func (h *holds) releases(id string) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.released[slot(id)]
}

// remember keeps an upload that was just written, for the request that follows: most clients go on at once. released is the counter
// of before it was written.
func (h *holds) remember(u Upload, released uint64) {
	if u.Kind != Whole || !u.Ended.IsZero() || len(u.Metadata) > maxFreshMetadata {
		return
	}
	for _, t := range []*time.Time{&u.Created, &u.Expires, &u.Modified} {
		*t = sqldb.Time(sqldb.Micros(*t)) // as they are read
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.fresh) >= maxFresh {
		for other := range h.fresh { // any will do: it costs one query
			delete(h.fresh, other)
			break
		}
	}
	h.fresh[u.ID] = Seen{u, released}
}

// recall answers an upload that nobody has held since it was remembered.
func (h *holds) recall(id string) (Seen, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen, ok := h.fresh[id]
	return seen, ok && h.byID[id] == nil && seen.released == h.released[slot(id)]
}

func newHolds() *holds {
	return &holds{byID: map[string]*Hold{}, awaited: map[string]chan struct{}{}, fresh: map[string]Seen{}, pulse: pulse{holder: sqldb.NewID()}}
}

// HoldUpload waits until nobody else writes to the upload and answers the right to do so, which Release gives
// back. letGo is called, at most once and from another goroutine, when someone else wants it. Locked if ctx ends first.
// It does not look whether the upload exists or whose it is.
func (s *Drives) HoldUpload(ctx context.Context, id string, letGo func()) (*Hold, error) {
	began := time.Now()
	h, err := s.hold(ctx, id, letGo, true)
	s.counts.holdsWaited.Add(int64(time.Since(began)))
	if err != nil && isHeldElsewhere(err) {
		s.counts.holdsRefused.Add(1)
	}
	return h, err
}

// hold is HoldUpload. One that does not insist makes nobody let go: it is Locked at once while a request of this process has the
// upload, and waits while another process has it.
func (s *Drives) hold(ctx context.Context, id string, letGo func(), insist bool) (*Hold, error) {
	h := &Hold{s: s, id: id, free: make(chan struct{})}
	h.letGo = sync.OnceFunc(func() {
		s.counts.takeovers.Add(1)
		letGo()
	})
	for {
		s.holds.mu.Lock()
		other := s.holds.byID[id]
		if other == nil {
			s.holds.byID[id] = h
			s.holds.mu.Unlock()
			break
		}
		s.holds.mu.Unlock()
		if !insist {
			return nil, heldElsewhere(nil)
		}
		go other.letGo()
		select {
		case <-other.free:
		case <-ctx.Done():
			return nil, heldElsewhere(ctx.Err())
		}
	}
	if s.db.Shared() {
		if err := h.lease(ctx, insist); err != nil {
			h.Release()
			return nil, err
		}
	}
	return h, nil
}

const heldCode = "upload_locked"

func heldElsewhere(cause error) error {
	return &fault.Error{Kind: fault.Locked, Op: "drive.HoldUpload", Code: heldCode,
		Public: "Another request is writing to this upload. Try again.", Err: cause}
}

// isHeldElsewhere tells heldElsewhere from other errors, that of a WebDAV lock among them.
func isHeldElsewhere(err error) bool {
	code, _, _ := fault.Public(err)
	return code == heldCode
}

// fenceOf is the number of this process's hold on an upload, and false if it has none.
func (s *Drives) fenceOf(id string) (int64, bool) {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	h := s.holds.byID[id]
	if h == nil {
		return 0, false
	}
	return h.fence, true
}

// Release gives the hold back. Releasing twice is no error.
func (h *Hold) Release() {
	h.once.Do(func() {
		if h.leased {
			h.s.unlease(h)
		}
		h.s.holds.mu.Lock()
		delete(h.s.holds.byID, h.id)
		delete(h.s.holds.fresh, h.id)
		h.s.holds.released[slot(h.id)]++
		h.s.holds.mu.Unlock()
		close(h.free)
	})
}
