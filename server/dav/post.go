package dav

import (
	"net/http"

	"github.com/satchelhq/satchel/drive"
)

// post begins a resumable upload into a folder, for clients of ownCloud Infinite Scale: tus 1.0, with the folder's address in place of
// one for all uploads. Any other POST is 405. Preconditions are those of the file that is to be, and are looked at now; at its
// end the upload replaces what is there, which becomes a version. X-OC-Mtime and OC-Checksum, which rclone sends along, are of
// another file or time, and mean nothing here.
func (q *request) post() error {
	if q.h.o.BeginUpload == nil || q.r.Header.Get("Tus-Resumable") == "" || q.r.Header.Get("X-HTTP-Method-Override") != "" {
		return notAllowed(allMethods, "POST begins an upload by tus, and does nothing else.")
	}
	ctx := q.r.Context()
	node, err := q.h.o.Drives.Stat(ctx, q.driveID, q.at.path)
	if err != nil {
		return err
	}
	if !node.Folder {
		return notAllowed(allMethods, "This is a file.")
	}
	q.h.o.BeginUpload(q.w, q.r, node.Path, func(name string) error {
		file := *q
		file.at = place{path: node.Path.Join(name), href: string(appendHref([]byte(q.at.href+"/"), name))}
		_, err := file.require(ctx)
		return err
	})
	return nil
}

// Uploads is how resumable uploads below a folder begin; package server connects it with the door that speaks tus.
type Uploads struct {
	// BeginUpload answers a POST that speaks tus, to a folder. It asks check about the name of the file before it begins.
	BeginUpload func(w http.ResponseWriter, r *http.Request, folder drive.Path, check func(name string) error)
	// TellUploads writes into the answer to OPTIONS what BeginUpload can do.
	TellUploads func(http.Header)
}
