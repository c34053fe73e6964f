package tus

import (
	"context"
	"maps"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// boxExtensions are those of an upload into a drop box: a file whose length is known, as a whole.
const boxExtensions = "creation,creation-with-upload,termination,expiration,checksum,checksum-trailer"

// box is a drop box that a request came to.
type box struct {
	share   drive.Share
	sender  string
	address func(id string) (string, error)
}

type boxKey struct{}

// boxOf is the drop box that a request came to; nil if it came to none.
func boxOf(ctx context.Context) *box {
	b, _ := ctx.Value(boxKey{}).(*box)
	return b
}

// driveOf is the drive that a request is about, and false if nobody says which.
func driveOf(ctx context.Context) (id string, ok bool) {
	if b := boxOf(ctx); b != nil {
		return b.share.DriveID, true
	}
	who, ok := authn.From(ctx)
	return who.UserID, ok
}

// ServeBox serves uploads into a drop box, to whoever has its link: r's context is what drive.OpenShare answered. id is the upload
// that r is about, empty if it is about none yet; sender is drive.DropSender's. Uploads go on at what address says, a path; that nobody else finds it
// is for the caller to see to. The rules are in the drive: see drive.BeginUpload.
func (d *Door) ServeBox(w http.ResponseWriter, r *http.Request, share drive.Share, id, sender string, address func(id string) (string, error)) {
	at := *r.URL
	at.Path, at.RawPath = Prefix+id, ""
	r = r.WithContext(context.WithValue(r.Context(), boxKey{}, &box{share, sender, address}))
	r.URL = &at
	d.serveTus(w, r)
}

// addressOf says where uploads of a request go on, by their ids.
func (d *Door) addressOf(ctx context.Context) func(id string) (string, error) {
	if b := boxOf(ctx); b != nil {
		return b.address
	}
	return func(id string) (string, error) { return Prefix + id, nil }
}

// largest is the size of the largest file that is taken, in bytes; 0 is no limit.
func (d *Door) largest(b *box) int64 {
	most := d.drives.MaxFile()
	if b != nil && b.share.MaxSize > 0 && (most == 0 || b.share.MaxSize < most) {
		most = b.share.MaxSize
	}
	return most
}

// checkBox refuses, for a drop box, the extensions that it does not have.
func checkBox(r *http.Request) error {
	if boxOf(r.Context()) == nil {
		return nil
	}
	if r.Header.Get("Upload-Concat") != "" {
		return fault.New(fault.Invalid, "tus.checkBox", "Files are sent here as a whole: send no Upload-Concat.").WithCode("whole_only")
	}
	if r.Header.Get("Upload-Defer-Length") != "" {
		return fault.New(fault.Invalid, "tus.checkBox", "The length of a file must be known when it is sent here: send Upload-Length.").WithCode("length_required")
	}
	return nil
}

// newUpload reads what a stranger sends: a name, a type and a time.
func (b *box) newUpload(ctx context.Context, info handler.FileInfo) (drive.NewUpload, error) {
	m := maps.Clone(info.MetaData)
	for _, key := range [...]string{"folder", "relativePath", "conflict", "sha256"} {
		delete(m, key)
	}
	info.MetaData = m
	n, err := target(ctx, info)
	n.Sender = b.sender
	return n, err
}
