package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/crash"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// An upload in chunks is how clients of Nextcloud send what is large: chunks go into a folder that is not in the drive, under a
// name that the client made up, and with the last of them the client says which file they are. Each chunk is an upload of kind
// Partial, with its space set aside. They live as long as the whole: until Options.UploadExpiry after the last chunk.

// MaxChunks is how many chunks an upload may have.
const MaxChunks = 10_000

// Chunk is one of an upload in chunks.
type Chunk struct {
	Name string // as it came: "000000000000000-000000010485759" or "17"
	Size int64

	number int64 // its place among the others
	id     string
	staged bool
}

// ChunkedUpload is an upload in chunks.
type ChunkedUpload struct {
	Name    string // as its client calls it
	Created time.Time
	Size    int64 // of all chunks
}

// chunkNumber reads a chunk's name: a number, or the offsets of its first and last byte, of which the first one orders them.
func chunkNumber(name string) (number int64, offset bool, err error) {
	first, last, dash := strings.Cut(name, "-")
	number, err = strconv.ParseInt(first, 10, 64)
	if err != nil || len(name) > MaxName || strings.Trim(first+last, "0123456789") != "" || dash && last == "" {
		return 0, false, fault.New(fault.Invalid, "drive.chunkNumber", "A chunk is called by its number, or by the offsets of its first and last byte.").WithCode("invalid_chunk")
	}
	return number, dash, nil
}

// BeginChunked begins an upload in chunks. Exists if the name is taken, TooMany.
func (s *Drives) BeginChunked(ctx context.Context, driveID, name string) error {
	if err := CheckName(name); err != nil {
		return fault.Wrap(err, "drive.BeginChunked")
	}
	u := Upload{ID: sqldb.NewID(), DriveID: driveID, NewUpload: NewUpload{Folder: Root, Name: name, Kind: Chunked, Conflict: Replace, Length: -1}}
	err := s.edit(ctx, "drive.BeginChunked", driveID, func(e *edit) error {
		u.Created, u.Expires = e.now, s.expiry(e.now, e.now)
		old, err := s.anyChunked(ctx, e, driveID, name)
		switch {
		case err == nil && !s.expired(old):
			return fault.New(fault.Exists, "drive.BeginChunked", "There is an upload with this name already.").WithCode("name_taken")
		case err == nil:
			if err := e.endChunked(ctx, old); err != nil {
				return err
			}
		case !fault.Is(err, fault.NotFound):
			return err
		}
		if e.usage.Uploads >= int64(s.o.MaxOpenUploads) {
			return tooManyUploads()
		}
		return e.insertUpload(ctx, u)
	})
	if err == nil {
		s.counts.begun.Add(1)
	}
	return err
}

// anyChunked reads an upload in chunks by its name, expired ones too. NotFound.
func (s *Drives) anyChunked(ctx context.Context, q sqldb.Querier, driveID, name string) (u Upload, err error) {
	u, err = scanUpload(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE drive_id = $1 AND name = $2 AND kind = 'chunked'`, []any{driveID, name}, dest...)
	})
	if sqldb.NoRow(err) {
		return Upload{}, noUpload()
	}
	return u, err
}

// readChunked is anyChunked for one that has not expired.
func (s *Drives) readChunked(ctx context.Context, q sqldb.Querier, driveID, name string) (Upload, error) {
	if !storable(name) {
		return Upload{}, noUpload()
	}
	u, err := s.anyChunked(ctx, q, driveID, name)
	if err == nil && s.expired(u) {
		return Upload{}, noUpload()
	}
	return u, err
}

// ChunkedUploads answers the uploads in chunks of a drive, by name.
func (s *Drives) ChunkedUploads(ctx context.Context, driveID string) ([]ChunkedUpload, error) {
	all, err := sqldb.All(ctx, s.db, `SELECT name, created_at, received FROM uploads WHERE drive_id = $1 AND kind = 'chunked' AND expires_at >= $2 ORDER BY name`,
		[]any{driveID, sqldb.Micros(s.o.Now())}, func(scan sqldb.Scan) (u ChunkedUpload, err error) {
			var created int64
			err = scan(&u.Name, &created, &u.Size)
			u.Created = sqldb.Time(created)
			return u, err
		})
	return all, fault.Wrap(err, "drive.ChunkedUploads")
}

// Chunks answers an upload in chunks and the chunks that are there, in their order. NotFound.
func (s *Drives) Chunks(ctx context.Context, driveID, name string) (ChunkedUpload, []Chunk, error) {
	u, err := s.readChunked(ctx, s.db, driveID, name)
	if err != nil {
		return ChunkedUpload{}, nil, fault.Wrap(err, "drive.Chunks")
	}
	all, err := chunksOf(ctx, s.db, u.ID)
	return ChunkedUpload{u.Name, u.Created, u.Offset}, all, fault.Wrap(err, "drive.Chunks")
}

func chunksOf(ctx context.Context, q sqldb.Querier, id string) ([]Chunk, error) {
	return sqldb.All(ctx, q, `SELECT p.name, p.position, c.id, c.length, c.staged FROM upload_parts p JOIN uploads c ON c.id = p.part_id
		WHERE p.upload_id = $1 ORDER BY p.position`, []any{id},
		func(scan sqldb.Scan) (c Chunk, err error) {
			return c, scan(&c.Name, &c.number, &c.id, &c.Size, &c.staged)
		})
}

// PutChunk stores one chunk, of which o tells Size and Claims. One of the same number is replaced; created says that there was
// none. A body that fails, is short or is refused leaves what was there. ParentMissing if there is no such upload; Invalid, with
// code "invalid_chunk" for the chunk's name; ChecksumMismatch, TooLarge, TooMany, Full.
func (s *Drives) PutChunk(ctx context.Context, driveID, name, chunk string, body io.Reader, o PutOptions) (created bool, err error) {
	number, _, err := chunkNumber(chunk)
	if err == nil {
		err = s.expectChunk(ctx, driveID, name, o.Size)
	}
	if err != nil {
		return false, fault.Wrap(err, "drive.PutChunk")
	}
	part, err := s.receiveChunk(ctx, driveID, body, o)
	if err != nil {
		return false, fault.Wrap(err, "drive.PutChunk")
	}
	err = s.edit(ctx, "drive.PutChunk", driveID, func(e *edit) error {
		u, err := s.readChunked(ctx, e, driveID, name)
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

// expectChunk refuses a chunk before its body is read.
func (s *Drives) expectChunk(ctx context.Context, driveID, name string, size int64) error {
	u, err := s.readChunked(ctx, s.db, driveID, name)
	if err != nil {
		return chunkedMissing(err)
	}
	if s.o.MaxFile > 0 && size > s.o.MaxFile-u.Offset {
		return tooLarge(s.o.MaxFile)
	}
	var n int
	if err := s.db.Row(ctx, `SELECT COUNT(*) FROM upload_parts WHERE upload_id = $1`, []any{u.ID}, &n); err != nil {
		return err
	}
	if n >= MaxChunks {
		return fault.New(fault.TooLarge, "drive.PutChunk", fmt.Sprintf("An upload has at most %d chunks. Send larger ones.", MaxChunks)).WithCode("too_many_chunks")
	}
	return nil
}

// receiveChunk stores a body as a partial upload. Nobody else knows of it, so the hold is for the form.
func (s *Drives) receiveChunk(ctx context.Context, driveID string, body io.Reader, o PutOptions) (Upload, error) {
	u, err := s.BeginUpload(ctx, driveID, NewUpload{Kind: Partial, Length: max(-1, o.Size)})
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
		if part, err = s.AppendTo(ctx, u, 0, body, AppendOptions{}); err == nil {
			err = verify()
		}
	}
	if err == nil && o.Size < 0 {
		part, err = s.SetLength(context.WithoutCancel(ctx), driveID, u.ID, part.Offset)
	}
	if err == nil && !part.Full() {
		err = truncated(o.Size, part.Offset, nil)
	}
	if err != nil {
		s.forgetPart(ctx, u)
	}
	return part, err
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
		u.ID, by, sqldb.Micros(e.s.expiry(u.Created, e.now)), sqldb.Micros(e.now))
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
	return part.Length, e.endParts(ctx, []string{id})
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

// DropChunked ends an upload in chunks with all that came. NotFound, Locked while it is made a file.
func (s *Drives) DropChunked(ctx context.Context, driveID, name string) error {
	u, err := s.readChunked(ctx, s.db, driveID, name)
	if err != nil {
		return fault.Wrap(err, "drive.DropChunked")
	}
	err = s.withHold(ctx, u.ID, func() error {
		return s.edit(ctx, "drive.DropChunked", driveID, func(e *edit) error {
			u, err := s.readChunked(ctx, e, driveID, name)
			if err != nil {
				return err
			}
			return e.endChunked(ctx, u)
		})
	})
	if err == nil {
		s.counts.dropped.Add(1)
	}
	return fault.Wrap(err, "drive.DropChunked")
}

// endChunked removes an upload in chunks and its chunks, and gives back their space.
func (e *edit) endChunked(ctx context.Context, u Upload) error {
	err := e.Each(ctx, `DELETE FROM uploads WHERE id IN (SELECT part_id FROM upload_parts WHERE upload_id = $1) AND drive_id = $2 AND gone_at = 0
		RETURNING id, length, staged`, []any{u.ID, e.drive}, func(scan sqldb.Scan) error {
		var c Chunk
		if err := scan(&c.id, &c.Size, &c.staged); err != nil {
			return err
		}
		e.usage.Uploads--
		e.usage.Reserved -= c.Size
		if c.staged {
			e.after = append(e.after, func() { e.s.discard(blob.Key(c.id)) })
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.usage.Uploads--
	_, err = e.Exec(ctx, `DELETE FROM uploads WHERE id = $1`, u.ID)
	return err
}

// chunkLives reports whether a partial upload is a chunk of an upload that has not expired. It then lives on as long as that does.
func (e *edit) chunkLives(ctx context.Context, part Upload) (bool, error) {
	if part.Kind != Partial || part.gone {
		return false, nil
	}
	n, err := e.Exec(ctx, `UPDATE uploads SET expires_at = (SELECT MAX(u.expires_at) FROM upload_parts p JOIN uploads u ON u.id = p.upload_id WHERE p.part_id = $1)
		WHERE id = $1 AND EXISTS (SELECT 1 FROM upload_parts p JOIN uploads u ON u.id = p.upload_id
			WHERE p.part_id = $1 AND u.kind = 'chunked' AND u.expires_at >= $2)`, part.ID, sqldb.Micros(e.now))
	return n > 0, err
}

// FinishChunked makes a file of an upload in chunks, in one transaction that also ends the upload: whatever refuses it leaves the
// chunks, to be tried again. o.Size is that of all chunks, negative if the client does not say. It goes on when ctx ends. NotFound if there is no such upload, also if it has been made a file already;
// Locked while another request does so; Invalid with code "incomplete_upload" if chunks are missing; all that Put refuses.
func (s *Drives) FinishChunked(ctx context.Context, driveID, name string, path Path, o PutOptions) (node Node, created bool, err error) {
	u, err := s.readChunked(ctx, s.db, driveID, name)
	if err != nil {
		return Node{}, false, fault.Wrap(err, "drive.FinishChunked")
	}
	err = s.withHold(ctx, u.ID, func() error {
		node, created, err = s.finishChunked(context.WithoutCancel(ctx), u, path, o)
		return err
	})
	if err != nil {
		return Node{}, false, fault.Wrap(err, "drive.FinishChunked")
	}
	s.counts.completed.Add(1)
	s.counts.stored.Add(node.Size)
	return node, created, nil
}

func (s *Drives) finishChunked(ctx context.Context, u Upload, path Path, o PutOptions) (node Node, created bool, err error) {
	chunks, err := chunksOf(ctx, s.db, u.ID)
	if err != nil {
		return Node{}, false, err
	}
	total, err := s.checkChunks(chunks, o.Size)
	if err != nil {
		return Node{}, false, err
	}
	w := writing{size: total, mediaType: o.MediaType, modified: o.Modified, conflict: Replace, guard: o.Guard}
	if o.Conflict != "" {
		w.conflict = o.Conflict
	}
	if _, err := s.expect(ctx, u.DriveID, path, -1, w); err != nil { // its space is set aside already
		return Node{}, false, err
	}
	from := &chunkReader{ctx: ctx, s: s, rest: chunks}
	defer from.close()
	c, err := s.receive(ctx, from, total, s.room(Usage{Quota: -1}), o.Claims)
	if err != nil {
		return Node{}, false, err
	}
	crash.Point("join.copied")
	err = s.edit(ctx, "drive.FinishChunked", u.DriveID, func(e *edit) error {
		if err := e.holds(ctx, u.ID); err != nil {
			return err
		}
		now, err := chunksOf(ctx, e, u.ID)
		if err != nil {
			return err
		}
		if !slices.EqualFunc(now, chunks, func(a, b Chunk) bool { return a.id == b.id }) {
			return heldElsewhere(errors.New("chunks came while they were put together"))
		}
		if err := e.endChunked(ctx, u); err != nil {
			return err
		}
		at, err := resolve(ctx, e, u.DriveID, path)
		if err != nil {
			return err
		}
		node, created, err = e.write(ctx, at, c, w)
		return err
	})
	if err != nil && c.key != "" && refused(err) {
		s.discard(c.key)
	}
	return node, created, err
}

// checkChunks refuses what is not the whole, as far as that can be told, and answers the size of all. Chunks that are called by their
// offsets follow each other without a gap.
func (s *Drives) checkChunks(chunks []Chunk, want int64) (total int64, err error) {
	incomplete := func(why string) error {
		return fault.New(fault.Invalid, "drive.checkChunks", why).WithCode("incomplete_upload")
	}
	for _, c := range chunks {
		if number, offset, _ := chunkNumber(c.Name); offset && number != total {
			return 0, incomplete(fmt.Sprintf("The chunks have a gap: %s follows %d bytes.", c.Name, total))
		}
		total += c.Size
	}
	switch {
	case len(chunks) == 0:
		return 0, incomplete("There are no chunks.")
	case want >= 0 && want != total:
		return 0, incomplete(fmt.Sprintf("The chunks hold %d bytes where %d were announced.", total, want))
	case s.o.MaxFile > 0 && total > s.o.MaxFile:
		return 0, tooLarge(s.o.MaxFile)
	}
	return total, nil
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
	if err := s.db.Row(ctx, `SELECT content FROM uploads WHERE id = $1`, []any{c.id}, &small); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(small)), nil
}
