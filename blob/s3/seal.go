package s3

import (
	"context"
	"errors"
	"os"

	"github.com/satchelhq/satchel/blob"
)

// Seal makes the stage a blob. Nothing is copied but where a settled object has something behind it. See [blob.Stage].
func (g *stage) Seal(context.Context) error {
	if g.sealed {
		return nil
	}
	if g.closed {
		return fail("seal", g.key, os.ErrClosed)
	}
	g.closed = true
	defer g.pending.close() // a file without a name
	for {
		err := g.seal()
		if errors.Is(err, errReloaded) {
			continue
		}
		if err != nil {
			return fail("seal", g.key, err)
		}
		g.sealed = true
		return nil
	}
}

func (g *stage) seal() error {
	if len(g.record.Parts) == 0 && g.record.Object == "" { // small: the tail is the blob
		if err := g.saveTail(); err != nil {
			return err
		}
	}
	if len(g.record.Parts) == 0 && (g.record.Object == "" || g.pending.size == 0) {
		to := g.record
		if to.Object == "" {
			to.Object, to.Size = to.Tail, to.TailSize
		}
		to.Tail, to.TailSize, to.Sealed, to.Live = "", 0, true, false
		to.Upload, to.UploadID, to.Next = "", "", 0
		return g.save(to)
	}
	if g.pending.size > 0 {
		if err := g.flush(true); err != nil {
			return err
		}
	}
	return g.took(g.store.settle(g.ctx, g.key, g.record, g.record, true))
}

// settle completes the parts of to into one object, which is its body then, and seals it if seal says so. from is the record as it is.
// That it is being completed is on record first: so nobody adds a part meanwhile, and whoever finds it goes on. ErrLost as of Save.
func (s *Store) settle(ctx context.Context, key blob.Key, from, to Record, seal bool) (Record, error) {
	if len(to.Parts) == 0 {
		return from, nil
	}
	if !from.Settling {
		to.Settling = true
		var err error
		if from, err = s.save(ctx, key, from, to); err != nil {
			return from, err
		}
	}
	if err := s.complete(ctx, &from); err != nil {
		return from, err
	}
	to = from
	to.Object, to.Size = from.Upload, from.body()
	to.Upload, to.UploadID, to.Next, to.Parts, to.Settling = "", "", 0, nil, false
	if seal {
		to.Sealed, to.Live, to.Tail, to.TailSize = true, false, "", 0
	}
	return s.save(ctx, key, from, to)
}
