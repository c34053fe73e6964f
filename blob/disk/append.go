package disk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/satchelhq/satchel/blob"
)

// Append copies from another stage's file. See [blob.Stage].
func (g *stage) Append(ctx context.Context, from blob.Key, size int64) (err error) {
	if err := g.writable("append"); err != nil {
		return err
	}
	if from == g.key {
		return fmt.Errorf("blob/disk: append %s: it cannot be appended to itself", from)
	}
	source, err := g.store.openStage("append", from, size)
	if err != nil {
		return err
	}
	defer func() {
		if closed := source.Close(); err == nil && closed != nil {
			err = fail("append", from, closed)
		}
	}()
	// In steps, so that the disk begins to write while the rest is copied, and a context that ends is noticed.
	for size > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		g.dirty = true
		n, err := g.f.CopyAt(source, min(size, g.store.writeBack), g.offset)
		g.offset += n
		size -= n
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", blob.ErrShort, err) // cut back since it was opened
		}
		if err != nil {
			return fail("append", g.key, err)
		}
		if err := g.startWriteBack(); err != nil {
			return err
		}
	}
	return nil
}
