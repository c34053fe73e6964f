package doctor

import (
	"context"
	"net/http"
	"strings"
)

// mounts does what a mount does, with a file and a folder that it removes.
func (w *Way) mounts(ctx context.Context) {
	const file, moved, folder = "/dav/doctor.txt", "/dav/doctor%20moved.txt", "/dav/doctor"
	a, err := w.dav(ctx, http.MethodPut, file, "0123456789")
	if !w.method("PUT", a, err, http.StatusCreated, http.StatusNoContent) {
		return
	}
	w.depth(ctx)
	a, err = w.dav(ctx, "MKCOL", folder, "")
	w.method("MKCOL", a, err, http.StatusCreated, http.StatusMethodNotAllowed)
	a, err = w.dav(ctx, "LOCK", "/dav/doctor%20locked.txt", `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`)
	w.method("LOCK", a, err, http.StatusOK, http.StatusCreated)

	target := header("Destination", w.Base.String()+moved)
	a, err = w.dav(ctx, "COPY", file, "", target, header("If", "(<urn:uuid:00000000-0000-0000-0000-000000000000>)"))
	switch {
	case err == nil && a.StatusCode == http.StatusPreconditionFailed:
		w.tell(good("header If", "comes through"))
	case err == nil && (a.StatusCode == http.StatusCreated || a.StatusCode == http.StatusNoContent):
		w.tell(wrong("header If", headerLost("If"), "a condition that does not hold is not seen: programs write over each other's locks"))
	}
	w.method("COPY", a, err, http.StatusPreconditionFailed, http.StatusCreated, http.StatusNoContent, http.StatusBadRequest, http.StatusBadGateway)
	a, err = w.dav(ctx, "MOVE", file, "", target)
	switch {
	case err == nil && a.StatusCode == http.StatusBadRequest:
		w.tell(wrong("header Destination", headerLost("Destination"), "MOVE with it answers %s: %s", a.Status, line(a.text)))
	case err == nil && a.StatusCode == http.StatusBadGateway && strings.Contains(a.text, "DAV:"):
		w.tell(wrong("host", hostWrong(), "MOVE to %s is taken for one to another server", target[1]))
	case w.method("MOVE", a, err, http.StatusCreated, http.StatusNoContent):
		w.tell(good("header Destination", "comes through"))
	}
	a, err = w.dav(ctx, http.MethodGet, moved, "", header("Range", "bytes=3-5"))
	switch {
	case err == nil && a.StatusCode == http.StatusPartialContent && a.text == "345":
		w.tell(good("header Range", "comes through"))
	case err == nil && a.StatusCode == http.StatusOK:
		w.tell(wrong("header Range", append(headerLost("Range"), Fix{"nginx", "no slice, no cache: proxy_cache off;"}), "a part is asked for, and all comes: players cannot jump, downloads cannot go on"))
	}
}

// depth asks for one resource alone.
func (w *Way) depth(ctx context.Context) {
	a, err := w.dav(ctx, "PROPFIND", "/dav/", "", header("Depth", "0"))
	switch {
	case err == nil && a.StatusCode == http.StatusMultiStatus && strings.Count(a.text, "<D:response>") == 1:
		w.tell(good("header Depth", "comes through"))
	case err == nil && (a.StatusCode == http.StatusMultiStatus || strings.Contains(a.text, "propfind-finite-depth")):
		w.tell(wrong("header Depth", headerLost("Depth"), "one folder is asked for, and all that is in it comes"))
	}
	w.method("PROPFIND", a, err, http.StatusMultiStatus, http.StatusForbidden)
}
