package turn

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// The times of a turn.
const (
	life  = 5 * time.Second // a process that was not seen for so long has lost its turn
	beat  = time.Second     // how often it says that it is there
	limit = time.Second     // how long the database may take to write it down
	mine  = life - 1500*time.Millisecond
)

// ErrLost is the error of an update by who has lost the turn.
var ErrLost = errors.New("turn: another process does this now")

// Turns gives out the turns of a database. It is safe for use by many goroutines.
type Turns struct {
	db     *sqldb.DB
	holder string // names this process
	node   string
	now    string // SQL: the clock that all processes have in common
}

// New gives access to the turns in db. node is what people know this process by; it is told with what it did.
func New(db *sqldb.DB, node string) *Turns {
	return &Turns{db: db, holder: sqldb.NewID(), node: node, now: db.Engine().Clock()}
}

// Turn is the time during which this process does a job.
type Turn struct {
	of    *Turns
	job   string
	fence int64
	goes  bool // on for ever: that it is done is all that can be told of it
	ctx   context.Context
	stop  context.CancelFunc
	kept  sync.WaitGroup

	lacking int // what is left out

	mu   sync.Mutex
	seen time.Time // when the others were last told
}

// Take answers a turn at a job that goes on for ever, or nil while another process has it.
func (s *Turns) Take(ctx context.Context, job string) (*Turn, error) {
	if err := s.know(ctx, job, 0); err != nil {
		return nil, err
	}
	return s.take(ctx, job, true, `TRUE`)
}

// take answers a turn where the condition holds, else nil.
func (s *Turns) take(ctx context.Context, job string, goes bool, condition string) (*Turn, error) {
	asking, stop := context.WithTimeout(ctx, limit)
	defer stop()
	t := &Turn{of: s, job: job, goes: goes, seen: time.Now()}
	free := `TRUE` // SQLite serves one process: whoever is written there has ended
	args := []any{job, s.holder, s.node}
	if s.db.Shared() {
		free = `(holder IN ('', $2) OR seen_at <= ` + s.now + ` - $4)`
		args = append(args, life.Microseconds())
	}
	err := s.db.UpdateUnsettled(asking, func(tx *sqldb.Tx) error {
		return tx.Row(asking, `UPDATE jobs SET holder = $2, node = $3, fence = fence + 1, seen_at = `+s.now+`, begun_at = `+s.now+`, next_at = 0
			WHERE name = $1 AND `+free+` AND (`+condition+`) RETURNING fence`, args, &t.fence)
	})
	if sqldb.NoRow(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t.ctx, t.stop = context.WithCancel(ctx)
	if s.db.Shared() {
		t.ctx = sqldb.Guarded(t.ctx, t.guard)
	}
	t.kept.Go(t.keep)
	return t, nil
}

// Context ends with the turn. Updates under it are fenced: they fail with ErrLost once another process has the turn.
func (t *Turn) Context() context.Context { return t.ctx }

// Mine reports whether no other process can have taken over yet.
func (t *Turn) Mine() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.of.db.Shared() || time.Since(t.seen) < mine
}

func (t *Turn) guard(ctx context.Context, tx *sqldb.Tx) error {
	var one int
	err := tx.Row(ctx, `SELECT 1 FROM jobs WHERE name = $1 AND fence = $2`, []any{t.job, t.fence}, &one)
	if sqldb.NoRow(err) {
		err = ErrLost
	}
	return err
}

// keep tells the others that this process is there, until the turn ends or may be another's.
func (t *Turn) keep() {
	set, every := `seen_at = `+t.of.now, beat
	if t.goes {
		set += `, ended_at = ` + t.of.now + `, well_at = ` + t.of.now
	}
	if !t.of.db.Shared() { // nobody waits for it
		every = time.Minute
	}
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-time.After(every):
		}
		asked := time.Now()
		n, err := t.write(set)
		if err == nil && n == 1 {
			t.mu.Lock()
			t.seen = asked
			t.mu.Unlock()
		} else if err == nil || !t.Mine() {
			t.stop()
			return
		}
	}
}

// Leave lets another process begin at once: what was to be done is not.
func (t *Turn) Leave() { t.end(`holder = '', next_at = ` + t.of.now) }

func (t *Turn) end(set string, args ...any) {
	t.stop()
	t.kept.Wait()
	_, _ = t.write(set, args...) // else it ends by itself
}

// write changes the job's row if the turn is still this process's, and answers how many rows that were. Arguments begin at $3.
func (t *Turn) write(set string, args ...any) (n int64, err error) {
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	err = t.of.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(ctx, `UPDATE jobs SET `+set+` WHERE name = $1 AND fence = $2`, append([]any{t.job, t.fence}, args...)...)
		return err
	})
	return n, err
}
