package dav

import (
	"encoding/xml"
	"io"
	"mime"
	"net/http"

	"golang.org/x/net/webdav"

	"github.com/satchelhq/satchel/fault"
)

// mkcol makes a folder: 201; 405 where something is, 409 where the folder around it is missing. A body may say properties that it is
// to have from the beginning (RFC 5689): the folder is made with all of them, or it is not made, and the answer says which of them was
// the reason. Any other body is 415.
func (q *request) mkcol() error {
	patches, err := q.mkcolProperties()
	if err != nil {
		return err
	}
	guard, err := q.guard(q.r.Context())
	if err != nil {
		return err
	}
	work := sortMkcol(patches)
	if len(work.refused) > 0 {
		q.writeMkcol(patches, work.refused)
		return nil
	}
	_, err = q.h.o.Drives.MakeFolderWith(q.r.Context(), q.driveID, q.at.path, work.set, work.modified, guard)
	if code, _, _ := fault.Public(err); code == "property_too_large" || code == "too_many_properties" {
		for _, p := range patches { // all of them are too much together
			work.refused = append(work.refused, webdav.Propstat{Props: []webdav.Property{p.property}, Status: http.StatusRequestEntityTooLarge})
		}
		q.writeMkcol(patches, work.refused)
		return nil
	}
	if err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusCreated)
	return nil
}

// mkcolProperties are the properties in the body.
func (q *request) mkcolProperties() ([]patch, error) {
	unsupported := fault.New(fault.Unsupported, "dav.mkcol", "The body of MKCOL is a DAV:mkcol element, as XML.")
	mediaType, _, err := mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "text/xml" && mediaType != "application/xml" {
		if hasBody(q.r) {
			return nil, unsupported
		}
		return nil, nil
	}
	body, err := readBody(q.r)
	if err != nil || body == nil {
		return nil, err
	}
	if !body.is("mkcol") {
		return nil, unsupported // reserved (RFC 5689, section 3)
	}
	return parsePatches(body)
}

// hasBody reports whether at least a byte comes; a chunked body may turn out to be empty.
func hasBody(r *http.Request) bool {
	if r.ContentLength >= 0 || r.Body == nil {
		return r.ContentLength > 0
	}
	n, _ := io.ReadFull(r.Body, make([]byte, 1))
	return n > 0
}

// sortMkcol is sortPatches, where the resource's type is said too: there is one that can be had.
func sortMkcol(patches []patch) patchWork {
	var rest []patch
	var wrong []webdav.Propstat
	for _, p := range patches {
		switch {
		case p.property.XMLName != dav("resourcetype"):
			rest = append(rest, p)
		case len(p.elements) == 0 || len(p.elements) > 1 || p.elements[0] != dav("collection"):
			wrong = append(wrong, webdav.Propstat{Props: []webdav.Property{{XMLName: p.property.XMLName}}, Status: http.StatusForbidden, XMLError: "<D:valid-resourcetype/>"})
		}
	}
	work := sortPatches(rest)
	work.refused = append(wrong, work.refused...)
	return work
}

// writeMkcol answers why no folder was made: by the first property that was refused.
func (q *request) writeMkcol(patches []patch, refused []webdav.Propstat) {
	names := make([]xml.Name, len(patches))
	for i, p := range patches {
		names[i] = p.property.XMLName
	}
	m := newDocument(q.w, refused[0].Status, "mkcol-response", names)
	m.propstats(outcome(patches, refused))
	m.end()
}
