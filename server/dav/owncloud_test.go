package dav_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"fmt"
	"hash/adler32"
	"net/http"
	"strings"
	"testing"
)

func sums(text string) string {
	return fmt.Sprintf("SHA1:%x MD5:%x", sha1.Sum([]byte(text)), md5.Sum([]byte(text)))
}

// ownCloudFind is what rclone asks of an ownCloud.
const ownCloudFind = `<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns">` +
	`<d:prop><d:displayname/><d:getlastmodified/><d:getcontentlength/><d:resourcetype/><oc:checksums/><oc:permissions/><oc:fileid/><oc:size/></d:prop></d:propfind>`

// knows reports whether a PROPFIND of path answers these checksums; "" is none.
func (s *server) knows(path, want string) {
	s.t.Helper()
	a := s.want(207, "PROPFIND", path, "Depth: 0", ownCloudFind)
	told := strings.Contains(a.body, "SHA1:")
	if want == "" && told || want != "" && !strings.Contains(a.body, ">"+want+"<") {
		s.t.Errorf("%s: want %q of\n%s", path, want, a.body)
	}
}

func TestOCChecksum(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 64<<10) // 1 MiB: not in the row
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.want(http.StatusCreated, "PUT", "/dav/f", "", "old")
		s.want(http.StatusCreated, "PUT", "/dav/large", "", large)
		for _, c := range []struct {
			header, body string
			status       int
		}{
			{fmt.Sprintf("SHA1:%x", sha1.Sum([]byte("new"))), "new", 204},
			{fmt.Sprintf("sha1:%X", sha1.Sum([]byte("new"))), "new", 204},
			{fmt.Sprintf("MD5:%x", md5.Sum([]byte("new"))), "new", 204},
			{fmt.Sprintf("SHA256:%x", sha256.Sum256([]byte("new"))), "new", 204},
			{fmt.Sprintf("SHA3-256:%x", sha3.Sum256([]byte("new"))), "new", 204},
			{fmt.Sprintf("ADLER32:%08x", adler32.Checksum([]byte("new"))), "new", 204},
			{fmt.Sprintf("Adler32:%x", adler32.Checksum([]byte("new"))), "new", 204}, // without leading zeros
			{sums("new"), "new", 204},
			{sums(large), large, 204},
			{sums(""), "", 204},

			{sums(large + "?"), large, 400},
			{fmt.Sprintf("SHA1:%x", sha1.Sum([]byte("other"))), "new", 400},
			{fmt.Sprintf("SHA1:%x MD5:%x", sha1.Sum([]byte("new")), md5.Sum([]byte("other"))), "new", 400},
			{"ADLER32:1", "new", 400},
			{"SHA1:", "new", 400}, {"SHA1", "new", 400}, {"SHA1:abc", "new", 400}, {"SHA1:" + strings.Repeat("zz", 20), "new", 400},
			{"MD5:" + strings.Repeat("0", 40), "new", 400},
			{"CRC32:00000000", "new", 400},
			{strings.Repeat("SHA1:00 ", 200), "new", 400},
		} {
			for _, path := range []string{"/dav/f", "/dav/large", "/dav/new"} {
				status := c.status
				if path == "/dav/new" && status == 204 {
					status = 201
				}
				s.want(http.StatusNoContent, "PUT", "/dav/f", "", "old")
				a := s.do("PUT", path, "OC-Checksum: "+c.header, c.body)
				if a.status != status {
					t.Errorf("PUT %s with %.60s is %d, want %d\n%s", path, c.header, a.status, status, a.body)
				}
				switch {
				case status == 400 && path == "/dav/f":
					s.holds(path, "old")
				case status == 400 && path == "/dav/new":
					s.holds(path, "-")
				case status < 300:
					s.holds(path, c.body)
					s.knows(path, sums(c.body))
				}
			}
			s.do("DELETE", "/dav/new", "")
		}

		// Copies and whatever is moved have the same content. What was written without a checksum has none yet.
		s.play(`
			PUT /plain [] body nobody told a checksum want 201
			PUT /f [] body old want 204
			COPY /large [Destination: /dav/copy] want 201
			MOVE /large [Destination: /dav/moved] want 201`)
		s.want(http.StatusNoContent, "PUT", "/dav/copy", "OC-Checksum: "+sums(large), large)
		s.knows("/dav/copy", sums(large))
		s.knows("/dav/plain", "")
		// The question was heard.
		if err := s.drives.ComputeChecksums(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.knows("/dav/plain", sums("nobody told a checksum"))
	})
}

// A listing tells the checksums that are known, and never what belongs to a folder.
func TestOwnCloudListing(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/e want 201
			PUT /d/unknown [] body x want 201`)
		for _, path := range []string{"/dav/d/a", "/dav/d/b", "/dav/d/e/c"} {
			s.want(http.StatusCreated, "PUT", path, "OC-Checksum: "+sums(path), path)
		}
		for _, c := range []struct {
			depth string
			told  []string
		}{{"0", nil}, {"1", []string{"/dav/d/a", "/dav/d/b"}}, {"infinity", []string{"/dav/d/a", "/dav/d/b", "/dav/d/e/c"}}} {
			a := s.want(207, "PROPFIND", "/dav/d", "Depth: "+c.depth, ownCloudFind)
			if got := strings.Count(a.body, "SHA1:"); got != len(c.told) {
				t.Errorf("Depth: %s tells %d checksums, want %d\n%s", c.depth, got, len(c.told), a.body)
			}
			for _, path := range c.told {
				response := a.response(path)
				if !strings.Contains(response, sums(path)) || !strings.Contains(response, ":permissions>GDNVW<") ||
					!strings.Contains(response, fmt.Sprintf(":size>%d<", len(path))) {
					t.Errorf("Depth: %s of %s:\n%s", c.depth, path, response)
				}
			}
			if folder := a.response("/dav/d/"); !strings.Contains(folder, ":permissions>GDNVCK<") || !strings.Contains(folder, ":fileid>") {
				t.Errorf("the folder:\n%s", folder)
			}
		}
		if root := s.want(207, "PROPFIND", "/dav/", "Depth: 0", ownCloudFind); !strings.Contains(root.body, ":permissions>GCK<") {
			t.Errorf("the drive:\n%s", root.body)
		}
		if all := s.want(207, "PROPFIND", "/dav/d", "Depth: 1"); strings.Contains(all.body, "owncloud") {
			t.Errorf("allprop tells what was not asked for:\n%s", all.body)
		}
	})
}

// response is the part of a 207 that is about href.
func (a answer) response(href string) string {
	_, after, _ := strings.Cut(a.body, "<D:href>"+href+"</D:href>")
	inside, _, _ := strings.Cut(after, "</D:response>")
	return inside
}

// Nextcloud's way to ask for the checksum of what came without one.
func TestRecalculateHash(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			PUT /f [] body content want 201`)
		etag := s.do("HEAD", "/dav/f", "").header.Get("ETag")
		for header, want := range map[string]string{"sha1": fmt.Sprintf("SHA1:%x", sha1.Sum([]byte("content"))), "MD5": fmt.Sprintf("MD5:%x", md5.Sum([]byte("content")))} {
			a := s.want(http.StatusNoContent, "PATCH", "/dav/f", "X-Recalculate-Hash: "+header)
			if got := a.header.Get("OC-Checksum"); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		s.knows("/dav/f", sums("content"))
		s.want(http.StatusBadRequest, "PATCH", "/dav/f", "X-Recalculate-Hash: crc32")
		s.want(http.StatusNotFound, "PATCH", "/dav/missing", "X-Recalculate-Hash: sha1")
		s.want(http.StatusMethodNotAllowed, "PATCH", "/dav/d", "X-Recalculate-Hash: sha1")
		s.want(http.StatusPreconditionFailed, "PATCH", "/dav/f", "X-Recalculate-Hash: sha1\nIf: ([\"other\"])")
		if got := s.do("HEAD", "/dav/f", "").header.Get("ETag"); got != etag {
			t.Errorf("the ETag changed from %s to %s", etag, got)
		}
	})
}

// rclone sends the checksum along with a new time. It can say what is true, and nothing else.
func TestProppatchChecksums(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			PUT /f [] body content want 201`)
		patch := func(time, value string) string {
			return `<D:propertyupdate xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns"><D:set><D:prop><lastmodified xmlns="DAV:">` + time +
				`</lastmodified><oc:checksums>` + value + `</oc:checksums></D:prop></D:set></D:propertyupdate>`
		}
		sum := func(value string) string { return "<oc:checksum>" + value + "</oc:checksum>" }
		for i, c := range []struct {
			path, value string
			refused     bool
		}{
			{"/dav/f", sum(fmt.Sprintf("SHA1:%x", sha1.Sum([]byte("content")))), false}, // not known before
			{"/dav/f", sum(sums("content")), false},
			{"/dav/f", sum(sums("other")), true},
			{"/dav/f", sum("SHA1:abc"), true},
			{"/dav/f", "", true},
			{"/dav/f", sum(fmt.Sprintf("SHA256:%x", sha256.Sum256([]byte("content")))), true}, // not kept
			{"/dav/d", sum(sums("content")), true},
		} {
			modified := s.do("HEAD", "/dav/f", "").header.Get("Last-Modified")
			a := s.want(207, "PROPPATCH", c.path, "", patch(fmt.Sprint(1_700_000_000+i), c.value))
			if refused := strings.Contains(a.body, " 409 ") && strings.Contains(a.body, " 424 "); refused != c.refused {
				t.Errorf("%s on %s:\n%s", c.value, c.path, a.body)
			}
			if now := s.do("HEAD", "/dav/f", "").header.Get("Last-Modified"); (now == modified) != c.refused {
				t.Errorf("%s on %s: the time was %s and is %s", c.value, c.path, modified, now)
			}
		}
		s.want(http.StatusNotFound, "PROPPATCH", "/dav/missing", "", patch("1700000000", sum(sums("content"))))
		a := s.want(207, "PROPPATCH", "/dav/f", "", `<D:propertyupdate xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns"><D:remove><D:prop><oc:checksums/></D:prop></D:remove></D:propertyupdate>`)
		if !strings.Contains(a.body, " 403 ") {
			t.Errorf("to remove them is answered\n%s", a.body)
		}
		s.knows("/dav/f", sums("content"))
	})
}
