package answer

import (
	"context"
	"errors"
	"net/http"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
)

// Statuses that net/http does not name.
const (
	statusChecksumMismatch    = 460 // tus 1.0, checksum extension
	statusClientClosedRequest = 499 // nginx's: the client left, so nobody reads the answer
)

var statuses = [...]int{
	fault.Internal:         http.StatusInternalServerError,
	fault.Invalid:          http.StatusBadRequest,
	fault.Unauthenticated:  http.StatusUnauthorized,
	fault.Forbidden:        http.StatusForbidden,
	fault.NotFound:         http.StatusNotFound,
	fault.Exists:           http.StatusConflict,
	fault.ParentMissing:    http.StatusConflict,
	fault.OffsetMismatch:   http.StatusConflict,
	fault.Gone:             http.StatusGone,
	fault.Timeout:          http.StatusRequestTimeout,
	fault.Precondition:     http.StatusPreconditionFailed,
	fault.TooLarge:         http.StatusRequestEntityTooLarge,
	fault.Unsupported:      http.StatusUnsupportedMediaType,
	fault.Locked:           http.StatusLocked,
	fault.ChecksumMismatch: statusChecksumMismatch,
	fault.TooMany:          http.StatusTooManyRequests,
	fault.Busy:             http.StatusServiceUnavailable,
	fault.Full:             http.StatusInsufficientStorage,
}

// Status is the HTTP status of an error: its fault.Kind's, that of a hooks.Rejection, and 499 when the client
// ended the request before anything else was decided. A nil err is 200.
func Status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if no, ok := hooks.Rejected(err); ok {
		return no.Status
	}
	kind := fault.KindOf(err)
	if kind == fault.Internal && errors.Is(err, context.Canceled) {
		return statusClientClosedRequest
	}
	if int(kind) >= len(statuses) || statuses[kind] == 0 {
		return http.StatusInternalServerError
	}
	return statuses[kind]
}

// phrase is a status in words, for a problem's title.
func phrase(status int) string {
	switch status {
	case statusChecksumMismatch:
		return "Checksum Mismatch"
	case statusClientClosedRequest:
		return "Client Closed Request"
	}
	return http.StatusText(status)
}
