package dav_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
)

// begun stands for the door that speaks tus: it takes the name of the file from a header.
func begun(w http.ResponseWriter, r *http.Request, folder drive.Path, check func(string) error) {
	if err := check(r.Header.Get("Name")); err != nil {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, string(folder.Join(r.Header.Get("Name"))))
}

func TestPost(t *testing.T) {
	tell := func(header http.Header) { header.Set("Tus-Version", "1.0.0") }
	s := onSQLite(t, setup{dav: dav.Options{Uploads: dav.Uploads{BeginUpload: begun, TellUploads: tell}}})
	s.play(`
		MKCOL /d want 201
		PUT /d/f [] body old want 201`)
	etag := s.do("HEAD", "/dav/d/f", "").header.Get("ETag")
	for _, c := range []struct {
		path, headers string
		status        int
		file          string
	}{
		{"/dav", "Tus-Resumable: 1.0.0", 201, "/f"},
		{"/dav/", "Tus-Resumable: 1.0.0", 201, "/f"},
		{"/dav/d", "Tus-Resumable: 1.0.0", 201, "/d/f"},
		{"/dav/d/", "Tus-Resumable: 1.0.0\nX-OC-Mtime: nonsense\nOC-Checksum: of another file", 201, "/d/f"},
		{"/remote.php/dav/files/ann/d/", "Tus-Resumable: 1.0.0", 201, "/d/f"},
		{"/dav/d", "Tus-Resumable: 1.0.0\nIf-Match: " + etag, 201, "/d/f"},
		{"/dav/d", "Tus-Resumable: 1.0.0\nIf: ([" + etag + "])", 201, "/d/f"},
		{"/dav/d", "Tus-Resumable: 1.0.0\nIf-Match: \"other\"", 412, ""},
		{"/dav/d", "Tus-Resumable: 1.0.0\nIf-None-Match: *", 412, ""},
		{"/dav/", "Tus-Resumable: 1.0.0\nIf-None-Match: *", 201, "/f"},
		{"/dav/no", "Tus-Resumable: 1.0.0", 404, ""},
		{"/dav/d/f", "Tus-Resumable: 1.0.0", 405, ""},
		{"/dav/d", "", 405, ""}, // a plain POST
		{"/dav/d", "Content-Type: multipart/form-data", 405, ""},
		{"/dav/d", "Upload-Complete: ?1", 405, ""},
		{"/dav/d", "Tus-Resumable: 1.0.0\nX-HTTP-Method-Override: DELETE", 405, ""},
		{"/remote.php/dav/uploads/ann/", "Tus-Resumable: 1.0.0", 405, ""},
		{"/dav/d", "Tus-Resumable: 1.0.0\nX-Nobody: 1", 401, ""},
	} {
		a := s.do("POST", c.path, "Name: f\n"+c.headers)
		if a.status != c.status || c.status == 201 && a.body != c.file {
			t.Errorf("POST %s %q is %d %q, want %d %q", c.path, c.headers, a.status, a.body, c.status, c.file)
		}
	}
	a := s.want(http.StatusOK, "OPTIONS", "/dav/d", "X-Nobody: 1")
	if a.header.Get("Tus-Version") != "1.0.0" || !strings.HasSuffix(a.header.Get("Allow"), ", POST") {
		t.Errorf("OPTIONS tells %v", a.header)
	}
}
