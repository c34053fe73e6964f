package tus

import (
	"context"
	"maps"
	"net/http"
	"strconv"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// folderExtensions are those of an upload that began at a folder's address. It goes on at its own, below Prefix.
const folderExtensions = "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum,checksum-trailer"

// inFolder says where an upload goes whose address says it and not its metadata.
type inFolder struct {
	folder drive.Path
	check  func(name string) error
}

type inFolderKey struct{}

// CreateIn begins an upload of a file in a folder: a POST to the folder's own address, as ownCloud Infinite Scale takes it. The name
// is in the metadata, and what has it already is replaced, as by WebDAV's PUT. check, which knows that name first, may refuse it.
// The answer's Location is where the upload goes on: below Prefix.
func (d *Door) CreateIn(w http.ResponseWriter, r *http.Request, folder drive.Path, check func(name string) error) {
	w.Header().Set("Tus-Resumable", version)
	w.Header().Set("Cache-Control", "no-store")
	address := *r.URL
	address.Path, address.RawPath = Prefix, ""
	r = r.WithContext(context.WithValue(r.Context(), inFolderKey{}, &inFolder{folder, check}))
	r.URL = &address
	_, seen, err := d.admit(r)
	if err == nil && r.Header.Get("Upload-Concat") != "" {
		err = fault.New(fault.Invalid, "tus.CreateIn", "Parts are sent to "+Prefix+".").WithCode("parts_elsewhere")
	}
	if err == nil {
		err = d.serve(w, r, "", seen, false)
	}
	if err != nil {
		d.refuse(w, r, err)
	}
}

// TellCreateIn writes what CreateIn can do into the answer to OPTIONS.
func (d *Door) TellCreateIn(header http.Header) {
	header.Set("Tus-Resumable", version)
	header.Set("Tus-Version", version)
	header.Set("Tus-Extension", folderExtensions)
	header.Set("Tus-Checksum-Algorithm", algorithms)
	if limit := d.drives.MaxFile(); limit > 0 {
		header.Set("Tus-Max-Size", strconv.FormatInt(limit, 10))
	}
}

// newUpload reads what an upload is to become: from its metadata and, if it began at a folder's address, from that.
func newUpload(ctx context.Context, info handler.FileInfo) (drive.NewUpload, error) {
	if box := boxOf(ctx); box != nil {
		return box.newUpload(ctx, info)
	}
	in, ok := ctx.Value(inFolderKey{}).(*inFolder)
	if !ok {
		return target(ctx, info)
	}
	m := maps.Clone(info.MetaData)
	if first(m, "filename", "name") == "" {
		return drive.NewUpload{}, fault.New(fault.Invalid, "tus.newUpload", "The metadata has no filename.").WithCode("invalid_metadata")
	}
	delete(m, "folder")
	delete(m, "relativePath")
	delete(m, "conflict")
	info.MetaData = m
	n, err := target(ctx, info)
	if err != nil {
		return n, err
	}
	n.Folder, n.Conflict = in.folder, drive.Replace
	if err := drive.CheckName(n.Name); err != nil {
		return n, err
	}
	return n, in.check(n.Name)
}
