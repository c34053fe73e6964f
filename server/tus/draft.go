package tus

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// The IETF draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload), on the same uploads as tus. Sections
// named in the draft*.go files are those of its working copy that follows -11; where older drafts differ, the interop
// version is named.
const (
	interopHeader = "Upload-Draft-Interop-Version"
	oldestInterop = 3 // -01
	newestInterop = 8 // -09 and later

	statusResumptionSupported = 104 // "Upload Resumption Supported": net/http has no name for it
	partialUpload             = "application/partial-upload"
)

// dialect is the version of the draft that a request speaks:
//
//	3  -01         Upload-Incomplete; append and creation answer 201
//	4  -02         Upload-Complete
//	5  -03         progress in interim responses
//	6  -04, -05    application/partial-upload, Upload-Limit with "expires"
//	7  -06 to -08  Upload-Limit with "max-age"; an append that does not complete answers 204; 410; what is too long ends the upload
//	8  -09 to -11  Accept-Patch
type dialect struct {
	interop int
	named   bool // the client named it: only then it gets interim responses ("Draft Version Identification")
}

// draftOf reports whether a request speaks the draft, and which version of it. A client that names no version, or one that is
// not known, is answered in the newest, without interim responses: so will be clients of the RFC to come.
func draftOf(r *http.Request) (dialect, bool) {
	if r.Header.Get("Tus-Resumable") != "" || r.Method == http.MethodOptions {
		return dialect{}, false
	}
	interop, ok := integer(r.Header, interopHeader)
	if ok && interop >= oldestInterop && interop <= newestInterop {
		return dialect{interop: int(interop), named: true}, true
	}
	_, flagged := boolean(r.Header, "Upload-Complete")
	return dialect{interop: newestInterop}, flagged || r.Header.Get(interopHeader) != ""
}

// completes reads whether a request brings the end of the upload, and false if it does not say.
func (v dialect) completes(h http.Header) (complete, said bool) {
	if v.interop == 3 {
		incomplete, said := boolean(h, "Upload-Incomplete")
		return !incomplete, said
	}
	return boolean(h, "Upload-Complete")
}

// flag writes whether the upload is complete.
func (v dialect) flag(h http.Header, complete bool) {
	name, value := "Upload-Complete", complete
	if v.interop == 3 {
		name, value = "Upload-Incomplete", !complete
	}
	if value {
		h.Set(name, "?1")
	} else {
		h.Set(name, "?0")
	}
}

// limits is the value of Upload-Limit for an upload; empty where the version has none.
func (v dialect) limits(maxSize int64, u drive.Upload) string {
	switch {
	case v.interop < 6:
		return ""
	case u.ID == "":
		return sizeLimits(maxSize)
	}
	age := "max-age"
	if v.interop == 6 {
		age = "expires"
	}
	left := max(0, int64(time.Until(u.Expires)/time.Second))
	return sizeLimits(maxSize) + ", " + age + "=" + strconv.FormatInt(left, 10)
}

// sizeLimits are the limits that hold for every upload (section "Limits").
func sizeLimits(maxSize int64) string {
	if maxSize <= 0 || maxSize > largestInteger {
		return "min-size=0"
	}
	return "max-size=" + strconv.FormatInt(maxSize, 10) + ", min-size=0"
}

// draftOptions adds what the draft says of OPTIONS: that uploads are resumable here, and their limits.
func (d *Door) draftOptions(h http.Header) {
	h.Set("Accept-Patch", partialUpload+", "+octetStream)
	h.Set("Upload-Limit", sizeLimits(d.drives.MaxFile()))
}

// serveDraft answers a request that speaks the draft.
func (d *Door) serveDraft(w http.ResponseWriter, r *http.Request, v dialect) {
	w.Header().Set("Cache-Control", "no-store")
	if v.named {
		w.Header().Set(interopHeader, strconv.Itoa(v.interop))
	}
	if err := d.routeDraft(w, r, v); err != nil {
		d.refuseDraft(w, r, v, err)
	}
}

// routeDraft finds the upload that a request is about. Whose it is comes first, as in admit.
func (d *Door) routeDraft(w http.ResponseWriter, r *http.Request, v dialect) error {
	who, ok := authn.From(r.Context())
	if !ok {
		return fault.New(fault.Unauthenticated, "tus.draft", "")
	}
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/files"), "/")
	if id == "" {
		if r.Method != http.MethodPost && r.Method != http.MethodPut {
			answer.MethodNotAllowed(w, r, http.MethodOptions, http.MethodPost, http.MethodPut)
			return nil
		}
		return d.draftCreate(w, r, v, who.UserID)
	}
	kind, err := d.drives.OwnedUpload(r.Context(), who.UserID, id)
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodHead:
		return d.draftHead(w, r, v, id)
	case http.MethodPatch:
		return d.draftAppend(w, r, v, id, kind)
	case http.MethodDelete:
		return d.draftCancel(w, r, v, id)
	}
	answer.MethodNotAllowed(w, r, http.MethodOptions, http.MethodHead, http.MethodPatch, http.MethodDelete)
	return nil
}
