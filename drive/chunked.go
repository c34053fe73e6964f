package drive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// BeginChunked begins an upload in chunks. Exists if the name is taken, TooMany.
func (s *Drives) BeginChunked(ctx context.Context, driveID, name string) error {
	if err := CheckName(name); err != nil {
		return fault.Wrap(err, "drive.BeginChunked")
	}
	if s.o.Ask != nil {
		err := writable(ctx, driveID)
		if err == nil {
			_, err = s.ask(ctx, Question{Proposal: Proposal{DriveID: driveID, Size: -1}, Kind: Partial}, Replace)
		}
		if err != nil {
			return fault.Wrap(err, "drive.BeginChunked")
		}
	}
	u := Upload{ID: sqldb.NewID(), DriveID: driveID, NewUpload: NewUpload{Folder: Root, Name: name, Kind: Chunked, Conflict: Replace, Length: -1}, within: keptTo(ctx)}
	err := s.edit(ctx, "drive.BeginChunked", driveID, func(e *edit) error {
		u.Created, u.Expires = e.now, s.expiry(u, e.now, e.now)
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
		if e.usage.Uploads >= int64(s.limits().MaxOpenUploads) {
			return tooManyUploads()
		}
		return e.insertUpload(ctx, u)
	})
	if err == nil {
		s.counts.begun.Add(1)
	}
	return err
}

// anyChunked reads an upload in chunks by its name, expired ones too. NotFound. Those who are kept to a folder have names of their own.
func (s *Drives) anyChunked(ctx context.Context, q sqldb.Querier, driveID, name string) (u Upload, err error) {
	u, err = scanUpload(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+uploadColumns+` FROM uploads WHERE drive_id = $1 AND name = $2 AND kind = 'chunked' AND within = $3`, []any{driveID, name, keptTo(ctx)}, dest...)
	})
	if sqldb.NoRow(err) || err == nil && !sees(ctx, u) {
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

// rereadChunked is readChunked for one that was read before. Clients give the next try of an upload the same name: it is another one.
func (s *Drives) rereadChunked(ctx context.Context, q sqldb.Querier, before Upload) (Upload, error) {
	u, err := s.readChunked(ctx, q, before.DriveID, before.Name)
	if err == nil && u.ID != before.ID {
		return Upload{}, noUpload()
	}
	return u, err
}

// ChunkedUploads answers the uploads in chunks of a drive, by name.
func (s *Drives) ChunkedUploads(ctx context.Context, driveID string) ([]ChunkedUpload, error) {
	if err := ofDrive(ctx, driveID); err != nil {
		return nil, fault.Wrap(err, "drive.ChunkedUploads")
	}
	all, err := sqldb.All(ctx, s.db, `SELECT name, created_at, received FROM uploads WHERE drive_id = $1 AND kind = 'chunked' AND expires_at >= $2 AND within = $3 ORDER BY name`,
		[]any{driveID, sqldb.Micros(s.o.Now()), keptTo(ctx)}, func(scan sqldb.Scan) (u ChunkedUpload, err error) {
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

// DropChunked ends an upload in chunks with all that came. NotFound, Locked while it is made a file.
func (s *Drives) DropChunked(ctx context.Context, driveID, name string) error {
	u, err := s.readChunked(ctx, s.db, driveID, name)
	if err != nil {
		return fault.Wrap(err, "drive.DropChunked")
	}
	err = s.withHold(ctx, u.ID, func() error {
		return s.edit(ctx, "drive.DropChunked", driveID, func(e *edit) error {
			u, err := s.rereadChunked(ctx, e, u)
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

// chunkLives reports whether a partial upload is a chunk. It then lives as long as the upload that it is of, which ends it: not
// before that is made a file, should it expire while this is done.
func (e *edit) chunkLives(ctx context.Context, part Upload) (bool, error) {
	if part.Kind != Partial || part.gone {
		return false, nil
	}
	n, err := e.Exec(ctx, `UPDATE uploads SET expires_at = (SELECT MAX(u.expires_at) FROM upload_parts p JOIN uploads u ON u.id = p.upload_id WHERE p.part_id = $1)
		WHERE id = $1 AND EXISTS (SELECT 1 FROM upload_parts p JOIN uploads u ON u.id = p.upload_id WHERE p.part_id = $1 AND u.kind = 'chunked')`, part.ID)
	return n > 0, err
}

// FinishChunked makes a file of an upload in chunks, in one transaction that also ends the upload: whatever refuses it leaves the
// chunks, to be tried again. o.Size is that of all chunks, negative if the client does not say. It goes on when ctx ends. NotFound if there is no such upload, also if it has been made a file already;
// Locked while another request does so; Invalid with code "incomplete_upload" if chunks are missing; all that Put refuses.
func (s *Drives) FinishChunked(ctx context.Context, driveID, name string, path Path, o PutOptions) (node Node, created bool, err error) {
	if err := writable(ctx, driveID); err != nil {
		return Node{}, false, fault.Wrap(err, "drive.FinishChunked")
	}
	u, err := s.readChunked(ctx, s.db, driveID, name)
	if err != nil {
		return Node{}, false, fault.Wrap(err, "drive.FinishChunked")
	}
	if o.MediaType, err = s.askChunked(ctx, u, path, o); err != nil {
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
		return Node{}, false, cmp.Or(stillThere(ctx, s.db, u.ID, chunks), err)
	}
	crash.Point("join.copied")
	err = s.edit(ctx, "drive.FinishChunked", u.DriveID, func(e *edit) error {
		if err := e.holds(ctx, u.ID); err != nil {
			return err
		}
		if err := stillThere(ctx, e, u.ID, chunks); err != nil {
			return err
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

// stillThere is Locked if an upload's chunks are others than those that are put together: some came, went or were replaced meanwhile.
func stillThere(ctx context.Context, q sqldb.Querier, id string, chunks []Chunk) error {
	now, err := chunksOf(ctx, q, id)
	if err == nil && !slices.EqualFunc(now, chunks, func(a, b Chunk) bool { return a.id == b.id }) {
		err = heldElsewhere(errors.New("chunks came or went while they were put together"))
	}
	return err
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
	most := s.limits().MaxFile
	switch {
	case len(chunks) == 0:
		return 0, incomplete("There are no chunks.")
	case want >= 0 && want != total:
		return 0, incomplete(fmt.Sprintf("The chunks hold %d bytes where %d were announced.", total, want))
	case most > 0 && total > most:
		return 0, tooLarge(most)
	}
	return total, nil
}
