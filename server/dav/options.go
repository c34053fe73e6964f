package dav

import "net/http"

// davCompliance is the DAV header (RFC 4918, section 10.1): the classes, and what else is served.
const davCompliance = "1, 2, 3, extended-mkcol, sabredav-partialupdate"

// options answers what is served, on any path and to anyone: Finder and Explorer ask before they have
// credentials, and take anything but 200 for "no WebDAV here".
func (h *Handler) options(w http.ResponseWriter) {
	header := w.Header()
	header["DAV"] = []string{davCompliance} // spelled like this: some clients compare case
	header["MS-Author-Via"] = []string{"DAV"}
	header.Set("Allow", allMethods)
	if h.o.BeginUpload != nil {
		header.Set("Allow", allMethods+", POST")
		h.o.TellUploads(header)
	}
	header.Set("Accept-Ranges", "bytes")
	header.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}
