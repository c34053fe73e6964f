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
	if !patch || d.observe == nil {
		return d.drives.AppendTo(ctx, u, offset, body, o)
	}
	start, client := time.Now(), &timedReader{Reader: body}
	after, err := d.drives.AppendTo(ctx, u, offset, client, o)
	if !fault.Is(err, fault.OffsetMismatch) {
		d.observe(Patched{Took: time.Since(start), Waited: client.waited, Bytes: max(0, after.Offset-offset)})
	}
	return after, err
}

// Patched is how a PATCH went.
type Patched struct {
	Took   time.Duration // from the first byte until all were durable or refused
	Waited time.Duration // of it, for bytes of the client
	Bytes  int64         // made durable
}

// timedReader adds up the time that its reads took.
type timedReader struct {
	io.Reader
	waited time.Duration
}

func (t *timedReader) Read(p []byte) (int, error) {
	start := time.Now()
	n, err := t.Reader.Read(p)
	t.waited += time.Since(start)
	return n, err
}
