package hooks

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// count is how many events were kept at a moment. As of then there are at most those and what came since, so that nobody counts all of them each time.
type count struct {
	kept int64
	from string    // ids of what came since are not below it
	at   time.Time // zero: never
}

const (
	countLife    = time.Hour   // after which all are counted again: what came with an id of a clock that is far behind was not
	countOverlap = time.Minute // how long a transaction is open and a clock behind; what came in it is counted twice
)

// excess is how many events more than Max are kept, not above 0 if there are no more. All of them are counted each hour, and when there may be as many.
func (e *Events) excess(ctx context.Context) (int64, error) {
	e.counting.Lock()
	defer e.counting.Unlock()
	now, most := e.o.Now(), int64(e.o.Max)
	if known := e.counted; !known.at.IsZero() && now.Sub(known.at) < countLife && known.kept <= most {
		var came int64
		err := e.db.Row(ctx, `SELECT COUNT(*) FROM events WHERE id >= $1`, []any{known.from}, &came)
		if err != nil || known.kept+came <= most {
			return known.kept + came - most, err
		}
	}
	all := count{at: now, from: sqldb.FirstID(time.Now().Add(-countOverlap))}
	err := e.db.Row(ctx, `SELECT COUNT(*) FROM events`, nil, &all.kept)
	if err == nil {
		e.counted = all
	}
	return all.kept - most, err
}
