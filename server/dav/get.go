package dav

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// get answers GET and HEAD. Conditions and ranges are http.ServeContent's (RFC 9110, sections 13 and 14);
// content goes to it as the store gave it, so that an *os.File leaves by sendfile.
func (q *request) get() error {
	ctx := q.r.Context()
	if len(q.r.Header.Values("If")) > 0 {
		if _, err := q.require(ctx); err != nil {
			return err
		}
	}
	if q.r.Method == http.MethodHead {
		node, err := q.h.o.Drives.Stat(ctx, q.driveID, q.at.path)
		if err != nil {
			return err
		}
		if node.Folder {
			return q.getFolder()
		}
		// Only the size is asked of it.
		q.serveContent(node, io.NewSectionReader(strings.NewReader(""), 0, node.Size))
		return nil
	}
	node, content, err := q.h.o.Drives.Open(ctx, q.driveID, q.at.path)
	if code, _, _ := fault.Public(err); err != nil && code == "is_folder" {
		return q.getFolder()
	}
	if err != nil {
		return err
	}
	defer content.Close()
	q.serveContent(node, content)
	return nil
}

func (q *request) serveContent(node drive.Node, content io.ReadSeeker) {
	header := q.w.Header()
	mediaType := node.MediaType
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	header.Set("Content-Type", mediaType)
	header["Etag"] = []string{node.ETag()}
	header["Cache-Control"] = revalidated
	sandbox(header, mediaType)
	r := q.r
	if since := r.Header.Get("If-Range"); since != "" && !strings.HasPrefix(since, `"`) {
		// A date is the client's own word here (X-OC-Mtime), so it proves no equal content:
		// the whole file is the safe answer (RFC 9110, section 13.1.5).
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	http.ServeContent(q.w, r, "", node.Modified, content)
}

// sandbox keeps what users store from running as our origin in a browser.
func sandbox(header http.Header, mediaType string) {
	header["X-Content-Type-Options"] = nosniff
	header["Content-Security-Policy"] = sandboxed
	// A browser that remembers a name and password sends them along for any site that embeds a file from here.
	header["Cross-Origin-Resource-Policy"] = sameOrigin
	if !harmless(mediaType) {
		header["Content-Disposition"] = attachment
	}
}

// Values of headers that many answers have. They share them: neither net/http nor http.Header's methods change a value in place.
var (
	nosniff     = []string{"nosniff"}
	sandboxed   = []string{"sandbox; default-src 'none'"}
	sameOrigin  = []string{"same-origin"}
	attachment  = []string{"attachment"}
	revalidated = []string{"private, max-age=0, must-revalidate"}
)

// harmless reports whether a browser may show the type by itself: images, sound, video, PDF and plain text.
func harmless(mediaType string) bool {
	base, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return false
	}
	kind, _, _ := strings.Cut(base, "/")
	switch {
	case strings.HasSuffix(base, "+xml"): // a document with scripts, image/svg+xml above all
		return false
	case kind == "image", kind == "audio", kind == "video", base == "application/pdf", base == "text/plain":
		return true
	}
	return false
}

// getFolder answers a folder's names, one a line, for people who open the address in a browser.
// RFC 4918, section 9.4, leaves it open what a collection's GET is; gvfs needs HEAD to be 200.
func (q *request) getFolder() error {
	header := q.w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "private, no-store")
	sandbox(header, "text/plain")
	if q.r.Method == http.MethodHead {
		q.w.WriteHeader(http.StatusOK)
		return nil
	}
	begun := false
	err := q.h.o.Drives.ListParts(q.r.Context(), q.driveID, q.at.path, 0, func(_ drive.Node, part []drive.Node) error {
		var b []byte
		for _, child := range part {
			b = append(b, child.Name...)
			if child.Folder {
				b = append(b, '/')
			}
			b = append(b, '\n')
		}
		begun = true
		_, err := q.w.Write(b)
		return err
	})
	if begun && err != nil {
		panic(http.ErrAbortHandler) // half of it must not look like the whole
	}
	return err
}
