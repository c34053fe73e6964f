package dav

import (
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// put stores a file: 201 if it is new, 204 if it took the place of other content. Everything that can
// refuse it is looked at before the body is read (so a client that sent Expect: 100-continue keeps the body)
// and again in the transaction; a body that breaks off changes nothing.
func (q *request) put() error {
	ctx := q.r.Context()
	if q.r.Header.Get("Content-Range") != "" { // RFC 9110, section 14.5: a part must not become the whole
		return fault.New(fault.Invalid, "dav.put", "PUT does not take Content-Range.").WithCode("partial_put")
	}
	if err := q.refuseFolder(); err != nil {
		return err
	}
	guard, err := q.guard(ctx)
	if err != nil {
		return err
	}
	claims, err := q.ocClaims()
	if err != nil {
		return err
	}
	modified := clientTime(q.r.Header.Get("X-OC-Mtime"))
	size := announced(q.r)
	body := io.Reader(q.r.Body)
	if size >= 0 && q.r.ContentLength < 0 { // one byte more than announced is enough to refuse it
		body = io.LimitReader(body, size+1)
	}
	node, created, err := q.h.o.Drives.Put(ctx, q.driveID, q.at.path, body, drive.PutOptions{
		Size:      size,
		MediaType: mediaType(q.r.Header.Get("Content-Type")),
		Modified:  modified,
		Guard:     guard,
		Claims:    claims,
	})
	if err != nil {
		return err
	}
	header := q.w.Header()
	header.Set("ETag", node.ETag())
	if !modified.IsZero() {
		header["X-OC-Mtime"] = []string{"accepted"}
	}
	if created {
		q.w.WriteHeader(http.StatusCreated)
	} else {
		q.w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// refuseFolder refuses a name that ends in a slash for what makes a file: 405 if a folder is there, 409 if nothing is.
func (q *request) refuseFolder() error {
	if !q.at.slash {
		return nil
	}
	node, err := q.h.o.Drives.Stat(q.r.Context(), q.driveID, q.at.path)
	switch {
	case err == nil && node.Folder:
		return notAllowed(allMethods, "This is a folder.")
	case err == nil || fault.Is(err, fault.NotFound):
		return fault.New(fault.ParentMissing, "dav.put", "A file's name does not end in a slash.").WithCode("not_a_folder")
	}
	return err
}

// announced is how many bytes the body must have, negative if the request does not say. Finder sends
// chunks without a Content-Length, but says the size beside; a proxy that loses the chunks is noticed by it.
func announced(r *http.Request) int64 {
	if r.ContentLength >= 0 {
		return r.ContentLength
	}
	if n, err := strconv.ParseInt(r.Header.Get("X-Expected-Entity-Length"), 10, 64); err == nil && n >= 0 && n < math.MaxInt64 {
		return n
	}
	return -1
}

// clientTime reads seconds since 1970, with or without a fraction; what it cannot read is the zero time.
func clientTime(value string) time.Time {
	seconds, err := strconv.ParseFloat(value, 64)
	const lastYear = 253402300799 // the end of 9999, the last year that an HTTP date can hold
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds > lastYear {
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC().Truncate(time.Microsecond)
}

// mediaType is the Content-Type of a body where it says something: the types that clients send for
// anything are left to the name's extension (empty).
func mediaType(value string) string {
	const longest = 255 // bytes; the longest registered types have some 80
	base, parameters, err := mime.ParseMediaType(value)
	if err != nil || len(value) > longest || !strings.Contains(base, "/") {
		return ""
	}
	switch base {
	case "application/octet-stream", "application/x-www-form-urlencoded", "multipart/form-data", "application/unknown", "application/x-unknown":
		return ""
	}
	return mime.FormatMediaType(base, parameters)
}
