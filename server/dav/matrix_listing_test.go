package dav_test

import (
	"encoding/xml"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
)

var listings = []wrong{
	{name: "a missing Depth is infinity, and bounded", setup: setup{dav: dav.Options{MaxNodes: 3}}, script: `
		MKCOL /d want 201
		PUT /d/1 [] body 1 want 201
		PROPFIND / want 207 has /dav/d/1<
		PUT /d/2 [] body 1 want 201
		PROPFIND / want 403 has <D:propfind-finite-depth/>
		PROPFIND / [Depth: infinity] want 403 has <D:propfind-finite-depth/>
		PROPFIND /d [Depth: 1] want 207 has /dav/d/1< & /dav/d/2<`},
	{name: "include is heeded", script: `
		PROPFIND / [Depth: 0] body <propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/></include></propfind> want 207 has <D:quota-used-bytes>0</D:quota-used-bytes>`},
	{name: "quota is told to who asks for it by name", setup: setup{drive: drive.Options{Quota: 1000}}, script: `
		PUT /a [] body 12345 want 201
		PROPFIND / [Depth: 0] want 207 lacks quota
		PROPFIND / [Depth: 0] body <propfind xmlns="DAV:"><allprop/></propfind> want 207 lacks quota
		PROPFIND / [Depth: 0] body <propfind xmlns="DAV:"><propname/></propfind> want 207 has <D:quota-available-bytes/> & <D:quota-used-bytes/>
		PROPFIND / [Depth: 0] body <propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind> want 207 has <D:quota-available-bytes>995</D:quota-available-bytes> & <D:quota-used-bytes>5</D:quota-used-bytes> lacks 404`},
	{name: "creationdate, displayname and locks are told", script: `
		PUT /a%20b [] body 1 want 201
		lock it /a%20b
		PROPFIND /a%20b [Depth: 0] want 207 has <D:creationdate>2 & <D:displayname>a b</D:displayname> & {it} & <D:supportedlock><D:lockentry>`},
	{name: "a prefix that nothing declares is 400", script: `
		PROPFIND / [Depth: 0] body <propfind xmlns="DAV:"><prop><x:y/></prop></propfind> want 400
		PROPPATCH / body <propertyupdate xmlns="DAV:"><set><prop><x:y>1</x:y></prop></set></propertyupdate> want 400
		LOCK /a body <D:lockinfo><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo> want 400
		/a holds -`},
	{name: "a DTD is 400, and no entity is expanded", script: `
		PROPFIND / [Depth: 0] body <!DOCTYPE a [<!ENTITY e "eee">]><propfind xmlns="DAV:"><prop><a>&e;</a></prop></propfind> want 400
		PROPFIND / [Depth: 0] body <propfind xmlns="DAV:"><prop><a>&e;</a></prop></propfind> want 400`},
	{name: "an empty namespace and one that nobody knows are names like others", script: `
		PROPPATCH / body <D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><none>1</none><x:a xmlns:x="urn:x">2</x:a></D:prop></D:set></D:propertyupdate> want 207 has 200 OK
		PROPFIND / [Depth: 0] body <D:propfind xmlns:D="DAV:"><D:prop><none/><x:a xmlns:x="urn:x"/><gone/></D:prop></D:propfind> want 207 has <none>1</none> & 2</ & <gone/></D:prop><D:status>HTTP/1.1 404`},
	{name: "one bad child does not break a listing", script: `
		MKCOL /d want 201
		PUT /d/a%01b%0Cc [] body 1 want 201
		PUT /d/%EF%BF%BE%EF%BF%BF [] body 1 want 201
		PUT /d/%3Ca%3E%26%22 [] body 1 want 201
		PUT /d/good [] body 1 want 201`, test: badChild},
}

// badChild lists a folder that holds names which XML has no characters for, and a file whose content is gone from the disk.
func badChild(s *server) {
	s.want(201, "PUT", "/dav/d/lost", "", strings.Repeat("lost ", 20_000))
	if err := s.blobs.List(s.t.Context(), func(e blob.Entry) error { return s.blobs.Remove(s.t.Context(), e.Key) }); err != nil {
		s.t.Fatal(err)
	}
	s.want(500, "GET", "/dav/d/lost", "")
	for _, headers := range []string{"Depth: 1", "Depth: infinity", "Depth: 1\nUser-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045"} {
		a := s.want(207, "PROPFIND", "/dav/d", headers)
		var listed struct {
			Hrefs []string `xml:"response>href"`
		}
		if err := xml.Unmarshal([]byte(a.body), &listed); err != nil || len(listed.Hrefs) != 6 {
			s.t.Errorf("%s: %d resources, want the folder and 5 files (%v)\n%s", headers, len(listed.Hrefs), err, a.body)
		}
		for _, href := range listed.Hrefs {
			s.want(207, "PROPFIND", href, "Depth: 0") // each can be asked for by what it is called there
		}
	}
	s.holds("/dav/d/good", "1")
	s.want(204, "DELETE", "/dav/d/lost", "")
}
