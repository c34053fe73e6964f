package hooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/turn"
	"github.com/satchelhq/satchel/webhook"
)

// EventOptions says where events go. NewEvents fills in the defaults of what is zero.
type EventOptions struct {
	Address string        // of the receiver, http:// or https://; empty: nothing is delivered
	Secret  string        // signs what it gets, as webhook.New wants it
	Expiry  time.Duration // how long an event is tried before it is a dead letter; default 24 h
	Max     int           // events that are kept, dead letters among them, the sweep's pace aside; default 100,000
	// Names answers the names of users by their ids, which are those of their drives. It is required where there is an address.
	Names func(ctx context.Context, ids []string) (map[string]string, error)
	Pause time.Duration // before the second try, doubled each time up to 15 min; default 5 s
	Turns *turn.Turns   // one process at a time delivers; default is a process without a name
	Log   *slog.Logger  // default slog.Default()
	Now   func() time.Time
}

// Events are the changes that the operator's receiver is to know of. Package drive writes a row for each, in the transaction of the change; it is
// removed when the receiver took it. So each is delivered at least once, whatever ends in between. It is safe for use by many goroutines.
type Events struct {
	db       *sqldb.DB
	o        EventOptions
	to       *webhook.Client // nil: nowhere
	receiver string          // a hash of its address, so that the rows don't tell it
	wake     chan struct{}
	poll     time.Duration // how often it is looked for what other processes changed and what is due again

	counting sync.Mutex
	counted  count

	delivered, failed, dead, dropped atomic.Int64
}

// NewEvents gives access to the events in db. The error is about the address or the secret, and tells neither.
func NewEvents(db *sqldb.DB, o EventOptions) (*Events, error) {
	if o.Expiry <= 0 {
		o.Expiry = 24 * time.Hour
	}
	if o.Max <= 0 {
		o.Max = 100_000
	}
	if o.Pause <= 0 {
		o.Pause = 5 * time.Second
	}
	if o.Turns == nil {
		o.Turns = turn.New(db, "")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Events{db: db, o: o, wake: make(chan struct{}, 1), poll: time.Second}
	if o.Address == "" {
		return e, nil
	}
	sum := sha256.Sum256([]byte(o.Address))
	e.receiver = hex.EncodeToString(sum[:])
	var err error
	e.to, err = webhook.New(o.Address, o.Secret)
	return e, err
}

// topicDue is what sqldb.DB.Notify tells when events are due that are not new.
const topicDue = "events_due"

// ring has what is due looked for at once. What is due again, and what other processes did though nobody told, is found within a second.
func (e *Events) ring() {
	select {
	case e.wake <- struct{}{}:
	default: // it is awake already
	}
}

// EventCounts is what this process did since it started, and what all have before them.
type EventCounts struct {
	Delivered int64 // events that the receiver took
	Failed    int64 // tries that it did not answer well
	Died      int64 // events that became dead letters
	Dropped   int64 // events that were removed because too many were kept
}

// Counts answers what this process did.
func (e *Events) Counts() EventCounts {
	return EventCounts{e.delivered.Load(), e.failed.Load(), e.dead.Load(), e.dropped.Load()}
}

// EventsStanding is how far the delivery is.
type EventsStanding struct {
	Waiting, Dead int64
	Oldest        time.Time // since when the first of those that wait does; zero if none does
	Paused        time.Time // since when nothing is delivered because the receiver answered 410; zero if it is
}

// Standing answers how far the delivery is, of all processes.
func (e *Events) Standing(ctx context.Context) (s EventsStanding, err error) {
	var oldest, paused int64
	err = e.db.Row(ctx, `SELECT COUNT(*) FILTER (WHERE dead_at = 0), COUNT(*) FILTER (WHERE dead_at > 0), COALESCE(MIN(since) FILTER (WHERE dead_at = 0), 0),
		COALESCE((SELECT paused_at FROM event_delivery WHERE paused_for = $1 AND $1 <> ''), 0) FROM events`, []any{e.receiver}, &s.Waiting, &s.Dead, &oldest, &paused)
	s.Oldest, s.Paused = sqldb.Time(oldest), sqldb.Time(paused)
	return s, fault.Wrap(err, "hooks.Standing")
}

const (
	deadLife  = 30 * 24 * time.Hour // how long a dead letter is kept
	dropBatch = 1000                // events that one transaction of Sweep removes
)

// Sweep removes old dead letters, and of events that are more than Max the oldest, dead letters first. Several processes may do it at once.
func (e *Events) Sweep(ctx context.Context) error {
	if _, err := e.db.Exec(ctx, `DELETE FROM events WHERE dead_at > 0 AND dead_at <= $1`, sqldb.Micros(e.o.Now().Add(-deadLife))); err != nil {
		return fault.Wrap(err, "hooks.Sweep")
	}
	excess, err := e.excess(ctx)
	if err != nil {
		return fault.Wrap(err, "hooks.Sweep")
	}
	dropped := int64(0)
	for _, first := range [...]string{`dead_at > 0 ORDER BY dead_at, id`, `dead_at = 0 ORDER BY id`} {
		for excess > dropped {
			n, err := e.db.Exec(ctx, `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE `+first+` LIMIT $1)`, min(excess-dropped, dropBatch))
			if err != nil {
				return fault.Wrap(err, "hooks.Sweep")
			}
			if n == 0 {
				break
			}
			dropped += n
		}
	}
	if dropped > 0 {
		e.dropped.Add(dropped)
		e.o.Log.Error("events were dropped: more than max_events are kept", "dropped", dropped, "max_events", e.o.Max)
	}
	return nil
}
