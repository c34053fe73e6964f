package web

import (
	"net/http"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/answer"
)

// handOver sends who downloads a file to the store that holds it, where the settings allow that, and reports whether it did.
//
// Only what a link says is to be saved goes that way, and not even what no browser shows by itself, since a page may show it (SVG in an <img>, which our
// policy wants from here): the store's answer has neither our policy nor nosniff, so what strangers wrote must not be shown
// from there, and says that it is an attachment. Only GET does, without conditions: our ETag is not the store's, and the two must not be mixed in one file. Nor
// does a request with an Authorization header: a client that keeps it along the way is refused by S3.
func (h *Web) handOver(w http.ResponseWriter, r *http.Request, node drive.Node, saved bool) bool {
	if !saved || r.Method != http.MethodGet {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "", "document", "empty": // who follows a link to it
	default: // a page embeds it, another site's perhaps, and the store's answer does not say whose may
		return false
	}
	for _, name := range [...]string{"Authorization", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	media, _ := serveAs(node.MediaType)
	address, err := h.drives.Elsewhere(r.Context(), node, media, disposition(node.Name, false))
	if err != nil {
		answer.Log(r.Context()).Warn("a download is not sent to the store", "request_id", answer.RequestID(r.Context()), "err", err)
	}
	if err != nil || address == "" {
		return false
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Location", address)
	w.WriteHeader(http.StatusFound)
	return true
}
