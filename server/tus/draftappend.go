package tus

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"strconv"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// draftAppend adds the body to an upload (section "Upload Append").
func (d *Door) draftAppend(w http.ResponseWriter, r *http.Request, v dialect, id string, kind drive.UploadKind) error {
	body := contentOf(w, r)
	offset, complete, err := appendFields(r, v, kind)
	if err != nil {
		return err
	}
	hold, err := d.hold(r.Context(), id, body.letGo)
	if err != nil {
		return err
	}
	defer hold.Release()
	who, _ := authn.From(r.Context())
	u, err := d.drives.Upload(r.Context(), who.UserID, id)
	if err != nil {
		return err
	}
	u, err = d.appendTo(w, r, v, u, body, taking{offset: offset, complete: complete})
	d.tell(w.Header(), v, u)
	switch {
	case err != nil:
		if isComplete(u) {
			// With an error it would say that the file could not be made (section "Upload Append", "Client Behavior").
			w.Header().Del("Upload-Complete")
			w.Header().Del("Upload-Incomplete")
		}
		return err
	case v.interop <= 6 || isComplete(u): // what creation answers, as it would have been with all of it
		w.WriteHeader(http.StatusCreated)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// appendFields reads the header fields of an append.
func appendFields(r *http.Request, v dialect, kind drive.UploadKind) (offset int64, complete bool, err error) {
	if kind == drive.Joined {
		return 0, false, fault.New(fault.Forbidden, "tus.draftAppend", "An upload that joins others takes no bytes of its own.").WithCode("final_with_bytes")
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if v.interop >= 6 && mediaType != partialUpload {
		return 0, false, fault.New(fault.Unsupported, "tus.draftAppend", "PATCH takes Content-Type: "+partialUpload+".")
	}
	offset, ok := integer(r.Header, "Upload-Offset")
	if !ok {
		return 0, false, fault.New(fault.Invalid, "tus.draftAppend", "Upload-Offset says where the body begins, in bytes.").WithCode("invalid_offset")
	}
	complete, said := v.completes(r.Header)
	if !said {
		if v.interop >= 7 {
			return 0, false, fault.New(fault.Invalid, "tus.draftAppend", "Say with Upload-Complete whether the request brings the end of the upload.").WithCode("missing_upload_complete")
		}
		complete = true // older drafts ask for the field only if it does not
	}
	return offset, complete, nil
}

// appendTo checks what is asked against the upload as it is on record, and takes the body.
func (d *Door) appendTo(w http.ResponseWriter, r *http.Request, v dialect, u drive.Upload, body *content, t taking) (drive.Upload, error) {
	if t.offset != u.Offset {
		return u, mismatchingOffset(u.Offset, t.offset)
	}
	if isComplete(u) {
		if v.interop >= 7 && (r.ContentLength > 0 || (r.ContentLength < 0 && body.expectEnd() == errLonger)) {
			return u, inconsistentLength("The upload is complete: there is nothing to append.")
		}
		return u, completedUpload()
	}
	told, err := indicatedLength(r, t.complete, u.Offset)
	if err != nil {
		return u, err
	}
	recorded := recordedLength(u)
	switch brings := max(0, r.ContentLength); {
	case recorded >= 0 && told >= 0 && told != recorded:
		return u, inconsistentLength("The upload was announced with another length.")
	case recorded >= 0 && brings > recorded-u.Offset:
		return u, inconsistentLength("The body is longer than the rest of the upload.")
	}
	if t.length = recorded; t.length < 0 {
		t.length = told
	}
	// The drive learns the length as early as it can: it sets the space aside. Only a request that brings the end of the upload makes it
	// one that completes it.
	length := told
	if !t.complete || r.ContentLength < 0 {
		length = drive.AnnouncedLength(told)
	}
	if u.Length < 0 && told >= 0 && (length >= 0 || recorded < 0) {
		known, err := d.drives.SetLength(r.Context(), u.DriveID, u.ID, length)
		if err != nil {
			return u, err
		}
		u = known
	}
	return d.take(w, r, v, u, body, t)
}

// taking is what a request wants of its body.
type taking struct {
	offset   int64 // where it begins
	complete bool  // it brings the end of the upload
	length   int64 // of the whole; negative if not known
}

// take appends the body to u, which the caller holds, and answers the upload as it is then, also with an error. Only a
// body that came to its end completes the upload. An upload that is no more is the zero Upload.
func (d *Door) take(w http.ResponseWriter, r *http.Request, v dialect, u drive.Upload, body *content, t taking) (drive.Upload, error) {
	ctx := r.Context()
	if r.ContentLength != 0 {
		if t.length >= 0 {
			body.left = t.length - u.Offset
		}
		if v.named && v.interop >= 5 && r.ProtoAtLeast(1, 1) {
			body.interim = func() { d.progress(w, r, u) }
		}
		defer context.AfterFunc(ctx, body.giveUp)() // the server stops
		after, err := d.appendBytes(ctx, r.Method == http.MethodPatch, u, u.Offset, body, drive.AppendOptions{})
		if after.ID != "" {
			u = after
		}
		if err != nil {
			return d.interrupted(ctx, v, u, body, err)
		}
	}
	if !t.complete || isComplete(u) {
		return u, nil
	}
	if t.length >= 0 && u.Offset != t.length {
		return u, inconsistentLength("The body ended before the announced length.")
	}
	if u.Length >= 0 {
		return u, nil
	}
	done, err := d.drives.SetLength(context.WithoutCancel(ctx), u.DriveID, u.ID, u.Offset) // it was sent whole, whoever waits for the answer
	if err != nil {
		return u, err
	}
	return done, nil
}

// interrupted says why a body was not taken whole.
func (d *Door) interrupted(ctx context.Context, v dialect, u drive.Upload, body *content, err error) (drive.Upload, error) {
	switch {
	case errors.Is(body.broken, errLonger):
		refused := inconsistentLength("The body is longer than the rest of the upload.")
		if v.interop < 7 {
			return u, refused
		}
		if err := d.drives.DropUpload(context.WithoutCancel(ctx), u.DriveID, u.ID); err != nil {
			return u, err
		}
		return drive.Upload{}, refused // as the section "Upload Append" demands: nothing more is taken for it
	case errors.Is(context.Cause(ctx), ErrShutdown):
		return u, &fault.Error{Kind: fault.Busy, Op: "tus.take", Code: "shutting_down", Public: "The server stops. What had arrived is kept: go on in a moment.", Err: err}
	case body.takenOver():
		return u, &fault.Error{Kind: fault.Locked, Op: "tus.take", Code: "upload_taken_over", Public: "Another request goes on with this upload.", Err: err}
	case errors.Is(body.broken, os.ErrDeadlineExceeded):
		return u, stalled(err)
	}
	return u, err
}

// progress tells in an interim response how much of the body is durable. It has no Location, which the answer may have.
func (d *Door) progress(w http.ResponseWriter, r *http.Request, u drive.Upload) {
	now, err := d.drives.PeekUpload(r.Context(), u.DriveID, u.ID)
	if err != nil || now.Offset <= u.Offset {
		return
	}
	header := w.Header()
	kept := header.Clone()
	clear(header)
	header.Set(interopHeader, kept.Get(interopHeader))
	header.Set("Upload-Offset", strconv.FormatInt(now.Offset, 10))
	w.WriteHeader(statusResumptionSupported)
	clear(header)
	for name, values := range kept {
		header[name] = values
	}
}

// isComplete reports whether nothing more is taken.
func isComplete(u drive.Upload) bool {
	return !u.Ended.IsZero() || (u.Kind == drive.Partial && u.Full())
}

// recordedLength is the length that the client told, in this request or before; negative if it did not.
func recordedLength(u drive.Upload) int64 {
	if u.Length >= 0 {
		return u.Length
	}
	announced, ok := u.Announced()
	if !ok || announced < u.Offset { // a client of tus, which was not told, may have gone beyond
		return -1
	}
	return announced
}

// tell writes the state of an upload.
func (d *Door) tell(h http.Header, v dialect, u drive.Upload) {
	if u.ID == "" {
		return
	}
	h.Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
	v.flag(h, isComplete(u))
	if limits := v.limits(d.drives.MaxFile(), u); limits != "" {
		h.Set("Upload-Limit", limits)
	}
}

// hold waits for the upload, and makes who has it let go.
func (d *Door) hold(ctx context.Context, id string, letGo func()) (*drive.Hold, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	return d.drives.HoldUpload(ctx, id, letGo)
}
