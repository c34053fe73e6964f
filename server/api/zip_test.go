package api

import (
	"archive/zip"
	"bytes"
	"slices"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestZip(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.register("ann"), s.register("bob")
		s.call("POST", "/api/v1/folders", ann.AccessToken, `{"path": "/a"}`).want(201, "")
		s.put(ann.User.ID, "/a/熊.txt", "hello")
		s.put(ann.User.ID, "/b", "world")
		s.put(ann.User.ID, "/a/b", "another b")

		got := s.call("GET", "/api/v1/zip?path=/b&path=/a", ann.AccessToken, "").want(200, "")
		archive, err := zip.NewReader(bytes.NewReader(got.Body.Bytes()), int64(got.Body.Len()))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range archive.File {
			names = append(names, f.Name)
		}
		if want := []string{"b", "a/", "a/b", "a/熊.txt"}; !slices.Equal(names, want) {
			t.Errorf("the ZIP holds %q; want %q", names, want)
		}
		for _, refused := range []struct {
			token, query string
			status       int
			code         string
		}{
			{ann.AccessToken, "", 400, "invalid_fields"},
			{ann.AccessToken, "?path=/none", 404, "not_found"},
			{ann.AccessToken, "?path=/b&path=/none", 404, "not_found"},
			{ann.AccessToken, "?path=/b&path=/a/b", 400, "same_name"},
			{ann.AccessToken, "?path=/../b", 400, "invalid_name"},
			{bob.AccessToken, "?path=/b", 404, "not_found"},
			{"", "?path=/b", 401, "unauthenticated"},
		} {
			r := s.call("GET", "/api/v1/zip"+refused.query, refused.token, "").want(refused.status, refused.code)
			if got := r.Header().Get("Content-Disposition"); got != "" {
				t.Errorf("%s: the refusal is called %s", refused.query, got)
			}
		}
		for token, want := range map[string]int{ann.AccessToken: 200, bob.AccessToken: 404} {
			if head := s.call("HEAD", "/api/v1/zip?path=/b", token, ""); head.Code != want || head.Body.Len() != 0 {
				t.Errorf("HEAD: %d %s, want %d", head.Code, head.Body, want)
			}
		}
	})
}
