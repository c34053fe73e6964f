package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func (s *site) put(userID, path, content string) {
	s.t.Helper()
	if _, _, err := s.drives.Put(s.t.Context(), userID, drive.Path(path), strings.NewReader(content), drive.PutOptions{Size: int64(len(content))}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) names(token, target string) (names []string, next string) {
	s.t.Helper()
	var folder folderBody
	s.call("GET", target, token, "").want(200, "").into(&folder)
	for _, child := range folder.Children {
		names = append(names, child.Name)
	}
	return names, folder.Next
}

func TestLookingAtFiles(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann := s.register("ann")
		token := ann.AccessToken

		var top folderBody
		s.call("GET", "/api/v1/files/", token, "").want(200, "").into(&top)
		if top.Path != "/" || top.Name != "" || !top.Folder || top.Children == nil || len(top.Children) != 0 {
			t.Errorf("%+v", top)
		}
		made := s.call("POST", "/api/v1/folders", token, `{"path": "/holiday ünd/"}`).want(201, "")
		if got := made.Header().Get("Location"); got != "/api/v1/files/holiday%20%C3%BCnd" {
			t.Errorf("Location %s", got)
		}
		s.put(ann.User.ID, "/holiday ünd/a?b%2f.txt", "hello")

		var file nodeBody
		r := s.call("GET", made.Header().Get("Location")+"/a%3Fb%252f.txt", token, "").want(200, "")
		r.into(&file)
		sum := sha256.Sum256([]byte("hello"))
		if file.Name != "a?b%2f.txt" || file.Path != "/holiday ünd/a?b%2f.txt" || file.Folder || file.Size != 5 ||
			file.SHA256 != hex.EncodeToString(sum[:]) || !strings.HasPrefix(file.MediaType, "text/plain") || file.ETag != r.Header().Get("ETag") {
			t.Errorf("%+v", file)
		}
		var me meBody
		s.call("GET", "/api/v1/me", token, "").want(200, "").into(&me)
		if me.Drive.Used != 5 {
			t.Errorf("%d bytes are used", me.Drive.Used)
		}
		if head := s.call("HEAD", "/api/v1/files/holiday%20%C3%BCnd", token, ""); head.Code != 200 || head.Body.Len() != 0 {
			t.Errorf("HEAD: %d %s", head.Code, head.Body)
		}
		s.call("GET", "/api/v1/files/nothing", token, "").want(404, "not_found")
		s.call("GET", "/api/v1/files/a%00b", token, "").want(400, "invalid_name")
		s.call("GET", "/api/v1/files/"+strings.Repeat("a/", 65), token, "").want(413, "path_too_deep")
	})
}

func TestALongFolderIsReadInPages(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	ann := s.register("ann")
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("%c", 'a'+i)
		want = append(want, name)
		s.put(ann.User.ID, "/"+name, "x")
	}
	var got []string
	for after, more := "", true; more; more = after != "" {
		var names []string
		names, after = s.names(ann.AccessToken, "/api/v1/files/?limit=3&after="+after)
		if len(names) > 3 {
			t.Fatalf("a page of %d", len(names))
		}
		got = append(got, names...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if names, next := s.names(ann.AccessToken, "/api/v1/files/?limit=7"); len(names) != 7 || next != "" {
		t.Errorf("a page that holds all: %v, next %q", names, next)
	}
	for _, query := range []string{"limit=0", "limit=-1", "limit=1001", "limit=x", "limit=99999999999999999999"} {
		s.call("GET", "/api/v1/files/?"+query, ann.AccessToken, "").want(400, "invalid_fields")
		s.call("GET", "/api/v1/trash?"+query, ann.AccessToken, "").want(400, "invalid_fields")
	}
	for _, after := range []string{"%00", "a/b", "%ff", "YQ"} {
		s.call("GET", "/api/v1/files/?after="+after, ann.AccessToken, "").want(400, "invalid_place")
	}
	if names, _ := s.names(ann.AccessToken, "/api/v1/files/?limit=2&sort=time&order=desc"); strings.Join(names, "") != "gf" {
		t.Errorf("the newest two are %v", names)
	}
	s.call("GET", "/api/v1/files/?sort=colour", ann.AccessToken, "").want(400, "invalid_sort")
	s.call("GET", "/api/v1/files/?order=up", ann.AccessToken, "").want(400, "invalid_fields")
}

func TestMakingMovingAndRemoving(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann := s.register("ann")
		token := ann.AccessToken
		for _, c := range []struct {
			body   string
			status int
			code   string
		}{
			{`{"path": "a"}`, 201, ""},
			{`{"path": "/a/b"}`, 201, ""},
			{`{"path": "/a"}`, 409, "name_taken"},
			{`{"path": "/"}`, 409, "name_taken"},
			{`{"path": "/x/y"}`, 409, "parent_missing"},
			{`{"path": "/a/../b"}`, 400, "invalid_name"},
			{`{"path": ""}`, 400, "invalid_fields"},
			{`{"path": "/c", "mode": 7}`, 400, "unknown_field"},
		} {
			s.call("POST", "/api/v1/folders", token, c.body).want(c.status, c.code)
		}
		s.put(ann.User.ID, "/a/b/one", "1")
		s.put(ann.User.ID, "/two", "22")
		for _, c := range []struct {
			body   string
			status int
			code   string
		}{
			{`{"from": "/two", "to": "/a/two"}`, 200, ""},
			{`{"from": "/two", "to": "/a/two"}`, 404, "not_found"},
			{`{"from": "/a/two", "to": "/a/b/one"}`, 409, "name_taken"},
			{`{"from": "/a/two", "to": "/a/b/one", "overwrite": false}`, 409, "name_taken"},
			{`{"from": "/a/two", "to": "/a/b/one", "overwrite": "yes"}`, 400, "invalid_fields"},
			{`{"from": "/a/two", "to": "/a/b/one", "overwrite": true}`, 200, ""},
			{`{"from": "/a", "to": "/a/b/c"}`, 403, "same_place"},
			{`{"from": "/a", "to": "/x/y"}`, 409, "parent_missing"},
			{`{"from": "/a"}`, 400, "invalid_fields"},
		} {
			s.call("POST", "/api/v1/move", token, c.body).want(c.status, c.code)
		}
		var node nodeBody
		s.call("GET", "/api/v1/files/a/b/one", token, "").want(200, "").into(&node)
		if node.Size != 2 {
			t.Errorf("%+v", node)
		}

		s.call("DELETE", "/api/v1/files/a/b/one", token, "", "If-Match", `"other"`).want(412, "precondition_failed")
		s.call("DELETE", "/api/v1/files/a/b/one", token, "", "If-Match", `"other", `+node.ETag).want(200, "")
		s.call("DELETE", "/api/v1/files/a/b/one", token, "", "If-Match", "*").want(404, "not_found")
		s.call("DELETE", "/api/v1/files/", token, "").want(403, "is_root")
	})
}

func TestTheTrash(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.register("ann"), s.register("bob")
		token := ann.AccessToken
		trash := func(token string) (body trashBody) {
			t.Helper()
			s.call("GET", "/api/v1/trash", token, "").want(200, "").into(&body)
			return body
		}
		if items := trash(token).Items; items == nil || len(items) != 0 {
			t.Errorf("an empty trash is %v", items)
		}
		for _, name := range []string{"one", "two", "three"} {
			s.put(ann.User.ID, "/"+name, name)
			var removed trashedBody
			s.call("DELETE", "/api/v1/files/"+name, token, "").want(200, "").into(&removed)
			if removed.Path != "/"+name || removed.Expires == nil {
				t.Errorf("%+v", removed)
			}
		}
		items := trash(token).Items
		if len(items) != 3 || items[0].Path != "/three" || items[0].Size != 5 || items[0].Removed.IsZero() {
			t.Fatalf("%+v", items)
		}

		// Another user has neither the list nor the items.
		if n := len(trash(bob.AccessToken).Items); n != 0 {
			t.Errorf("bob sees %d items", n)
		}
		s.call("POST", "/api/v1/trash/"+items[0].ID+"/restore", bob.AccessToken, "").want(404, "not_found")
		s.call("DELETE", "/api/v1/trash/"+items[0].ID, bob.AccessToken, "").want(404, "not_found")
		s.call("DELETE", "/api/v1/trash", bob.AccessToken, "").want(204, "")
		s.call("GET", "/api/v1/files/one", bob.AccessToken, "").want(404, "not_found")

		s.put(ann.User.ID, "/.DS_Store", "litter")
		s.call("DELETE", "/api/v1/files/.DS_Store", token, "").want(204, "")
		s.put(ann.User.ID, "/three", "taken")
		var node nodeBody
		s.call("POST", "/api/v1/trash/"+items[0].ID+"/restore", token, `{"name": "three"}`).want(409, "name_taken")
		s.call("POST", "/api/v1/trash/"+items[0].ID+"/restore", token, `{"name": "a/b"}`).want(400, "invalid_name")
		s.call("POST", "/api/v1/trash/"+items[0].ID+"/restore", token, "").want(200, "").into(&node)
		if node.Path == "/three" || node.Size != 5 {
			t.Errorf("%+v", node)
		}
		s.call("POST", "/api/v1/trash/"+items[0].ID+"/restore", token, "").want(404, "not_found")
		s.call("DELETE", "/api/v1/trash/"+items[1].ID, token, "").want(204, "")
		s.call("DELETE", "/api/v1/trash/"+items[1].ID, token, "").want(404, "not_found")
		for _, id := range []string{"x", "%00", sqldb.NewID()} { // no id may stand for "everything"
			s.call("DELETE", "/api/v1/trash/"+id, token, "").want(404, "not_found")
		}
		if n := len(trash(token).Items); n != 1 {
			t.Errorf("%d items are left", n)
		}
		s.call("DELETE", "/api/v1/trash", token, "").want(204, "")
		if n := len(trash(token).Items); n != 0 {
			t.Errorf("%d items are left", n)
		}
	})
}
