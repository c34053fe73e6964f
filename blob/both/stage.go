package both

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/satchelhq/satchel/blob"
)

// stage is one of either store.
type stage struct {
	blob.Stage
	other blob.Store // that it is not in
}

// Append has the store copy what it has itself; what the other one has comes through this process. See [blob.Stage].
func (g *stage) Append(ctx context.Context, from blob.Key, size int64) (err error) {
	at := g.Offset()
	err = g.Stage.Append(ctx, from, size)
	if !errors.Is(err, blob.ErrNotFound) || g.Offset() != at {
		return err
	}
	there, elsewhere := g.other.OpenStage(ctx, from, size)
	if errors.Is(elsewhere, blob.ErrNotFound) {
		return err // nowhere; or it is this stage that is lost
	}
	if elsewhere != nil {
		return elsewhere
	}
	defer func() { err = errors.Join(err, there.Close()) }()
	buffer := make([]byte, copyAtOnce)
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := there.Read(buffer[:min(left, copyAtOnce)])
		if _, err := g.Write(buffer[:n]); err != nil {
			return err
		}
		left -= int64(n)
		if err == io.EOF && left > 0 {
			return fmt.Errorf("blob/both: append %s: %w: %d bytes are missing", from, blob.ErrShort, left)
		}
		if err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

const copyAtOnce = 256 << 10
