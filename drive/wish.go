package drive

import (
	"context"
	"errors"
	"io"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/sqldb"
)

// wish is content whose digests somebody asked for and nobody knows yet. Wishes are rows, so that any process fulfils what another one was asked for.
type wish struct {
	drive string
	blob  blob.Key
	size  int64
}

// maxDriveWishes bounds the wishes of a drive. What does not fit is forgotten, and wished for again by whoever asks again.
const maxDriveWishes = 20_000

// digesting bounds the requests that compute digests at once, and wakes who computes them in the background.
type digesting struct {
	wake   chan struct{} // gets one when there is a wish
	turns  *turns        // of the requests, by drive
	atWork chan struct{} // holds one for each of them that does
}

func newDigesting() *digesting {
	return &digesting{wake: make(chan struct{}, 1), turns: newTurns(), atWork: make(chan struct{}, atOnce)}
}

// wish writes down that the digests of the content of a drive's files are wanted.
func (s *Drives) wish(ctx context.Context, driveID string, nodeIDs []string) error {
	var wished int
	if err := s.db.Row(ctx, `SELECT COUNT(*) FROM checksum_wishes WHERE drive_id = $1`, []any{driveID}, &wished); err != nil {
		return err
	}
	nodeIDs = nodeIDs[:min(len(nodeIDs), max(0, maxDriveWishes-wished))]
	if len(nodeIDs) == 0 {
		return nil
	}
	err := s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		statement := `INSERT INTO checksum_wishes (drive_id, blob_id, asked_at) SELECT DISTINCT n.drive_id, n.blob_id, CAST($2 AS BIGINT) FROM nodes n
			WHERE n.blob_id IS NOT NULL AND n.id` + tx.Engine().Among() + ` ON CONFLICT DO NOTHING`
		return inBatches(nodeIDs, func(list string) error {
			_, err := tx.Exec(ctx, statement, list, sqldb.Micros(s.o.Now()))
			return err
		})
	})
	if err == nil {
		select {
		case s.digesting.wake <- struct{}{}:
		default:
		}
	}
	return err
}

// wishes answers what to compute next: of each drive that wishes for something what it asked for first, one of each drive after the other.
func (s *Drives) wishes(ctx context.Context) (next []wish, err error) {
	drives, err := sqldb.All(ctx, s.db, `SELECT DISTINCT drive_id FROM checksum_wishes ORDER BY drive_id LIMIT $1`, []any{describedAtOnce},
		func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
	each := make([][]wish, len(drives))
	for i, id := range drives {
		if err == nil {
			each[i], err = sqldb.All(ctx, s.db, `SELECT w.blob_id, b.size FROM checksum_wishes w JOIN blobs b ON b.id = w.blob_id WHERE w.drive_id = $1
				ORDER BY w.asked_at, w.blob_id LIMIT $2`, []any{id, max(1, describedAtOnce/len(drives))},
				func(scan sqldb.Scan) (wish, error) {
					w := wish{drive: id}
					return w, scan((*string)(&w.blob), &w.size)
				})
		}
	}
	for n := 0; err == nil && n < describedAtOnce; n++ {
		for _, of := range each {
			if n < len(of) {
				next = append(next, of[n])
			}
		}
	}
	return next, err
}

// ChecksumsWanted gets a value when ComputeChecksums has something to do.
func (s *Drives) ChecksumsWanted() <-chan struct{} { return s.digesting.wake }

// What is computed between two transactions that write it down.
const (
	describedAtOnce = 200
	describedBytes  = 256 << 20
)

// ComputeChecksums computes the digests that Checksums did not know, until there are none left, one file at a time and at
// Options.ChecksumRate. Content that was removed meanwhile is left out, and so is, with a line in the log, what cannot be read.
func (s *Drives) ComputeChecksums(ctx context.Context) error {
	slow := &pace{rate: s.o.ChecksumRate}
	around := func(r io.Reader) io.Reader { return paced{r, ctx, slow} }
	for {
		next, err := s.wishes(ctx)
		if err != nil || len(next) == 0 {
			return err
		}
		for len(next) > 0 {
			var done []described
			for bytes := int64(0); len(next) > 0 && bytes < describedBytes; next = next[1:] {
				w := next[0]
				sums, err := s.compute(ctx, w, around)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil && !errors.Is(err, blob.ErrNotFound) && !sqldb.NoRow(err) {
					s.o.Log.Warn("the checksums of content are not computed", "blob", w.blob, "error", err)
				}
				bytes += w.size
				done = append(done, described{w, sums})
			}
			if err := s.recordChecksums(ctx, done); err != nil {
				return err
			}
		}
	}
}
