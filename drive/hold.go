package drive

import (
	"context"
	"sync"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// A hold is the right to write to an upload: one request has it at a time. Whoever wants it asks
// the holder to let go, which its request does at the next chunk: a client that resumes is never kept
// waiting by its own dead connection.
//
// Within a process the holders are in memory. Where other processes serve the same database, a hold is a
// lease in the upload's row as well: it has a number (fence) that every write of the upload names, so that a
// holder who lost the lease writes nothing more.
type Hold struct {
	s     *Drives
	id    string
	fence int64
	letGo func()
	free  chan struct{} // closed on Release
	once  sync.Once
	stop  context.CancelFunc // ends the renewal of the lease
	ended chan struct{}      // closed when the renewal has ended
}

// holds are the uploads that this process writes to now.
type holds struct {
	mu     sync.Mutex
	byID   map[string]*Hold
	holder string // names this process in leases
}

func newHolds() *holds {
	return &holds{byID: map[string]*Hold{}, holder: sqldb.NewID()}
}

// The lease on an upload between processes.
const (
	leaseTime  = 6 * time.Second
	leaseRenew = time.Second            // how often it is prolonged, and looked at whether another process wants it
	leaseRetry = 100 * time.Millisecond // how often one that is taken is asked for
)

// HoldUpload waits until nobody else writes to the upload and answers the right to do so, which Release gives
// back. letGo is called, at most once and from another goroutine, when someone else wants it. Locked if ctx ends first.
// It does not look whether the upload exists or whose it is.
func (s *Drives) HoldUpload(ctx context.Context, id string, letGo func()) (*Hold, error) {
	h := &Hold{s: s, id: id, letGo: sync.OnceFunc(letGo), free: make(chan struct{})}
	for {
		s.holds.mu.Lock()
		other := s.holds.byID[id]
		if other == nil {
			s.holds.byID[id] = h
			s.holds.mu.Unlock()
			break
		}
		s.holds.mu.Unlock()
		go other.letGo()
		select {
		case <-other.free:
		case <-ctx.Done():
			return nil, heldElsewhere(ctx.Err())
		}
	}
	if s.db.Shared() {
		if err := h.lease(ctx); err != nil {
			h.Release()
			return nil, err
		}
	}
	return h, nil
}

func heldElsewhere(cause error) error {
	return &fault.Error{Kind: fault.Locked, Op: "drive.HoldUpload", Code: "upload_locked",
		Public: "Another request is writing to this upload. Try again.", Err: cause}
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
		if h.stop != nil {
			h.stop()
			<-h.ended
			// A lease that is not given back ends by itself.
			_, _ = h.s.db.Exec(context.Background(), `UPDATE uploads SET holder = '', held_until = 0, wanted = FALSE WHERE id = $1 AND fence = $2`, h.id, h.fence)
		}
		h.s.holds.mu.Lock()
		delete(h.s.holds.byID, h.id)
		h.s.holds.mu.Unlock()
		close(h.free)
	})
}

// databaseNow is the database's clock in microseconds: the nodes' own may differ.
const databaseNow = `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`

// lease takes the upload's row for this process, asking another that has it to let go.
func (h *Hold) lease(ctx context.Context) error {
	for {
		err := h.s.db.Update(ctx, func(tx *sqldb.Tx) error {
			return tx.Row(ctx, `UPDATE uploads SET holder = $2, held_until = `+databaseNow+` + $3, fence = fence + 1, wanted = FALSE
				WHERE id = $1 AND held_until < `+databaseNow+` RETURNING fence`,
				[]any{h.id, h.s.holds.holder, leaseTime.Microseconds()}, &h.fence)
		})
		if err == nil {
			h.keep()
			return nil
		}
		if !sqldb.NoRow(err) {
			return fault.Wrap(err, "drive.lease")
		}
		n, err := h.s.db.Exec(ctx, `UPDATE uploads SET wanted = TRUE WHERE id = $1`, h.id)
		if err != nil {
			return fault.Wrap(err, "drive.lease")
		}
		if n == 0 {
			return nil // there is no such upload: whoever looks at it finds out
		}
		select {
		case <-time.After(leaseRetry):
		case <-ctx.Done():
			return heldElsewhere(ctx.Err())
		}
	}
}

// keep prolongs the lease until Release, and lets go when it is lost or wanted.
func (h *Hold) keep() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop, h.ended = stop, make(chan struct{})
	go func() {
		defer close(h.ended)
		tick := time.NewTicker(leaseRenew)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var wanted bool
			err := h.s.db.Update(ctx, func(tx *sqldb.Tx) error {
				return tx.Row(ctx, `UPDATE uploads SET held_until = `+databaseNow+` + $3 WHERE id = $1 AND fence = $2 RETURNING wanted`,
					[]any{h.id, h.fence, leaseTime.Microseconds()}, &wanted)
			})
			if wanted || sqldb.NoRow(err) {
				h.letGo()
			}
		}
	}()
}
