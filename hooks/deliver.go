package hooks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/turn"
	"github.com/satchelhq/satchel/webhook"
)

const (
	deliverers   = 8                // drives whose events are sent at once
	deliverBatch = 50               // events of a drive that are sent before others have their turn
	maxPause     = 15 * time.Minute // between two tries
	finalTries   = 8                // of an event that the receiver says it will not take: about ten minutes
	maxFailure   = 200              // bytes that are kept of why a try failed
	writeLimit   = time.Second      // how long the database may take to write down what came of one
	lastAnswer   = 3 * time.Second  // how long a process that stops waits for what the receiver says of what it has by now
)

// deliveryJob names the job of which one process at a time has the turn.
const deliveryJob = "deliver_events"

// queue is a drive with events that wait.
type queue struct {
	drive    string
	revision int64
}

// Run delivers events until ctx ends, whenever it is this process's turn. Without a receiver it returns at once.
func (e *Events) Run(ctx context.Context) error {
	if e.to == nil {
		return nil
	}
	for _, topic := range [...]string{drive.TopicChanged, topicDue} {
		defer e.db.Hear(topic, func([]string) { e.ring() })()
	}
	for ctx.Err() == nil {
		t, err := e.o.Turns.Take(ctx, deliveryJob)
		if err != nil && ctx.Err() == nil {
			e.o.Log.Warn("events are not delivered", "err", err)
		}
		if t != nil {
			e.deliver(t)
		}
		rest(ctx, e.poll)
	}
	return nil
}

func rest(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// deliver sends what is due until ctx ends or the turn is lost. When it returns, nothing is under way.
func (e *Events) deliver(t *turn.Turn) {
	ctx := t.Context()
	defer t.Leave()
	type ended struct {
		drive string
		err   error
	}
	busy, done := map[string]bool{}, make(chan ended, deliverers)
	defer func() {
		for range busy {
			<-done
		}
	}()
	for ctx.Err() == nil {
		due, err := e.due(ctx, deliverers+len(busy))
		for _, q := range due {
			if len(busy) == deliverers || busy[q.drive] {
				continue
			}
			busy[q.drive] = true
			go func() { done <- ended{q.drive, e.guarded(ctx, t, q)} }()
		}
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-time.After(e.poll):
		case d := <-done:
			delete(busy, d.drive)
			err = errors.Join(err, d.err)
		}
		if err != nil && ctx.Err() == nil {
			e.o.Log.Warn("events are not delivered", "err", err)
			rest(ctx, e.poll)
		}
	}
}

// due are the queues whose first event may be tried, those that wait longest first; none while the receiver's delivery is paused.
func (e *Events) due(ctx context.Context, limit int) ([]queue, error) {
	return sqldb.All(ctx, e.db, `SELECT drive_id, revision FROM event_queues WHERE next_at <= $1
		AND NOT EXISTS (SELECT 1 FROM event_delivery WHERE paused_for = $2) ORDER BY next_at LIMIT $3`, []any{sqldb.Micros(e.o.Now()), e.receiver, limit},
		func(scan sqldb.Scan) (q queue, err error) { return q, scan(&q.drive, &q.revision) })
}

// guarded makes a panic over one drive's events an error.
func (e *Events) guarded(ctx context.Context, t *turn.Turn, q queue) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return e.deliverQueue(ctx, t, q)
}

// deliverQueue sends the events of a drive in order, up to the first that is not taken.
func (e *Events) deliverQueue(ctx context.Context, t *turn.Turn, q queue) error {
	waiting, err := sqldb.All(ctx, e.db, `SELECT `+eventColumns+` FROM events WHERE drive_id = $1 AND dead_at = 0 ORDER BY sequence LIMIT $2`, []any{q.drive, deliverBatch}, scanEvent)
	if err != nil {
		return err
	}
	names, err := e.o.Names(ctx, []string{q.drive})
	if err != nil {
		return err
	}
	for _, ev := range waiting {
		if goOn, err := e.send(ctx, t, ev, names[q.drive]); err != nil || !goOn {
			return err
		}
	}
	if len(waiting) == deliverBatch {
		_, err = e.write(ctx, `UPDATE event_queues SET next_at = $2 WHERE drive_id = $1`, q.drive, sqldb.Micros(e.o.Now()))
		return err
	}
	_, err = e.write(ctx, `DELETE FROM event_queues WHERE drive_id = $1 AND revision = $2`, q.drive, q.revision)
	return err
}

// send tries one event, and writes down what came of it. It reports whether the drive's next one may be sent. No transaction is open while the
// receiver is waited for.
func (e *Events) send(ctx context.Context, t *turn.Turn, ev event, user string) (goOn bool, err error) {
	body, err := ev.body(user)
	if err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, nil
	}
	if !t.Mine() {
		return false, turn.ErrLost
	}
	asking, stop := outlive(ctx, lastAnswer, t.Mine)
	defer stop()
	status, err := e.to.Post(asking, ev.id, body)
	if err != nil && ctx.Err() != nil {
		return false, nil // who comes next sends it again
	}
	ctx = context.WithoutCancel(ctx) // what was answered is written down, or the receiver gets it twice for nothing
	if err == nil && webhook.Taken(status) {
		n, err := e.write(ctx, `DELETE FROM events WHERE id = $1`, ev.id)
		if n > 0 { // else it was dropped meanwhile
			e.delivered.Add(1)
		}
		return err == nil, err
	}
	e.failed.Add(1)
	if err == nil && status == http.StatusGone {
		return false, e.pause(ctx, t)
	}
	failure := fmt.Sprintf("status %d", status)
	if err != nil {
		failure = strings.ToValidUTF8(err.Error()[:min(len(err.Error()), maxFailure)], "")
	}
	ev.tries++
	now := e.o.Now()
	if now.Sub(ev.since) >= e.o.Expiry || err == nil && webhook.Final(status) && ev.tries >= finalTries {
		return e.bury(ctx, t, ev, failure)
	}
	e.o.Log.Debug("an event was not taken yet", "event", ev.id, "drive", ev.drive, "try", ev.tries, "failure", failure)
	if _, err := e.write(ctx, `UPDATE events SET tries = $2, failure = $3 WHERE id = $1`, ev.id, ev.tries, failure); err != nil {
		return false, err
	}
	_, err = e.write(ctx, `UPDATE event_queues SET next_at = $2 WHERE drive_id = $1`, ev.drive, sqldb.Micros(now.Add(e.pauseAfter(ev.tries))))
	return false, err
}

// outlive is ctx, which ends later by the time given where may says so when ctx ends.
func outlive(ctx context.Context, by time.Duration, may func() bool) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if may() {
			rest(longer, by)
		}
		cancel()
	})
	return longer, func() { stop(); cancel() }
}

// pauseAfter is how long to wait after so many tries: doubled each time, and spread at random over its second half.
func (e *Events) pauseAfter(tries int) time.Duration {
	pause := maxPause
	if shift := tries - 1; shift < 20 {
		pause = min(e.o.Pause<<shift, maxPause)
	}
	return pause/2 + rand.N(pause/2+1)
}

// bury makes an event a dead letter, so that those behind it go on.
func (e *Events) bury(ctx context.Context, t *turn.Turn, ev event, failure string) (goOn bool, err error) {
	n, err := e.write(ctx, `UPDATE events SET tries = $2, failure = $3, dead_at = $4 WHERE id = $1`, ev.id, ev.tries, failure, sqldb.Micros(e.o.Now()))
	if err != nil || n == 0 {
		return false, err
	}
	e.dead.Add(1)
	e.o.Log.Error("an event is given up: satchel events retry sends it again", "event", ev.id, "drive", ev.drive, "tries", ev.tries, "failure", failure)
	return true, nil
}

// pause ends the delivery to a receiver that said 410 Gone, until Resume or another address.
func (e *Events) pause(ctx context.Context, t *turn.Turn) error {
	_, err := e.write(ctx, `INSERT INTO event_delivery (id, paused_for, paused_at) VALUES ('events', $1, $2)
		ON CONFLICT (id) DO UPDATE SET paused_for = excluded.paused_for, paused_at = excluded.paused_at WHERE event_delivery.paused_for <> excluded.paused_for`, e.receiver, sqldb.Micros(e.o.Now()))
	if err == nil {
		e.o.Log.Error("the receiver of events answered 410 Gone: nothing is sent until satchel events resume")
	}
	return err
}

// write runs a statement if the turn of ctx is still this process's, and answers how many rows it changed.
func (e *Events) write(ctx context.Context, query string, args ...any) (n int64, err error) {
	ctx, stop := context.WithTimeout(ctx, writeLimit)
	defer stop()
	err = e.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return n, err
}
