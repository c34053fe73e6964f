package dav

import (
	"context"
	"net/url"
	"strings"

	"github.com/satchelhq/satchel/drive"
)

// RemotePrefix leads to the addresses that clients of ownCloud and Nextcloud make up from a server's name:
//
//	/remote.php/webdav/             the caller's drive
//	/remote.php/dav/files/USER/     the same, if USER is the caller's name
//	/remote.php/dav/uploads/USER/   uploads in chunks: chunked.go
//
// They lie beside the prefix of the drive, so that a folder in it may have any name.
const RemotePrefix = "/remote.php/"

const (
	remoteWebDAV  = RemotePrefix + "webdav/"
	remoteFiles   = RemotePrefix + "dav/files/"
	remoteUploads = RemotePrefix + "dav/uploads/"
)

// mount answers below which prefix an escaped path lies, as the client spelled it, with a slash at its end. uploads says
// that no drive is there but uploads in chunks. ok is false for what is not the caller's.
func (q *request) mount(escaped string) (prefix string, uploads, ok bool) {
	if below(escaped, q.home) {
		return q.home, false, true
	}
	if below(escaped, remoteWebDAV) {
		return remoteWebDAV, false, true
	}
	for _, top := range [...]string{remoteFiles, remoteUploads} {
		rest, found := strings.CutPrefix(escaped, top)
		if !found {
			continue
		}
		raw, _, _ := strings.Cut(rest, "/")
		user, err := url.PathUnescape(raw)
		return top + raw + "/", top == remoteUploads, err == nil && q.who.Named(user)
	}
	return "", false, false
}

// below reports whether a path is at a prefix, with its last slash or without, or below it.
func below(escaped, prefix string) bool {
	return strings.HasPrefix(escaped, prefix) || escaped+"/" == prefix
}

// drivePrefix is the prefix of an address of the caller's drive, whichever of its addresses that is.
func (q *request) drivePrefix(address string) string {
	if u, err := url.Parse(address); err == nil {
		if prefix, uploads, ok := q.mount(u.EscapedPath()); ok && !uploads {
			return prefix
		}
	}
	return q.home
}

// seenBy is the handler for a caller who may be kept to a folder, or to reading.
func (h *Handler) seenBy(ctx context.Context) *Handler {
	other := *h
	other.top, other.readOnly = drive.Top(ctx), drive.ReadOnly(ctx)
	return &other
}

// isTop reports whether a path is what the caller sees as the drive's top.
func (h *Handler) isTop(path drive.Path) bool { return path == drive.Root || path == h.top }

// inside makes a place of what the caller takes for the drive one of the drive: the two differ for who is kept to a folder.
func (q *request) inside(at *place) (err error) {
	at.path, err = drive.Inside(q.r.Context(), at.path)
	return err
}

// at is the handler for a request below another prefix.
func (h *Handler) at(prefix string) *Handler {
	other := *h
	other.o.Prefix = prefix
	return &other
}
