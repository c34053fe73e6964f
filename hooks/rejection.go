package hooks

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"unicode"

	"github.com/satchelhq/satchel/fault"
)

// The bounds of what a receiver says to a client.
const (
	maxRejection  = 4 << 10 // bytes of the body
	maxToldHeader = 256     // bytes of a header
)

// Rejection is a receiver's no, as the client is to see it.
type Rejection struct {
	Status      int               // 400 to 599
	Body        string            // at most 4 KiB; empty: the error's own sentence
	ContentType string            // of the body: plain text or JSON
	Header      map[string]string // Content-Language and Retry-After, if they are there
}

func (r *Rejection) Error() string { return "the receiver rejected it" }

// RejectionHeader marks an answer that is a receiver's no, so that a page can say its words.
const RejectionHeader = "Upload-Rejected"

// Rejected answers the rejection that err is, and false if it is none.
func Rejected(err error) (*Rejection, bool) {
	var r *Rejection
	ok := errors.As(err, &r)
	return r, ok
}

const (
	plainText = "text/plain; charset=utf-8"
	jsonText  = "application/json"
)

// rejection reads what a receiver wants its client to see. Of the status only what says no counts; 401 and 407 would say that the credentials are
// wrong, and are 403. The body is JSON if the receiver says so and it is, else plain text: no client takes it for a page. Other headers are dropped.
func rejection(a answerHTTP) error {
	r := &Rejection{Status: a.StatusCode, Body: clean(a.Body, maxRejection), ContentType: plainText, Header: map[string]string{}}
	switch {
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusProxyAuthRequired:
		r.Status = http.StatusForbidden
	case r.Status < 400 || r.Status > 599:
		r.Status = http.StatusBadRequest // as tusd has it where the receiver says nothing
	}
	for name, value := range a.Header {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Content-Type":
			if kind, _, err := mime.ParseMediaType(value); err == nil && kind == jsonText && json.Valid([]byte(r.Body)) {
				r.ContentType = jsonText
			}
		case "Content-Language", "Retry-After":
			if value = clean(value, maxToldHeader); !strings.ContainsAny(value, "\r\n\t") {
				r.Header[name] = value
			}
		}
	}
	f := &fault.Error{Kind: fault.Forbidden, Op: "hooks.Ask", Code: "upload_rejected", Public: r.sentence(), Err: r}
	if r.Status >= 500 {
		f.Kind = fault.Busy
	}
	return f
}

// sentence is what people read where the body does not go out as it is: its text, or what in its JSON is for people.
func (r *Rejection) sentence() string {
	text := r.Body
	if r.ContentType == jsonText {
		var members map[string]any
		_ = json.Unmarshal([]byte(r.Body), &members) // a list has no member that is for people
		text = ""
		for _, name := range [...]string{"detail", "message", "error"} {
			if s, ok := members[name].(string); ok && s != "" {
				text = s
				break
			}
		}
	}
	if text = strings.TrimSpace(clean(text, maxRejection)); text != "" { // once more: JSON can spell what cannot stand in it
		return text
	}
	return "The rules of this server do not let this upload begin."
}

// clean is at most limit bytes of a text, without what could steer a terminal.
func clean(text string, limit int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return -1
		}
		return r
	}, text)
}
