package mem

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/satchelhq/satchel/blob"
)

type stage struct {
	store  *Store
	key    blob.Key
	object *object
	offset int64
	closed bool
	sealed bool
}

// Write appends p, or as much of it as the store's limit leaves room for.
func (g *stage) Write(p []byte) (int, error) {
	g.store.mu.Lock()
	defer g.store.mu.Unlock()
	if err := g.writable("write"); err != nil {
		return 0, err
	}
	return g.write("write", p)
}

// Append copies from another stage. See [blob.Stage].
func (g *stage) Append(ctx context.Context, from blob.Key, size int64) error {
	g.store.mu.Lock()
	defer g.store.mu.Unlock()
	if err := g.writable("append"); err != nil {
		return err
	}
	if from == g.key {
		return fmt.Errorf("blob/mem: append %s: it cannot be appended to itself", from)
	}
	data, err := g.store.stageData("append", from, size)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		_, err = g.write("append", data)
	}
	return err
}

// write adds p, or as much of it as there is room for. The store's mu is held.
func (g *stage) write(op string, p []byte) (int, error) {
	s := g.store
	var err error
	if room := s.limit - s.used; int64(len(p)) > room {
		p, err = p[:room], fail(op, g.key, blob.ErrFull)
	}
	g.object.data = append(g.object.data, p...)
	g.object.modified = time.Now()
	s.used += int64(len(p))
	g.offset += int64(len(p))
	return len(p), err
}

// Offset is how many bytes the stage holds.
func (g *stage) Offset() int64 { return g.offset }

// Cut drops what was written after offset.
func (g *stage) Cut(offset int64) error {
	g.store.mu.Lock()
	defer g.store.mu.Unlock()
	if err := g.writable("cut"); err != nil {
		return err
	}
	if offset < 0 || offset > g.offset {
		return fmt.Errorf("blob/mem: cut %s: offset %d is outside of %d bytes", g.key, offset, g.offset)
	}
	g.store.cut(g.object, offset)
	g.offset = offset
	return nil
}

// Sync has nothing to do.
func (g *stage) Sync() error {
	if g.closed {
		return fail("sync", g.key, os.ErrClosed)
	}
	return nil
}

// Seal makes the stage a blob.
func (g *stage) Seal(context.Context) error {
	if g.sealed {
		return nil
	}
	if g.closed {
		return fail("seal", g.key, os.ErrClosed)
	}
	g.closed = true
	g.store.mu.Lock()
	defer g.store.mu.Unlock()
	if g.store.objects[g.key] != g.object {
		return fail("seal", g.key, blob.ErrNotFound)
	}
	g.object.sealed, g.sealed = true, true
	return nil
}

// Close lets go of the stage.
func (g *stage) Close() error {
	g.closed = true
	return nil
}

// writable answers why the stage cannot be written to, or nil. Store.mu is held.
func (g *stage) writable(op string) error {
	switch {
	case g.closed:
		return fail(op, g.key, os.ErrClosed)
	case g.object.sealed:
		return fmt.Errorf("blob/mem: %s %s: it is sealed", op, g.key)
	case g.store.objects[g.key] != g.object:
		return fail(op, g.key, blob.ErrNotFound)
	}
	return nil
}
