package tus

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// The handler asks for parts that are complete, before anything else can be said about them. Uploads that join others are
// served here, with the extension concatenation-unfinished.

const joinedPrefix = "final;"

// createJoined answers POST with Upload-Concat: final;…. Asked for again, because the answer was lost, it is the upload that there is:
// see drive.BeginUpload, which also says what other metadata means then.
func (d *Door) createJoined(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Upload-Length") != "" || r.Header.Get("Upload-Defer-Length") != "" {
		return fault.New(fault.Invalid, "tus.createJoined", "A final upload has the length of its parts: send no Upload-Length.").WithCode("final_with_length")
	}
	if r.Header.Get("Content-Type") == octetStream || r.ContentLength > 0 {
		return fault.New(fault.Forbidden, "tus.createJoined", "A final upload takes no bytes of its own.").WithCode("final_with_bytes")
	}
	parts, err := parseParts(strings.TrimPrefix(r.Header.Get("Upload-Concat"), joinedPrefix))
	if err != nil {
		return err
	}
	n, err := target(r.Context(), handler.FileInfo{IsFinal: true, PartialUploads: parts, MetaData: handler.ParseMetadataHeader(r.Header.Get("Upload-Metadata"))})
	if err != nil {
		return err
	}
	n.Metadata, n.Concat = r.Header.Get("Upload-Metadata"), r.Header.Get("Upload-Concat") // to be repeated as they are
	who, _ := authn.From(r.Context())
	u, err := d.drives.BeginUpload(r.Context(), who.UserID, n)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Location", d.origin.Base(r)+Prefix+u.ID)
	expires(header, u)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// parseParts reads the addresses of partial uploads, absolute or relative. Only the last element of their path counts: an
// upload is looked for among the caller's own.
func parseParts(list string) ([]string, error) {
	var parts []string
	for _, address := range strings.Fields(list) {
		u, err := url.Parse(address)
		if err != nil {
			return nil, fault.New(fault.Invalid, "tus.parseParts", "Upload-Concat: an address cannot be read.").WithCode("invalid_parts")
		}
		parts = append(parts, strings.TrimPrefix(u.Path, Prefix))
	}
	return parts, nil
}

// headJoined answers HEAD of an upload that joins others. There is an offset only once it is done (protocol, "Concatenation").
func (d *Door) headJoined(w http.ResponseWriter, r *http.Request, id string) error {
	who, _ := authn.From(r.Context())
	hold, err := d.drives.HoldUpload(r.Context(), id, func() {})
	if err != nil {
		return err
	}
	defer hold.Release()
	u, err := d.drives.Upload(r.Context(), who.UserID, id)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Upload-Concat", u.Concat)
	if u.Metadata != "" {
		header.Set("Upload-Metadata", u.Metadata)
	}
	if u.Length >= 0 {
		header.Set("Upload-Length", strconv.FormatInt(u.Length, 10))
	}
	if !u.Ended.IsZero() {
		header.Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
	}
	expires(header, u)
	w.WriteHeader(http.StatusOK)
	return nil
}

// expires tells until when an upload that is not a file yet can be gone on with (extension expiration).
func expires(header http.Header, u drive.Upload) {
	if u.Ended.IsZero() && u.ID != "" {
		header.Set("Upload-Expires", u.Expires.UTC().Format(http.TimeFormat))
	}
}
