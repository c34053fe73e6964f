package tus

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// TestCreateIn is how clients of ownCloud Infinite Scale upload: the folder is in the address and the name in the metadata.
func TestCreateIn(t *testing.T) {
	each(t, drive.Options{MaxFile: 1 << 20}, func(t *testing.T, s *site) {
		door, err := New(Options{Drives: s.drives})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.drives.MakeFolder(t.Context(), s.alice, "/d", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.drives.Put(t.Context(), s.alice, "/d/f.txt", strings.NewReader("old"), drive.PutOptions{Size: 3}); err != nil {
			t.Fatal(err)
		}
		post := func(folder drive.Path, headers, body string) *http.Response {
			r := httptest.NewRequest(http.MethodPost, "http://files.example/dav"+string(folder), strings.NewReader(body))
			r.Header.Set("Tus-Resumable", "1.0.0")
			for line := range strings.Lines(headers) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
				r.Header.Set(name, strings.TrimSpace(value))
			}
			r = r.WithContext(authn.WithPrincipal(r.Context(), authn.Principal{UserID: s.alice}))
			w := httptest.NewRecorder()
			door.CreateIn(w, r, folder, func(name string) error {
				if name == "refused" {
					return fault.New(fault.Precondition, "test", "")
				}
				return nil
			})
			return w.Result()
		}
		const length = "Upload-Length: 8\n"
		answer := post("/d", length+meta("filename", "f.txt", "mtime", "1700000000", "filetype", "text/x-test"), "")
		s.want("begin", answer, 201, "Tus-Resumable: 1.0.0")
		location := answer.Header.Get("Location")
		id, ok := strings.CutPrefix(location, "http://files.example/files/")
		if !ok || strings.ContainsAny(id, "?/") {
			t.Fatalf("the upload goes on at %s", location)
		}
		if got := s.read("/d/f.txt"); got != "old" {
			t.Errorf("before a byte came the file holds %q", got)
		}
		s.want("half", s.do("PATCH", "/files/"+id, "Upload-Offset: 0", "1234"), 204, "Upload-Offset: 4")
		s.want("go on", s.do("HEAD", "/files/"+id, "", ""), 200, "Upload-Offset: 4")
		s.want("the rest", s.do("PATCH", "/files/"+id, "Upload-Offset: 4", "5678"), 204, "Upload-Offset: 8")
		node, err := s.drives.Stat(t.Context(), s.alice, "/d/f.txt")
		if err != nil || s.read("/d/f.txt") != "12345678" || node.Modified.Unix() != 1700000000 || node.MediaType != "text/x-test" {
			t.Errorf("the file is %+v, %v", node, err)
		}
		if versions, err := s.drives.Versions(t.Context(), s.alice, "/d/f.txt"); err != nil || len(versions) != 1 {
			t.Errorf("%d versions, %v", len(versions), err)
		}

		for _, c := range []struct {
			what, headers, body string
			status              int
			path, content       string
		}{
			{"an empty file", "Upload-Length: 0\n" + meta("filename", "empty"), "", 201, "/d/empty", ""},
			{"with its bytes", length + "Content-Type: " + octetStream + "\n" + meta("filename", "whole"), "abcdefgh", 201, "/d/whole", "abcdefgh"},
			{"the folder is the address's", length + "Content-Type: " + octetStream + "\n" + meta("filename", "g", "folder", "/elsewhere", "relativePath", "x/g", "conflict", "fail"), "abcdefgh", 201, "/d/g", "abcdefgh"},
			{"the folder is the address's, again", length + "Content-Type: " + octetStream + "\n" + meta("filename", "g", "conflict", "rename"), "hgfedcba", 201, "/d/g", "hgfedcba"},
			{"no name", length, "", 400, "", ""},
			{"no name at all", length + meta("filetype", "text/plain"), "", 400, "", ""},
			{"a path for a name", length + meta("filename", "../x"), "", 400, "/x", "not_found"},
			{"no length", meta("filename", "h"), "", 400, "/d/h", "not_found"},
			{"too long", "Upload-Length: 1048577\n" + meta("filename", "h"), "", 413, "/d/h", "not_found"},
			{"a name that the rules forbid", length + meta("filename", "h.exe"), "", 403, "/d/h.exe", "not_found"},
			{"a name that check refuses", length + meta("filename", "refused"), "", 412, "/d/refused", "not_found"},
			{"a part", length + "Upload-Concat: partial\n" + meta("filename", "h"), "", 400, "/d/h", "not_found"},
			{"parts", "Upload-Concat: final;/files/" + id + "\n" + meta("filename", "h"), "", 400, "/d/h", "not_found"},
			{"another version", length + "Tus-Resumable: 0.2.2\n" + meta("filename", "h"), "", 412, "/d/h", "not_found"},
			{"over a folder", length + meta("filename", "d"), "", 201, "/d/d", "not_found"},
		} {
			answer := post("/d", c.headers, c.body)
			s.want(c.what, answer, c.status)
			if (answer.Header.Get("Location") == "") == (c.status == 201) {
				t.Errorf("%s: %d with the Location %q", c.what, answer.StatusCode, answer.Header.Get("Location"))
			}
			if c.path != "" && s.read(c.path) != c.content {
				t.Errorf("%s: %s holds %q", c.what, c.path, s.read(c.path))
			}
		}
		s.want("where a folder is", post("/", length+meta("filename", "d"), ""), 409)

		header := http.Header{}
		door.TellCreateIn(header)
		if strings.Contains(header.Get("Tus-Extension"), "concatenation") || !strings.Contains(header.Get("Tus-Extension"), "creation-with-upload") || header.Get("Tus-Max-Size") != "1048576" {
			t.Errorf("OPTIONS tells %v", header)
		}
	})
}
