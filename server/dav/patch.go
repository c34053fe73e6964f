package dav

import (
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// partialUpdate is the type of a PATCH body that holds bytes for a part of a file (sabre/dav, "HTTP PATCH support"). davCompliance
// names the feature.
const partialUpdate = "application/x-sabredav-partialupdate"

// patch writes a part of a file, as sabre/dav has it: 204, and 400 without an X-Update-Range that can be read, 411 without the length
// of the part, 415 for another type, 416 for a range that does not fit the file or the body. Until it is done the file is as
// it was. With X-Recalculate-Hash it asks for a checksum instead.
func (q *request) patch() error {
	if q.r.Header.Get("X-Recalculate-Hash") != "" {
		return q.recalculate()
	}
	ctx, header := q.r.Context(), q.r.Header
	if err := q.onlyFile(); err != nil {
		return err
	}
	part, err := parseUpdateRange(header)
	if err != nil {
		return err
	}
	if mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || mediaType != partialUpdate {
		return fault.New(fault.Unsupported, "dav.patch", "PATCH takes Content-Type: "+partialUpdate+".")
	}
	if header.Get("OC-Checksum") != "" || header.Get("Content-Range") != "" {
		return fault.New(fault.Invalid, "dav.patch", "PATCH takes neither OC-Checksum nor Content-Range.").WithCode("invalid_patch")
	}
	if part.Size = q.r.ContentLength; part.Size <= 0 {
		return &problem{status: http.StatusLengthRequired, err: fault.New(fault.Invalid, "dav.patch", "Content-Length must say how long the part is.").WithCode("length_required")}
	}
	if part.span >= 0 && part.span != part.Size-1 {
		return notSatisfiable("The range is not as long as the body.")
	}
	if part.Guard, err = q.guard(ctx); err != nil {
		return err
	}
	part.Modified = clientTime(header.Get("X-OC-Mtime"))
	node, err := q.h.o.Drives.Patch(ctx, q.driveID, q.at.path, q.r.Body, part.PatchOptions)
	if code, sentence, _ := fault.Public(err); err != nil && code == "range_not_satisfiable" {
		return notSatisfiable(sentence)
	}
	if err != nil {
		return notOfFolder(err)
	}
	q.w.Header().Set("ETag", node.ETag())
	if !part.Modified.IsZero() {
		q.w.Header()["X-OC-Mtime"] = []string{"accepted"}
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// onlyFile refuses what is not there and what is a folder before anything is said about the request itself.
func (q *request) onlyFile() error {
	node, err := q.h.o.Drives.Stat(q.r.Context(), q.driveID, q.at.path)
	if err == nil && node.Folder {
		return notAllowed(allMethods, "This is a folder.")
	}
	if fault.Is(err, fault.NotFound) { // unless a precondition says more
		if _, e := q.require(q.r.Context()); e != nil {
			return e
		}
	}
	return err
}

func notSatisfiable(public string) error {
	return &problem{status: http.StatusRequestedRangeNotSatisfiable, err: fault.New(fault.Invalid, "dav.patch", public).WithCode("range_not_satisfiable")}
}

// updateRange is an X-Update-Range header.
type updateRange struct {
	drive.PatchOptions
	span int64 // from the first byte to the last; negative if it is not told
}

// parseUpdateRange reads "append", "bytes=10-19", "bytes=10-" and "bytes=-10", which begins ten bytes before the end.
func parseUpdateRange(header http.Header) (r updateRange, err error) {
	invalid := fault.New(fault.Invalid, "dav.parseUpdateRange", "X-Update-Range is append, bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT.").WithCode("invalid_update_range")
	values := header.Values("X-Update-Range")
	if len(values) != 1 {
		return r, invalid
	}
	r.span = -1
	value := strings.ToLower(strings.TrimSpace(values[0]))
	if value == "append" {
		r.FromEnd = true
		return r, nil
	}
	numbers, ok := strings.CutPrefix(value, "bytes=")
	first, last, dash := strings.Cut(numbers, "-")
	if !ok || !dash || strings.Trim(first, "0123456789") != "" || strings.Trim(last, "0123456789") != "" || first+last == "" {
		return r, invalid
	}
	if first == "" {
		r.FromEnd, r.Offset = true, number(last)
		return r, nil
	}
	r.Offset = number(first)
	if last != "" {
		if number(last) < r.Offset {
			return r, notSatisfiable("The range ends before it begins.")
		}
		r.span = number(last) - r.Offset
	}
	return r, nil
}

// number reads digits; what is over any file's size is the largest size.
func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}
