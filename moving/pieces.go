package moving

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"os"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Piece is a file without a place of its own.
type Piece struct {
	From      string // where it is, to be told
	Name      string // that it is to have, or the next free one
	MediaType string // empty: by its name
	Modified  time.Time
	Open      func() (*os.File, error)
	Left      error // why it stays where it is; nil if it comes
	Failed    error // what is wrong with it; nil if it comes
}

// Pieces takes files to one folder of the drive. A name that another file has there is numbered, as the drive does it; of two with one name and one content
// there is one file, and so the same call goes on after it was stopped. Errors as Folder.
func (in In) Pieces(ctx context.Context, all iter.Seq2[Piece, error]) (Sum, error) {
	return in.run(ctx, func(ctx context.Context, c *coming, to target) error {
		names := naming{of: map[string]*named{}}
		for piece, err := range all {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			if piece.Left != nil || piece.Failed != nil {
				told := Told{User: in.User, Path: piece.From, Outcome: Left, Why: piece.Left}
				if piece.Failed != nil {
					told.Outcome, told.Why = Failed, piece.Failed
				}
				c.tally.add(told)
				continue
			}
			if err := c.piece(ctx, piece, to, names.get(piece.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// piece takes a file when there is a turn.
func (c *coming) piece(ctx context.Context, piece Piece, to target, n *named) error {
	file, err := piece.Open()
	if err != nil {
		c.failed(piece.From, err)
		return nil
	}
	src, err := newSource(file, "")
	if err != nil {
		return errors.Join(err, file.Close())
	}
	a := arrival{from: piece.From, src: src, mediaType: piece.MediaType, modified: piece.Modified, missing: to.missing}
	c.jobs.Go(func() error { return errors.Join(c.arriveNamed(ctx, a, to, n), file.Close()) })
	return nil
}

// naming are the names that were given.
type naming struct {
	mu sync.Mutex
	of map[string]*named
}

// named is one name, with all that are numbered after it: what the drive has by those that were looked at, and the next one to look at.
type named struct {
	mu   sync.Mutex
	name string
	has  map[string]drive.Path // by SHA-256
	next int
}

func (n *naming) get(name string) *named {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := norm.NFC.String(name)
	if n.of[key] == nil {
		n.of[key] = &named{name: name, has: map[string]drive.Path{}}
	}
	return n.of[key]
}

// arriveNamed is arrive for a file whose name may be another's.
func (c *coming) arriveNamed(ctx context.Context, a arrival, to target, n *named) error {
	sum, err := a.src.hash(ctx)
	if err != nil {
		return c.ended(ctx, a.from, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		if at, ok := n.has[sum]; ok {
			c.tally.add(Told{User: c.User, Path: a.from, To: string(at), Outcome: Same, Bytes: a.src.size})
			return nil
		}
		a.to = to.path.Join(drive.Numbered(n.name, n.next))
		held, err := c.heldBy(ctx, a)
		if err != nil {
			return c.ended(ctx, a.from, err)
		}
		n.next++
		if held != "" {
			n.has[held] = a.to
			continue
		}
		if !c.DryRun {
			err = c.put(ctx, a, nil)
			if fault.Is(err, fault.Exists) { // somebody else took it since we looked
				if err = a.src.rewind(); err == nil {
					continue
				}
			}
			if err != nil {
				return c.ended(ctx, a.from, err)
			}
		}
		n.has[sum] = a.to
		c.tally.add(Told{User: c.User, Path: a.from, To: string(a.to), Outcome: Moved, Bytes: a.src.size})
		return nil
	}
}

// ended is settle, where it is nothing that all of it was stopped.
func (c *coming) ended(ctx context.Context, from string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.settle(from, err)
}

// heldBy answers the SHA-256 of what has a name, something that no file has for a folder, and "" if the name is free.
func (c *coming) heldBy(ctx context.Context, a arrival) (string, error) {
	if a.missing {
		return "", nil
	}
	there, err := c.Drives.Stat(ctx, c.Drive, a.to)
	switch {
	case fault.Is(err, fault.NotFound):
		return "", nil
	case err != nil:
		return "", err
	case there.Folder:
		return "folder " + there.ID, nil
	}
	return hex.EncodeToString(there.SHA256), nil
}
