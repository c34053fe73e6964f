package answer

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// Problem is the body of every error of the API (RFC 9457). Type is "about:blank": the stable
// code says which problem it is.
type Problem struct {
	Type      string        `json:"type"`
	Title     string        `json:"title"` // the status in words
	Status    int           `json:"status"`
	Detail    string        `json:"detail"` // a sentence for people
	Code      string        `json:"code"`   // stable, for programs
	RequestID string        `json:"request_id,omitempty"`
	Fields    []fault.Field `json:"fields,omitempty"` // every rejected input
}

// Error writes err as application/problem+json. 401 gets a Bearer and a Basic challenge, 429 and 503 a
// Retry-After; errors of the server are logged.
func Error(w http.ResponseWriter, r *http.Request, err error) {
	status := begin(w, r, err)
	code, sentence, fields := fault.Public(err)
	if status == http.StatusUnauthorized {
		challenge(w, r, code)
	}
	problem(w, r, Problem{Status: status, Detail: sentence, Code: code, Fields: fields})
}

// MethodNotAllowed answers 405 as problem+json, with the methods that the address takes.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request, allowed ...string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	problem(w, r, Problem{
		Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
		Detail: "This address takes " + strings.Join(allowed, ", ") + ".",
	})
}

func problem(w http.ResponseWriter, r *http.Request, p Problem) {
	p.Type, p.Title, p.RequestID = "about:blank", phrase(p.Status), RequestID(r.Context())
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(w).Encode(p) // a client that left does not read it
}
