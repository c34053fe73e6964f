package api

import (
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestShares(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann := s.register("ann")
		token := ann.AccessToken
		s.put(ann.User.ID, "/file", "content")
		if _, err := s.drives.MakeFolder(t.Context(), ann.User.ID, "/Photos", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		const at = "/api/v1/shares"
		var file, drop shareBody
		s.call("POST", at, token, `{"path": "/file"}`).want(201, "").into(&file)
		if !strings.HasPrefix(file.URL, "https://files.example.org/s/"+file.ID+".") || file.Kind != drive.ShareDownload || file.Name != "file" || *file.Path != "/file" || file.UploadURL != nil ||
			file.Protected || file.MaxUses != nil || file.MaxSize != nil || file.Used != nil || file.Expires != nil {
			t.Errorf("%+v", file)
		}
		s.call("POST", at, token, `{"path": "/Photos", "kind": "drop", "name": "For me", "password": "a secret", "max_uses": 5, "max_size": 1000, "expires_at": "2099-01-01T00:00:00+01:00"}`).
			want(201, "").into(&drop)
		if drop.Kind != drive.ShareDrop || drop.Name != "For me" || !drop.Protected || *drop.UploadURL != strings.Replace(drop.URL, "/s/", "/drop/", 1)+"/" || *drop.MaxUses != 5 || *drop.MaxSize != 1000 || drop.Expires.Year() != 2098 {
			t.Errorf("%+v", drop)
		}
		for body, code := range map[string]string{
			`{}`: "invalid_fields", `{"path": "/file", "expires_at": "tomorrow"}`: "invalid_fields", `{"path": "/file", "expires_at": "2020-01-01T00:00:00Z"}`: "invalid_fields",
			`{"path": "/a/../b"}`: "invalid_name", `{"path": "/file", "kind": "drop"}`: "is_file", `{"path": "/file", "kind": "edit"}`: "invalid_fields",
			`{"path": "/file", "max_uses": -1}`: "invalid_fields", `{"path": "/file", "owner": "bob"}`: "unknown_field",
		} {
			s.call("POST", at, token, body).want(400, code)
		}
		s.call("POST", at, token, `{"path": "/nowhere"}`).want(404, "not_found")
		s.call("POST", at, token, `{"path": "/"}`).want(403, "is_root")

		if err := s.drives.Trash(t.Context(), ann.User.ID, "/file", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		var list sharesBody
		s.call("GET", at, token, "").want(200, "").into(&list)
		if len(list.Items) != 2 || list.Items[0].ID != drop.ID || list.Items[1].URL != file.URL || list.Items[1].Path != nil {
			t.Errorf("%+v", list)
		}
		bob := s.register("bob").AccessToken
		s.call("GET", at, bob, "").want(200, "").into(&list)
		if len(list.Items) != 0 {
			t.Errorf("bob sees %+v", list)
		}
		s.call("DELETE", at+"/"+file.ID, bob, "").want(404, "not_found")
		s.call("DELETE", at+"/"+file.ID, token, "").want(204, "")
		var told struct {
			Items []struct{ Event, Detail string }
		}
		s.call("GET", "/api/v1/me/audit", token, "").want(200, "").into(&told)
		if len(told.Items) < 3 || told.Items[0].Event != authn.AuditShareEnded || told.Items[0].Detail != file.ID ||
			told.Items[1].Event != authn.AuditShareMade || told.Items[1].Detail != "drop of /Photos ("+drop.ID+")" || told.Items[2].Detail != "download of /file ("+file.ID+")" {
			t.Errorf("the audit log tells %+v", told)
		}
		s.call("DELETE", at+"/"+file.ID, token, "").want(404, "not_found")
	})
}
