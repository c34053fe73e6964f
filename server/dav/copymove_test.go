package dav_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// play runs a script: a line is "METHOD PATH [Header: value; Header: value] want STATUS", and
// "PATH holds CONTENT" checks a file ("-" for none).
func (s *server) play(script string) {
	s.t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if path, content, ok := strings.Cut(line, " holds "); ok {
			s.holds("/dav"+path, content)
			continue
		}
		request, want, ok := strings.Cut(line, " want ")
		if !ok {
			s.t.Fatalf("%q is not a line of a script", line)
		}
		method, rest, _ := strings.Cut(request, " ")
		path, rest, _ := strings.Cut(rest, " ")
		headers, body, _ := strings.Cut(rest, " body ")
		headers = strings.ReplaceAll(strings.Trim(headers, "[]"), "; ", "\n")
		var content []string
		if body != "" {
			content = []string{body}
		}
		a := s.do(method, "/dav"+path, headers, content...)
		if want != strconv.Itoa(a.status) {
			s.t.Errorf("%s\nis %d\n%s", line, a.status, a.body)
		}
	}
}

// scene is a script that begins with an empty drive.
type scene struct{ name, script string }

func playAll(t *testing.T, all []scene) {
	t.Helper()
	cases(t, all, func(c scene) string { return c.name }, func(s *server, c scene) { s.play(c.script) })
}

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
			COPY /a want 400
			COPY /a [Destination: /dav/no/b] want 409
			MOVE /a [Destination: /dav/no/b] want 409
			MOVE /a [Destination: /dav/a/b] want 403
			COPY /a [Destination: http://elsewhere.example.org/dav/b] want 502
			MOVE /a [Destination: http://elsewhere.example.org/dav/b] want 502
			MOVE /a [Destination: /elsewhere/b] want 403
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

// TestNothingIsDestroyed has the ways in which WebDAV servers lose data, each by name. A refused request leaves
// both ends as they were.
func TestNothingIsDestroyed(t *testing.T) {
	playAll(t, []scene{
		{"MOVE without Overwrite is T, as Finder means it", `
			PUT /a [] body new want 201
			PUT /b [] body old want 201
			MOVE /a [Destination: /dav/b] want 204
			/b holds new`},
		{"MOVE of a missing source keeps the target", `
			PUT /b [] body 1 want 201
			MOVE /a [Destination: /dav/b] want 404
			COPY /a [Destination: /dav/b] want 404
			/b holds 1
			MKCOL /d want 201
			PUT /d/f [] body 1 want 201
			MOVE /d/missing [Destination: /dav/d] want 404
			COPY /missing [Destination: /dav/d] want 404
			/d/f holds 1`},
		{"COPY /b/ onto /b keeps it", `
			MKCOL /b want 201
			PUT /b/f [] body 1 want 201
			COPY /b/ [Destination: /dav/b] want 403
			COPY /b [Destination: /dav/b/] want 403
			MOVE /b/ [Destination: /dav/b] want 403
			MOVE /b [Destination: /dav//b] want 403
			/b/f holds 1`},
		{"a file onto itself keeps it", `
			PUT /a [] body 1 want 201
			COPY /a [Destination: /dav/a] want 403
			MOVE /a [Destination: /dav/a] want 403
			COPY /a [Destination: /dav/%61] want 403
			/a holds 1`},
		{"a child onto its parent keeps both", `
			MKCOL /b want 201
			MKCOL /b/c want 201
			PUT /b/f [] body 1 want 201
			PUT /b/c/g [] body 2 want 201
			COPY /b/f [Destination: /dav/b] want 403
			MOVE /b/f [Destination: /dav/b] want 403
			MOVE /b/c [Destination: /dav/b] want 403
			COPY /b/c/g [Destination: /dav/b] want 403
			/b/f holds 1
			/b/c/g holds 2`},
		{"a parent into its child keeps both", `
			MKCOL /b want 201
			MKCOL /b/c want 201
			PUT /b/c/g [] body 2 want 201
			MOVE /b [Destination: /dav/b/c] want 403
			MOVE /b [Destination: /dav/b/c/d] want 403
			COPY /b [Destination: /dav/b/c] want 403
			COPY /b [Destination: /dav/b/d] want 403
			/b/c/g holds 2`},
		{"a missing parent of the target keeps the source", `
			PUT /a [] body 1 want 201
			MOVE /a [Destination: /dav/no/where] want 409
			/a holds 1`},
		{"a part of a file does not become the file", `
			PUT /a [] body 0123456789 want 201
			PUT /a [Content-Range: bytes 0-1/10] body xx want 400
			/a holds 0123456789`},
		{"PUT /x/ does not make a file", `
			PUT /x/ [] body 1 want 409
			/x holds -
			MKCOL /x want 201
			PUT /x/ [] body 1 want 405
			PUT /x/f [] body 1 want 201
			PUT /x [] body 1 want 405
			/x/f holds 1`},
		{"If-Match and If-None-Match are looked at", `
			PUT /a [] body 1 want 201
			PUT /a [If-None-Match: *] body 2 want 412
			PUT /a [If-Match: "other"] body 2 want 412
			DELETE /a [If-Match: "other"] want 412
			/a holds 1
			PUT /b [If-Match: *] body 2 want 412
			/b holds -`},
		{"a fragment is not cut off", `
			MKCOL /d want 201
			PUT /d/f [] body 1 want 201
			DELETE /d/%23x want 404
			/d/f holds 1`},
	})
}
