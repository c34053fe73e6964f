package api

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestOverview(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser)
		if _, _, err := s.drives.Put(t.Context(), bob.id, "/a", strings.NewReader("12345"), drive.PutOptions{Size: 5}); err != nil {
			t.Fatal(err)
		}
		if err := s.jobs.Wake(t.Context(), "gc"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.jobs.Do(t.Context(), "gc", time.Hour, func(context.Context) error { return errors.New("a text with /secret/paths") }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.drives.ScrubAll(t.Context(), drive.Scrubbing{}); err != nil {
			t.Fatal(err)
		}
		answer := s.call("GET", "/api/v1/admin/overview", ann.token, "").want(200, "")
		var body struct {
			Version string
			Users   struct{ All, Administrators int64 }
			Used    int64
			Files   *struct{ Files int64 }
			Store   struct{ Ready bool }
			Scrub   struct {
				Damaged int
				Whole   *time.Time `json:"whole_at"`
				Every   *int64
			}
			Jobs []struct {
				Name     string
				Failures int
			}
		}
		answer.into(&body)
		if body.Version != "v1.2.3" || body.Users.All != 2 || body.Users.Administrators != 1 || body.Used != 5 || body.Files == nil || body.Files.Files != 1 || !body.Store.Ready || body.Scrub.Damaged != 0 || body.Scrub.Whole == nil || body.Scrub.Every != nil ||
			len(body.Jobs) != 1 || body.Jobs[0].Name != "gc" || body.Jobs[0].Failures != 1 || strings.Contains(answer.Body.String(), "secret") {
			t.Errorf("%s", answer.Body)
		}
	})
}

// Uploads of everybody are told without names, and ended with a line in the audit log.
func TestUploadsOfEverybody(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser)
		var ids []string
		for _, name := range []string{"private one.mp4", "private two.mp4", "private three.mp4"} {
			u, err := s.drives.BeginUpload(t.Context(), bob.id, drive.NewUpload{Folder: "/private folder", Name: name, MediaType: "video/mp4", Length: 1000, Metadata: "filename cHJpdmF0ZQ=="})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, u.ID)
		}
		var told []string
		for after := ""; ; {
			answer := s.call("GET", "/api/v1/admin/uploads?limit=2&after="+url.QueryEscape(after), ann.token, "").want(200, "")
			var body struct {
				Items []struct {
					ID   string
					User struct{ ID, Username string }
					Size *int64
				}
				Next string
			}
			answer.into(&body)
			for _, u := range body.Items {
				if told = append(told, u.ID); u.User.Username != "bob" || u.User.ID != bob.id || *u.Size != 1000 {
					t.Errorf("%+v", u)
				}
			}
			if strings.Contains(answer.Body.String(), "rivate") {
				t.Errorf("a name is told: %s", answer.Body)
			}
			if after = body.Next; after == "" {
				break
			}
		}
		if strings.Join(told, " ") != ids[2]+" "+ids[1]+" "+ids[0] {
			t.Errorf("%q, want the newest of %q first", told, ids)
		}
		s.call("DELETE", "/api/v1/admin/uploads/"+ids[0], ann.token, "").want(204, "")
		s.call("DELETE", "/api/v1/admin/uploads/"+ids[0], ann.token, "").want(404, "upload_not_found")
		s.call("GET", "/api/v1/admin/uploads?limit=0", ann.token, "").want(400, "invalid_fields")
		if open, err := s.drives.OpenUploads(t.Context(), bob.id, 10); err != nil || len(open) != 2 {
			t.Errorf("%+v, %v", open, err)
		}
		lines, _, err := s.accounts.AuditLog(t.Context(), authn.AuditFilter{Event: authn.AuditUploadEnded})
		if err != nil || len(lines) != 1 || lines[0].UserID != bob.id || lines[0].ActorID != ann.id || lines[0].Detail != ids[0] || lines[0].Address == "" {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}

// How somebody gets in, as administrators see it, and what they take back.
func TestAdministeringHowAUserGetsIn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser)
		at := "/api/v1/admin/users/" + bob.id
		folder, err := s.drives.MakeFolder(t.Context(), bob.id, "/private folder", drive.Guard{})
		if err != nil {
			t.Fatal(err)
		}
		made, _, err := s.accounts.CreateAppPasswordFor(t.Context(), "bob", authn.NewAppPassword{Name: "phone", Folder: folder.ID})
		if err != nil {
			t.Fatal(err)
		}
		passwords := s.call("GET", at+"/app-passwords", ann.token, "").want(200, "")
		var body struct {
			Items []struct {
				ID, Name string
				Limited  bool
			}
		}
		if passwords.into(&body); len(body.Items) != 1 || body.Items[0].ID != made.ID || !body.Items[0].Limited || strings.Contains(passwords.Body.String(), "private") {
			t.Errorf("%s", passwords.Body)
		}
		s.call("DELETE", at+"/app-passwords/"+made.ID, ann.token, "").want(204, "")
		s.call("DELETE", at+"/app-passwords/"+made.ID, ann.token, "").want(404, "no_such_app_password")

		var sessions struct {
			Items []struct {
				Device  string
				Current bool
			}
		}
		s.call("GET", at+"/sessions", ann.token, "").want(200, "").into(&sessions)
		if len(sessions.Items) != 1 || sessions.Items[0].Current {
			t.Errorf("bob's: %+v", sessions)
		}
		s.call("GET", "/api/v1/admin/users/"+ann.id+"/sessions", ann.token, "").want(200, "").into(&sessions)
		if len(sessions.Items) != 1 || !sessions.Items[0].Current {
			t.Errorf("ann's own: %+v", sessions)
		}
		s.call("DELETE", at+"/second-factor", ann.token, "").want(204, "")
		s.call("DELETE", "/api/v1/admin/users/"+ann.id+"/second-factor", ann.token, "").want(403, "own_account")
		for _, below := range []string{"/sessions", "/app-passwords"} {
			s.call("GET", "/api/v1/admin/users/"+sqldb.NewID()+below, ann.token, "").want(404, "not_found")
		}
		var user struct {
			Seen *string `json:"seen_at"`
		}
		s.call("GET", at, ann.token, "").want(200, "").into(&user)
		if user.Seen == nil {
			t.Error("bob was signed in, and nobody saw him")
		}
	})
}
