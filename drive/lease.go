package drive

import (
	"context"
	"sync"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Where several processes serve one database, the upload's row names the process that holds it, and a number that counts
// its holders: the fence. Every write of the upload names the fence, so that a process that lost the upload writes nothing
// more. A process that holds uploads says in one row, every pulseTime, that it is there. What a process holds that
// was not seen for leaseTime is free: it was killed, or cut off.
const (
	leaseTime  = 1300 * time.Millisecond
	pulseTime  = 250 * time.Millisecond
	pulseLimit = 600 * time.Millisecond // how long the database may take to write it down
	leaseRetry = 100 * time.Millisecond // how often an upload that another process holds is looked at: its process may have been killed
	wantTime   = time.Second            // how long a wish counts that is not repeated
)

// What processes tell each other: see sqldb.DB.Notify. Wishes are rows too, which holders look for with each beat.
const (
	topicWanted = "upload_wanted"
	topicFree   = "upload_free" // a wish was heeded
)

// databaseNow is the database's clock. It is Postgres', the only engine that is shared.
var databaseNow = sqldb.Postgres.Clock()

// pulse tells the other processes that this one is there, while it holds anything.
type pulse struct {
	holder string // names this process

	mu    sync.Mutex
	holds int       // leases that this process has
	beats bool      // the goroutine of beat runs
	last  time.Time // when this process was last written down
}

// lease takes the upload's row for this process. One that insists asks another process that has it to let go. Locked if ctx ends first.
func (h *Hold) lease(ctx context.Context, insist bool) error {
	if err := h.s.startPulse(ctx); err != nil {
		return fault.Wrap(err, "drive.lease")
	}
	h.s.listen()
	freed, forget := h.s.holds.await(h.id)
	defer forget()
	var asked time.Time
	var fence int64
	for {
		err := h.s.db.Update(ctx, func(tx *sqldb.Tx) error {
			err := tx.Row(ctx, `UPDATE uploads SET holder = $2, fence = fence + 1 WHERE id = $1 AND (holder = '' OR holder = $2
				OR NOT EXISTS (SELECT 1 FROM holders WHERE holders.id = uploads.holder AND holders.seen_at > `+databaseNow+` - $3)) RETURNING fence`,
				[]any{h.id, h.s.holds.pulse.holder, leaseTime.Microseconds()}, &fence)
			if err != nil || asked.IsZero() {
				return err
			}
			_, err = tx.Exec(ctx, `DELETE FROM upload_wants WHERE upload_id = $1`, h.id)
			return err
		})
		if err == nil {
			h.s.holds.mu.Lock()
			h.fence, h.leased = fence, true
			h.s.holds.mu.Unlock()
			return nil
		}
		if sqldb.NoRow(err) {
			if err = nil; insist && time.Since(asked) > wantTime/2 {
				asked = time.Now()
				err = h.s.want(ctx, h.id)
			}
		}
		if err != nil {
			h.s.stopPulse()
			if fault.Is(err, fault.NotFound) {
				return nil // there is no such upload: whoever looks at it finds out
			}
			return fault.Wrap(err, "drive.lease")
		}
		select {
		case <-freed:
		case <-time.After(leaseRetry):
		case <-ctx.Done():
			h.s.stopPulse()
			return heldElsewhere(ctx.Err())
		}
	}
}

// fenced is ctx for what is done with the stage of an upload, which the caller holds. A store whose stages are rows changes none of them once another process
// has taken the lease: a process that stood still between its last look at the lease and the store would cut back, drop or unseal what is the other's by then.
func (s *Drives) fenced(ctx context.Context, id string) context.Context {
	if !s.db.Shared() {
		return ctx
	}
	fence, held := s.fenceOf(id)
	return sqldb.Guarded(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if !held {
			return heldElsewhere(nil)
		}
		var one int
		err := tx.Row(ctx, `SELECT 1 FROM uploads WHERE id = $1 AND fence = $2 FOR SHARE`, []any{id, fence}, &one)
		if sqldb.NoRow(err) {
			err = heldElsewhere(err)
		}
		return err
	})
}

// want asks the process that holds an upload to let go. NotFound if there is no such upload.
func (s *Drives) want(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `INSERT INTO upload_wants (upload_id, asked_at) VALUES ($1, `+databaseNow+`)
		ON CONFLICT (upload_id) DO UPDATE SET asked_at = excluded.asked_at`, id)
	if err == nil {
		s.db.Notify(topicWanted, id)
	}
	return err
}

// unlease gives a lease back. One that cannot be given back now is when another process wants it (giveUp), or ends with this process.
func (s *Drives) unlease(h *Hold) {
	if _, err := s.db.Exec(context.Background(), `UPDATE uploads SET holder = '' WHERE id = $1 AND fence = $2`, h.id, h.fence); err != nil {
		s.o.Log.Warn("the lease on an upload was not given back", "upload", h.id, "error", err)
	} else if h.wanted.Load() {
		s.db.Notify(topicFree, h.id)
	}
	s.stopPulse()
}

// startPulse counts one lease more, and returns when the other processes can see that this one is there.
func (s *Drives) startPulse(ctx context.Context) error {
	p := &s.holds.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.last) > pulseTime {
		if err := s.writePulse(ctx, pulseLimit); err != nil {
			return err
		}
	}
	p.holds++
	if !p.beats {
		p.beats = true
		go s.beat()
	}
	return nil
}

func (s *Drives) stopPulse() {
	p := &s.holds.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds--
}

// writePulse is bounded, so that a database that hangs is noticed before the lease ends. The time that counts is the one before the
// database was asked.
func (s *Drives) writePulse(ctx context.Context, limit time.Duration) error {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	asked := time.Now()
	_, err := s.db.Exec(ctx, `INSERT INTO holders (id, seen_at) VALUES ($1, `+databaseNow+`)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`, s.holds.pulse.holder)
	if err == nil {
		s.holds.pulse.last = asked
	}
	return err
}

// beat goes on while this process has leases. It also looks which of them another process wants.
func (s *Drives) beat() {
	p := &s.holds.pulse
	tick := time.NewTicker(pulseTime)
	defer tick.Stop()
	for range tick.C {
		p.mu.Lock()
		if p.holds == 0 {
			p.beats = false
			p.mu.Unlock()
			return
		}
		err := s.writePulse(context.Background(), max(pulseTime/2, min(pulseLimit, pulseSafe-time.Since(p.last))))
		p.mu.Unlock()
		s.letGoUnseen()
		if err == nil {
			err = s.heedWants()
		}
		if err != nil {
			s.o.Log.Warn("the leases on uploads were not renewed", "error", err)
		}
	}
}

// pulseSafe is how long after its last sign of life a process may still write to stages.
const pulseSafe = leaseTime - pulseTime

// letGoUnseen lets go of everything when the database has not been reached for so long that another process is about to take
// the uploads, and their stages with them.
func (s *Drives) letGoUnseen() {
	s.holds.pulse.mu.Lock()
	unseen := time.Since(s.holds.pulse.last) >= pulseSafe
	s.holds.pulse.mu.Unlock()
	if !unseen {
		return
	}
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	for _, h := range s.holds.byID {
		if h.leased {
			go h.letGo()
		}
	}
}

// heedWants lets go of uploads that this process holds and another one wants.
func (s *Drives) heedWants() error {
	ctx, stop := context.WithTimeout(context.Background(), pulseLimit)
	defer stop()
	var wanted []string
	fences := map[string]int64{}
	err := s.db.Each(ctx, `SELECT w.upload_id, u.fence FROM upload_wants w JOIN uploads u ON u.id = w.upload_id WHERE w.asked_at > `+databaseNow+` - $1 AND u.holder = $2`,
		[]any{wantTime.Microseconds(), s.holds.pulse.holder}, func(scan sqldb.Scan) error {
			var id string
			var fence int64
			err := scan(&id, &fence)
			wanted, fences[id] = append(wanted, id), fence
			return err
		})
	s.heed(wanted)
	for _, id := range wanted {
		if _, held := s.fenceOf(id); !held && err == nil {
			err = s.giveUp(ctx, id, fences[id])
		}
	}
	return err
}

// giveUp gives back a lease that the row says this process has and of which it knows nothing: the database did not answer when it was taken or given
// back. The fence was read before it was looked whether somebody holds the upload, so one who takes it now keeps it.
func (s *Drives) giveUp(ctx context.Context, id string, fence int64) error {
	_, err := s.db.Exec(ctx, `UPDATE uploads SET holder = '' WHERE id = $1 AND fence = $2`, id, fence)
	if err == nil {
		s.db.Notify(topicFree, id)
	}
	return err
}

// heed makes the requests of this process let go of uploads that another process wants.
func (s *Drives) heed(wanted []string) {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	for _, id := range wanted {
		if h := s.holds.byID[id]; h != nil && h.leased { // else it is the one who wants it
			h.wanted.Store(true)
			go h.letGo()
		}
	}
}

// listen begins to hear what other processes tell.
func (s *Drives) listen() {
	s.listening.Do(func() {
		s.db.Hear(topicWanted, s.heed) // a notice that was lost is found by the beat
		s.db.Hear(topicFree, s.holds.wake)
		s.db.Hear(TopicChanged, s.watches.tell)
	})
}

// await answers a channel that gets something when a process says that it let go of an upload, until forget is called.
func (h *holds) await(id string) (freed <-chan struct{}, forget func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.awaited[id] = c // one request of a process waits for an upload: the others wait for that one
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.awaited, id)
	}
}

// wake tells those who await some uploads, or any, to look.
func (h *holds) wake(ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ring := func(c chan struct{}) {
		select {
		case c <- struct{}{}:
		default: // it is awake already; a nil channel is nobody
		}
	}
	for _, id := range ids {
		ring(h.awaited[id])
	}
	if ids == nil {
		for _, c := range h.awaited {
			ring(c)
		}
	}
}
