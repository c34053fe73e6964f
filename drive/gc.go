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

func (s *Drives) collectRows(ctx context.Context, c *Collected) error {
	type row struct {
		id     string
		size   int64
		stored bool
	}
	before := sqldb.Micros(s.o.Now().Add(-s.o.GCGrace))
	for after := ""; ; {
		rows, err := sqldb.All(ctx, s.db, `SELECT id, size, content IS NULL FROM blobs WHERE id > $1 AND created_at < $2 AND `+unreferenced+` ORDER BY id LIMIT $3`,
			[]any{after, before, sweepBatch}, func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.id, &r.size, &r.stored) })
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			removed, err := s.collect(ctx, blob.Key(r.id), r.stored)
			if err != nil {
				return err
			}
			if !removed {
				continue
			}
			c.Blobs++
			c.Bytes += r.size
		}
		after = rows[len(rows)-1].id
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
