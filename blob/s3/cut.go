package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/satchelhq/satchel/blob"
)

// Cut drops what was written after offset.
func (g *stage) Cut(offset int64) error {
	if err := g.writable("cut"); err != nil {
		return err
	}
	if offset < 0 || offset > g.Offset() {
		return fmt.Errorf("blob/s3: cut %s: offset %d is outside of %d bytes", g.key, offset, g.Offset())
	}
	for offset < g.record.body() {
		err := g.cutBody(offset)
		if err != nil && !errors.Is(err, errReloaded) {
			g.failed = true
			return fail("cut", g.key, err)
		}
	}
	g.pending.truncate(offset - g.record.body())
	g.kept = min(g.kept, g.pending.size)
	return nil
}

// cutBody cuts at once on record, as the parts that go cannot be had back.
func (g *stage) cutBody(offset int64) error {
	to, err := g.store.cut(g.ctx, g.key, &g.record, offset)
	if errors.Is(err, ErrLost) {
		if err := g.reload(err); err != nil {
			return err
		}
		return errReloaded
	}
	if err != nil {
		return err
	}
	if err := g.save(to); err != nil {
		return err
	}
	g.pending.truncate(0)
	g.kept = 0
	return g.loadTail()
}

// cut is a record that ends at offset, which is not behind its end. It is not saved; but where offset is within a part, what it begins
// with is settled, and r is what is on record then.
func (s *Store) cut(ctx context.Context, key blob.Key, r *Record, offset int64) (Record, error) {
	if len(r.Parts) > 0 && offset < r.body() {
		to := *r
		to.truncate(offset)
		if to.body() == offset {
			return to, nil
		}
		settled, err := s.settle(ctx, key, *r, to, false)
		if err != nil {
			return to, err
		}
		*r = settled
	}
	to := *r
	if offset < to.body() {
		to.Size, to.Tail, to.TailSize = offset, "", 0
		to.smallBodyToTail()
	} else if to.TailSize = offset - to.body(); to.TailSize == 0 {
		to.Tail = ""
	}
	return to, nil
}

// smallBodyToTail makes the body the tail where it is too small to be copied into a part.
func (r *Record) smallBodyToTail() {
	if r.Object == "" || r.Size >= minPart {
		return
	}
	if r.TailSize == 0 {
		r.Tail, r.TailSize, r.Object, r.Size = r.Object, r.Size, "", 0
	}
	if r.TailSize == 0 {
		r.Tail = ""
	}
}
