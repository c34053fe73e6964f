package dav_test

import (
	"net/http"
	"strings"
	"testing"
)

// The caller's drive has several addresses. What is asked for at one of them is answered in its spelling.
func TestMounts(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.want(http.StatusCreated, "MKCOL", "/dav/files", "")
		s.want(http.StatusCreated, "MKCOL", "/dav/files/ann", "") // a folder like any other
		s.want(http.StatusCreated, "PUT", "/dav/files/ann/f", "", "a folder's")
		s.want(http.StatusCreated, "PUT", "/dav/top%20f", "", "the drive's")
		mounts := []string{"/remote.php/webdav", "/remote.php/dav/files/ann", "/remote.php/dav/files/ANN", "/remote.php/dav/files/%61nn"}
		for _, mount := range mounts {
			for _, asked := range []string{mount, mount + "/"} {
				a := s.want(207, "PROPFIND", asked, "Depth: 1")
				for _, href := range []string{mount + "/", mount + "/files/", mount + "/top%20f"} {
					if !strings.Contains(a.body, "<D:href>"+href+"</D:href>") {
						t.Errorf("PROPFIND %s does not list %s:\n%s", asked, href, a.body)
					}
				}
			}
			s.holds(mount+"/top%20f", "the drive's")
			s.holds(mount+"/files/ann/f", "a folder's")
			s.want(http.StatusCreated, "MKCOL", mount+"/d", "")
			s.want(http.StatusCreated, "PUT", mount+"/d/f", "X-OC-Mtime: 1700000000", "1")
			for i, to := range append(mounts, "/dav") {
				s.want(http.StatusCreated, "COPY", mount+"/d", "Destination: http://HOST"+to+"/e")
				s.holds("/dav/e/f", "1")
				s.want(http.StatusCreated, "MOVE", "/dav/e", "Destination: "+to+"/g")
				s.holds("/dav/g/f", "1")
				s.want(http.StatusNoContent, "DELETE", mounts[i%len(mounts)]+"/g", "")
			}
			s.want(http.StatusForbidden, "COPY", mount+"/d", "Destination: /remote.php/dav/uploads/ann/x")
			s.want(http.StatusForbidden, "COPY", mount+"/d", "Destination: /elsewhere/x")

			// A lock is one, whatever the address by which it was taken or is named.
			a := s.want(http.StatusOK, "LOCK", mount+"/d", "Depth: infinity", lockBody)
			if !strings.Contains(a.body, "<D:lockroot><D:href>"+mount+"/d</D:href>") {
				t.Errorf("the lock's root is not at %s:\n%s", mount, a.body)
			}
			token := a.header.Get("Lock-Token")
			s.want(http.StatusLocked, "PUT", "/dav/d/f", "", "2")
			s.want(http.StatusNoContent, "PUT", "/dav/d/f", "If: <http://HOST"+mount+"/d> ("+token+")", "2")
			s.want(http.StatusNoContent, "DELETE", "/dav/d", "If: </remote.php/webdav/d> ("+token+")")
		}
	})
}

func TestMountsOfOthers(t *testing.T) {
	s := onSQLite(t, setup{})
	s.want(http.StatusCreated, "PUT", "/dav/f", "", "secret")
	for _, path := range []string{
		"/remote.php", "/remote.php/", "/remote.php/f", "/remote.php/webdavx/f", "/remote.php/dav", "/remote.php/dav/", "/remote.php/dav/f",
		"/remote.php/dav/files", "/remote.php/dav/files/", "/remote.php/dav/files/bob", "/remote.php/dav/files/bob/f", "/remote.php/dav/files/an/f",
		"/remote.php/dav/files//f", "/remote.php/dav/files//ann/f", "/remote.php/dav/files/../files/ann/f", "/remote.php/dav/files/%2e%2e/f", "/remote.php/dav/files/ann%2ff",
		"/remote.php/dav/files/%ff/f", "/remote.php/dav/uploads", "/remote.php/dav/uploads/bob", "/remote.php/dav/uploads/bob/up/1",
		"/remote.php/dav/uploads/bob/up/.file", "/remote.php/dav/trashbin/ann/f",
	} {
		for _, method := range []string{"GET", "PUT", "PROPFIND", "DELETE", "MKCOL", "MOVE", "PATCH"} {
			a := s.do(method, path, "Depth: 0\nDestination: /dav/g")
			if a.status != http.StatusNotFound || strings.Contains(a.body, "secret") {
				t.Errorf("%s %s is %d\n%s", method, path, a.status, a.body)
			}
		}
		s.want(http.StatusUnauthorized, "PROPFIND", path, "X-Nobody: 1")
		s.want(http.StatusOK, "OPTIONS", path, "X-Nobody: 1")
	}
	s.holds("/dav/f", "secret")
	s.holds("/dav/g", "-")
}
