package api

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestIdentities(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.register("ann"), s.register("bob")
		id := sqldb.NewID()
		if _, err := db.Exec(t.Context(), `INSERT INTO identities (id, user_id, issuer, subject, label, created_at, used_at) VALUES ($1, $2, 'https://accounts.example.org', 's', 'ann@example.org', 1, 2)`,
			id, ann.User.ID); err != nil {
			t.Fatal(err)
		}
		list := func(token string) (all identitiesBody) {
			t.Helper()
			s.call("GET", "/api/v1/me/identities", token, "").want(200, "").into(&all)
			return all
		}
		if all := list(ann.AccessToken); len(all.Items) != 1 || all.Items[0].ID != id || all.Items[0].Issuer != "https://accounts.example.org" ||
			all.Items[0].Provider != "" || all.Items[0].Label != "ann@example.org" || all.Items[0].UsedAt.Unix() != 0 {
			t.Errorf("%+v", all)
		}
		if all := list(bob.AccessToken); all.Items == nil || len(all.Items) != 0 {
			t.Errorf("bob sees %+v", all)
		}
		s.call("DELETE", "/api/v1/me/identities/"+id, bob.AccessToken, "").want(404, "not_found")
		s.call("DELETE", "/api/v1/me/identities/x", ann.AccessToken, "").want(404, "not_found")
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:correct horse"))
		s.call("DELETE", "/api/v1/me/identities/"+id, "", "", "Authorization", basic).want(http.StatusForbidden, "session_required")
		s.call("GET", "/api/v1/me/identities", "", "").want(401, "unauthenticated")
		s.call("DELETE", "/api/v1/me/identities/"+id, "", "").want(401, "unauthenticated")
		if _, err := db.Exec(t.Context(), `UPDATE users SET password_hash = '' WHERE id = $1`, ann.User.ID); err != nil {
			t.Fatal(err)
		}
		s.call("DELETE", "/api/v1/me/identities/"+id, ann.AccessToken, "").want(403, "last_sign_in")
		if _, err := db.Exec(t.Context(), `UPDATE users SET password_hash = 'x' WHERE id = $1`, ann.User.ID); err != nil {
			t.Fatal(err)
		}
		s.call("DELETE", "/api/v1/me/identities/"+id, ann.AccessToken, "").want(204, "")
		if all := list(ann.AccessToken); len(all.Items) != 0 {
			t.Errorf("%+v is left", all)
		}
	})
}
