package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Conflict is what happens if the name is taken.
type Conflict string

const (
	Replace Conflict = "replace" // what was there becomes a version
	Rename  Conflict = "rename"  // the next free name
	Fail    Conflict = "fail"    // Exists
)

// Put is a file to send.
type Put struct {
	Open     func() (*os.File, error) // may be called more than once
	To       string                   // its path on the drive; missing folders are made
	Conflict Conflict
	There    *Node        // what is known to stand there, if that is to be left alone when it has the same content; else nil
	Resume   *Upload      // the upload to go on with; nil finds out whether there is one
	Observe  func(Moment) // hears how it gets on; may be nil. It must return at once
}

// Phase is what is being done to a file.
type Phase int

const (
	Hashing Phase = iota
	Moving        // up or down
	Waiting       // to try again
)

// Moment is how far a file is.
type Moment struct {
	Phase Phase
	At    int64         // bytes; of Moving those that the other side is not known to have among them
	Wait  time.Duration // of Waiting, which has no At
	Err   error         // of Waiting: why
}

// How a file got to where it is.
type How string

const (
	Moved How = "sent"       // its bytes, or those that were missing, were moved
	Same  How = "same"       // it was there already
	Known How = "known"      // the server had its content, and made the file of it
	Would How = "would_send" // nothing was done: Put.Would
)

// Done is what became of a file.
type Done struct {
	How    How
	Size   int64 // bytes
	Bytes  int64 // that this run moved, those that had to be moved again among them
	SHA256 string
}

// maxAnew is how often a file that changes while it is sent, or whose upload ended under it, is begun anew.
const maxAnew = 3

// errEnded is an upload that is not there any more.
var errEnded = errors.New("the upload has ended on the server")

// Put sends a file. An upload of the same content to the same place goes on, whoever began it; bytes that the server has, or has
// elsewhere on the drive, are not sent. Whatever the server refuses a file with; Busy and lost connections when patience is over: then the same
// call goes on later.
func (c *Client) Put(ctx context.Context, p Put) (Done, error) {
	if p.Observe == nil {
		p.Observe = func(Moment) {}
	}
	p.To = Clean(p.To)
	var done Done
	err := p.anew(func() error { return c.putOnce(ctx, p, &done) })
	return done, err
}

// anew tries again what began with another content, or an upload that ended under it.
func (p Put) anew(try func() error) (err error) {
	for range maxAnew {
		if err = try(); p.Resume != nil || !errors.Is(err, errChanged) && !errors.Is(err, errEnded) {
			break
		}
	}
	return err
}

// Would tells what Put would do with what is known to be there, and asks no server: Same, or Would.
func (p Put) Would(ctx context.Context) (Done, error) {
	if p.Observe == nil {
		p.Observe = func(Moment) {}
	}
	file, err := p.Open()
	if err != nil {
		return Done{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Done{}, err
	}
	if p.There == nil || p.There.Folder || p.There.Size != info.Size() {
		return Done{How: Would, Size: info.Size()}, nil
	}
	d, err := digestOf(ctx, file, func(n int64) { p.Observe(Moment{Phase: Hashing, At: n}) })
	if err == nil && d.whole == p.There.SHA256 {
		return Done{How: Same, Size: d.size, SHA256: d.whole}, nil
	}
	return Done{How: Would, Size: d.size}, err
}

func (c *Client) putOnce(ctx context.Context, p Put, done *Done) error {
	file, err := p.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && p.There != nil && (p.There.Folder || p.There.Size != info.Size()) {
		p.There = nil // it differs, so nothing is to be found out
	}
	d, err := digestOf(ctx, file, func(n int64) { p.Observe(Moment{Phase: Hashing, At: n}) })
	if err != nil {
		return err
	}
	done.Size, done.SHA256 = d.size, d.whole
	if p.There != nil && p.There.SHA256 == d.whole {
		done.How = Same
		return nil
	}
	return c.putContent(ctx, p, newBlocks(file, &d), done)
}

// putContent sends what has been hashed.
func (c *Client) putContent(ctx context.Context, p Put, content *blocks, done *Done) error {
	s := sending{sender: newSender(c, p.Observe, done), p: p, content: content}
	s.from = content
	t, known, err := s.begin(ctx)
	if err != nil {
		return err
	}
	if done.How = Moved; known {
		done.How = Known
		return nil
	}
	err = s.all(ctx, t)
	if errors.Is(err, errChanged) && p.Resume == nil {
		// What was begun is of content that there is not any more. What the server does not hear of expires.
		_ = c.terminate(ctx, t.address)
	}
	if err != nil || t.fresh {
		return err
	}
	return c.confirm(ctx, p, *content.d)
}

// begin finds the upload to send to, or makes it. known says that the file is there without one.
func (s *sending) begin(ctx context.Context) (t transfer, known bool, err error) {
	d := s.content.d
	if s.p.Resume != nil {
		t, err = s.c.resume(*s.p.Resume, d)
		return t, false, err
	}
	folder, name := path.Split(s.p.To)
	if folder = Clean(folder); name == "" {
		return t, false, fault.New(fault.Invalid, "client.Put", "A file needs a name on the drive.")
	}
	for {
		f, err := s.c.lookUp(ctx, s.content.file, wanted{d.whole, d.size, name, folder, s.p.Conflict})
		if err != nil {
			return t, false, err
		}
		if f.Status == "complete" {
			return t, true, nil
		}
		if f.Status == "partial" && f.Upload != nil {
			if t, err = s.c.transferOf(*f.Upload, d.size); err == nil {
				return t, false, nil
			}
		}
		if t, err = s.create(ctx, folder, name); err == nil {
			return t, false, nil
		}
		// An upload whose address was lost with the answer is found by the next look, and so is the file if that was all of it.
		if fault.Is(err, fault.ChecksumMismatch) { // the bytes that went along were damaged
			err = &lostError{err, true}
		}
		if err := s.again.wait(ctx, err, s.waits); err != nil {
			return t, false, err
		}
	}
}

// small is the size up to which a file goes along with its upload's creation, in bytes.
const small = 1 << 20

// create begins an upload. Of a small file with a name that is not to make way it has all bytes: should its answer get lost, the next look
// finds the file as one that is there.
func (s *sending) create(ctx context.Context, folder, name string) (transfer, error) {
	d := s.content.d
	var bytes []byte
	var sum [sha256.Size]byte
	if d.size > 0 && d.size <= small && s.p.Conflict == Replace {
		var err error
		if bytes, sum, err = s.content.read(0, d.size); err != nil {
			return transfer{}, err
		}
	}
	address, offset, err := s.c.create(ctx, d.size, map[string]string{
		"filename": name, "folder": folder, "conflict": string(s.p.Conflict), "sha256": d.whole,
		"mtime": d.time(),
	}, bytes, sum, s.moving(0))
	if err == nil && offset > d.size {
		err = fault.As(fault.Internal, "client.Put", fmt.Errorf("the server is at %d of an upload of %d bytes", offset, d.size))
	}
	return transfer{address: address, stretches: []stretch{{address, 0, d.size}}, fresh: true, at: offset}, err
}

// resume is an upload to go on with, if it is of this content.
func (c *Client) resume(u Upload, d *digest) (transfer, error) {
	switch {
	case u.SHA256 == nil:
		return transfer{}, fault.New(fault.Precondition, "client.Put", "Whoever began this upload did not tell a hash of its content, so there is no knowing whether this is the file. Send the file anew.").WithCode("no_hash")
	case *u.SHA256 != d.whole:
		return transfer{}, fault.New(fault.Precondition, "client.Put", "This is not the file that the upload was begun with: its SHA-256 is another.").WithCode("other_content")
	}
	return c.transferOf(u, d.size)
}

// confirm looks whether the file is what was to be sent: bytes of an upload that another client began are that client's word. Where names
// make way there is no telling which file it was.
func (c *Client) confirm(ctx context.Context, p Put, d digest) error {
	if p.Conflict == Rename {
		return nil
	}
	n, err := c.Stat(ctx, p.To)
	if fault.Is(err, fault.NotFound) {
		return nil // it was moved or removed meanwhile
	}
	if err == nil && n.Size == d.size && n.SHA256 != d.whole {
		err = fmt.Errorf("%s on the drive is not what was sent: its SHA-256 is %s, and not %s", p.To, n.SHA256, d.whole)
	}
	return err
}

// sending is a file on its way up.
type sending struct {
	sender
	p       Put
	content *blocks
}

// all sends every stretch that is not there yet, and sees the file made.
func (s *sending) all(ctx context.Context, t transfer) error {
	for _, part := range t.stretches {
		at := t.at
		if !t.fresh {
			at = -1
		}
		if err := s.stretch(ctx, part, at); err != nil {
			return err
		}
	}
	for t.joined {
		offset, err := s.c.offset(ctx, t.address)
		if err == nil && offset >= 0 {
			return nil
		}
		if err == nil {
			err = fault.New(fault.Busy, "client.Put", "The server has not joined the parts yet.")
		}
		if err := s.again.wait(ctx, ended(err), s.waits); err != nil {
			return err
		}
	}
	return nil
}
