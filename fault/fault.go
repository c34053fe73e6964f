package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what went wrong from the caller's point of view. The zero value is
// Internal, so an error that nobody classified never looks like the caller's fault.
type Kind uint8

const (
	Internal         Kind = iota // a defect or a broken disk: 500, never explained to the client
	Invalid                      // the request is malformed: 400
	Unauthenticated              // nobody, or wrong credentials: 401
	Forbidden                    // known and not allowed: 403
	NotFound                     // not there, or not the caller's: 404
	Exists                       // the name is taken: 409
	ParentMissing                // the folder that should hold it is missing: 409
	OffsetMismatch               // an upload is at another offset: 409
	Gone                         // was there and has ended for good: 410
	Timeout                      // the rest of the request did not come in time: 408
	Precondition                 // If-Match and its relatives: 412
	TooLarge                     // over a limit of size, count or depth: 413
	Unsupported                  // a media type that the route does not take: 415
	Locked                       // held by a lock whose token was not sent: 423
	ChecksumMismatch             // bytes differ from the checksum sent with them: 460 (tus)
	TooMany                      // over a rate: 429
	Busy                         // try again soon: 503
	Full                         // over quota, or the disk is full: 507
)

var kinds = [...]struct{ code, public string }{
	Internal:         {"internal", "Something went wrong on the server. The request id finds it in the log."},
	Invalid:          {"invalid", "The request is not valid."},
	Unauthenticated:  {"unauthenticated", "Sign in first."},
	Forbidden:        {"forbidden", "This is not allowed."},
	NotFound:         {"not_found", "There is nothing here."},
	Exists:           {"exists", "The name is taken."},
	ParentMissing:    {"parent_missing", "The folder does not exist."},
	OffsetMismatch:   {"offset_mismatch", "The upload is at another offset."},
	Gone:             {"gone", "This has ended."},
	Timeout:          {"timeout", "The rest of the request did not come in time."},
	Precondition:     {"precondition_failed", "It has changed since you looked."},
	TooLarge:         {"too_large", "This is over the limit."},
	Unsupported:      {"unsupported_media_type", "The content type is not one that this address takes."},
	Locked:           {"locked", "It is locked."},
	ChecksumMismatch: {"checksum_mismatch", "The bytes differ from their checksum."},
	TooMany:          {"too_many_requests", "Too many requests. Try again later."},
	Busy:             {"busy", "The server is busy. Try again."},
	Full:             {"full", "There is no space left."},
}

// Code is the kind's stable machine-readable name, as error bodies show it.
func (k Kind) Code() string { return kinds[k].code }

// String is Code, so that logs and bodies use one word.
func (k Kind) String() string { return kinds[k].code }

// Field is one rejected input of a request.
type Field struct {
	Name    string `json:"name"`    // as the client spelled it: "username"
	Code    string `json:"code"`    // stable: "too_short"
	Message string `json:"message"` // a sentence for people
}

// Error is an error with a kind. Build one with [New] or [Wrap].
type Error struct {
	Kind   Kind
	Op     string        // what was being done: "drive.Move"
	Path   string        // what it was done to, for the log only
	Code   string        // stable code; empty means Kind.Code()
	Public string        // all the text that a client sees; empty means the kind's own
	Fields []Field       // every rejected input, for Invalid
	Wait   time.Duration // after which it is worth trying again, for TooMany and Busy; 0: the kind's own
	Err    error         // the cause, for the log only
}

// New makes an error of kind. public is what the client reads; empty takes the kind's own sentence.
func New(kind Kind, op, public string) *Error {
	return &Error{Kind: kind, Op: op, Public: public}
}

// Wrap gives err an operation and keeps its kind; nil stays nil.
// A context that ended becomes Busy when it timed out, so that callers may try again.
func Wrap(err error, op string) error {
	if err == nil {
		return nil
	}
	var inner *Error
	if errors.As(err, &inner) {
		return &Error{Kind: inner.Kind, Op: op, Code: inner.Code, Public: inner.Public, Fields: inner.Fields, Wait: inner.Wait, Err: err}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Kind: Busy, Op: op, Err: err}
	}
	return &Error{Kind: Internal, Op: op, Err: err}
}

// As is Wrap for an err whose kind the caller knows better.
func As(kind Kind, op string, err error) *Error {
	return &Error{Kind: kind, Op: op, Err: err}
}

// WithCode sets the stable code and returns e.
func (e *Error) WithCode(code string) *Error { e.Code = code; return e }

// WithPath sets the path for the log and returns e.
func (e *Error) WithPath(path string) *Error { e.Path = path; return e }

// WithWait sets after what time it is worth trying again and returns e.
func (e *Error) WithWait(wait time.Duration) *Error { e.Wait = wait; return e }

// RetryAfter is after what time a client may try again; 0 if nothing says so.
func RetryAfter(err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	switch {
	case e.Wait > 0:
		return e.Wait
	case e.Kind == Busy:
		return 2 * time.Second
	case e.Kind == TooMany:
		return 30 * time.Second
	}
	return 0
}

// Error is for logs: it holds paths and causes that a client must not see.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		fmt.Fprintf(&b, " %q", e.Path)
	}
	fmt.Fprintf(&b, ": %s", e.Kind)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, " [%s: %s]", f.Name, f.Code)
	}
	switch {
	case e.Err != nil:
		fmt.Fprintf(&b, ": %v", e.Err)
	case e.Public != "":
		fmt.Fprintf(&b, ": %s", e.Public)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is err's outermost kind; an error without one is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is a fault of kind. A nil err is none.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// Public is what a client may read of err: code, sentence and fields.
func Public(err error) (code, sentence string, fields []Field) {
	var e *Error
	if !errors.As(err, &e) {
		return Internal.Code(), kinds[Internal].public, nil
	}
	code, sentence = e.Code, e.Public
	if code == "" || e.Kind == Internal {
		code = e.Kind.Code()
	}
	if sentence == "" || e.Kind == Internal {
		sentence = kinds[e.Kind].public
	}
	return code, sentence, e.Fields
}
