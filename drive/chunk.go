package drive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// chunkNumber reads a chunk's name: a number, or the offsets of its first and last byte, of which the first one orders them.
func chunkNumber(name string) (number int64, offset bool, err error) {
	first, last, dash := strings.Cut(name, "-")
	number, err = strconv.ParseInt(first, 10, 64)
	if err != nil || len(name) > MaxName || strings.Trim(first+last, "0123456789") != "" || dash && last == "" {
		return 0, false, fault.New(fault.Invalid, "drive.chunkNumber", "A chunk is called by its number, or by the offsets of its first and last byte.").WithCode("invalid_chunk")
	}
	return number, dash, nil
}

// PutChunk stores one chunk, of which o tells Size and Claims. One of the same number is replaced; created says that there was
// none. A body that fails, is short or is refused leaves what was there. ParentMissing if there is no such upload; Invalid, with
// code "invalid_chunk" for the chunk's name; ChecksumMismatch, TooLarge, TooMany, Full.
func (s *Drives) PutChunk(ctx context.Context, driveID, name, chunk string, body io.Reader, o PutOptions) (created bool, err error) {
	number, _, err := chunkNumber(chunk)
	var begun Upload
	if err == nil {
		begun, err = s.expectChunk(ctx, driveID, name, number, o.Size)
	}
	if err != nil {
		return false, fault.Wrap(err, "drive.PutChunk")
	}
	part, err := s.receiveChunk(ctx, driveID, body, o)
	if err != nil {
		return false, fault.Wrap(err, "drive.PutChunk")
	}
	err = s.edit(ctx, "drive.PutChunk", driveID, func(e *edit) error {
		u, err := s.rereadChunked(ctx, e, begun)
		if err != nil {
			return chunkedMissing(err)
		}
		created, err = e.linkChunk(ctx, u, Chunk{Name: chunk, Size: part.Length, number: number, id: part.ID})
		return err
	})
	if err != nil && refused(err) {
		s.forgetPart(ctx, part)
	}
	return created, err
}

func chunkedMissing(err error) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	return &fault.Error{Kind: fault.ParentMissing, Op: "drive.PutChunk", Code: "upload_not_found", Public: "There is no such upload. It was never begun, has ended or has expired.", Err: err}
}

// expectChunk answers the upload that a chunk is for, and refuses the chunk before its body is read. What it replaces does not count: a client whose answer was lost sends its
// chunk again.
func (s *Drives) expectChunk(ctx context.Context, driveID, name string, number, size int64) (Upload, error) {
	u, err := s.readChunked(ctx, s.db, driveID, name)
	if err != nil {
		return u, chunkedMissing(err)
	}
	var n int
	var old int64
	if err := s.db.Row(ctx, `SELECT (SELECT COUNT(*) FROM upload_parts WHERE upload_id = $1 AND position <> $2),
		COALESCE((SELECT c.length FROM upload_parts p JOIN uploads c ON c.id = p.part_id WHERE p.upload_id = $1 AND p.position = $2), 0)`,
		[]any{u.ID, number}, &n, &old); err != nil {
		return u, err
	}
	if most := s.limits().MaxFile; most > 0 && max(0, size) > most-(u.Offset-old) {
		return u, tooLarge(most)
	}
	if n >= MaxChunks {
		return u, fault.New(fault.TooLarge, "drive.PutChunk", fmt.Sprintf("An upload has at most %d chunks. Send larger ones.", MaxChunks)).WithCode("too_many_chunks")
	}
	return u, nil
}

// receiveChunk stores a body as a partial upload. Nobody else knows of it, so the hold is for the form.
func (s *Drives) receiveChunk(ctx context.Context, driveID string, body io.Reader, o PutOptions) (Upload, error) {
	u, err := s.begin(ctx, driveID, NewUpload{Kind: Partial, Length: max(-1, o.Size)})
	if err != nil {
		return u, err
	}
	hold, err := s.HoldUpload(ctx, u.ID, func() {})
	if err != nil {
		s.forgetPart(ctx, u)
		return u, err
	}
	defer hold.Release()
	digest := newDigester(o.Claims)
	verify := func() error { return digest.describe(&content{}, o.Claims) }
	part := u
	if o.Size == 0 {
		err = verify()
	} else {
		if len(o.Claims) > 0 {
			body = io.TeeReader(body, digest)
		}
		part, err = s.AppendTo(ctx, u, 0, body, AppendOptions{})
		if code, _, _ := fault.Public(err); code == "body_truncated" { // an upload would go on there, and a chunk begins anew
			err = truncated(o.Size, part.Offset, err)
		}
		if err == nil {
			err = verify()
		}
	}
	if err == nil && o.Size < 0 {
		part, err = s.SetLength(context.WithoutCancel(ctx), driveID, u.ID, part.Offset)
	}
	if err == nil && !part.Full() {
		err = truncated(o.Size, part.Offset, nil)
	}
	if err == nil && o.Size >= 0 {
		err = ended(body, o.Size)
	}
	if err != nil {
		s.forgetPart(ctx, u)
	}
	return part, err
}

// ended refuses a body that goes on behind its announced size: an append takes no more, and a chunk must not lose its end.
func ended(body io.Reader, size int64) error {
	n, err := io.CopyN(io.Discard, body, 1)
	if n > 0 {
		return truncated(size, size+1, nil)
	}
	if err != io.EOF {
		return bodyError(err, size, size)
	}
	return nil
}

// forgetPart ends a partial upload that belongs to nothing. What cannot be ended expires.
func (s *Drives) forgetPart(ctx context.Context, u Upload) {
	if err := s.removeUpload(context.WithoutCancel(ctx), u.DriveID, u.ID); err != nil && !fault.Is(err, fault.NotFound) {
		s.o.Log.Warn("a chunk that was refused is left to expire", "upload", u.ID, "error", err)
	}
}

// linkChunk makes a full partial upload a chunk, in the place of one with the same number.
func (e *edit) linkChunk(ctx context.Context, u Upload, c Chunk) (created bool, err error) {
	gone, err := e.unlinkChunk(ctx, u.ID, c.number)
	if err != nil {
		return false, err
	}
	if _, err := e.Exec(ctx, `INSERT INTO upload_parts (upload_id, position, part_id, name) VALUES ($1, $2, $3, $4)`, u.ID, c.number, c.id, c.Name); err != nil {
		return false, err
	}
	return gone < 0, e.growChunked(ctx, u, c.Size-max(0, gone))
}

// growChunked counts bytes more or fewer, and lets the upload live on.
func (e *edit) growChunked(ctx context.Context, u Upload, by int64) error {
	_, err := e.Exec(ctx, `UPDATE uploads SET received = received + $2, expires_at = $3, active_at = $4 WHERE id = $1`,
		u.ID, by, sqldb.Micros(e.s.expiry(u, u.Created, e.now)), sqldb.Micros(e.now))
	return err
}

// unlinkChunk ends the chunk of that number and answers its size, negative if there is none.
func (e *edit) unlinkChunk(ctx context.Context, uploadID string, number int64) (size int64, err error) {
	var id string
	err = e.Row(ctx, `DELETE FROM upload_parts WHERE upload_id = $1 AND position = $2 RETURNING part_id`, []any{uploadID, number}, &id)
	if sqldb.NoRow(err) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	part, err := e.s.anyUpload(ctx, e, e.drive, id)
	if err != nil {
		return 0, err
	}
	return part.Length, e.remove(ctx, part)
}

// DropChunk ends one chunk. NotFound.
func (s *Drives) DropChunk(ctx context.Context, driveID, name, chunk string) error {
	number, _, err := chunkNumber(chunk)
	if err != nil {
		return noUpload()
	}
	return s.edit(ctx, "drive.DropChunk", driveID, func(e *edit) error {
		u, err := s.readChunked(ctx, e, driveID, name)
		if err != nil {
			return err
		}
		size, err := e.unlinkChunk(ctx, u.ID, number)
		if err == nil && size < 0 {
			err = noUpload()
		}
		if err != nil {
			return err
		}
		return e.growChunked(ctx, u, -size)
	})
}

// chunkReader reads chunks one after the other. One of them is open at a time.
type chunkReader struct {
	ctx  context.Context
	s    *Drives
	rest []Chunk
	open io.ReadCloser
	now  io.Reader // of the open one
}

func (r *chunkReader) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			if len(r.rest) == 0 {
				return 0, io.EOF
			}
			var err error
			if r.open, err = r.s.openChunk(r.ctx, r.rest[0]); err != nil {
				return 0, storeError(err, "drive.openChunk")
			}
			r.now = &stored{r.open, r.rest[0].Size}
			r.rest = r.rest[1:]
		}
		n, err := r.now.Read(p)
		if err == io.EOF {
			r.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (r *chunkReader) close() {
	if r.open != nil {
		r.open.Close()
		r.open = nil
	}
}

func (s *Drives) openChunk(ctx context.Context, c Chunk) (io.ReadCloser, error) {
	if c.staged {
		return s.blobs.OpenStage(ctx, blob.Key(c.id), c.Size)
	}
	var small []byte
	err := s.db.Row(ctx, `SELECT content FROM uploads WHERE id = $1`, []any{c.id}, &small)
	if sqldb.NoRow(err) {
		err = blob.ErrNotFound // what the client asked for is there: it is no NotFound of its own
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(small)), nil
}
