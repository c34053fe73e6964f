package dav_test

import (
	"net/http"
	"strings"
	"testing"
)

const updateOpen, updateClose = `<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x" xmlns:Z="urn:schemas-microsoft-com:">`, `</D:propertyupdate>`

func set(properties string) string { return "<D:set><D:prop>" + properties + "</D:prop></D:set>" }

func remove(properties string) string {
	return "<D:remove><D:prop>" + properties + "</D:prop></D:remove>"
}

// has reports whether a resource has a property, spelled as allprop does.
func (s *server) has(path, property string) bool {
	s.t.Helper()
	return strings.Contains(s.want(207, "PROPFIND", path, "Depth: 0").body, property)
}

func TestProppatch(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			PUT /d/f [] body 1 want 201`)
		for _, path := range []string{"/dav/d/f", "/dav/d/", "/dav/"} {
			etag := s.do("HEAD", "/dav/d/f", "").header.Get("ETag")
			a := s.want(207, "PROPPATCH", path, "", updateOpen+set(`<x:a>1</x:a><x:b xml:lang="de">2</x:b>`)+remove(`<x:never/>`)+updateClose)
			if strings.Count(a.body, "<D:propstat>") != 1 || !strings.Contains(a.body, "<D:href>"+path+"</D:href>") ||
				!strings.Contains(a.body, "<D:status>HTTP/1.1 200 OK</D:status>") {
				t.Errorf("PROPPATCH %s answers\n%s", path, a.body)
			}
			if !s.has(path, `<n:a xmlns:n="urn:x">1</n:a>`) || !s.has(path, `<n:b xmlns:n="urn:x" xml:lang="de">2</n:b>`) {
				t.Errorf("%s does not have what was set", path)
			}
			// Instructions are carried out in the order of the document.
			s.want(207, "PROPPATCH", path, "", updateOpen+remove(`<x:a/>`)+set(`<x:a>3</x:a>`)+set(`<x:b>4</x:b>`)+remove(`<x:b/>`)+updateClose)
			if !s.has(path, `<n:a xmlns:n="urn:x">3</n:a>`) || s.has(path, `<n:b`) {
				t.Errorf("%s does not have what the last instructions say", path)
			}
			if got := s.do("HEAD", "/dav/d/f", "").header.Get("ETag"); got != etag {
				t.Errorf("PROPPATCH changed the ETag from %s to %s", etag, got)
			}
		}
		s.play(`
			COPY /d [Destination: /dav/c] want 201
			MOVE /c [Destination: /dav/m] want 201
			PUT /m/f [] body 2 want 204`)
		for _, path := range []string{"/dav/m", "/dav/m/f", "/dav/d/f"} {
			if !s.has(path, `<n:a xmlns:n="urn:x">3</n:a>`) {
				t.Errorf("%s lost its properties on the way", path)
			}
		}
	})
}

func TestProppatchAllOrNothing(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.want(http.StatusCreated, "PUT", "/dav/f", "", "1")
		a := s.want(207, "PROPPATCH", "/dav/f", "", updateOpen+set(`<x:a>1</x:a><D:getetag>"mine"</D:getetag><D:getlastmodified>never</D:getlastmodified>`)+remove(`<D:resourcetype/>`)+updateClose)
		for _, part := range []string{
			`<D:prop><n1:a/></D:prop><D:status>HTTP/1.1 424 Failed Dependency</D:status>`,
			`<D:prop><D:getetag/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error>`,
			`<D:prop><D:resourcetype/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error>`,
			`<D:prop><D:getlastmodified/></D:prop><D:status>HTTP/1.1 409 Conflict</D:status>`,
		} {
			if !strings.Contains(a.body, part) {
				t.Errorf("the answer lacks %s:\n%s", part, a.body)
			}
		}
		if s.has("/dav/f", "<n:a") {
			t.Error("a property was set although another was refused")
		}
		for _, live := range []string{"creationdate", "displayname", "getcontentlength", "getcontenttype", "getetag", "lockdiscovery", "supportedlock", "resourcetype", "quota-used-bytes", "quota-available-bytes"} {
			a := s.want(207, "PROPPATCH", "/dav/f", "", updateOpen+set(`<D:`+live+`>1</D:`+live+`>`)+updateClose)
			if !strings.Contains(a.body, "403 Forbidden") {
				t.Errorf("%s can be set:\n%s", live, a.body)
			}
		}
	})
}

func TestProppatchRefused(t *testing.T) {
	s := onSQLite(t, setup{})
	s.want(http.StatusCreated, "PUT", "/dav/f", "", "1")
	for _, body := range []string{"", "nonsense", `<D:propfind xmlns:D="DAV:"/>`, updateOpen + updateClose, updateOpen + `<D:set/>` + updateClose, updateOpen + set("") + updateClose} {
		s.want(http.StatusBadRequest, "PROPPATCH", "/dav/f", "", body)
	}
	good := updateOpen + set(`<x:a>1</x:a>`) + updateClose
	s.want(http.StatusNotFound, "PROPPATCH", "/dav/no", "", good)
	s.want(http.StatusNotFound, "PROPPATCH", "/dav/no", "", updateOpen+set(`<D:getetag/>`)+updateClose)
	s.want(http.StatusPreconditionFailed, "PROPPATCH", "/dav/f", "If-Match: \"x\"", good)
}

func TestProppatchTime(t *testing.T) {
	s := onSQLite(t, setup{})
	s.play(`
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201`)
	const want = "<D:getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</D:getlastmodified>"
	for _, property := range []string{
		`<D:lastmodified>1700000000</D:lastmodified>`,
		`<D:getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</D:getlastmodified>`,
		`<D:getlastmodified> 2023-11-14T23:13:20+01:00 </D:getlastmodified>`,
		`<Z:Win32LastModifiedTime>Tue, 14 Nov 2023 22:13:20 GMT</Z:Win32LastModifiedTime>`,
	} {
		for _, path := range []string{"/dav/d/f", "/dav/d"} {
			s.want(207, "PROPPATCH", path, "", updateOpen+set(`<D:lastmodified>1600000000</D:lastmodified>`)+updateClose)
			a := s.want(207, "PROPPATCH", path, "", updateOpen+set(property)+updateClose)
			if !strings.Contains(a.body, "200 OK") || !s.has(path, want) {
				t.Errorf("%s of %s does not set the time:\n%s", property, path, a.body)
			}
		}
	}
	a := s.want(207, "PROPFIND", "/dav/d/f", "Depth: 0", `<propfind xmlns="DAV:"><prop><Win32LastModifiedTime xmlns="urn:schemas-microsoft-com:"/></prop></propfind>`)
	if !strings.Contains(a.body, ">Tue, 14 Nov 2023 22:13:20 GMT<") {
		t.Errorf("Win32LastModifiedTime is not told:\n%s", a.body)
	}
}
