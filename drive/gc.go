package drive

import (
	"context"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Collected is what GC removed.
type Collected struct {
	Blobs   int   // rows of content that no file or version holds, with their bytes
	Orphans int   // stages and blobs in the store that no row knows, and what else it had left behind
	Bytes   int64 // given back by both
}

// GC removes content that nothing names: first the rows, then bytes in the store without a row. What is younger than
// the grace time is left alone, because its row may be on its way. It is safe beside a running server.
func (s *Drives) GC(ctx context.Context) (c Collected, err error) {
	if err := s.collectRows(ctx, &c); err != nil {
		return c, fault.Wrap(err, "drive.GC")
	}
	if err := s.collectOrphans(ctx, &c); err != nil {
		return c, fault.Wrap(err, "drive.GC")
	}
	if sweeper, ok := s.blobs.(blob.Sweeper); ok {
		objects, bytes, err := sweeper.Sweep(ctx, s.o.Now().Add(-s.o.GCGrace))
		c.Orphans += objects
		c.Bytes += bytes
		return c, fault.Wrap(err, "drive.GC")
	}
	return c, nil
}

const unreferenced = `NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.blob_id = blobs.id) AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.blob_id = blobs.id)`

// collectRows looks at the content that somebody has let go of, which is on record (loose_blobs), and not at all there is. What is young stays there, and is not read.
func (s *Drives) collectRows(ctx context.Context, c *Collected) error {
	type row struct {
		id, blob      string
		known, stored bool
		size          int64
	}
	before := sqldb.Micros(s.o.Now().Add(-s.o.GCGrace))
	for {
		rows, err := sqldb.All(ctx, s.db, `SELECT l.id, l.blob_id, b.id IS NOT NULL, b.content IS NULL, COALESCE(b.size, 0)
			FROM loose_blobs l LEFT JOIN blobs b ON b.id = l.blob_id WHERE l.created_at < $1 ORDER BY l.created_at LIMIT $2`, []any{before, sweepBatch},
			func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.id, &r.blob, &r.known, &r.stored, &r.size) })
		if err != nil || len(rows) == 0 {
			return err
		}
		var done []string
		for _, r := range rows {
			done = append(done, r.id)
			if !r.known {
				continue
			}
			removed, err := s.collect(ctx, blob.Key(r.blob), r.stored)
			if err != nil {
				return err
			}
			if removed {
				c.Blobs++
				c.Bytes += r.size
			}
		}
		// Whoever lets go of one that is still held writes another row.
		if err := execByID(ctx, s.db, `DELETE FROM loose_blobs WHERE id`, done); err != nil {
			return err
		}
	}
}

// collect removes content if nothing names it. A file that takes it up at the same time keeps it: by the condition, or by its foreign key.
func (s *Drives) collect(ctx context.Context, id blob.Key, stored bool) (removed bool, err error) {
	n, err := s.db.Exec(ctx, `DELETE FROM blobs WHERE id = $1 AND `+unreferenced, string(id))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if n > 0 && stored {
		s.discard(id)
	}
	return n > 0, err
}

func (s *Drives) collectOrphans(ctx context.Context, c *Collected) error {
	before := s.o.Now().Add(-s.o.GCGrace)
	return s.blobs.List(ctx, func(entry blob.Entry) error {
		if entry.Modified.After(before) {
			return nil
		}
		known, err := s.knows(ctx, entry.Key)
		if err != nil || known {
			return err
		}
		if err := s.blobs.Remove(ctx, entry.Key); err != nil {
			return err
		}
		c.Orphans++
		c.Bytes += entry.Size
		return nil
	})
}

// knows reports whether a row names a stage or blob.
func (s *Drives) knows(ctx context.Context, key blob.Key) (bool, error) {
	var one int
	err := s.db.Row(ctx, `SELECT 1 FROM blobs WHERE id = $1 AND content IS NULL UNION ALL SELECT 1 FROM uploads WHERE id = $1 AND completed_at = 0 AND gone_at = 0 LIMIT 1`, []any{string(key)}, &one)
	if sqldb.NoRow(err) {
		return false, nil
	}
	return err == nil, err
}
