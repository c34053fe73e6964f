package dav

import (
	"net/http"
	"strconv"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// theEnd is the name that stands for what all chunks of an upload make together.
const theEnd = ".file"

// chunked serves uploads in chunks below /remote.php/dav/uploads/USER/, as Nextcloud does: MKCOL begins one under a name of the
// client's own, PUT brings chunks, MOVE of its ".file" to a place in the drive ends it. Nothing of it is in the drive before. PROPFIND
// tells which chunks are there, for a client that goes on, and DELETE ends it all.
func (q *request) chunked() error {
	err := q.serveChunked(q.at.path.Names())
	if code, _, _ := fault.Public(err); err != nil && code == "upload_locked" { // no lock of WebDAV's
		return &problem{status: http.StatusLocked, err: err}
	}
	return err
}

func (q *request) serveChunked(names []string) error {
	ctx, drives, method := q.r.Context(), q.h.o.Drives, q.r.Method
	switch {
	case len(names) > 2:
		return fault.New(fault.NotFound, "dav.chunked", "")
	case method == "PROPFIND":
		return q.listChunked(names)
	case len(names) == 0:
		return notAllowed("OPTIONS, PROPFIND", "Uploads are below this address.")
	case len(names) == 1 && method == "MKCOL":
		if hasBody(q.r) {
			return fault.New(fault.Unsupported, "dav.chunked", "MKCOL takes no body here.")
		}
		return q.done(http.StatusCreated, drives.BeginChunked(ctx, q.driveID, names[0]))
	case len(names) == 1 && method == http.MethodDelete:
		return q.done(http.StatusNoContent, drives.DropChunked(ctx, q.driveID, names[0]))
	case len(names) == 1:
		return notAllowed("OPTIONS, MKCOL, DELETE, PROPFIND", "This address is an upload.")
	case names[1] == theEnd && method == "MOVE":
		return q.finishChunked(names[0])
	case names[1] == theEnd:
		return notAllowed("OPTIONS, MOVE, PROPFIND", "This address takes MOVE.")
	case method == http.MethodPut:
		return q.putChunk(names[0], names[1])
	case method == http.MethodDelete:
		return q.done(http.StatusNoContent, drives.DropChunk(ctx, q.driveID, names[0], names[1]))
	}
	return notAllowed("OPTIONS, PUT, DELETE, PROPFIND", "This address is a chunk of an upload.")
}

// done writes a status unless something went wrong.
func (q *request) done(status int, err error) error {
	if err == nil {
		q.w.WriteHeader(status)
	}
	return err
}

func (q *request) putChunk(upload, chunk string) error {
	if q.r.Header.Get("Content-Range") != "" {
		return fault.New(fault.Invalid, "dav.putChunk", "PUT does not take Content-Range.").WithCode("partial_put")
	}
	claims, err := q.ocClaims()
	if err != nil {
		return err
	}
	created, err := q.h.o.Drives.PutChunk(q.r.Context(), q.driveID, upload, chunk, q.r.Body, drive.PutOptions{Size: announced(q.r), Claims: claims})
	status := http.StatusNoContent
	if created {
		status = http.StatusCreated
	}
	return q.done(status, err)
}

// finishChunked makes the file: 201, or 204 if it took the place of other content. Conditions and locks are those of the place in the
// drive. The client may repeat it: while it is at work that is 423, and 404 afterwards.
func (q *request) finishChunked(upload string) error {
	ctx, header := q.r.Context(), q.r.Header
	to, err := q.destination()
	if err != nil {
		return err
	}
	overwrite, err := parseOverwrite(header)
	if err != nil {
		return err
	}
	o := drive.PutOptions{Size: -1, Modified: clientTime(header.Get("X-OC-Mtime"))}
	if !overwrite {
		o.Conflict = drive.Fail
	}
	if total := header.Get("OC-Total-Length"); total != "" {
		if o.Size, err = strconv.ParseInt(total, 10, 64); err != nil || o.Size < 0 {
			return fault.New(fault.Invalid, "dav.finishChunked", "OC-Total-Length is not a number of bytes.").WithCode("invalid_number")
		}
	}
	if o.Claims, err = q.ocClaims(); err != nil {
		return err
	}
	q.at, q.h = to, q.h.at(q.drivePrefix(header.Get("Destination"))) // from here on, all that is said is said of it
	if err := q.refuseFolder(); err != nil {
		return err
	}
	if o.Guard, err = q.guard(ctx); err != nil {
		return err
	}
	node, created, err := q.h.o.Drives.FinishChunked(ctx, q.driveID, upload, q.at.path, o)
	if overwrite && fault.Is(err, fault.Exists) {
		return notAllowed(allMethods, "This is a folder.")
	}
	if err != nil {
		return err
	}
	q.w.Header().Set("ETag", node.ETag())
	if !o.Modified.IsZero() {
		q.w.Header()["X-OC-Mtime"] = []string{"accepted"}
	}
	status := http.StatusNoContent
	if created {
		status = http.StatusCreated
	}
	return q.done(status, nil)
}

// listChunked answers a PROPFIND: of all uploads in chunks, of one and its chunks, or of a chunk.
func (q *request) listChunked(names []string) error {
	d, err := parseDepth(q.r.Header, depthInfinity)
	if err != nil {
		return err
	}
	if d == depthInfinity && len(names) == 0 {
		return &problem{status: http.StatusForbidden, condition: "propfind-finite-depth",
			err: fault.New(fault.Forbidden, "dav.listChunked", "Ask with Depth: 0 or 1.")}
	}
	body, err := readBody(q.r)
	if err != nil {
		return err
	}
	find, err := parsePropfind(body)
	if err != nil {
		return err
	}
	l := newListing(q.h, q.w, find)
	l.href, l.rootName, l.compact, l.usage = q.at.href, "uploads", true, drive.Usage{Quota: -1}
	nodes, err := q.chunkNodes(names, d)
	if err != nil {
		return err
	}
	l.all(nodes)
	return nil
}

// chunkNodes shows uploads in chunks as the folders that their clients take them for.
func (q *request) chunkNodes(names []string, d depth) (nodes []drive.Node, err error) {
	ctx, drives := q.r.Context(), q.h.o.Drives
	folder := func(path drive.Path, u drive.ChunkedUpload) drive.Node {
		return drive.Node{ID: u.Name, Name: u.Name, Path: path, Folder: true, Created: u.Created, Modified: u.Created}
	}
	if len(names) == 0 {
		nodes = append(nodes, folder(drive.Root, drive.ChunkedUpload{}))
		if d == depthZero {
			return nodes, nil
		}
		all, err := drives.ChunkedUploads(ctx, q.driveID)
		for _, u := range all {
			nodes = append(nodes, folder(drive.Root.Join(u.Name), u))
		}
		return nodes, err
	}
	u, chunks, err := drives.Chunks(ctx, q.driveID, names[0])
	if err != nil {
		return nil, err
	}
	top := folder(drive.Root.Join(names[0]), u)
	if len(names) == 1 {
		nodes = append(nodes, top)
	}
	for _, c := range chunks {
		if len(names) == 1 && d != depthZero || len(names) == 2 && names[1] == c.Name {
			nodes = append(nodes, drive.Node{ID: c.Name, Name: c.Name, Path: top.Path.Join(c.Name), Size: c.Size, Created: u.Created, Modified: u.Created})
		}
	}
	if len(nodes) == 0 {
		return nil, fault.New(fault.NotFound, "dav.chunkNodes", "")
	}
	return nodes, nil
}
