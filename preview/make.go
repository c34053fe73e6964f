package preview

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/fault"
)

const (
	// makingPatience is how long the workshop may take for one image, by the clock: it bounds its time on the processor itself.
	makingPatience = 2 * time.Minute
	// idlePatience is how long a workshop is kept that has nothing to do.
	idlePatience = 30 * time.Second
	// maxThumbnail bounds what a workshop delivers, in bytes: package picture's own bound is far below.
	maxThumbnail = 2 << 20
)

// Run makes the thumbnails that are wanted until ctx ends.
func (p *Previews) Run(ctx context.Context) error {
	defer p.pages.close()
	group, ctx := errgroup.WithContext(ctx)
	for range p.o.Workers {
		group.Go(func() error {
			p.work(ctx, &workshop{command: p.o.Command, memory: p.o.Memory})
			return nil
		})
	}
	<-ctx.Done()
	return group.Wait()
}

// work takes one image after the other.
func (p *Previews) work(ctx context.Context, in *workshop) {
	defer in.kill()
	idle := time.NewTimer(idlePatience)
	defer idle.Stop()
	for ctx.Err() == nil {
		t := p.queue.next()
		if t == nil {
			idle.Reset(idlePatience)
			select {
			case <-ctx.Done():
			case <-p.queue.wake:
			case <-idle.C:
				in.kill()
			}
			continue
		}
		p.attempt(ctx, in, t)
	}
}

// attempt makes an image's thumbnails and says what came of it.
func (p *Previews) attempt(ctx context.Context, in *workshop, t *task) {
	defer p.queue.done(t)
	begin := time.Now()
	result, err := p.guarded(ctx, in, t.image)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.o.Log.Warn("thumbnails were not made", "drive", t.drive, "node", t.node, "err", err)
	}
	if result != "" {
		p.o.Observe(result, time.Since(begin))
	}
}

// guarded makes a panic an error: an image must not end the server.
func (p *Previews) guarded(ctx context.Context, in *workshop, i image) (result string, err error) {
	defer func() {
		if v := recover(); v != nil {
			in.kill()
			result, err = "failed", fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return p.make(ctx, in, i)
}

// make answers "made", "none" or "failed"; nothing if there was nothing to do. What could not be made because of the content is on
// record after it, so that nobody tries again; what failed otherwise is not.
func (p *Previews) make(ctx context.Context, in *workshop, i image) (string, error) {
	node, content, err := p.drives.OpenNode(ctx, i.drive, i.node)
	if fault.Is(err, fault.NotFound) {
		return "", nil // it was removed meanwhile
	}
	if err != nil {
		return "failed", err
	}
	defer content.Close()
	if !Pictured(node) {
		return "", nil
	}
	if _, known, err := p.find(ctx, node, Small); known || err != nil { // by another process, or of a copy
		if known {
			return "", nil
		}
		return "failed", err
	}
	d, pieces, err := in.do(ctx, order{What: orderThumbnails, Size: node.Size, Work: int64(p.o.Work)}, content, makingPatience, maxThumbnail)
	switch {
	case errors.Is(err, errBroken):
		p.o.Log.Warn("an image has no thumbnail", "drive", i.drive, "node", i.node, "err", err)
		return "failed", p.keep(ctx, node, delivery{}, nil)
	case err != nil:
		return "failed", err
	case len(pieces) == 0:
		p.o.Log.Debug("an image has no thumbnail", "drive", i.drive, "node", i.node, "why", d.None)
		return "none", p.keep(ctx, node, delivery{}, nil)
	}
	if err := checkDelivery(d); err != nil {
		in.kill()
		return "failed", errors.Join(err, p.keep(ctx, node, delivery{}, nil))
	}
	return "made", p.keep(ctx, node, d, pieces)
}

// checkDelivery holds what a workshop delivers against what it may: its word becomes a header of an answer.
func checkDelivery(d delivery) error {
	for _, t := range d.Pieces {
		if (t.Size != Small && t.Size != Large) || (t.MediaType != "image/jpeg" && t.MediaType != "image/png") {
			return fmt.Errorf("preview: a thumbnail of %d pixels as %q was delivered", t.Size, t.MediaType)
		}
	}
	return nil
}
