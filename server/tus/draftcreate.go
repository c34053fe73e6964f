package tus

import (
	"encoding/hex"
	"math"
	"mime"
	"net/http"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// draftCreate begins an upload with what the body brings (section "Upload Creation"). A body that is the whole makes the file, as
// any POST or PUT would; one that is a part, or that breaks off, is gone on with at the upload's address.
func (d *Door) draftCreate(w http.ResponseWriter, r *http.Request, v dialect, user string) error {
	body := contentOf(w, r)
	complete, said := v.completes(r.Header)
	if !said {
		return fault.New(fault.Invalid, "tus.draftCreate", "Say with Upload-Complete whether the request brings the end of the upload.").WithCode("missing_upload_complete")
	}
	length, err := indicatedLength(r, complete, 0)
	if err != nil {
		return err
	}
	n, err := draftTarget(r, complete, length)
	if err != nil {
		return err
	}
	u, err := d.drives.BeginUpload(r.Context(), user, n)
	if err != nil {
		return err
	}
	// It is held before anybody learns its address, so that who comes back for it never reads an offset that still moves.
	hold, err := d.hold(r.Context(), u.ID, body.letGo)
	if err != nil {
		return err
	}
	defer hold.Release()
	header := w.Header()
	header.Set("Location", d.origin.Base(r)+Prefix+u.ID)
	if v.named && r.ProtoAtLeast(1, 1) {
		if limits := v.limits(d.drives.MaxFile(), u); limits != "" {
			header.Set("Upload-Limit", limits)
		}
		w.WriteHeader(statusResumptionSupported)
	}
	u, err = d.take(w, r, v, u, body, taking{complete: complete, length: length})
	d.tell(header, v, u)
	if err != nil {
		if u.ID == "" {
			header.Del("Location")
		}
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// indicatedLength is the length of the whole as a request at offset tells it: by the length of its body if it is the last, by
// Upload-Length, or by both. It is negative if the request tells none (section "Length").
func indicatedLength(r *http.Request, complete bool, offset int64) (int64, error) {
	length, brings := int64(-1), max(0, r.ContentLength)
	if brings > math.MaxInt64-offset {
		return 0, fault.New(fault.TooLarge, "tus.indicatedLength", "The body is too long.")
	}
	if complete && r.ContentLength >= 0 {
		length = offset + r.ContentLength
	}
	told, ok := integer(r.Header, "Upload-Length")
	switch {
	case !ok:
		return length, nil
	case length >= 0 && told != length:
		return 0, inconsistentLength("Upload-Length is not what the body brings the upload to.")
	case told < offset+brings:
		return 0, inconsistentLength("Upload-Length is less than what the body brings the upload to.")
	}
	return told, nil
}

// draftTarget reads where the upload goes: Content-Disposition names the file, Content-Type is its media type, and
// Upload-Metadata as in tus, if it is there, may say all that it says in tus; what it says comes first.
func draftTarget(r *http.Request, complete bool, length int64) (drive.NewUpload, error) {
	metadata := r.Header.Get("Upload-Metadata")
	if err := checkMetadata(metadata); err != nil {
		return drive.NewUpload{}, err
	}
	m := handler.MetaData(handler.ParseMetadataHeader(metadata))
	name, err := dispositionName(r.Header.Get("Content-Disposition"))
	if err != nil {
		return drive.NewUpload{}, err
	}
	mediaType, err := representationType(r.Header)
	if err != nil {
		return drive.NewUpload{}, err
	}
	if name != "" && first(m, "filename", "name") == "" {
		m["filename"] = name
	}
	if mediaType != "" && first(m, "filetype", "type") == "" {
		m["filetype"] = mediaType
	}
	if sum := reprSHA256(r.Header); sum != nil && m["sha256"] == "" {
		m["sha256"] = hex.EncodeToString(sum)
	}
	known := complete && (length > 0 || r.ContentLength == 0) // the drive makes an empty file at once: not before the body is seen to be empty
	n, err := target(r.Context(), handler.FileInfo{MetaData: m, Size: length, SizeIsDeferred: !known})
	if !known && length >= 0 {
		n.Length = drive.AnnouncedLength(length)
	}
	return n, err
}

// dispositionName is the file's name in Content-Disposition. Of a path only the last segment counts (RFC 6266, section 4.3).
func dispositionName(header string) (string, error) {
	if header == "" {
		return "", nil
	}
	_, parameters, err := mime.ParseMediaType(header)
	if err != nil {
		return "", fault.New(fault.Invalid, "tus.dispositionName", "Content-Disposition cannot be read.").WithCode("invalid_content_disposition")
	}
	name := parameters["filename"]
	return name[strings.LastIndexAny(name, `/\`)+1:], nil
}

// representationType is the media type of what is uploaded; empty if the client says nothing about it, as the types do that
// clients send by themselves. Of a form or a coded representation the file would not be what its name says: they are Unsupported.
func representationType(h http.Header) (string, error) {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return "", fault.New(fault.Unsupported, "tus.representationType", "Send the file without a content coding.").WithCode("unsupported_content_encoding")
	}
	header := h.Get("Content-Type")
	if header == "" {
		return "", nil
	}
	kind, _, err := mime.ParseMediaType(header)
	if err != nil || !strings.Contains(kind, "/") {
		return "", fault.New(fault.Invalid, "tus.representationType", "Content-Type is not a media type.").WithCode("invalid_media_type")
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		return "", fault.New(fault.Unsupported, "tus.representationType", "Send the file itself, not a form around it.")
	case kind == "application/octet-stream", kind == "application/x-www-form-urlencoded", kind == octetStream, kind == partialUpload:
		return "", nil
	}
	return header, nil
}
