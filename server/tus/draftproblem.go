package tus

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// problemTypes is where the draft's problem types are registered (section "HTTP Problem Types").
const problemTypes = "https://iana.org/assignments/http-problem-types#"

// problem is an error for which the draft has a type of its own.
type problem struct {
	kind   string // what follows problemTypes
	status int
	title  string
	detail string

	expected, provided *int64 // where the upload is, and where the client believed it to be
}

func (p *problem) Error() string { return "tus: " + p.kind }

func mismatchingOffset(at, told int64) error {
	return &problem{kind: "mismatching-upload-offset", status: http.StatusConflict, title: "Mismatching Upload Offset",
		detail: "The upload is at another offset. Go on from there.", expected: &at, provided: &told}
}

func completedUpload() error {
	return &problem{kind: "completed-upload", status: http.StatusBadRequest, title: "Upload Is Completed",
		detail: "The upload is complete already and takes nothing more."}
}

func inconsistentLength(detail string) error {
	return &problem{kind: "inconsistent-upload-length", status: http.StatusBadRequest, title: "Inconsistent Upload Length Values", detail: detail}
}

// refuseDraft writes err as application/problem+json.
func (d *Door) refuseDraft(w http.ResponseWriter, r *http.Request, v dialect, err error) {
	var p *problem
	if errors.As(err, &p) {
		writeProblem(w, r, p)
		return
	}
	header := w.Header()
	switch fault.KindOf(err) {
	case fault.TooLarge:
		// Section "Limits" asks for it with every 413. The resource's own limits, if there is one, are there already.
		if limits := v.limits(d.drives.MaxFile(), drive.Upload{}); limits != "" && header.Get("Upload-Limit") == "" {
			header.Set("Upload-Limit", limits)
		}
	case fault.Gone:
		if v.interop <= 6 { // -01 to -04 know only 404 for what is not active any more
			code, sentence, _ := fault.Public(err)
			err = &fault.Error{Kind: fault.NotFound, Op: "tus.draft", Code: code, Public: sentence, Err: err}
		}
	case fault.Unsupported:
		if r.Method == http.MethodPatch {
			header.Set("Accept-Patch", partialUpload) // RFC 5789, section 2.2
		}
	}
	answer.Error(w, r, err)
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(struct { // a client that left does not read it
		answer.Problem
		Expected *int64 `json:"expected-offset,omitempty"`
		Provided *int64 `json:"provided-offset,omitempty"`
	}{answer.Problem{Type: problemTypes + p.kind, Title: p.title, Status: p.status, Detail: p.detail, Code: p.kind,
		RequestID: answer.RequestID(r.Context())}, p.expected, p.provided})
}
