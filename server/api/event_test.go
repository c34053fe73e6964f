package api

import (
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Administrators see which events were not taken, without names, and have them sent again, which the audit log tells. To others none of it is there.
func TestEventsOfEverybody(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSiteWith(t, db, drive.Options{Events: true})
		ann, bob := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser)
		for _, name := range []string{"/private-1", "/private-2", "/private-3"} {
			if _, err := s.drives.MakeFolder(t.Context(), bob.id, drive.Path(name), drive.Guard{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Exec(t.Context(), `UPDATE events SET dead_at = 1, failure = 'status 500' WHERE sequence = 2`); err != nil {
			t.Fatal(err)
		}
		type page struct {
			Waiting, Dead int
			Items         []struct {
				ID, Type, Failure string
				User              struct{ Username string }
				Dead              *string `json:"dead_at"`
			}
			Next string
		}
		list := func(query string) (p page) {
			t.Helper()
			answer := s.call("GET", "/api/v1/admin/events"+query, ann.token, "").want(200, "")
			answer.into(&p)
			if strings.Contains(answer.Body.String(), "private") {
				t.Errorf("a name is told: %s", answer.Body)
			}
			return p
		}
		first := list("?limit=2")
		if first.Waiting != 2 || first.Dead != 1 || len(first.Items) != 2 || len(list("?limit=2&after="+first.Next).Items) != 1 {
			t.Errorf("%+v", first)
		}
		dead := list("?state=dead")
		if len(dead.Items) != 1 || dead.Items[0].Type != "folder.created" || dead.Items[0].Failure != "status 500" || dead.Items[0].User.Username != "bob" || dead.Items[0].Dead == nil {
			t.Fatalf("%+v", dead)
		}
		s.call("GET", "/api/v1/admin/events?state=lost", ann.token, "").want(400, "invalid_state")
		one := "/api/v1/admin/events/" + dead.Items[0].ID + "/retry"
		for _, r := range [][2]string{{"GET", "/api/v1/admin/events"}, {"POST", one}, {"POST", "/api/v1/admin/events/retry"}, {"POST", "/api/v1/admin/events/resume"}} {
			s.call(r[0], r[1], bob.token, "").want(404, "not_found")
		}
		s.call("POST", one, ann.token, "").want(204, "")
		if left := list("?state=waiting"); len(left.Items) != 3 {
			t.Errorf("%+v", left)
		}
		s.call("POST", "/api/v1/admin/events/"+sqldb.NewID()+"/retry", ann.token, "").want(404, "event_not_found")
		if body := s.call("POST", "/api/v1/admin/events/retry", ann.token, "").want(200, "").Body.String(); !strings.Contains(body, `"events":0`) {
			t.Error(body)
		}
		s.call("POST", "/api/v1/admin/events/resume", ann.token, "").want(204, "")
		lines, _, err := s.accounts.AuditLog(t.Context(), authn.AuditFilter{Event: authn.AuditEventsRetried})
		if err != nil || len(lines) != 3 || lines[2].Detail != dead.Items[0].ID {
			t.Errorf("%+v, %v", lines, err)
		}
	})
}
