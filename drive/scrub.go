package drive

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

const (
	// scrubPage is how many rows are read at a time.
	scrubPage = 200
	// scrubStretch is how long a run of the job goes on; a blob that it has begun is read to its end.
	scrubStretch = 10 * time.Minute
	// scrubSettle is how often it is written down how far a pass is. What was read since is read again if the process ends.
	scrubSettle = 30 * time.Second
	// scrubOpen is what opening content costs of the rate beside its bytes, so that small files do not come at a rate that a disk has no heads for.
	scrubOpen = 32 << 10
)

// Scrubbing is a pass over all content that somebody asks for.
type Scrubbing struct {
	Rate int64          // bytes a second that are read; 0 is no limit
	Tell func(Scrubbed) // if set, is told now and then how far it is
}

// Scrubbed is what a pass has read.
type Scrubbed struct {
	Blobs   int
	Bytes   int64
	Damaged int // of these
	Healed  int // that were damaged before and are not any more
}

// Scrub goes on with the pass over all content, or begins the next one if that is due by Options.ScrubEvery, for ten minutes at most: it is a job that is done
// again and again, by one process at a time. Each blob is read whole, wherever it lives, and compared with the size and SHA-256 on record; Damaged tells what
// was not that. Content that is removed or moved meanwhile is not damaged. While the store does not answer nothing is known: that is an error, and the next run goes on
// from there.
func (s *Drives) Scrub(ctx context.Context) error {
	every := s.limits().ScrubEvery
	if every <= 0 {
		return nil
	}
	at, err := s.scrubPlace(ctx)
	if err != nil {
		return fault.Wrap(err, "drive.Scrub")
	}
	if !at.underWay {
		now := s.o.Now()
		if at.begun > 0 && now.Sub(sqldb.Time(at.begun)) < every {
			return nil
		}
		at.underWay, at.after, at.begun = true, "", sqldb.Micros(now)
		if err := s.keepScrubPlace(ctx, at); err != nil {
			return fault.Wrap(err, "drive.Scrub")
		}
	}
	p := &scrub{drives: s, slow: &pace{rate: s.o.ScrubRate}, after: at.after, until: time.Now().Add(scrubStretch)}
	p.keep = func(ctx context.Context) error {
		at.after = p.after
		return s.keepScrubPlace(ctx, at)
	}
	whole, err := p.run(ctx)
	if err == nil && whole {
		err = s.endScrub(ctx, at)
	}
	return fault.Wrap(err, "drive.Scrub")
}

// scrubPlace is the row of the pass, with times in microseconds since 1970.
type scrubPlace struct {
	underWay bool
	after    string
	begun    int64
	whole    int64 // when the last one ended; 0 if none has
	known    int64 // when the first one began
}

func (s *Drives) scrubPlace(ctx context.Context) (at scrubPlace, err error) {
	err = s.db.Row(ctx, `SELECT under_way, after_id, begun_at, whole_at, known_at FROM scrubs WHERE id = 'scrub'`, nil, &at.underWay, &at.after, &at.begun, &at.whole, &at.known)
	if sqldb.NoRow(err) {
		return scrubPlace{}, nil
	}
	return at, err
}

func (s *Drives) keepScrubPlace(ctx context.Context, at scrubPlace) error {
	return s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO scrubs (id, under_way, after_id, begun_at, whole_at, known_at) VALUES ('scrub', $1, $2, $3, $4, $3)
			ON CONFLICT (id) DO UPDATE SET under_way = excluded.under_way, after_id = excluded.after_id, begun_at = excluded.begun_at, 
				whole_at = CASE WHEN excluded.whole_at > scrubs.whole_at THEN excluded.whole_at ELSE scrubs.whole_at END`,
			at.underWay, at.after, at.begun, at.whole)
		return err
	})
}

// ScrubStanding is how the scrub stands, for metrics and administrators.
type ScrubStanding struct {
	Damaged int64         // contents that were so when they were last read
	On      bool          // whether there is to be a pass every now and then
	Every   time.Duration // how often there is to be a pass; 0 is never
	Age     time.Duration // since a pass last ended, or the first began
	Whole   time.Time     // when a pass last ended; zero if none has
}

// ScrubStanding answers how the scrub stands, by whatever process.
func (s *Drives) ScrubStanding(ctx context.Context) (st ScrubStanding, err error) {
	if err = s.db.Row(ctx, `SELECT COUNT(*) FROM damaged_blobs`, nil, &st.Damaged); err != nil {
		return st, fault.Wrap(err, "drive.ScrubStanding")
	}
	at, err := s.scrubPlace(ctx)
	if since := max(at.whole, at.known); since > 0 {
		st.Age = max(0, s.o.Now().Sub(sqldb.Time(since)))
	}
	if at.whole > 0 {
		st.Whole = sqldb.Time(at.whole)
	}
	st.Every = max(0, s.limits().ScrubEvery)
	return st, fault.Wrap(err, "drive.ScrubStanding")
}

// ScrubAll reads all content from the first to the last, as Scrub does. It is safe beside servers that scrub.
func (s *Drives) ScrubAll(ctx context.Context, o Scrubbing) (Scrubbed, error) {
	at := scrubPlace{begun: sqldb.Micros(s.o.Now())}
	p := &scrub{drives: s, slow: &pace{rate: o.Rate}, keep: func(context.Context) error { return nil }, tell: o.Tell}
	_, err := p.run(ctx)
	if err == nil {
		err = s.endScrub(ctx, at)
	}
	return p.Scrubbed, fault.Wrap(err, "drive.ScrubAll")
}

// endScrub writes down that a pass has read all.
func (s *Drives) endScrub(ctx context.Context, at scrubPlace) error {
	at.underWay, at.after, at.whole = false, "", sqldb.Micros(s.o.Now())
	if err := s.keepScrubPlace(ctx, at); err != nil {
		return err
	}
	standing, err := s.ScrubStanding(ctx)
	if err == nil {
		s.o.Log.Info("all content was read again", "took", s.o.Now().Sub(sqldb.Time(at.begun)).Round(time.Second), "damaged", standing.Damaged)
	}
	return err
}

// scrub is a pass, or a stretch of one.
type scrub struct {
	Scrubbed
	drives *Drives
	slow   *pace
	after  string                      // the last blob that was looked at
	until  time.Time                   // when the stretch ends; zero: with the pass
	keep   func(context.Context) error // writes down after
	tell   func(Scrubbed)

	settled  time.Time
	suspects []scrubRow // since it was settled
	healed   []string
}

// scrubRow is content that is to be read.
type scrubRow struct {
	keyedRow
	stored bool // in the store, and not in its row
}

func (s *Drives) scrubRows(ctx context.Context, after string) ([]scrubRow, error) {
	return sqldb.All(ctx, s.db, `SELECT b.id, b.size, b.sha256, b.content IS NULL, d.blob_id IS NOT NULL FROM blobs b LEFT JOIN damaged_blobs d ON d.blob_id = b.id
		WHERE b.id > $1 ORDER BY b.id LIMIT $2`, []any{after, scrubPage},
		func(scan sqldb.Scan) (r scrubRow, err error) {
			return r, scan((*string)(&r.key), &r.size, &r.sha256, &r.stored, &r.known)
		})
}

// run looks at what comes after p.after, and answers whether that was all there is.
func (p *scrub) run(ctx context.Context) (whole bool, err error) {
	p.settled = time.Now()
	for {
		rows, err := p.drives.scrubRows(ctx, p.after)
		if err != nil {
			return false, err
		}
		for _, r := range rows {
			found, err := p.drives.lookAgain(ctx, p.slow, r)
			if err != nil {
				return false, err
			}
			p.note(r, found)
			if time.Since(p.settled) < scrubSettle {
				continue
			}
			if over, err := p.settle(ctx); err != nil || over {
				return false, err
			}
		}
		over, err := p.settle(ctx)
		if err != nil || len(rows) == 0 || over {
			return len(rows) == 0, err
		}
	}
}

func (p *scrub) note(r scrubRow, found damage) {
	p.after = string(r.key)
	if found == contentGone {
		return
	}
	p.Blobs++
	p.Bytes += r.size
	switch {
	case found != contentRight:
		p.suspects = append(p.suspects, r)
	case r.known:
		p.healed = append(p.healed, string(r.key))
	}
}

// settle makes sure of what seems to be damaged, writes down what is, and how far it is. It answers whether the stretch is over.
func (p *scrub) settle(ctx context.Context) (over bool, err error) {
	if len(p.suspects) > 0 {
		select { // a store that has gone away says so by then
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(p.drives.o.ScrubPause):
		}
	}
	var damaged []suspect
	for _, r := range p.suspects {
		found, err := p.drives.lookAgain(ctx, p.slow, r)
		if err != nil {
			return false, err
		}
		switch {
		case found == contentGone:
		case found != contentRight:
			damaged = append(damaged, suspect{r, found})
		case r.known:
			p.healed = append(p.healed, string(r.key))
		}
	}
	if err := p.drives.keepDamage(ctx, damaged, p.healed); err != nil {
		return false, err
	}
	p.Damaged += len(damaged)
	p.Healed += len(p.healed)
	p.suspects, p.healed, p.settled = nil, nil, time.Now()
	if p.tell != nil {
		p.tell(p.Scrubbed)
	}
	return !p.until.IsZero() && p.settled.After(p.until), p.keep(ctx)
}
