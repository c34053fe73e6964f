package tus

import (
	"net/http"
	"strconv"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
)

// draftHead tells where an upload is (section "Offset Retrieval"). A request that still writes to it is ended first, so that
// what is told holds.
func (d *Door) draftHead(w http.ResponseWriter, r *http.Request, v dialect, id string) error {
	if err := bareRequest(r, v, "Upload-Offset", "Upload-Complete", "Upload-Incomplete", "Upload-Length"); err != nil {
		return err
	}
	hold, err := d.hold(r.Context(), id, func() {})
	if err != nil {
		return err
	}
	defer hold.Release()
	d.drives.Asked(id)
	who, _ := authn.From(r.Context())
	u, err := d.drives.Upload(r.Context(), who.UserID, id)
	if err != nil {
		return err
	}
	d.tell(w.Header(), v, u)
	if length := recordedLength(u); length >= 0 {
		w.Header().Set("Upload-Length", strconv.FormatInt(length, 10))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// draftCancel removes an upload with what was received; a file that it became stays (section "Upload Cancellation").
func (d *Door) draftCancel(w http.ResponseWriter, r *http.Request, v dialect, id string) error {
	if err := bareRequest(r, v, "Upload-Offset", "Upload-Complete", "Upload-Incomplete"); err != nil {
		return err
	}
	hold, err := d.hold(r.Context(), id, func() {})
	if err != nil {
		return err
	}
	defer hold.Release()
	who, _ := authn.From(r.Context())
	if err := d.drives.DropUpload(r.Context(), who.UserID, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// bareRequest refuses fields that a request to look at an upload, or to end it, must not have up to -05.
func bareRequest(r *http.Request, v dialect, names ...string) error {
	for _, name := range names {
		if _, there := r.Header[name]; there && v.interop <= 6 {
			return fault.New(fault.Invalid, "tus.bareRequest", r.Method+" takes no "+name+".").WithCode("unexpected_field")
		}
	}
	return nil
}
