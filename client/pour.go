package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Pour is an input to send, whose length nobody knows before its end.
type Pour struct {
	From     io.Reader    // a read that does not come back is left behind when the context ends
	To       string       // the file's path on the drive; missing folders are made
	Conflict Conflict     // if the name is taken when the input has ended
	Observe  func(Moment) // hears how it gets on; may be nil. It must return at once
}

// Pour sends an input to its end, which becomes a file then and not before. One of a block at most is sent as a file is, by Put's rules. Of a
// longer one two blocks are kept, so a break of the connection is outlived while patience lasts; but what was sent is not gone on with by
// another call: whatever ends this one, the upload is ended too, or expires where the server does not hear of it. Whatever the server
// refuses a file with: TooLarge and Full when as much has been sent. The SHA-256 on record is compared in the end, where the file's path is certain.
func (c *Client) Pour(ctx context.Context, p Pour) (Done, error) {
	if p.Observe == nil {
		p.Observe = func(Moment) {}
	}
	p.To = Clean(p.To)
	var done Done
	if path.Base(p.To) == "/" {
		return done, fault.New(fault.Invalid, "client.Pour", "A file needs a name on the drive.")
	}
	p.Observe(Moment{Phase: Moving})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := readInput(ctx, p.From)
	first, err := in.next(ctx)
	if err != nil {
		return done, err
	}
	if first.last {
		d := digest{size: int64(len(first.bytes)), whole: in.sum(), blocks: [][sha256.Size]byte{first.sum}}
		done.Size, done.SHA256 = d.size, d.whole
		put := Put{To: p.To, Conflict: p.Conflict, Observe: p.Observe}
		return done, put.anew(func() error { return c.putContent(ctx, put, newBlocks(bytes.NewReader(first.bytes), &d), &done) })
	}
	return done, c.pour(ctx, p, in, first, &done)
}

// pour sends an input of which the first gulp is not the last.
func (c *Client) pour(ctx context.Context, p Pour, in *input, g gulp, done *Done) (err error) {
	done.How = Moved
	s := newSender(c, p.Observe, done)
	address, err := s.open(ctx, p)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.drop(ctx, address)
		}
	}()
	for {
		s.from = gulpAt{g, done.Size}
		end := done.Size + int64(len(g.bytes))
		if err := s.stretch(ctx, stretch{address, 0, end}, done.Size); err != nil {
			return err
		}
		if done.Size = end; g.last {
			break
		}
		in.give(g)
		if g, err = in.next(ctx); err != nil {
			return err
		}
	}
	done.SHA256 = in.sum()
	if err := s.close(ctx, address); err != nil {
		return err
	}
	return c.confirm(ctx, Put{To: p.To, Conflict: p.Conflict}, digest{size: done.Size, whole: done.SHA256})
}

// open begins the upload. One whose address was lost with the answer is empty, and expires.
func (s *sender) open(ctx context.Context, p Pour) (string, error) {
	folder, name := path.Split(p.To)
	metadata := map[string]string{"filename": name, "folder": Clean(folder), "conflict": string(p.Conflict)}
	for {
		address, _, err := s.c.create(ctx, -1, metadata, nil, [sha256.Size]byte{}, nil)
		if err == nil {
			return address, nil
		}
		if err := s.again.wait(ctx, err, s.waits); err != nil {
			return "", err
		}
	}
}

// close tells the length of an upload that has all bytes, which makes the file. A command that was interrupted makes none: what it read
// from was interrupted by the same key, and may have ended too early.
func (s *sender) close(ctx context.Context, address string) error {
	for tries := 0; ; tries++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if tries > 0 { // the answer may have been lost
			if known, err := s.c.declared(ctx, address); err == nil && known {
				return nil
			}
		}
		err := s.c.declare(ctx, address, s.done.Size)
		if err == nil {
			return nil
		}
		if err = ended(err); fault.Is(err, fault.Locked) {
			err = &lostError{err, true}
		}
		if err := s.again.wait(ctx, err, s.waits); err != nil {
			return err
		}
	}
}

// dropPatience is how long whoever was interrupted waits for the server to hear of it.
const dropPatience = 5 * time.Second

// drop ends an upload that nobody can go on with.
func (c *Client) drop(ctx context.Context, address string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropPatience)
	defer cancel()
	_ = c.terminate(ctx, address) // what the server does not hear of expires
}

// gulpAt is what is kept of an input, and where in it that is.
type gulpAt struct {
	gulp
	at int64
}

func (g gulpAt) read(offset, max int64) ([]byte, [sha256.Size]byte, error) {
	from := offset - g.at
	if from < 0 || from >= int64(len(g.bytes)) {
		return nil, g.sum, fault.As(fault.Internal, "client.Pour", fmt.Errorf("the server is at %d of what it had %d bytes of", offset, g.at))
	}
	if from == 0 && max >= int64(len(g.bytes)) {
		return g.bytes, g.sum, nil
	}
	piece := g.bytes[from:min(from+max, int64(len(g.bytes)))]
	return piece, sha256.Sum256(piece), nil
}
