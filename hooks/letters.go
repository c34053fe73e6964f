package hooks

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Letter is an event that was not taken yet, as administrators see it: without the node's name and place.
type Letter struct {
	ID       string
	Type     string // such as file.created
	DriveID  string
	Sequence int64 // of the change
	NodeID   string
	At       time.Time // of the change
	Since    time.Time // since when it is tried
	Tries    int
	Failure  string    // of the last try; empty if there was none
	Dead     time.Time // when it was given up; zero if it waits
}

// LetterFilter chooses letters.
type LetterFilter struct {
	State string // "waiting", "dead" or "" for both
	After string // the id of the last one of the page before
	Limit int    // 1 to MaxLetters
}

// MaxLetters is how many one call lists.
const MaxLetters = 1000

// Letters lists events that were not taken yet, newest first. Invalid with code "invalid_state".
func (e *Events) Letters(ctx context.Context, f LetterFilter) ([]Letter, error) {
	switch f.State {
	case "", "waiting", "dead":
	default:
		return nil, fault.New(fault.Invalid, "hooks.Letters", `The state is "waiting" or "dead".`).WithCode("invalid_state")
	}
	all, err := sqldb.All(ctx, e.db, `SELECT `+eventColumns+` FROM events WHERE ($1 = '' OR id < $1) AND ($2 = '' OR ($2 = 'dead') = (dead_at > 0)) ORDER BY id DESC LIMIT $3`,
		[]any{f.After, f.State, max(1, min(f.Limit, MaxLetters))}, func(scan sqldb.Scan) (Letter, error) {
			ev, err := scanEvent(scan)
			return letterOf(ev), err
		})
	return all, fault.Wrap(err, "hooks.Letters")
}

// Letter answers one event. NotFound with code "event_not_found".
func (e *Events) Letter(ctx context.Context, id string) (Letter, error) {
	ev, err := scanEvent(func(dest ...any) error {
		return e.db.Row(ctx, `SELECT `+eventColumns+` FROM events WHERE id = $1`, []any{id}, dest...)
	})
	if sqldb.NoRow(err) {
		err = noEvent()
	}
	return letterOf(ev), fault.Wrap(err, "hooks.Letter")
}

func letterOf(ev event) Letter {
	return Letter{ev.id, ev.title(), ev.drive, ev.sequence, ev.node, ev.at, ev.since, ev.tries, ev.failure, ev.dead}
}

func noEvent() error {
	return fault.New(fault.NotFound, "hooks.Letter", "There is no such event: it was taken, or dropped.").WithCode("event_not_found")
}

// Retry has an event tried at once, as if it were new: a dead letter, or one that waits for its next try. NotFound with code "event_not_found".
// A dead letter is sent before what its drive has waiting, but later than what was taken since.
func (e *Events) Retry(ctx context.Context, id string) error {
	err := e.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		var driveID string
		err := tx.Row(ctx, `UPDATE events SET dead_at = 0, tries = 0, failure = '', since = $2 WHERE id = $1 RETURNING drive_id`, []any{id, sqldb.Micros(e.o.Now())}, &driveID)
		if sqldb.NoRow(err) {
			return noEvent()
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO event_queues (drive_id, revision, next_at) VALUES ($1, 1, $2)
			ON CONFLICT (drive_id) DO UPDATE SET revision = event_queues.revision + 1, next_at = excluded.next_at`, driveID, sqldb.Micros(e.o.Now()))
		return err
	})
	if err == nil {
		e.db.Notify(topicDue, topicDue)
	}
	return fault.Wrap(err, "hooks.Retry")
}

// RetryAll is Retry for every dead letter, and answers how many there were.
func (e *Events) RetryAll(ctx context.Context) (n int64, err error) {
	err = e.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) (err error) {
		now := sqldb.Micros(e.o.Now())
		if _, err = tx.Exec(ctx, `INSERT INTO event_queues (drive_id, revision, next_at) SELECT DISTINCT drive_id, 1, CAST($1 AS BIGINT) FROM events WHERE dead_at > 0
			ON CONFLICT (drive_id) DO UPDATE SET revision = event_queues.revision + 1, next_at = excluded.next_at`, now); err != nil {
			return err
		}
		n, err = tx.Exec(ctx, `UPDATE events SET dead_at = 0, tries = 0, failure = '', since = $1 WHERE dead_at > 0`, now)
		return err
	})
	if err == nil {
		e.db.Notify(topicDue, topicDue)
	}
	return n, fault.Wrap(err, "hooks.RetryAll")
}

// Resume goes on with the delivery after the receiver answered 410, and reports whether it was paused.
func (e *Events) Resume(ctx context.Context) (paused bool, err error) {
	n, err := e.db.Exec(ctx, `UPDATE event_delivery SET paused_for = '', paused_at = 0 WHERE paused_for <> ''`)
	if err == nil {
		e.db.Notify(topicDue, topicDue)
	}
	return n > 0, fault.Wrap(err, "hooks.Resume")
}
