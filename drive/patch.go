package drive

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// PatchOptions says which bytes of a file new ones take the place of.
type PatchOptions struct {
	Offset   int64     // of the first one, at most the file's size; what goes beyond the end makes the file longer
	FromEnd  bool      // Offset counts back from the end: 0 appends
	Size     int64     // bytes that the body must have
	Modified time.Time // zero: now
	Guard    Guard
}

// patchTries is how often new content is put together, if somebody else changes the file each time.
const patchTries = 8

// Patch writes a part of a file: new content is made of the old and the body, and takes its place in one transaction, with the
// old kept as a version as by Put. Until then the file is as it was, and a body that fails, is short or is refused leaves it
// so. If the content changes meanwhile the part goes into the new content. NotFound, is_folder; Invalid with code
// "range_not_satisfiable" for an offset that is beyond the end; OffsetMismatch if the file never stands still; all that Put
// refuses.
func (s *Drives) Patch(ctx context.Context, driveID string, path Path, body io.Reader, o PatchOptions) (node Node, err error) {
	if err := writable(ctx, driveID); err != nil { // before the body is read
		return Node{}, fault.Wrap(err, "drive.Patch")
	}
	if err := s.expectPart(ctx, driveID, path, o); err != nil {
		return Node{}, fault.Wrap(err, "drive.Patch")
	}
	part, err := s.receivePart(ctx, s.counted(body), o.Size)
	if err != nil {
		return Node{}, fault.Wrap(err, "drive.Patch")
	}
	defer part.drop()
	for range patchTries {
		node, err = s.patchOnce(ctx, driveID, path, part, o)
		if code, _, _ := fault.Public(err); err == nil || code != codeChanged {
			break
		}
	}
	return node, fault.Wrap(err, "drive.Patch")
}

const codeChanged = "file_changed"

func fileChanged() error {
	return fault.New(fault.OffsetMismatch, "drive.Patch", "The file changes all the time. Try again.").WithCode(codeChanged)
}

// collectReplaced removes what a patch took the place of and nobody holds any more. By a request of one byte a client has the server
// write a file of any size again: left to GC, what no quota counts would fill the disk. What fails here GC does.
func (s *Drives) collectReplaced(ctx context.Context, all []blob.Key) {
	for _, id := range all {
		if _, err := s.collect(ctx, id, true); err != nil {
			s.o.Log.Warn("content that was replaced is left for gc", "blob", id, "error", err)
		}
	}
}

// patchOnce puts the part into the content that the file has now. Its error has codeChanged if the file then has other content.
func (s *Drives) patchOnce(ctx context.Context, driveID string, path Path, part part, o PatchOptions) (Node, error) {
	seen, _, err := s.patched(ctx, driveID, path, o)
	if err != nil {
		return Node{}, err
	}
	release, err := s.patches.take(ctx, seen.ID) // those of this process go one after the other
	if err != nil {
		return Node{}, err
	}
	defer release()
	base, at, err := s.patched(ctx, driveID, path, o)
	if err != nil {
		return Node{}, err
	}
	c, err := s.compose(ctx, base, at, part)
	if missing(err) { // somebody else may have written meanwhile
		if now, _, e := s.patched(ctx, driveID, path, o); e != nil || now.blob != base.blob {
			err = cmp.Or(e, fileChanged())
		}
	}
	if err != nil {
		return Node{}, err
	}
	crash.Point("patch.sealed")
	guard := o.Guard
	guard.Check = func(current *Node) error {
		if err := o.Guard.check(current); err != nil {
			return err
		}
		if current == nil || current.ID != base.ID || current.blob != base.blob {
			return fileChanged()
		}
		return nil
	}
	var node Node
	err = s.edit(ctx, "drive.Patch", driveID, func(e *edit) error {
		place, err := resolve(ctx, e, driveID, path)
		if err != nil {
			return err
		}
		node, _, err = e.write(ctx, place, c, writing{mediaType: base.MediaType, modified: o.Modified, conflict: Replace, guard: guard})
		e.after = append(e.after, func() { s.collectReplaced(context.WithoutCancel(ctx), e.replaced) })
		return err
	})
	if err != nil {
		if c.key != "" && refused(err) {
			s.discard(c.key)
		}
		return Node{}, err
	}
	s.counts.stored.Add(c.size)
	return node, nil
}

// patched is the file that a patch is for, as it is now, and where the part goes.
func (s *Drives) patched(ctx context.Context, driveID string, path Path, o PatchOptions) (node Node, at int64, err error) {
	node, err = s.Stat(ctx, driveID, path)
	if fault.Is(err, fault.NotFound) {
		if refused := o.Guard.check(nil); refused != nil {
			err = refused
		}
	}
	if err != nil {
		return node, 0, err
	}
	if node.Folder {
		return node, 0, isFolder()
	}
	if err := o.Guard.check(&node); err != nil {
		return node, 0, err
	}
	at = o.Offset
	if o.FromEnd {
		at = node.Size - o.Offset
	}
	if at < 0 || at > node.Size {
		return node, 0, fault.New(fault.Invalid, "drive.Patch", "The part begins outside of the file.").WithCode("range_not_satisfiable")
	}
	return node, at, nil
}

// expectPart refuses early what would be refused in the end, and asks for the rest.
func (s *Drives) expectPart(ctx context.Context, driveID string, path Path, o PatchOptions) error {
	node, at, err := s.patched(ctx, driveID, path, o)
	if err != nil {
		return err
	}
	if o.Size > s.room(Usage{Quota: -1}).bytes-at {
		return tooLarge(s.limits().MaxFile)
	}
	size := max(node.Size, at+o.Size)
	if _, err = s.expect(ctx, driveID, path, size, writing{size: size, mediaType: node.MediaType, conflict: Replace, guard: o.Guard}); err != nil {
		return err
	}
	return s.askPart(ctx, node, size)
}

// part is what a patch brought, in memory or in a stage that is never sealed.
type part struct {
	s     *Drives
	small []byte
	key   blob.Key // of the stage; empty if small holds it
	size  int64
}

func (p part) drop() {
	if p.key != "" {
		p.s.discard(p.key)
	}
}

func (p part) open(ctx context.Context) (io.ReadCloser, error) {
	if p.key == "" {
		return io.NopCloser(bytes.NewReader(p.small)), nil
	}
	return p.s.blobs.OpenStage(ctx, p.key, p.size)
}

func (s *Drives) receivePart(ctx context.Context, body io.Reader, size int64) (p part, err error) {
	p = part{s: s, size: size}
	var n int64
	if size <= s.o.InlineMax {
		p.small, err = io.ReadAll(io.LimitReader(body, size))
		n = int64(len(p.small))
	} else {
		p.key = blob.Key(sqldb.NewID())
		stage, err := s.blobs.Stage(ctx, p.key)
		if err != nil {
			return p, storeError(err, "drive.receivePart")
		}
		defer stage.Close()
		n, err = s.pour(ctx, stage, body, io.Discard, size, nil)
		if err != nil {
			p.drop()
			return p, bodyError(err, size, n)
		}
	}
	if err == nil && n != size {
		err = truncated(size, n, nil)
	}
	if err != nil {
		p.drop()
		return p, bodyError(err, size, n)
	}
	return p, nil
}

// compose makes content of the file's with the part at an offset.
func (s *Drives) compose(ctx context.Context, base Node, at int64, part part) (content, error) {
	old, err := s.openBlob(ctx, base.blob, base.Size)
	if err != nil {
		return content{}, storeError(err, "drive.compose")
	}
	defer old.Close()
	fresh, err := part.open(ctx)
	if err != nil {
		return content{}, storeError(err, "drive.compose")
	}
	defer fresh.Close()
	after := min(base.Size, at+part.size)
	size := max(base.Size, at+part.size)
	return s.receive(ctx, io.MultiReader(
		&stored{io.NewSectionReader(old, 0, at), at},
		&stored{fresh, part.size},
		&stored{io.NewSectionReader(old, after, base.Size-after), base.Size - after},
	), size, s.room(Usage{Quota: -1}), nil)
}

// stored reads bytes that are here already: if they are not all there, that is not the client's fault.
type stored struct {
	io.Reader
	left int64
}

func (r *stored) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.left -= int64(n)
	switch {
	case err == io.EOF && r.left > 0:
		err = fault.As(fault.Internal, "drive.stored", io.ErrUnexpectedEOF)
	case err != nil && err != io.EOF:
		err = fault.As(fault.Internal, "drive.stored", err)
	}
	return n, err
}
