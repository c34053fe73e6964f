package api

import (
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestSessionsOverTheAPI(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		const login = `{"login": "ann", "password": "correct horse"}`
		var here, there signInBody
		s.call("POST", "/api/v1/register", "", `{"username": "ann", "password": "correct horse"}`).want(201, "").into(&here)
		s.call("POST", "/api/v1/login", "", login, "User-Agent", "rclone/v1").want(200, "").into(&there)
		var list sessionsBody
		s.call("GET", "/api/v1/sessions", here.AccessToken, "").want(200, "").into(&list)
		if len(list.Items) != 2 {
			t.Fatalf("%+v", list)
		}
		for _, item := range list.Items {
			if item.Current {
				continue
			}
			if item.Device != "rclone" || item.Kind != "token" {
				t.Errorf("%+v", item)
			}
			s.call("DELETE", "/api/v1/sessions/"+item.ID, here.AccessToken, "").want(204, "")
			s.call("DELETE", "/api/v1/sessions/"+item.ID, here.AccessToken, "").want(404, "no_such_session")
		}
		s.call("GET", "/api/v1/me", there.AccessToken, "").want(401, "session_ended")

		s.call("POST", "/api/v1/login", "", login).want(200, "").into(&there)
		s.call("DELETE", "/api/v1/sessions?all=perhaps", here.AccessToken, "").want(400, "invalid_fields")
		var ended endedBody
		s.call("DELETE", "/api/v1/sessions", here.AccessToken, "").want(200, "").into(&ended)
		if ended.Ended != 1 {
			t.Errorf("%+v", ended)
		}
		s.call("GET", "/api/v1/me", there.AccessToken, "").want(401, "session_ended")

		s.call("POST", "/api/v1/login", "", login).want(200, "").into(&there)
		s.call("POST", "/api/v1/me/password", here.AccessToken, `{"password": "wrong", "new_password": "battery staple"}`).want(403, "wrong_password")
		s.call("POST", "/api/v1/me/password", here.AccessToken, `{"password": "correct horse", "new_password": "short"}`).want(400, "invalid_fields")
		s.call("POST", "/api/v1/me/password", here.AccessToken, `{"password": "correct horse", "new_password": "battery staple"}`).want(204, "")
		s.call("GET", "/api/v1/me", there.AccessToken, "").want(401, "session_ended")
		s.call("DELETE", "/api/v1/sessions?all=true", here.AccessToken, "").want(200, "")
		s.call("GET", "/api/v1/me", here.AccessToken, "").want(401, "session_ended")
	})
}

func TestLoginFloodAttackIsAnsweredWithRetryAfter(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	for i := range 11 {
		s.call("POST", "/api/v1/login", "", `{"login": "nobody", "password": "guess `+string(rune('a'+i))+`"}`).want(401, "invalid_credentials")
	}
	if got := s.call("POST", "/api/v1/login", "", `{"login": "nobody", "password": "one more"}`).want(429, "too_many_attempts").Header().Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After: %q", got)
	}
}
