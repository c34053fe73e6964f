package hooks

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// One process at a time delivers. The row of event_delivery names it and a number that counts them: the fence. Every write of the delivery names the
// fence, so that a process that stood still while another took over writes nothing more, and it looks at the clock before it sends.
const (
	turnTime  = 5 * time.Second // a process that was not seen for so long has lost its turn
	turnBeat  = time.Second     // how often it says that it is there
	turnLimit = time.Second     // how long the database may take to write it down
	turnMine  = turnTime - 1500*time.Millisecond
)

// databaseNow is the clock of Postgres in microseconds: the processes' own may differ.
const databaseNow = `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`

// fenced ends a statement of the delivery; the fence is its last argument.
const fenced = ` AND EXISTS (SELECT 1 FROM event_delivery WHERE fence = `

// errTurnLost is the error for what a process wanted to write that is not the one any more.
var errTurnLost = errors.New("another process delivers the events now")

// turn is the time during which this process delivers.
type turn struct {
	fence  int64
	shared bool // there may be others: on Postgres

	mu   sync.Mutex
	seen time.Time // when the others were last told
}

// mine reports whether no other process can have taken over yet.
func (t *turn) mine() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.shared || time.Since(t.seen) < turnMine
}

func (t *turn) saw(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = at
}

// takeTurn answers a turn, or nil while another process has it. With SQLite there is no other.
func (e *Events) takeTurn(ctx context.Context) (*turn, error) {
	ctx, stop := context.WithTimeout(ctx, turnLimit)
	defer stop()
	t := &turn{shared: e.db.Shared(), seen: time.Now()}
	query, args := `INSERT INTO event_delivery (id, holder, fence) VALUES ('events', $1, 1)
		ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, fence = event_delivery.fence + 1 RETURNING fence`, []any{e.holder}
	if t.shared {
		query, args = `INSERT INTO event_delivery (id, holder, fence, seen_at) VALUES ('events', $1, 1, `+databaseNow+`)
			ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, fence = event_delivery.fence + 1, seen_at = excluded.seen_at
			WHERE event_delivery.holder IN ('', $1) OR event_delivery.seen_at <= excluded.seen_at - $2 RETURNING fence`, []any{e.holder, turnTime.Microseconds()}
	}
	err := e.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error { return tx.Row(ctx, query, args, &t.fence) })
	if sqldb.NoRow(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// keepTurn tells the others that this process is there, until ctx ends; lost is called when another may have taken over.
func (e *Events) keepTurn(ctx context.Context, t *turn, lost func()) {
	for t.shared {
		select {
		case <-ctx.Done():
			return
		case <-time.After(turnBeat):
		}
		asked := time.Now()
		n, err := e.write(ctx, t, `UPDATE event_delivery SET seen_at = `+databaseNow+` WHERE id = 'events'`)
		if err == nil && n == 1 {
			t.saw(asked)
		} else if err == nil || !t.mine() {
			lost()
			return
		}
	}
}

// giveTurn lets another process begin at once.
func (e *Events) giveTurn(t *turn) {
	_, _ = e.write(context.Background(), t, `UPDATE event_delivery SET holder = '' WHERE id = 'events'`) // else it ends by itself
}

// write runs a statement with a condition if the turn is still this process's, and answers how many rows it changed.
func (e *Events) write(ctx context.Context, t *turn, query string, args ...any) (n int64, err error) {
	ctx, stop := context.WithTimeout(ctx, turnLimit)
	defer stop()
	err = e.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(ctx, query+fenced+"$"+strconv.Itoa(len(args)+1)+")", append(args, t.fence)...)
		return err
	})
	return n, err
}
