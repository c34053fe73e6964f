package api

import (
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// An app looks at what a rewind would do, does it, and takes it back.
func TestRewind(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.register("ann"), s.register("bob").AccessToken
		token := ann.AccessToken
		s.call("POST", "/api/v1/folders", token, `{"path": "/d"}`).want(201, "")
		s.put(ann.User.ID, "/d/f", "what it held")
		s.put(ann.User.ID, "/x", "removed later")
		var now changesBody
		s.call("GET", "/api/v1/changes", token, "").want(200, "").into(&now)
		s.put(ann.User.ID, "/d/f", "overwritten")
		s.call("DELETE", "/api/v1/files/x", token, "").want(200, "")
		s.call("POST", "/api/v1/move", token, `{"from": "/d/f", "to": "/d/f.locked"}`).want(200, "")

		const at = "/api/v1/rewind"
		var seen, done, undone rewoundBody
		s.call("GET", at+"?to="+now.Since, token, "").want(200, "").into(&seen)
		if seen.Path != "/" || seen.To != now.Since || seen.Restored.Count != 1 || seen.Restored.Items[0].Path != "/x" || seen.Moved.Items[0].From != "/d/f.locked" ||
			seen.Rewritten.Count != 1 || seen.Gone.Count != 0 || seen.Gone.Items == nil || seen.Obstacle != nil || time.Since(seen.Reach) > time.Hour {
			t.Errorf("the preview is %+v", seen)
		}
		s.call("POST", at, token, `{"to": "`+now.Since+`", "seen": "`+now.Since+`"}`).want(412, "changed_since")
		s.call("GET", "/api/v1/files/x", token, "").want(404, "not_found")
		s.call("POST", at, token, `{"to": "`+now.Since+`", "seen": "`+seen.Before+`"}`).want(200, "").into(&done)
		if done.Before != seen.Before || done.Moved.Count != 1 || done.Rewritten.Count != 1 || done.Restored.Count != 1 {
			t.Errorf("it did %+v", done)
		}
		var node nodeBody
		s.call("GET", "/api/v1/files/d/f", token, "").want(200, "").into(&node)
		if node.Size != int64(len("what it held")) {
			t.Errorf("%+v", node)
		}
		s.call("GET", "/api/v1/files/x", token, "").want(200, "")
		s.call("POST", at, token, `{"to": "`+done.Before+`", "path": "/d"}`).want(200, "").into(&undone)
		s.call("GET", "/api/v1/files/d/f.locked", token, "").want(200, "").into(&node)
		if node.Size != int64(len("overwritten")) {
			t.Errorf("%+v", node)
		}
		s.call("GET", "/api/v1/files/x", token, "").want(200, "")

		var told struct {
			Items []struct{ Event, Detail string }
		}
		s.call("GET", "/api/v1/me/audit", token, "").want(200, "").into(&told)
		if told.Items[0].Event != authn.AuditRewound || !strings.HasPrefix(told.Items[0].Detail, "/d to "+undone.To+", ") {
			t.Errorf("the audit log tells %+v", told.Items[0])
		}

		for _, c := range []struct {
			query, body string
			status      int
			code        string
		}{
			{"", `{}`, 400, "invalid_fields"},
			{"?to=yesterday", `{"to": "yesterday"}`, 400, "invalid_moment"},
			{"?to=" + now.Since + "&path=..", `{"to": "` + now.Since + `", "path": ".."}`, 400, "invalid_name"},
			{"?to=" + now.Since + "&path=/none", `{"to": "` + now.Since + `", "path": "/none"}`, 404, "not_found"},
			{"?to=" + now.Since + "&path=/x", `{"to": "` + now.Since + `", "path": "/x"}`, 400, "is_file"},
			{"?to=2001-01-01T00:00:00Z", `{"to": "2001-01-01T00:00:00Z"}`, 410, "changes_gone"},
			{"?to=zz.zz", `{"to": "zz.zz"}`, 410, "changes_gone"},
		} {
			s.call("GET", at+c.query, token, "").want(c.status, c.code)
			s.call("POST", at, token, c.body).want(c.status, c.code)
		}
		s.call("POST", at, token, `{"to": "0.0", "seen": "x"}`).want(400, "invalid_moment")
		s.call("GET", at+"?to="+now.Since, bob, "").want(410, "changes_gone")
		s.call("GET", at+"?to=0.0&path=/d", bob, "").want(404, "not_found")
		s.call("POST", at, bob, `{"to": "0.0"}`).want(200, "")
		s.call("GET", "/api/v1/files/x", token, "").want(200, "")
	})
}
