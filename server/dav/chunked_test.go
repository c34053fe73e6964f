package dav_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

const uploads = "/remote.php/dav/uploads/ann"

// TestChunkedUpload is what rclone sends to a Nextcloud.
func TestChunkedUpload(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		content := strings.Repeat("0123456789abcdef", 20_000)
		const up, size = uploads + "/rclone-chunked-upload-0", 100_000
		s.want(http.StatusCreated, "PUT", "/dav/f", "", "old")
		for try := range 2 {
			s.want(map[int]int{0: 404, 1: 204}[try], "DELETE", up+"/", "") // what an earlier try left
			s.want(http.StatusCreated, "MKCOL", up+"/", "")
			s.want(http.StatusMethodNotAllowed, "MKCOL", up+"/", "")
			for at := 0; at < len(content); at += size {
				end := min(len(content), at+size)
				s.want(http.StatusCreated, "PUT", fmt.Sprintf("%s/%015d-%015d", up, at, end-1), "Content-Type: application/x-www-form-urlencoded", content[at:end])
			}
		}
		s.want(http.StatusNoContent, "PUT", up+"/000000000100000-000000000199999", "", content[100_000:200_000]) // again
		s.holds("/dav/f", "old")
		a := s.want(207, "PROPFIND", "/dav/", "Depth: infinity")
		if strings.Count(a.body, "<D:response>") != 2 {
			t.Errorf("an upload in chunks shows in the drive:\n%s", a.body)
		}

		end := func(status int, headers string) answer {
			t.Helper()
			return s.want(status, "MOVE", up+"/.file", "Destination: http://HOST/remote.php/dav/files/ann/f\nX-OC-Mtime: 1700000000\n"+headers)
		}
		end(http.StatusBadRequest, "OC-Checksum: "+sums(content+"?"))
		end(http.StatusBadRequest, "OC-Total-Length: 319999")
		end(http.StatusBadRequest, "OC-Total-Length: many")
		end(http.StatusPreconditionFailed, "Overwrite: F")
		end(http.StatusPreconditionFailed, "If-None-Match: *")
		end(http.StatusPreconditionFailed, `If: <http://HOST/remote.php/dav/files/ann/f> (["other"])`)
		token := s.lock("/dav/f", "")
		end(http.StatusLocked, "")
		s.holds("/dav/f", "old")
		a = end(http.StatusNoContent, "OC-Total-Length: 320000\nOC-Checksum: "+sums(content)+"\nIf: <http://HOST/remote.php/dav/files/ann/f> (<"+token+">)")
		head := s.do("HEAD", "/dav/f", "")
		if a.header.Get("X-OC-Mtime") != "accepted" || a.header.Get("ETag") != head.header.Get("ETag") || head.header.Get("Last-Modified") != "Tue, 14 Nov 2023 22:13:20 GMT" {
			t.Errorf("MOVE answers %v, and then HEAD %v", a.header, head.header)
		}
		s.holds("/dav/f", content)
		s.knows("/dav/f", sums(content))
		end(http.StatusNotFound, "")
		s.want(http.StatusNotFound, "PROPFIND", up, "Depth: 0")
	})
}

func TestChunkedAddresses(t *testing.T) {
	onBoth(t, setup{drive: drive.Options{Quota: 1000}}, func(t *testing.T, s *server) {
		s.want(http.StatusCreated, "MKCOL", "/dav/d", "")
		s.want(http.StatusCreated, "MKCOL", uploads+"/up", "Destination: http://HOST/remote.php/dav/files/ann/f") // as newer clients do
		for _, c := range []struct {
			method, path, headers, body string
			status                      int
		}{
			{"PUT", uploads + "/up/1", "", "one", 201},
			{"PUT", uploads + "/up/2", "", "two", 201},
			{"PUT", uploads + "/up/10", "OC-Checksum: " + sums("ten"), "ten", 201},
			{"PUT", uploads + "/up/10", "OC-Checksum: " + sums("eleven"), "ten", 400},
			{"PUT", uploads + "/up/10", "Content-Range: bytes 0-2/3", "ten", 400},
			{"PUT", uploads + "/up/x", "", "x", 400},
			{"PUT", uploads + "/up/3", "", strings.Repeat("x", 1000), 507},
			{"PUT", uploads + "/none/1", "", "x", 409},
			{"PUT", uploads + "/up", "", "x", 405},
			{"PUT", uploads + "/up/.file", "", "x", 405},
			{"PUT", uploads + "/", "", "x", 405},
			{"PUT", uploads + "/up/1/2", "", "x", 404},
			{"MKCOL", uploads + "/up2", "", "<x/>", 415},
			{"MKCOL", uploads + "/up/sub", "", "", 405},
			{"GET", uploads + "/up/1", "", "", 405},
			{"GET", uploads + "/up", "", "", 405},
			{"PROPPATCH", uploads + "/up", "", "", 405},
			{"LOCK", uploads + "/up", "", lockBody, 405},
			{"COPY", uploads + "/up/.file", "Destination: /dav/f", "", 405},
			{"MOVE", uploads + "/up", "Destination: /dav/f", "", 405},
			{"MOVE", uploads + "/up/1", "Destination: /dav/f", "", 405},
			{"MOVE", uploads + "/none/.file", "Destination: /dav/f", "", 404},
			{"MOVE", uploads + "/up/.file", "", "", 400},
			{"MOVE", uploads + "/up/.file", "Destination: /dav/", "", 405},
			{"MOVE", uploads + "/up/.file", "Destination: /dav/d", "", 405},
			{"MOVE", uploads + "/up/.file", "Destination: /dav/d/", "", 405},
			{"MOVE", uploads + "/up/.file", "Destination: /dav/no/f", "", 409},
			{"MOVE", uploads + "/up/.file", "Destination: " + uploads + "/f", "", 403},
			{"MOVE", uploads + "/up/.file", "Destination: /remote.php/dav/files/bob/f", "", 403},
			{"MOVE", uploads + "/up/.file", "Destination: http://elsewhere.example/dav/f", "", 502},
			{"DELETE", uploads + "/", "", "", 405},
			{"DELETE", uploads + "/none", "", "", 404},
			{"DELETE", uploads + "/up/3", "", "", 404},
			{"PROPFIND", uploads + "/none", "Depth: 1", "", 404},
			{"PROPFIND", uploads + "/up/3", "Depth: 0", "", 404},
			{"PROPFIND", uploads + "/", "Depth: infinity", "", 403},
		} {
			if a := s.do(c.method, c.path, c.headers, c.body); a.status != c.status {
				t.Errorf("%s %s %q is %d, want %d\n%s", c.method, c.path, c.headers, a.status, c.status, a.body)
			}
		}
		// A client that goes on asks which chunks are there.
		for path, hrefs := range map[string][]string{
			uploads + "/":     {uploads + "/", uploads + "/up/"},
			uploads + "/up":   {uploads + "/up/", uploads + "/up/1", uploads + "/up/2", uploads + "/up/10"},
			uploads + "/up/2": {uploads + "/up/2"},
		} {
			a := s.want(207, "PROPFIND", path, "Depth: 1", ownCloudFind)
			if strings.Count(a.body, "<D:response>") != len(hrefs) {
				t.Errorf("PROPFIND %s:\n%s", path, a.body)
			}
			for _, href := range hrefs {
				folder := strings.HasSuffix(href, "/")
				if r := a.response(href); strings.Contains(r, "collection") != folder || strings.Contains(r, "<D:getcontentlength>3</D:getcontentlength>") == folder {
					t.Errorf("PROPFIND %s of %s:\n%s", path, href, r)
				}
			}
		}
		s.want(http.StatusNoContent, "DELETE", uploads+"/up/2", "")
		if a := s.send("PUT", uploads+"/up/11", "", io.MultiReader(strings.NewReader("chunked"))); a.status != http.StatusCreated {
			t.Errorf("a chunk of unknown length is %d\n%s", a.status, a.body)
		}
		s.want(http.StatusCreated, "MOVE", uploads+"/up/.file", "Destination: /remote.php/webdav/f")
		s.holds("/dav/f", "onetenchunked")
	})
}
