package dav_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestCopyAndMove(t *testing.T) {
	playAll(t, []scene{
		{"COPY a file", `
			PUT /a [] body 1 want 201
			COPY /a [Destination: /dav/b] want 201
			/a holds 1
			/b holds 1
			PUT /a [] body 2 want 204
			/b holds 1
			COPY /a [Destination: /dav/b] want 204
			/b holds 2`},
		{"MOVE a file", `
			PUT /a [] body 1 want 201
			MOVE /a [Destination: http://HOST/dav/b] want 201
			/a holds -
			/b holds 1
			PUT /a [] body 2 want 201
			MOVE /a [Destination: /dav/b] want 204
			/a holds -
			/b holds 2`},
		{"a folder with all that is in it", `
			MKCOL /d want 201
			MKCOL /d/e want 201
			PUT /d/e/f [] body 1 want 201
			COPY /d/ [Destination: /dav/c/] want 201
			/c/e/f holds 1
			MOVE /d [Destination: /dav/m] want 201
			/m/e/f holds 1
			/d/e/f holds -
			COPY /m [Destination: /dav/empty; Depth: 0] want 201
			PROPFIND /empty [Depth: 0] want 207
			/empty/e/f holds -`},
		{"a folder takes the place of another, not of its content", `
			MKCOL /d want 201
			PUT /d/new [] body 1 want 201
			MKCOL /c want 201
			PUT /c/old [] body 2 want 201
			COPY /d [Destination: /dav/c] want 204
			/c/new holds 1
			/c/old holds -`},
		{"Overwrite", `
			PUT /a [] body 1 want 201
			PUT /b [] body 2 want 201
			COPY /a [Destination: /dav/b; Overwrite: F] want 412
			MOVE /a [Destination: /dav/b; Overwrite: F] want 412
			/b holds 2
			MOVE /a [Destination: /dav/b; Overwrite: maybe] want 400
			MOVE /a [Destination: /dav/b; Overwrite: T] want 204
			/b holds 1`},
		{"Depth", `
			MKCOL /d want 201
			PUT /f [] body 1 want 201
			COPY /d [Destination: /dav/e; Depth: 1] want 400
			MOVE /d [Destination: /dav/e; Depth: 0] want 400
			DELETE /d [Depth: 0] want 400
			DELETE /d [Depth: nonsense] want 400
			MOVE /f [Destination: /dav/g; Depth: 0] want 201
			DELETE /g [Depth: 0] want 204
			DELETE /d [Depth: infinity] want 204`},
		{"where it can't go", `
			PUT /a [] body 1 want 201
			MOVE /a [Destination: /dav/a/b] want 403
			MOVE /a [Destination: /dav/] want 403
			MOVE / [Destination: /dav/b] want 403
			DELETE / want 403
			/a holds 1`},
		{"a name's spelling", `
			PUT /%C3%A4 [] body 1 want 201
			MOVE /%C3%A4 [Destination: /dav/a%CC%88] want 201
			/%C3%A4 holds 1
			MOVE /a%CC%88 [Destination: https://HOST/dav/o] want 201
			/o holds 1
			/%C3%A4 holds -`},
	})
}

func TestMkcol(t *testing.T) {
	s := onSQLite(t, setup{})
	s.play(`
		MKCOL /d want 201
		MKCOL /d want 405
		MKCOL /d/ want 405
		MKCOL / want 405
		MKCOL /e/ want 201
		MKCOL /no/d want 409
		PUT /f [] body 1 want 201
		MKCOL /f want 405
		MKCOL /f/d want 409
		MKCOL /g [] body <x/> want 415
		PROPFIND /g [Depth: 0] want 404
		DELETE /no want 404
		DELETE /d want 204
		MKCOL /d want 201`)
	if a := s.send("MKCOL", "/dav/h", "", &countingReader{r: strings.NewReader("<x/>")}); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("MKCOL with chunks is %d, want 415", a.status)
	}
	if a := s.send("MKCOL", "/dav/h", "", &countingReader{r: strings.NewReader("")}); a.status != http.StatusCreated {
		t.Errorf("MKCOL with an empty chunked body is %d, want 201", a.status)
	}
}
