package s3

import (
	"context"
	"fmt"
	"io"

	"github.com/satchelhq/satchel/blob"
)

// Append has S3 copy what it can: of each object of the other stage what is left of it after the part that is being filled has
// become large enough. What is less than two such parts goes through this process. See [blob.Stage].
func (g *stage) Append(ctx context.Context, from blob.Key, size int64) (err error) {
	if err := g.writable("append"); err != nil {
		return err
	}
	if from == g.key {
		return fmt.Errorf("blob/s3: append %s: it cannot be appended to itself", from)
	}
	pieces, err := g.store.stagePieces(ctx, "append", from, size)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if size > 0 {
		if pieces, err = g.store.settledPieces(ctx, from, size); err != nil {
			return fail("append", from, err)
		}
	}
	for _, p := range pieces {
		if err := g.appendPiece(ctx, p); err != nil {
			return fail("append", from, err)
		}
	}
	return nil
}

func (g *stage) appendPiece(ctx context.Context, p piece) (err error) {
	defer g.note(&err)
	if p.size >= 2*minPart {
		if n := g.pending.size; n > 0 {
			var first piece
			first, p = p.split(max(0, minPart-n))
			if err := g.appendBytes(ctx, first); err != nil {
				return err
			}
			if err := g.flush(false); err != nil {
				return err
			}
		}
		for p.size > 0 {
			var next piece
			next, p = p.split(copySize(p.size))
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := g.addPart(false, func(to *Record) (Part, error) { return g.store.copyPart(g.ctx, to, next) }); err != nil {
				return err
			}
		}
	}
	return g.appendBytes(ctx, p)
}

// appendBytes copies through this process.
func (g *stage) appendBytes(ctx context.Context, p piece) error {
	if p.size == 0 {
		return nil
	}
	source := g.store.newContent([]piece{p})
	defer source.Close()
	_, err := io.CopyN(g, contextReader{ctx, source}, p.size)
	return err
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
