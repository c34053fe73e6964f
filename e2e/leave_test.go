package e2e

import (
	"archive/zip"
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
)

// No other site makes a browser delete the account that is signed in to, not even with the right password; the account's own page does. What was half
// uploaded, locked, thrown away and overwritten goes with it, while the server runs.
func TestAttackDeletingAnAccountFromAnotherSite(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *Server) {
		ann, bob := s.Register(t, "ann"), s.Register(t, "bob")
		moveIn(t, ann)
		ann.Put(t, "secret-plan.txt", "another version")
		bob.Put(t, "the-same.txt", annsContent)
		browser := ann.Browser(t)
		browser.CheckRedirect = noRedirects(nil).CheckRedirect

		asJSON := `{"password": "` + password + `"}`
		asForm := "password=" + strings.ReplaceAll(password, " ", "+")
		for _, from := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}} {
			for _, c := range []struct{ method, path, media, body string }{
				{http.MethodDelete, "/api/v1/me", jsonType, asJSON},
				{http.MethodPost, "/account/data/delete", formType, asForm},
			} {
				header := headers(from)
				header.Set("Content-Type", c.media)
				if answer := send(t, browser, c.method, s.URL+c.path, header, strings.NewReader(c.body)); answer.StatusCode != http.StatusForbidden || strings.Contains(answer.text, "password") {
					t.Errorf("%s %s from %v: %s\n%s", c.method, c.path, from, answer.Status, answer.text)
				}
			}
		}
		export := send(t, browser, http.MethodGet, s.URL+"/api/v1/me/export", nil, nil)
		archive, err := zip.NewReader(bytes.NewReader([]byte(export.text)), int64(len(export.text)))
		if err != nil || export.StatusCode != http.StatusOK {
			t.Fatalf("the account's data: %s, %v", export.Status, err)
		}
		if len(archive.File) < 8 {
			t.Errorf("there are only %d files in it", len(archive.File))
		}

		answer := send(t, browser, http.MethodPost, s.URL+"/account/data/delete", headers(map[string]string{"Sec-Fetch-Site": "same-origin", "Content-Type": formType}), strings.NewReader(asForm))
		if answer.StatusCode != http.StatusOK || !strings.Contains(answer.text, "Your account is deleted") {
			t.Fatalf("the page: %s\n%s", answer.Status, answer.text)
		}
		for what, client := range map[string]*http.Client{"token": ann.Bearer, "password": ann.Basic} {
			if answer := send(t, client, http.MethodGet, s.URL+"/api/v1/me", nil, nil); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("with the %s: %s", what, answer.Status)
			}
		}
		// The names are free at once, and the drive goes behind the answer.
		again := s.Register(t, "ann")
		removed := `satchel_jobs_total{name="remove_accounts",result="ok"}`
		for deadline := time.Now().Add(time.Minute); !strings.Contains(send(t, http.DefaultClient, http.MethodGet, s.Admin+"/metrics", nil, nil).text, removed); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the drive is not removed")
			}
		}
		s.fsck()
		if told, err := s.Command("audit", "--event", "user_deleted").CombinedOutput(); err != nil || !strings.Contains(string(told), "of "+ann.ID) {
			t.Errorf("the audit log: %v\n%s", err, told)
		}
		if answer := send(t, bob.Basic, http.MethodGet, s.URL+"/dav/the-same.txt", nil, nil); answer.text != annsContent {
			t.Errorf("what bob holds too is %s %q", answer.Status, answer.text)
		}
		if answer := send(t, again.Basic, http.MethodGet, s.URL+"/dav/secret-plan.txt", nil, nil); answer.StatusCode != http.StatusNotFound {
			t.Errorf("who has the name now finds %s", answer.Status)
		}
	})
}
