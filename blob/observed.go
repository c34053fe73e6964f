package blob

import (
	"context"
	"errors"
	"time"
)

// Ops are the calls that an [Observer] is told of.
func Ops() []string {
	return []string{"stage", "resume", "open", "open_stage", "unseal", "remove", "list", "ready", "sweep", "write", "append", "cut", "sync", "seal", "close"}
}

// Observer is told of a call to a store that has ended: which it was (one of [Ops]), when it began, and its error. ctx is the call's, or
// of who opened the stage. It must return at once.
type Observer func(ctx context.Context, op string, began time.Time, err error)

// Failed tells a store that fails from one that answers what it has to: that a key names nothing, or that the caller left.
func Failed(err error) bool {
	return err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrExists) && !errors.Is(err, ErrKey) && !errors.Is(err, context.Canceled)
}

// Observed is a store whose calls are told of. It is Roomy and a Sweeper if s is, and its content is that of s: an *os.File stays one.
func Observed(s Store, observe Observer) Store {
	o := &observed{s, observe}
	roomy, hasRoom := s.(Roomy)
	sweeper, sweeps := s.(Sweeper)
	sweeping := observedSweeper{sweeper, observe}
	switch {
	case hasRoom && sweeps:
		return struct {
			*observed
			Roomy
			observedSweeper
		}{o, roomy, sweeping}
	case hasRoom:
		return struct {
			*observed
			Roomy
		}{o, roomy}
	case sweeps:
		return struct {
			*observed
			observedSweeper
		}{o, sweeping}
	}
	return o
}

type observed struct {
	store   Store
	observe Observer
}

func (o *observed) Stage(ctx context.Context, key Key) (Stage, error) {
	began := time.Now()
	g, err := o.store.Stage(ctx, key)
	return o.opened(ctx, "stage", began, g, err)
}

func (o *observed) Resume(ctx context.Context, key Key, offset int64) (Stage, error) {
	began := time.Now()
	g, err := o.store.Resume(ctx, key, offset)
	return o.opened(ctx, "resume", began, g, err)
}

func (o *observed) opened(ctx context.Context, op string, began time.Time, g Stage, err error) (Stage, error) {
	o.observe(ctx, op, began, err)
	if err != nil {
		return nil, err
	}
	return &observedStage{g, ctx, o.observe}, nil
}

func (o *observed) Open(ctx context.Context, key Key) (Content, error) {
	began := time.Now()
	c, err := o.store.Open(ctx, key)
	o.observe(ctx, "open", began, err)
	return c, err
}

func (o *observed) OpenStage(ctx context.Context, key Key, size int64) (Content, error) {
	began := time.Now()
	c, err := o.store.OpenStage(ctx, key, size)
	o.observe(ctx, "open_stage", began, err)
	return c, err
}

func (o *observed) Unseal(ctx context.Context, key Key) error {
	began := time.Now()
	err := o.store.Unseal(ctx, key)
	o.observe(ctx, "unseal", began, err)
	return err
}

func (o *observed) Remove(ctx context.Context, key Key) error {
	began := time.Now()
	err := o.store.Remove(ctx, key)
	o.observe(ctx, "remove", began, err)
	return err
}

func (o *observed) List(ctx context.Context, fn func(Entry) error) error {
	began := time.Now()
	var stopped error // by fn, which is no failure of the store
	err := o.store.List(ctx, func(e Entry) error {
		stopped = fn(e)
		return stopped
	})
	if stopped == nil {
		o.observe(ctx, "list", began, err)
	} else {
		o.observe(ctx, "list", began, nil)
	}
	return err
}

func (o *observed) Ready(ctx context.Context) error {
	began := time.Now()
	err := o.store.Ready(ctx)
	o.observe(ctx, "ready", began, err)
	return err
}

type observedSweeper struct {
	sweeper Sweeper
	observe Observer
}

func (o observedSweeper) Sweep(ctx context.Context, before time.Time) (objects int, bytes int64, err error) {
	began := time.Now()
	objects, bytes, err = o.sweeper.Sweep(ctx, before)
	o.observe(ctx, "sweep", began, err)
	return objects, bytes, err
}

type observedStage struct {
	stage   Stage
	ctx     context.Context // of who opened it
	observe Observer
}

func (g *observedStage) tell(op string, began time.Time, err error) error {
	g.observe(g.ctx, op, began, err)
	return err
}

func (g *observedStage) Offset() int64 { return g.stage.Offset() }

func (g *observedStage) Write(p []byte) (int, error) {
	began := time.Now()
	n, err := g.stage.Write(p)
	return n, g.tell("write", began, err)
}

func (g *observedStage) Append(ctx context.Context, from Key, size int64) error {
	began := time.Now()
	return g.tell("append", began, g.stage.Append(ctx, from, size))
}

func (g *observedStage) Cut(offset int64) error {
	began := time.Now()
	return g.tell("cut", began, g.stage.Cut(offset))
}

func (g *observedStage) Sync() error {
	began := time.Now()
	return g.tell("sync", began, g.stage.Sync())
}

func (g *observedStage) Seal(ctx context.Context) error {
	began := time.Now()
	return g.tell("seal", began, g.stage.Seal(ctx))
}

func (g *observedStage) Close() error {
	began := time.Now()
	return g.tell("close", began, g.stage.Close())
}
