package tus

import (
	"context"
	"io"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/drive"
)

// store is the handler's DataStore. Whose uploads it means stands in the context of each request.
type store struct{ d *Door }

// NewUpload begins an upload.
func (s store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	n, err := newUpload(ctx, info)
	if err != nil {
		return nil, s.d.mapped(ctx, err)
	}
	n.Metadata = replyOf(ctx).metadata // to be repeated as it was
	of, _ := driveOf(ctx)
	u, err := s.d.drives.BeginUpload(ctx, of, n)
	if err != nil {
		return nil, s.d.mapped(ctx, err)
	}
	p := replyOf(ctx)
	if p.location, err = p.address(u.ID); err != nil {
		return nil, s.d.mapped(ctx, err)
	}
	p.created, p.upload = true, &upload{s.d, u, -1}
	return p.upload, nil
}

// GetUpload finds an upload of the caller's; one that is full is committed by it.
func (s store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	p := replyOf(ctx)
	if p.seen.ID != id { // a part that another names: not reached, see joined.go
		return nil, handler.ErrNotFound
	}
	u, err := s.d.drives.SeenUpload(ctx, p.seen)
	if err != nil {
		return nil, s.d.mapped(ctx, err)
	}
	p.upload = &upload{s.d, u, -1}
	if p.patch == u.Offset && u.Full() && p.verify != nil { // the handler takes nothing for it, and answers without a look at the checksum
		if err := p.verify(); err != nil {
			return nil, s.d.mapped(ctx, err)
		}
	}
	return p.upload, nil
}

// replyOf is the answer to the request whose context this is. The door put it there.
func replyOf(ctx context.Context) *reply { return ctx.Value(replyKey{}).(*reply) }

func (s store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload { return u.(*upload) }
func (s store) AsConcatableUpload(u handler.Upload) handler.ConcatableUpload     { return u.(*upload) }
func (s store) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*upload)
}

// upload is one upload in a request that holds it.
type upload struct {
	d *Door
	u drive.Upload
	// declared is the length that a request with a checksum told; negative without one. It waits for the checksum: after a
	// mismatch the upload must be as it was (protocol, "Checksum").
	declared int64
}

func (u *upload) GetInfo(context.Context) (handler.FileInfo, error) {
	info := handler.FileInfo{
		ID: u.u.ID, Size: max(0, u.u.Length), SizeIsDeferred: u.u.Length < 0, Offset: u.u.Offset,
		MetaData: handler.ParseMetadataHeader(u.u.Metadata), IsPartial: u.u.Kind == drive.Partial, IsFinal: u.u.Kind == drive.Joined,
		PartialUploads: u.u.Parts,
	}
	return info, nil
}

// WriteChunk answers how many bytes are durable, and with the last one the file is there.
func (u *upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	// The handler ends the reading of a body that it has. Asked to let go a moment before, it would read on for ever.
	if replyOf(ctx).letsGo() {
		return 0, handler.ErrUploadInterrupted
	}
	if u.u.Full() { // its length alone, told just now, made it complete; what it was a part of may have used it up already
		if verify := replyOf(ctx).verify; verify != nil {
			return 0, u.d.mapped(ctx, verify())
		}
		return 0, nil
	}
	if u.declared >= 0 {
		src = io.LimitReader(src, u.declared-offset)
	}
	after, err := u.d.appendBytes(ctx, !replyOf(ctx).created, u.u, offset, src, drive.AppendOptions{Verify: replyOf(ctx).verify})
	if err == nil && u.declared >= 0 {
		var known drive.Upload
		if known, err = u.d.drives.SetLength(context.WithoutCancel(ctx), u.u.DriveID, u.u.ID, u.declared); err == nil {
			after = known
		}
	}
	if after.ID != "" {
		u.u = after
	}
	return max(0, after.Offset-offset), u.d.mapped(ctx, err)
}

// FinishUpload has nothing to do: the last byte finished it.
func (u *upload) FinishUpload(context.Context) error { return nil }

// ConcatUploads is not reached: see joined.go.
func (u *upload) ConcatUploads(context.Context, []handler.Upload) error {
	return handler.ErrNotImplemented
}

// DeclareLength tells the length of an upload whose length was not known.
func (u *upload) DeclareLength(ctx context.Context, length int64) error {
	if replyOf(ctx).verify != nil {
		u.declared = length
		return nil
	}
	after, err := u.d.drives.SetLength(ctx, u.u.DriveID, u.u.ID, length)
	if err == nil {
		u.u = after
	}
	return u.d.mapped(ctx, err)
}

// Terminate drops the upload and what was received.
func (u *upload) Terminate(ctx context.Context) error {
	replyOf(ctx).upload = nil // there is nothing left to tell of it
	return u.d.mapped(ctx, u.d.drives.DropUpload(ctx, u.u.DriveID, u.u.ID))
}

// GetReader is not reached: files are read in the drive.
func (u *upload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, handler.ErrNotImplemented
}
