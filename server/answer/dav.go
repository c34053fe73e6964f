package answer

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/fault"
)

// davNamespace is that of the elements of ours inside D:error. Clients skip what they do not know
// (RFC 4918, section 17).
const davNamespace = "https://github.com/satchelhq/satchel/ns/error"

// DAV writes err as a D:error element (RFC 4918, section 16), with the precondition that the RFCs name for
// it, if any. 401 gets the challenges of every door, Basic first: there are WebDAV clients that read only one.
func DAV(w http.ResponseWriter, r *http.Request, err error) {
	status := begin(w, r, err)
	code, sentence, _ := fault.Public(err)
	if status == http.StatusUnauthorized {
		challenge(w, r, code)
		slices.Reverse(w.Header()["Www-Authenticate"])
	}
	var b strings.Builder
	b.WriteString(xml.Header)
	b.WriteString(`<D:error xmlns:D="DAV:" xmlns:S="` + davNamespace + `">`)
	switch fault.KindOf(err) {
	case fault.Full:
		b.WriteString(`<D:quota-not-exceeded/>`) // RFC 4331, section 6
	case fault.Locked:
		b.WriteString(`<D:lock-token-submitted>`)
		element(&b, "D:href", r.URL.EscapedPath())
		b.WriteString(`</D:lock-token-submitted>`)
	}
	element(&b, "S:code", code)
	element(&b, "S:message", sentence)
	if id := RequestID(r.Context()); id != "" {
		element(&b, "S:request-id", id)
	}
	b.WriteString("</D:error>\n")
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(b.String()))
	}
}

func element(b *strings.Builder, name, text string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(text)) // a Builder does not fail
	b.WriteString("</" + name + ">")
}
