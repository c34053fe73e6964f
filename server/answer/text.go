package answer

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
)

// Text writes err as plain text, for tus clients, which show it to people as it is:
// the sentence, every rejected field, the code and the request id, a line each. What a receiver rejected is said in its own words.
func Text(w http.ResponseWriter, r *http.Request, err error) {
	status := begin(w, r, err)
	if no, ok := hooks.Rejected(err); ok && no.Body != "" {
		w.Header().Set("Content-Type", no.ContentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, no.Body)
		return
	}
	code, sentence, fields := fault.Public(err)
	if status == http.StatusUnauthorized {
		challenge(w, r, code)
	}
	var b strings.Builder
	b.WriteString(sentence + "\n")
	for _, f := range fields {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Message)
	}
	fmt.Fprintf(&b, "code: %s\n", code)
	if id := RequestID(r.Context()); id != "" {
		fmt.Fprintf(&b, "request: %s\n", id)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(b.String()))
	}
}
