package tus

import (
	"context"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/drive"
)

// locker lets one request at a time write to an upload. A request that wants it makes the one that has it stop.
type locker struct{ d *Door }

func (l locker) NewLock(id string) (handler.Lock, error) { return &lock{d: l.d, id: id}, nil }

type lock struct {
	d    *Door
	id   string
	hold *drive.Hold
}

func (l *lock) Lock(ctx context.Context, requestUnlock func()) error {
	p := replyOf(ctx)
	hold, err := l.d.drives.HoldUpload(ctx, l.id, func() {
		p.interrupt(requestUnlock)
	})
	l.hold = hold
	return l.d.mapped(ctx, err)
}

func (l *lock) Unlock() error {
	l.hold.Release()
	return nil
}
