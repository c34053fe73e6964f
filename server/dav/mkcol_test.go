package dav_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const mkcolOpen, mkcolClose = `<D:mkcol xmlns:D="DAV:" xmlns:x="urn:x" xmlns:C="urn:ietf:params:xml:ns:caldav">`, `</D:mkcol>`

const xmlType = "Content-Type: application/xml; charset=utf-8"

func TestExtendedMkcol(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		if a := s.want(http.StatusOK, "OPTIONS", "/dav/d", ""); !slices.Contains(strings.Split(a.header["Dav"][0], ", "), "extended-mkcol") || !strings.Contains(a.header.Get("Allow"), "REPORT") {
			t.Errorf("OPTIONS: %v", a.header)
		}
		a := s.want(http.StatusCreated, "MKCOL", "/dav/d/", xmlType, mkcolOpen+
			set(`<D:resourcetype><D:collection/></D:resourcetype><x:a xml:lang="de">1 &amp; <x:b/></x:a>`)+set(`<x:c>2</x:c><D:lastmodified>1700000000</D:lastmodified>`)+set(`<x:c>3</x:c>`)+mkcolClose)
		if a.body != "" {
			t.Errorf("the answer holds %q", a.body)
		}
		for _, property := range []string{`<n:a xmlns:n="urn:x" xml:lang="de">1 &amp; <x:b xmlns:x="urn:x"/></n:a>`, `<n:c xmlns:n="urn:x">3</n:c>`,
			"<D:getlastmodified>Tue, 14 Nov 2023 22:13:20 GMT</D:getlastmodified>", "<D:resourcetype><D:collection/></D:resourcetype>"} {
			if !s.has("/dav/d", property) {
				t.Errorf("the folder lacks %s:\n%s", property, s.do("PROPFIND", "/dav/d", "Depth: 0").body)
			}
		}
		for _, body := range []string{mkcolOpen + mkcolClose, mkcolOpen + set("") + mkcolClose, " "} { // nothing to set
			s.want(http.StatusCreated, "MKCOL", "/dav/e", "Content-Type: text/xml", body)
			s.want(http.StatusNoContent, "DELETE", "/dav/e", "")
		}
		// In every other respect it is MKCOL.
		good := mkcolOpen + set("<x:a>1</x:a>") + mkcolClose
		s.want(http.StatusMethodNotAllowed, "MKCOL", "/dav/d", xmlType, good)
		s.want(http.StatusConflict, "MKCOL", "/dav/none/d", xmlType, good)
		s.want(http.StatusPreconditionFailed, "MKCOL", "/dav/x", xmlType+"\nIf-Match: *", good)
	})
}

func TestExtendedMkcolAllOrNothing(t *testing.T) {
	var many strings.Builder
	for i := range 201 {
		fmt.Fprintf(&many, "<x:p%d>1</x:p%d>", i, i)
	}
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		for _, c := range []struct {
			what   string
			body   string
			status int
			says   []string
		}{
			{"a calendar", set(`<x:a>1</x:a><D:resourcetype><D:collection/><C:calendar/></D:resourcetype>`), 403, []string{
				`<D:propstat><D:prop><D:resourcetype/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:valid-resourcetype/></D:error></D:propstat>`,
				`<D:propstat><D:prop><n1:a/></D:prop><D:status>HTTP/1.1 424 Failed Dependency</D:status></D:propstat>`}},
			{"no collection", set(`<D:resourcetype><x:thing/></D:resourcetype>`), 403, []string{"<D:valid-resourcetype/>"}},
			{"no type at all", set(`<D:resourcetype/>`), 403, []string{"<D:valid-resourcetype/>"}},
			{"what the server keeps", set(`<D:resourcetype><D:collection/></D:resourcetype><D:getetag>"x"</D:getetag><x:a>1</x:a>`), 403, []string{
				`<D:prop><D:getetag/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error>`,
				`<D:prop><D:resourcetype/><n1:a/></D:prop><D:status>HTTP/1.1 424 Failed Dependency</D:status>`}},
			{"no date", set(`<D:getlastmodified>soon</D:getlastmodified>`), 409, []string{"<D:getlastmodified/></D:prop><D:status>HTTP/1.1 409 Conflict"}},
			{"too many", set(many.String()), 413, []string{"<n1:p0/></D:prop><D:status>HTTP/1.1 413 Request Entity Too Large", "<n1:p200/></D:prop><D:status>HTTP/1.1 413 Request Entity Too Large"}},
		} {
			a := s.do("MKCOL", "/dav/d", xmlType, mkcolOpen+c.body+mkcolClose)
			if a.status != c.status || !strings.Contains(a.body, `<D:mkcol-response xmlns:D="DAV:"`) || xml.Unmarshal([]byte(a.body), &struct{}{}) != nil {
				t.Errorf("%s: %d, want %d with a mkcol-response\n%s", c.what, a.status, c.status, a.body)
			}
			for _, part := range c.says {
				if !strings.Contains(a.body, part) {
					t.Errorf("%s: the answer lacks %s\n%s", c.what, part, a.body)
				}
			}
			s.want(http.StatusNotFound, "PROPFIND", "/dav/d", "Depth: 0")
		}
		if all, _ := s.sync("/dav", "", "infinite", ""); len(all) > 0 {
			t.Errorf("left behind: %q", all)
		}
	})
}

// A body that is none of MKCOL's.
func TestMkcolBody(t *testing.T) {
	s := onSQLite(t, setup{})
	for _, c := range []struct {
		headers, body string
		status        int
	}{
		{"Content-Type: xyz-foo/bar-512", "afafafaf", 415},
		{"", mkcolOpen + mkcolClose, 415},
		{"Content-Type: text/plain", mkcolOpen + mkcolClose, 415},
		{"Content-Type: ;", mkcolOpen + mkcolClose, 415},
		{xmlType, `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`, 415},
		{xmlType, `<mkcol/>`, 415},
		{xmlType, `<D:mkcol xmlns:D="DAV:">`, 400},
		{xmlType, `<D:mkcol xmlns:D="DAV:"><D:set/></D:mkcol>`, 400},
		{xmlType, `<!DOCTYPE a><D:mkcol xmlns:D="DAV:"/>`, 400},
		{xmlType, mkcolOpen + strings.Repeat(" ", 64<<10) + mkcolClose, 413},
	} {
		s.want(c.status, "MKCOL", "/dav/d", c.headers, c.body)
		s.want(http.StatusNotFound, "PROPFIND", "/dav/d", "Depth: 0")
	}
}
