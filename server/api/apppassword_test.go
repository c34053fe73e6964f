package api

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestAppPasswords(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann := s.register("ann")
		token := ann.AccessToken
		s.put(ann.User.ID, "/file", "content")
		if _, err := s.drives.MakeFolder(t.Context(), ann.User.ID, "/Photos", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		const at = "/api/v1/app-passwords"
		var made newAppPasswordBody
		s.call("POST", at, token, `{"name": "my camera", "folder": "/Photos", "read_only": true, "expires_at": "2999-01-01T00:00:00+01:00"}`).want(400, "invalid_fields")
		s.call("POST", at, token, `{"name": "my camera", "folder": "/Photos", "read_only": true, "expires_at": "2099-01-01T00:00:00+01:00"}`).want(201, "").into(&made)
		if p := made.AppPassword; p.Name != "my camera" || p.Folder == nil || *p.Folder != "/Photos" || !p.ReadOnly || p.Seen != nil || p.Expires == nil {
			t.Errorf("%+v", made)
		}
		link, err := url.Parse(made.Link)
		if secret, _ := link.User.Password(); err != nil || link.Scheme != "davs" || link.User.Username() != "ann" || secret != made.Password || link.Host+link.Path != "files.example.org/dav/" {
			t.Errorf("the link is %s", made.Link)
		}
		if made.URL != "https://files.example.org/dav/" || made.Username != "ann" {
			t.Errorf("%+v", made)
		}
		for body, code := range map[string]string{
			`{}`: "invalid_fields", `{"name": "x", "expires_at": "tomorrow"}`: "invalid_fields", `{"name": "x", "folder": "/a/../b"}`: "invalid_name",
			`{"name": "x", "folder": "/file"}`: "is_file", `{"name": "x", "read_only": "yes"}`: "invalid_fields", `{"name": "x", "role": "admin"}`: "unknown_field",
		} {
			s.call("POST", at, token, body).want(http.StatusBadRequest, code)
		}
		s.call("POST", at, token, `{"name": "x", "folder": "/nowhere"}`).want(404, "no_such_folder")

		var list appPasswordsBody
		s.call("GET", at, token, "").want(200, "").into(&list)
		if len(list.Items) != 1 || list.Items[0].ID != made.AppPassword.ID {
			t.Errorf("%+v", list)
		}
		if err := s.drives.Trash(t.Context(), ann.User.ID, "/Photos", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		s.call("GET", at, token, "").want(200, "").into(&list)
		if p := list.Items[0]; !p.FolderGone || p.Folder != nil {
			t.Errorf("its folder was removed: %+v", p)
		}
		bob := s.register("bob").AccessToken
		s.call("DELETE", at+"/"+made.AppPassword.ID, bob, "").want(404, "no_such_app_password")
		s.call("DELETE", at+"/"+made.AppPassword.ID, token, "").want(204, "")
		s.call("DELETE", at+"/"+made.AppPassword.ID, token, "").want(404, "no_such_app_password")
	})
}
