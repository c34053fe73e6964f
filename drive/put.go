package drive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// chunkSize is how many bytes are read, hashed and written at a time, of a body that does not come faster (wideChunk).
const chunkSize = 256 << 10

// PutOptions says how content is stored.
type PutOptions struct {
	Size      int64     // bytes that the body must have; negative if not known
	MediaType string    // empty: by the name's extension
	Modified  time.Time // zero: now
	Conflict  Conflict  // zero: Replace
	Guard     Guard
	// Claims are digests that the content must have, all of them. With any, its Checksums are computed on the way and kept.
	Claims []Claim
}

// Put stores a whole body as the file at path, in one transaction after the last byte: a body that
// fails, is short or is refused leaves everything as it was. Parent, lock, precondition and quota are
// looked at before the first byte is read and again at the end. created is false if it replaced content.
// ParentMissing, Exists (a folder is there, or Conflict is Fail), Locked, Precondition, TooLarge, Full;
// Invalid with code "body_truncated" if the body is not Size bytes long, ChecksumMismatch.
func (s *Drives) Put(ctx context.Context, driveID string, path Path, body io.Reader, o PutOptions) (node Node, created bool, err error) {
	if err := writable(ctx, driveID); err != nil { // before the body is read
		return Node{}, false, fault.Wrap(err, "drive.Put")
	}
	if o.Conflict == "" {
		o.Conflict = Replace
	}
	w := writing{size: o.Size, mediaType: o.MediaType, modified: o.Modified, conflict: o.Conflict, guard: o.Guard}
	room := s.room(Usage{Quota: -1})
	if o.Size < 0 || o.Size > s.o.InlineMax || s.o.Ask != nil { // a small body is read sooner than it is refused
		if room, err = s.expect(ctx, driveID, path, o.Size, w); err != nil {
			return Node{}, false, fault.Wrap(err, "drive.Put")
		}
	}
	if path, w, err = s.askPut(ctx, driveID, path, w, nil); err != nil {
		return Node{}, false, fault.Wrap(err, "drive.Put")
	}
	c, err := s.receive(ctx, s.counted(body), o.Size, room, o.Claims)
	if err != nil {
		return Node{}, false, fault.Wrap(err, "drive.Put")
	}
	crash.Point("put.sealed")
	err = s.edit(ctx, "drive.Put", driveID, func(e *edit) error {
		at, err := resolve(ctx, e, driveID, path)
		if err != nil {
			return err
		}
		node, created, err = e.write(ctx, at, c, w)
		return err
	})
	if err != nil {
		if c.key != "" && refused(err) {
			s.discard(c.key)
		}
		return Node{}, false, err
	}
	s.counts.stored.Add(c.size)
	return node, created, nil
}

// refused reports whether err is a rule's: then the transaction did not happen for certain. After any other error it may
// have (the connection broke before COMMIT was answered), and only gc knows by the rows whether its bytes are named.
func refused(err error) bool {
	kind := fault.KindOf(err)
	return kind != fault.Internal && kind != fault.Busy
}

// room is how many bytes may come, and the error of one more.
type room struct {
	bytes int64
	over  error
}

// expect refuses early what commit would refuse, and answers how much room there is.
func (s *Drives) expect(ctx context.Context, driveID string, path Path, size int64, w writing) (room, error) {
	var r room
	err := s.look(ctx, driveID, func(e *edit) error {
		at, err := resolve(ctx, e, driveID, path)
		if err != nil {
			return err
		}
		_, _, old, err := e.admit(ctx, at, w)
		if err != nil {
			return err
		}
		if old != nil && !s.keeps(*old) {
			e.usage.Used -= old.Size // it goes
		}
		r = s.room(e.usage)
		return nil
	})
	r.over = discreet(ctx, r.over)
	if err == nil && size > r.bytes {
		err = r.over
	}
	return r, err
}

// room is the smaller of what the drive and what one file may hold.
func (s *Drives) room(u Usage) room {
	most := s.limits().MaxFile
	r := room{bytes: 1<<63 - 1, over: tooLarge(most)}
	if most > 0 {
		r.bytes = most
	}
	if free, limited := u.Free(); limited && free < r.bytes {
		r = room{bytes: free, over: full(u)}
	}
	return r
}

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "drive.room", fmt.Sprintf("A file holds at most %d bytes.", limit)).WithCode("file_too_large")
}

// receive reads a body to its end: small content stays in memory, more goes to a stage that is then sealed.
func (s *Drives) receive(ctx context.Context, body io.Reader, size int64, r room, claims []Claim) (content, error) {
	if size >= 0 && size < r.bytes {
		r = room{bytes: size, over: truncated(size, size+1, nil)} // of a longer body no more is read
	}
	digest := newDigester(claims)
	small, err := readSmall(body, size, min(s.o.InlineMax, r.bytes)+1)
	digest.Write(small)
	c := content{size: int64(len(small)), small: small}
	switch {
	case err != nil:
	case c.size > s.o.InlineMax:
		c, err = s.receiveLarge(ctx, small, body, digest, size, r)
	case c.size > r.bytes:
		err = r.over
	}
	if err == nil && size >= 0 && c.size != size {
		err = truncated(size, c.size, nil)
	}
	if err == nil {
		err = digest.describe(&c, claims)
	}
	if err != nil {
		if c.key != "" {
			s.discard(c.key)
		}
		return content{}, bodyError(err, size, c.size)
	}
	return c, nil
}

// readSmall reads a body to its end, but at most limit bytes. What it reads into is as large as the body says to be.
func readSmall(body io.Reader, size, limit int64) ([]byte, error) {
	if size < 0 {
		return io.ReadAll(io.LimitReader(body, limit))
	}
	b := make([]byte, min(size+1, limit)) // one more than is announced, which may come
	for n := 0; ; {
		m, err := body.Read(b[n:])
		n += m
		switch {
		case err == io.EOF, err == nil && n == len(b):
			return b[:n:n], nil
		case err != nil: // not io.ReadFull: it says io.ErrUnexpectedEOF of a short body as well as of one that broke off
			return b[:n:n], err
		}
	}
}

func (s *Drives) receiveLarge(ctx context.Context, head []byte, body io.Reader, digest io.Writer, size int64, r room) (content, error) {
	c := content{key: blob.Key(sqldb.NewID())}
	stage, err := s.blobs.Stage(ctx, c.key)
	if err != nil {
		return content{}, storeError(err, "drive.receive")
	}
	defer stage.Close()
	if _, err := stage.Write(head); err != nil {
		return c, storeError(err, "drive.receive")
	}
	c.size = int64(len(head))
	n, err := s.pour(ctx, stage, body, digest, r.bytes-c.size+1, nil)
	c.size += n
	switch {
	case err != nil:
		return c, err
	case c.size > r.bytes:
		return c, r.over
	case size >= 0 && c.size != size:
		return c, truncated(size, c.size, nil)
	}
	c.sealed = s.o.Now()
	return c, storeError(stage.Seal(ctx), "drive.receive")
}

// pour copies at most limit bytes from body to the stage and the digest, and answers how many the stage took.
// A failure of the body comes back as a brokenBody, so that it is not taken for a broken disk.
// each, if set, is called after each chunk; settle makes the digest cover all of them. It does when pour returns.
func (s *Drives) pour(ctx context.Context, stage blob.Stage, body io.Reader, digest io.Writer, limit int64, each func(settle func()) error) (n int64, err error) {
	h := &hashing{chunks: &s.chunks, wide: &s.wide, digest: digest, free: make(chan *[]byte, maxBehind)}
	defer h.end()
	buffer := h.buffer()
	defer func() { h.free <- buffer }()
	body = io.LimitReader(body, limit)
	for {
		asked := time.Now()
		m, err := body.Read(*buffer)
		if time.Since(asked) > s.o.GCGrace/2 {
			return n, brokenBody{errStalled} // gc may take a stage that nobody wrote to for its grace time
		}
		if m == len(*buffer) {
			h.filled()
		}
		if m > 0 {
			if err := s.put(stage, h, &buffer, m); err != nil {
				return n, err
			}
			n += int64(m)
		}
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, brokenBody{err}
		case ctx.Err() != nil:
			return n, brokenBody{context.Cause(ctx)}
		}
		if each != nil {
			if err := each(h.settle); err != nil {
				return n, err
			}
		}
	}
}

// put writes and hashes the first n bytes of a buffer, and replaces it while it is in use.
func (s *Drives) put(stage blob.Stage, h *hashing, buffer **[]byte, n int) error {
	b := *buffer
	if n < aside {
		h.settle() // in order
		h.digest.Write((*b)[:n])
		_, err := stage.Write((*b)[:n])
		return storeError(err, "drive.pour")
	}
	h.add(b, n)
	_, err := stage.Write((*b)[:n])
	*buffer = h.buffer()
	return storeError(err, "drive.pour")
}

var errStalled = errors.New("the body stood still for too long")

// counted counts a request body's bytes while they come in.
func (s *Drives) counted(body io.Reader) io.Reader { return counting{body, &s.counts.received} }

type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// brokenBody is a request body that failed before its end.
type brokenBody struct{ error }

func (b brokenBody) Unwrap() error { return b.error }

// bodyError says that a body broke off; a fault passes as it is.
func bodyError(err error, want, got int64) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return truncated(want, got, err)
}

func truncated(want, got int64, cause error) error {
	public := fmt.Sprintf("The body broke off after %d bytes. Nothing was stored.", got)
	if want >= 0 {
		public = fmt.Sprintf("The body holds %d bytes where %d were announced. Nothing was stored.", got, want)
	}
	return &fault.Error{Kind: fault.Invalid, Op: "drive.receive", Code: "body_truncated", Public: public, Err: cause}
}

// emptySHA256 is the digest of no bytes.
func emptySHA256() []byte {
	sum := sha256.Sum256(nil)
	return sum[:]
}
