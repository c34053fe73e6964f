package moving

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// arrival is a file that comes.
type arrival struct {
	from      string // where it is, to be told
	src       *source
	to        drive.Path
	mediaType string // empty: by its name
	modified  time.Time
	missing   bool // nothing is there
}

// file takes a file here when there is a turn.
func (c *coming) file(ctx context.Context, p *place, name string, in target) error {
	from := p.path(name)
	var e *Entry
	if c.manifest != nil {
		var err error
		if e, err = c.manifest.take(from); err != nil {
			return err
		}
		if why := e.is(false); why != nil {
			c.failed(from, why)
			return nil
		}
	}
	file, info, err := p.open(name)
	if err != nil {
		c.failed(from, err)
		return nil
	}
	a := arrival{from: from, to: in.path.Join(name), modified: info.ModTime(), missing: in.missing}
	want := ""
	if e != nil {
		want, a.mediaType, a.modified = e.SHA256, e.Type, e.Modified
	}
	if a.src, err = newSource(file, want); err != nil {
		return errors.Join(err, file.Close())
	}
	p.hold()
	c.jobs.Go(func() error {
		return errors.Join(c.arrive(ctx, a), file.Close(), p.release())
	})
	return nil
}

// arrive stores a file and tells what became of it.
func (c *coming) arrive(ctx context.Context, a arrival) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	outcome, err := c.store(ctx, a)
	if err != nil {
		return c.ended(ctx, a.from, err)
	}
	c.tally.add(Told{User: c.User, Path: a.from, To: string(a.to), Outcome: outcome, Bytes: a.src.size})
	return nil
}

// store makes a file of the drive of it, unless that is there with the same content.
func (c *coming) store(ctx context.Context, a arrival) (Outcome, error) {
	if _, err := drive.ParsePath(string(a.to)); err != nil {
		return Failed, err
	}
	var there *drive.Node
	if !a.missing {
		n, err := c.Drives.Stat(ctx, c.Drive, a.to)
		switch {
		case err == nil:
			there = &n
		case !fault.Is(err, fault.NotFound):
			return Failed, err
		}
	}
	if there != nil {
		same, err := c.isSame(ctx, a, *there)
		if err != nil || same {
			return Same, err
		}
	}
	if c.DryRun {
		return Moved, nil
	}
	return Moved, c.put(ctx, a, there)
}

// isSame reports whether the drive has a file already. If it may not be replaced, another one there is an error.
func (c *coming) isSame(ctx context.Context, a arrival, there drive.Node) (bool, error) {
	if there.Folder {
		return false, nameTaken("A folder has its name on the drive.")
	}
	if there.Size == a.src.size {
		sum, err := a.src.hash(ctx)
		if err != nil || sum == hex.EncodeToString(there.SHA256) {
			return err == nil, err
		}
	}
	if !c.Replace {
		return false, errDiffers
	}
	return false, nil
}

var errDiffers = nameTaken("The drive has another file of this name. With --replace it is replaced, and kept as its version.")

// put stores a file and compares what the drive has then. there is what it replaces; nil for nothing.
func (c *coming) put(ctx context.Context, a arrival, there *drive.Node) error {
	o := drive.PutOptions{Size: a.src.size, MediaType: a.mediaType, Modified: datable(a.modified), Conflict: drive.Fail}
	if there != nil {
		o.Conflict = drive.Replace
		o.Guard.Check = func(current *drive.Node) error {
			if current == nil || current.ETag() != there.ETag() {
				return fault.New(fault.Precondition, "moving.put", "It was changed on the drive meanwhile.")
			}
			return nil
		}
	}
	n, _, err := c.Drives.Put(ctx, c.Drive, a.to, cancelled{ctx, a.src}, o)
	if err != nil {
		return err
	}
	if !bytes.Equal(n.SHA256, a.src.sum()) || n.Size != a.src.size {
		return fmt.Errorf("the drive has other content than was read: SHA-256 %x and not %x", n.SHA256, a.src.sum())
	}
	return c.readBack(ctx, n)
}

// readBack compares what the store gives back with the hash of what it was given.
func (c *coming) readBack(ctx context.Context, n drive.Node) error {
	now, content, err := c.Drives.OpenNode(ctx, c.Drive, n.ID)
	if fault.Is(err, fault.NotFound) {
		return nil // its owner has removed it
	}
	if err != nil {
		return err
	}
	defer content.Close() // it was only read
	digest := sha256.New()
	if _, err := io.CopyBuffer(digest, cancelled{ctx, content}, bufferFor(now.Size)); err != nil {
		return err
	}
	if !bytes.Equal(digest.Sum(nil), now.SHA256) {
		return fmt.Errorf("the store does not give back what it was given: SHA-256 %x and not %x", digest.Sum(nil), now.SHA256)
	}
	return nil
}
