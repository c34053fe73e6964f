package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What changes the account asks for the code where a second factor is on.
func TestChangingAnAccountWithASecondFactor(t *testing.T) {
	const password = "correct horse"
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		at := time.Now()
		s := newSiteSet(t, db, drive.Options{}, func(o *authn.Options) { o.Now = func() time.Time { return at } })
		token := s.register("mia").AccessToken
		var e struct{ Secret string }
		s.call("POST", "/api/v1/me/totp", token, `{"password":"`+password+`"}`).want(201, "").into(&e)
		code, err := totp.GenerateCode(e.Secret, at)
		if err != nil {
			t.Fatal(err)
		}
		var recovery struct {
			Codes []string `json:"recovery_codes"`
		}
		s.call("POST", "/api/v1/me/totp/confirm", token, `{"otp":"`+code+`"}`).want(200, "").into(&recovery)
		for i, c := range []struct {
			method, path, change string
			status               int
		}{
			{"PATCH", "/api/v1/me", `"username":"eva"`, 200},
			{"POST", "/api/v1/me/email", `"email":""`, 200},
			{"POST", "/api/v1/me/phone", `"phone":""`, 200},
			{"POST", "/api/v1/me/password", `"new_password":"correct horse"`, 204},
			{"DELETE", "/api/v1/me", `"otp":null`, 204},
		} {
			body := func(password, otp string) string {
				if i == 4 {
					return fmt.Sprintf(`{"password":%q,"otp":%q}`, password, otp)
				}
				return fmt.Sprintf(`{%s,"password":%q,"otp":%q}`, c.change, password, otp)
			}
			s.call(c.method, c.path, token, `{`+c.change+`,"password":"`+password+`"}`).want(401, "otp_required")
			if i == 0 { // wrong ones are few before there is a wait
				s.call(c.method, c.path, token, body(password, code)).want(401, "invalid_otp")
			}
			s.call(c.method, c.path, token, body("wrong password", recovery.Codes[i])).want(403, "wrong_password")
			s.call(c.method, c.path, token, body(password, recovery.Codes[i])).want(c.status, "")
		}
		s.call("GET", "/api/v1/me", token, "").want(401, "session_ended")
	})
}

// An app turns a second factor on, signs in with it, and turns it off.
func TestSecondFactor(t *testing.T) {
	const password = "correct horse"
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		at := time.Now() // which stands still: a code of the step before must not become one of two steps before meanwhile
		s := newSiteSet(t, db, drive.Options{}, func(o *authn.Options) { o.Now = func() time.Time { return at } })
		token := s.register("mia").AccessToken
		code := func(secret string, steps int) string {
			t.Helper()
			c, err := totp.GenerateCode(secret, at.Add(time.Duration(steps)*30*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		var state struct {
			Since             *time.Time
			TOTP              bool
			RecoveryCodesLeft int `json:"recovery_codes_left"`
		}
		s.call("GET", "/api/v1/me/second-factor", token, "").want(200, "").into(&state)
		if state.Since != nil || state.TOTP {
			t.Errorf("%+v", state)
		}
		s.call("GET", "/api/v1/me/second-factor", "", "").want(401, "unauthenticated")
		s.call("POST", "/api/v1/me/totp", token, `{"password":"wrong password"}`).want(403, "wrong_password")
		s.call("POST", "/api/v1/me/totp", token, `{"password":"`+password+`","x":1}`).want(400, "unknown_field")
		s.call("POST", "/api/v1/me/totp/confirm", token, `{"otp":"123456"}`).want(404, "no_totp")
		s.call("POST", "/api/v1/me/totp/confirm", token, `{}`).want(400, "invalid_fields")
		s.call("DELETE", "/api/v1/me/totp", token, `{"password":"`+password+`"}`).want(404, "no_totp")
		s.call("POST", "/api/v1/me/recovery-codes", token, `{"password":"`+password+`"}`).want(404, "no_second_factor")

		var e struct{ Secret, URI, QR string }
		s.call("POST", "/api/v1/me/totp", token, `{"password":"`+password+`"}`).want(201, "").into(&e)
		s.call("POST", "/api/v1/me/totp/confirm", token, `{"otp":"none"}`).want(401, "invalid_otp")
		var recovery struct {
			Codes []string `json:"recovery_codes"`
		}
		s.call("POST", "/api/v1/me/totp/confirm", token, `{"otp":"`+code(e.Secret, -1)+`"}`).want(200, "").into(&recovery)
		if len(recovery.Codes) != 10 {
			t.Fatalf("%d recovery codes", len(recovery.Codes))
		}
		s.call("POST", "/api/v1/me/totp", token, fmt.Sprintf(`{"password":%q,"otp":%q}`, password, recovery.Codes[9])).want(409, "totp_on")

		login := func(otp string) *reply {
			t.Helper()
			return s.call("POST", "/api/v1/login", "", fmt.Sprintf(`{"login":"mia","password":%q,"otp":%q}`, password, otp))
		}
		login("").want(401, "otp_required")
		s.call("POST", "/api/v1/login", "", `{"login":"mia","password":"wrong password","otp":null}`).want(401, "invalid_credentials")
		login("none").want(401, "invalid_otp")
		login(code(e.Secret, 0)).want(200, "")
		login(code(e.Secret, 0)).want(401, "invalid_otp")
		login(recovery.Codes[0]).want(200, "")
		login(recovery.Codes[0]).want(401, "invalid_otp")

		basic := httptest.NewRequest("GET", "/api/v1/me", nil)
		basic.SetBasicAuth("mia", password)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, basic)
		var problem struct{ Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != http.StatusUnauthorized || problem.Code != "app_password_required" {
			t.Errorf("Basic: %d %s", w.Code, w.Body)
		}
		s.call("GET", "/api/v1/me", token, "").want(200, "")

		s.call("GET", "/api/v1/me/second-factor", token, "").want(200, "").into(&state)
		if state.Since == nil || !state.TOTP || state.RecoveryCodesLeft != 9 {
			t.Errorf("%+v", state)
		}
		s.call("POST", "/api/v1/me/recovery-codes", token, `{"password":"`+password+`"}`).want(401, "otp_required")
		s.call("POST", "/api/v1/me/recovery-codes", token, fmt.Sprintf(`{"password":%q,"otp":%q}`, password, recovery.Codes[1])).want(200, "").into(&recovery)
		s.call("DELETE", "/api/v1/me/totp", token, fmt.Sprintf(`{"password":"wrong password","otp":%q}`, recovery.Codes[1])).want(403, "wrong_password")
		s.call("DELETE", "/api/v1/me/totp", token, fmt.Sprintf(`{"password":%q,"otp":%q}`, password, recovery.Codes[1])).want(204, "")
		login("").want(200, "")
		for range 5 {
			login("") // without a factor no code is asked for, and none counted
		}
	})
}
