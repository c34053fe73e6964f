package turn

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// lookAgain is how long to wait at most, where there are other processes, before a job is looked at again: the one that does it may be killed.
const lookAgain = 15 * time.Second

// Job is how a job went, whatever process did it.
type Job struct {
	Name     string
	Node     string    // that did it last, or does it now
	Begun    time.Time // of the last run; zero if there was none
	Ended    time.Time // of the last run that ended; zero if none did
	Took     time.Duration
	Failures int           // in a row, up to the last run; 0 if that went well
	Well     time.Time     // when a run last ended well; zero if none has
	Lacking  int64         // what that run had to leave out
	Age      time.Duration // since then, or since the job is known
}

// know makes the row of a job. The first run is due within a time, at random, so that servers which start do not do everything at once.
func (s *Turns) know(ctx context.Context, job string, within time.Duration) error {
	var one int
	err := s.db.Row(ctx, `SELECT 1 FROM jobs WHERE name = $1`, []any{job}, &one)
	if sqldb.NoRow(err) {
		err = s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO jobs (name, known_at, next_at) VALUES ($1, `+s.now+`, `+s.now+` + $2) ON CONFLICT DO NOTHING`,
				job, rand.N(max(within, 1)).Microseconds())
			return err
		})
	}
	return err
}

// Begin answers a turn at a job that is due so often, or nil if it is not due or another process does it. The caller ends it with End. wait is when to
// ask again. A run that broke off is due at once.
func (s *Turns) Begin(ctx context.Context, job string, every time.Duration) (t *Turn, wait time.Duration, err error) {
	if err := s.know(ctx, job, every); err != nil {
		return nil, lookAgain, err
	}
	if t, err = s.take(ctx, job, false, `next_at <= `+s.now+` AND next_at > 0 OR holder <> ''`); err != nil || t != nil {
		return t, 0, err
	}
	var left int64
	err = s.db.Row(ctx, `SELECT CASE WHEN next_at = 0 THEN $2 ELSE next_at - `+s.now+` END FROM jobs WHERE name = $1`, []any{job, lookAgain.Microseconds()}, &left)
	wait = max(time.Duration(left)*time.Microsecond, beat)
	if s.db.Shared() {
		wait = min(wait, lookAgain*3/4+rand.N(lookAgain/4))
	}
	return nil, wait, err
}

// Do runs a job if it is due and no other process does it, and answers when to look again. The error is not the run's, which is on record.
func (s *Turns) Do(ctx context.Context, job string, every time.Duration, run func(ctx context.Context) error) (wait time.Duration, err error) {
	t, wait, err := s.Begin(ctx, job, every)
	if t == nil || err != nil {
		return wait, err
	}
	err = run(t.Context())
	if t.Context().Err() != nil { // this process stops, or another one took over: it is not done
		t.Leave()
		return beat, nil
	}
	t.End(every, err)
	return 0, nil // it may have become due meanwhile
}

// Wake makes a job due now. One that is being done is due once more.
func (s *Turns) Wake(ctx context.Context, job string) error {
	if err := s.know(ctx, job, 0); err != nil {
		return err
	}
	return s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE jobs SET next_at = `+s.now+` WHERE name = $1 AND (next_at = 0 OR next_at > `+s.now+`)`, job)
		return err
	})
}

// End says how a run ended. The next one is due as long after its begin as the job's time says, a fifth more or less at random.
func (t *Turn) End(every time.Duration, failed error) {
	next := every*4/5 + rand.N(max(1, every*2/5))
	set := `holder = '', ended_at = ` + t.of.now + `, took = ` + t.of.now + ` - begun_at, next_at = CASE WHEN next_at > 0 THEN next_at ELSE begun_at + $3 END, `
	if failed != nil {
		set += `failures = failures + 1`
	} else {
		set += `failures = 0, well_at = ` + t.of.now + `, lacking = ` + strconv.Itoa(t.lacking)
	}
	t.end(set, next.Microseconds())
}

// Lacks notes, before End, how much a run has to leave out that goes well but for that.
func (t *Turn) Lacks(n int) { t.lacking = n }

// All are the jobs that were done, by name.
func (s *Turns) All(ctx context.Context) ([]Job, error) {
	all, err := sqldb.All(ctx, s.db, `SELECT name, node, begun_at, ended_at, took, failures, well_at, lacking, `+s.now+` - CASE WHEN well_at > 0 THEN well_at ELSE known_at END
		FROM jobs ORDER BY name`, nil, func(scan sqldb.Scan) (j Job, err error) {
		var begun, ended, took, well, age int64
		err = scan(&j.Name, &j.Node, &begun, &ended, &took, &j.Failures, &well, &j.Lacking, &age)
		j.Begun, j.Ended, j.Well = sqldb.Time(begun), sqldb.Time(ended), sqldb.Time(well)
		j.Took, j.Age = time.Duration(took)*time.Microsecond, max(0, time.Duration(age)*time.Microsecond)
		return j, err
	})
	return all, fault.Wrap(err, "turn.All")
}
