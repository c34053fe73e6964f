package dav_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/server/origin"
)

// wrong is something that WebDAV servers are known to do wrong, named by what is right. Most lose data by it, and litmus, which asks
// for what the RFC demands of a request that succeeds, sees few of them.
type wrong struct {
	name   string
	script string
	setup  setup
	test   func(s *server) // after the script: what a script cannot say
}

// TestWhatOthersGetWrong is the matrix of them, on both engines. What a refused request was about stays as it was.
func TestWhatOthersGetWrong(t *testing.T) {
	for _, group := range []struct {
		name string
		all  []wrong
	}{
		{"PUT", puts}, {"COPY and MOVE", transfers}, {"conditions", conditions}, {"locks", locks}, {"locked folders", lockedFolders},
		{"PROPFIND", listings}, {"addresses", addresses}, {"clients", habits},
	} {
		t.Run(group.name, func(t *testing.T) {
			cases(t, group.all, func(c wrong) (string, setup) { return c.name, c.setup }, func(s *server, c wrong) {
				s.play(c.script)
				if c.test != nil {
					c.test(s)
				}
			})
		})
	}
}

var puts = []wrong{
	{name: "a body that breaks off leaves the old file", test: cutBodies},
	{name: "a new file is 201 and one that is overwritten 204", script: `
		PUT /a [] body 1 want 201 has Etag:
		PUT /a [] body 2 want 204 has Etag:
		/a holds 2`},
	{name: "a full drive is 507 and the old file stays", setup: setup{drive: drive.Options{Quota: 10}}, script: `
		PUT /a [] body 12345 want 201
		PUT /a [] body 123456 want 507 has quota-not-exceeded
		PUT /b [] body 123456 want 507
		/a holds 12345
		/b holds -`},
	{name: "properties count, too, and can be removed from a full drive", setup: setup{drive: drive.Options{Quota: 40}}, script: `
		PUT /a [] body 12345 want 201
		PROPPATCH /a body <propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">it takes some space</x></prop></set></propertyupdate> want 207 has 200 OK
		PROPPATCH /a body <propertyupdate xmlns="DAV:"><set><prop><y xmlns="urn:x">too much</y></prop></set></propertyupdate> want 507
		PUT /b [] body 123456789012 want 507
		PROPFIND /a [Depth: 0] want 207 has >it takes some space< lacks too much
		PROPPATCH /a body <propertyupdate xmlns="DAV:"><remove><prop><x xmlns="urn:x"/></prop></remove></propertyupdate> want 207 has 200 OK
		PUT /b [] body 123456789012 want 201`},
	{name: "a file over the limit is 413 and the old file stays", setup: setup{drive: drive.Options{MaxFile: 5}}, script: `
		PUT /a [] body 12345 want 201
		PUT /a [] body 123456 want 413
		/a holds 12345`},
	{name: "a part of a file does not become the file", script: `
		PUT /a [] body 0123456789 want 201
		PUT /a [Content-Range: bytes 0-1/10] body xx want 400
		/a holds 0123456789`},
	{name: "a name that ends in a slash makes no file", script: `
		PUT /x/ [] body 1 want 409
		/x holds -
		MKCOL /x want 201
		PUT /x/ [] body 1 want 405
		PUT /x/f [] body 1 want 201
		PUT /x [] body 1 want 405
		/x/f holds 1`},
	{name: "a missing folder is 409, not 404 or 405", script: `
		PUT /no/a [] body 1 want 409
		MKCOL /no/d want 409
		PUT /f [] body 1 want 201
		PUT /f/a [] body 1 want 409
		/f holds 1`},
	{name: "a file of 0 bytes is a file, there and on the way", script: `
		PUT /a want 201
		/a holds empty
		HEAD /a want 200 has Content-Length: 0
		PROPFIND /a [Depth: 0] want 207 has <D:getcontentlength>0</D:getcontentlength>
		COPY /a [Destination: /dav/b] want 201
		MOVE /b [Destination: /dav/c] want 201
		/c holds empty
		PUT /d [] body 1 want 201
		PUT /d want 204
		/d holds empty`},
	{name: "the client's time of last change is kept, by COPY and MOVE too", script: `
		PUT /a [X-OC-Mtime: 1700000000] body 1 want 201 has X-Oc-Mtime: accepted
		HEAD /a want 200 has Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT
		COPY /a [Destination: /dav/b] want 201
		MOVE /a [Destination: /dav/c] want 201
		HEAD /b want 200 has Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT
		HEAD /c want 200 has Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT
		MKCOL /d want 201
		MOVE /c [Destination: /dav/d/c] want 201
		COPY /d [Destination: /dav/e] want 201
		HEAD /e/c want 200 has Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT`},
}

var transfers = []wrong{
	{name: "MOVE and COPY without Overwrite mean T", script: `
		PUT /a [] body new want 201
		PUT /b [] body old want 201
		PUT /c [] body old want 201
		COPY /a [Destination: /dav/c] want 204
		MOVE /a [Destination: /dav/b] want 204
		/b holds new
		/c holds new`},
	{name: "a missing source keeps the target", script: `
		PUT /b [] body 1 want 201
		MOVE /a [Destination: /dav/b] want 404
		COPY /a [Destination: /dav/b] want 404
		/b holds 1
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		MOVE /d/missing [Destination: /dav/d] want 404
		COPY /missing [Destination: /dav/d] want 404
		MOVE /missing [Destination: /dav/d; Overwrite: T] want 404
		/d/f holds 1`},
	{name: "a folder onto itself keeps it", script: `
		MKCOL /b want 201
		PUT /b/f [] body 1 want 201
		COPY /b/ [Destination: /dav/b] want 403
		COPY /b [Destination: /dav/b/] want 403
		MOVE /b/ [Destination: /dav/b] want 403
		MOVE /b [Destination: /dav//b] want 403
		/b/f holds 1`},
	{name: "a file onto itself keeps it", script: `
		PUT /a [] body 1 want 201
		COPY /a [Destination: /dav/a] want 403
		MOVE /a [Destination: /dav/a] want 403
		COPY /a [Destination: /dav/%61] want 403
		/a holds 1`},
	{name: "a child onto a folder that holds it keeps both", script: `
		MKCOL /b want 201
		MKCOL /b/c want 201
		PUT /b/f [] body 1 want 201
		PUT /b/c/g [] body 2 want 201
		COPY /b/f [Destination: /dav/b] want 403
		MOVE /b/f [Destination: /dav/b] want 403
		MOVE /b/c [Destination: /dav/b] want 403
		COPY /b/c/g [Destination: /dav/b] want 403
		MOVE /b/c/g [Destination: /dav/b] want 403
		MOVE /b/c/g [Destination: /dav/] want 403
		/b/f holds 1
		/b/c/g holds 2`},
	{name: "a folder into itself keeps it", script: `
		MKCOL /b want 201
		MKCOL /b/c want 201
		PUT /b/c/g [] body 2 want 201
		MOVE /b [Destination: /dav/b/c] want 403
		MOVE /b [Destination: /dav/b/c/d] want 403
		COPY /b [Destination: /dav/b/c] want 403
		COPY /b [Destination: /dav/b/d] want 403
		COPY / [Destination: /dav/b/d] want 403
		/b/c/g holds 2`},
	{name: "a missing parent of the target keeps the source", script: `
		PUT /a [] body 1 want 201
		MOVE /a [Destination: /dav/no/where] want 409
		COPY /a [Destination: /dav/no/where] want 409
		/a holds 1`},
	{name: "a full drive keeps source and target", setup: setup{drive: drive.Options{Quota: 10}}, script: `
		PUT /a [] body 123456 want 201
		PUT /b [] body 1 want 201
		COPY /a [Destination: /dav/b] want 507
		COPY /a [Destination: /dav/c] want 507
		/a holds 123456
		/b holds 1
		MOVE /a [Destination: /dav/b] want 204
		/b holds 123456`},
	{name: "what was replaced is not lost", script: `
		MKCOL /d want 201
		PUT /d/f [] body old want 201
		PUT /a [] body new want 201
		MOVE /a [Destination: /dav/d] want 204
		/d holds new`, test: func(s *server) {
		s.wantTrash("/d")
	}},
	{name: "a destination that the proxy in front names otherwise is ours", setup: setup{dav: dav.Options{Origin: behindProxy()}}, script: `
		PUT /a [] body 1 want 201
		MOVE /a [X-Forwarded-Host: files.example.org; X-Forwarded-Proto: https; Destination: https://files.example.org/dav/b] want 201
		MOVE /b [X-Forwarded-Host: files.example.org; X-Forwarded-Proto: https; Destination: http://files.example.org/dav/c] want 201
		MOVE /c [X-Forwarded-Host: files.example.org:8443; X-Forwarded-Proto: https; Destination: https://files.example.org:8443/dav/d] want 201
		MOVE /d [X-Forwarded-Host: files.example.org; X-Forwarded-Proto: https; Destination: http://HOST/dav/e] want 201
		lock it /e
		MOVE /e [X-Forwarded-Host: files.example.org; Destination: https://files.example.org/dav/f; If: <https://files.example.org/dav/e> (<{it}>)] want 201
		/f holds 1`},
	{name: "and so is the public address of the settings", setup: setup{dav: dav.Options{Origin: public("https://files.example.org")}}, script: `
		PUT /a [] body 1 want 201
		MOVE /a [Destination: https://files.example.org/dav/b] want 201
		MOVE /b [Destination: http://files.example.org:80/dav/c] want 201
		/c holds 1`},
	{name: "a destination that is truly elsewhere is 502 and the source stays", setup: setup{dav: dav.Options{Origin: behindProxy()}}, script: `
		PUT /a [] body 1 want 201
		MOVE /a [Destination: http://elsewhere.example.org/dav/b] want 502
		COPY /a [Destination: http://elsewhere.example.org/dav/b] want 502
		MOVE /a [X-Forwarded-Host: files.example.org; Destination: https://elsewhere.example.org/dav/b] want 502
		MOVE /a [X-Forwarded-Host: files.example.org; Destination: https://files.example.org:8443/dav/b] want 502
		/a holds 1
		/b holds -`},
	{name: "a stranger's word on what we are called is no proxy's", script: `
		PUT /a [] body 1 want 201
		MOVE /a [X-Forwarded-Host: files.example.org; X-Forwarded-Proto: https; Destination: https://files.example.org/dav/b] want 502
		/a holds 1`},
	{name: "a destination outside of the drive is refused", script: `
		PUT /a [] body 1 want 201
		MOVE /a [Destination: /davx/b] want 403
		MOVE /a [Destination: /b] want 403
		MOVE /a [Destination: /dav/../b] want 400
		MOVE /a want 400
		/a holds 1`},
}

// wantTrash checks where what is in the trash was, separated by spaces.
func (s *server) wantTrash(want string) {
	s.t.Helper()
	all, _, err := s.drives.TrashList(s.t.Context(), s.userID, "", 100)
	if err != nil {
		s.t.Fatal(err)
	}
	var paths []string
	for _, one := range all {
		paths = append(paths, string(one.Node.Path))
	}
	if got := strings.Join(paths, " "); got != want {
		s.t.Errorf("in the trash are %q, want %q", got, want)
	}
}

// wantUsed checks how many bytes the drive holds, versions and trash included.
func (s *server) wantUsed(want int64) {
	s.t.Helper()
	if usage, err := s.drives.Usage(s.t.Context(), s.userID); err != nil || usage.Used != want {
		s.t.Errorf("%d bytes are used, want %d (%v)", usage.Used, want, err)
	}
}

// behindProxy believes what the machine itself forwards.
func behindProxy() origin.Origin {
	return origin.Origin{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
}

func public(address string) origin.Origin {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return origin.Origin{Public: u}
}
