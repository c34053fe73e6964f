package tus

import (
	"context"
	"io"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// appendBytes is drive.AppendTo for a request that holds the upload, read since it does. What a PATCH brought is told to Options.Observe.
func (d *Door) appendBytes(ctx context.Context, patch bool, u drive.Upload, offset int64, body io.Reader, o drive.AppendOptions) (drive.Upload, error) {
	start := time.Now()
	after, err := d.drives.AppendTo(ctx, u, offset, body, o)
	if patch && d.observe != nil && !fault.Is(err, fault.OffsetMismatch) {
		d.observe(time.Since(start), max(0, after.Offset-offset))
	}
	return after, err
}
