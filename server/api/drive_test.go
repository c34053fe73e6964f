package api

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestSearchAndCopy(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.register("ann"), s.register("bob")
		token := ann.AccessToken
		s.call("POST", "/api/v1/folders", token, `{"path": "/Trips"}`).want(201, "")
		s.put(ann.User.ID, "/Trips/Überblick.txt", "hello")
		var node nodeBody
		s.call("POST", "/api/v1/copy", token, `{"from": "/Trips", "to": "/copied"}`).want(201, "").into(&node)
		if node.Path != "/copied" || !node.Folder {
			t.Errorf("%+v", node)
		}
		s.call("POST", "/api/v1/copy", token, `{"from": "/Trips", "to": "/copied"}`).want(409, "name_taken")
		s.call("POST", "/api/v1/copy", token, `{"from": "/Trips", "to": "/Trips/x"}`).want(403, "same_place")
		s.call("POST", "/api/v1/copy", bob.AccessToken, `{"from": "/Trips", "to": "/mine"}`).want(404, "not_found")

		var hits hitsBody
		search := "/api/v1/search?q=" + url.QueryEscape("üBER")
		s.call("GET", search+"&limit=1", token, "").want(200, "").into(&hits)
		first := hits.Items[0].Path
		if hits.Next == "" {
			t.Fatal("there is no second page")
		}
		s.call("GET", search+"&limit=5&after="+hits.Next, token, "").want(200, "").into(&hits)
		if len(hits.Items) != 1 || hits.Next != "" && first == hits.Items[0].Path {
			t.Errorf("%+v after %s", hits, first)
		}
		hits = hitsBody{}
		s.call("GET", search+"&in=/copied", token, "").want(200, "").into(&hits)
		if len(hits.Items) != 1 || hits.Items[0].Path != "/copied/Überblick.txt" {
			t.Errorf("%+v", hits)
		}
		s.call("GET", search, bob.AccessToken, "").want(200, "").into(&hits)
		if len(hits.Items) != 0 {
			t.Errorf("bob finds %+v", hits)
		}
		s.call("GET", "/api/v1/search?q=", token, "").want(400, "invalid_search")
		s.call("GET", "/api/v1/search?q=x&in=/none", token, "").want(404, "not_found")
		s.call("GET", "/api/v1/search?q=x", "", "").want(401, "unauthenticated")
	})
}

func TestVersionsOfAFile(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.register("ann"), s.register("bob")
		token := ann.AccessToken
		for _, content := range []string{"one", "two", "three"} {
			s.put(ann.User.ID, "/a b.txt", content)
		}
		var all versionsBody
		s.call("GET", "/api/v1/versions?path=/a+b.txt", token, "").want(200, "").into(&all)
		if len(all.Items) != 2 || all.Items[0].Size != 3 || all.Items[1].URL != "https://files.example.org/raw/a%20b.txt?version="+all.Items[1].ID {
			t.Fatalf("%+v", all)
		}
		one := "/api/v1/versions/" + all.Items[1].ID
		s.call("GET", "/api/v1/versions?path=/a+b.txt", bob.AccessToken, "").want(404, "not_found")
		s.call("POST", one+"/restore", bob.AccessToken, "").want(404, "not_found")
		s.call("DELETE", one, bob.AccessToken, "").want(404, "not_found")
		s.call("POST", one+"/restore", token, "", "If-Match", `"other"`).want(412, "precondition_failed")
		var node nodeBody
		s.call("POST", one+"/restore", token, "").want(200, "").into(&node)
		if node.Path != "/a b.txt" || node.Size != 3 {
			t.Errorf("%+v", node)
		}
		s.call("POST", one+"/restore", token, "").want(404, "not_found")
		s.call("DELETE", "/api/v1/versions/"+all.Items[0].ID, token, "").want(204, "")
		s.call("GET", "/api/v1/versions?path=/a+b.txt", token, "").want(200, "").into(&all)
		if len(all.Items) != 1 || all.Items[0].Size != 5 {
			t.Errorf("%+v", all)
		}
	})
}

func TestChangesForApps(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann := s.register("ann")
		token := ann.AccessToken
		var news changesBody
		s.call("GET", "/api/v1/changes", token, "").want(200, "").into(&news)
		start := news.Since
		s.put(ann.User.ID, "/a", "x")
		s.call("POST", "/api/v1/move", token, `{"from": "/a", "to": "/b"}`).want(200, "")
		s.call("GET", "/api/v1/changes?limit=1&since="+start, token, "").want(200, "").into(&news)
		if len(news.Items) != 1 || news.Items[0].Kind != "created" || news.Items[0].Path != "/a" || !news.More {
			t.Errorf("%+v", news)
		}
		s.call("GET", "/api/v1/changes?since="+news.Since, token, "").want(200, "").into(&news)
		if len(news.Items) != 1 || news.Items[0].Kind != "moved" || news.Items[0].Path != "/b" || news.More {
			t.Errorf("%+v", news)
		}
		s.call("GET", "/api/v1/changes?since=zz.zz", token, "").want(410, "changes_gone")
		s.call("GET", "/api/v1/changes?since=soon", token, "").want(400, "invalid_moment")
	})
}

func TestDownloadLinks(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	ann, bob := s.register("ann"), s.register("bob")
	token := ann.AccessToken
	s.put(ann.User.ID, "/a b.png", "x")
	s.call("POST", "/api/v1/folders", token, `{"path": "/d"}`).want(201, "")
	var link linkBody
	s.call("POST", "/api/v1/links/download", token, `{"path": "/a b.png"}`).want(201, "").into(&link)
	if !strings.HasPrefix(link.URL, "https://files.example.org/d/"+ann.User.ID+".") || !strings.HasSuffix(link.URL, "/a%20b.png") {
		t.Error(link.URL)
	}
	s.call("POST", "/api/v1/links/download", token, `{"path": "/a b.png", "expires_in": 86400}`).want(201, "")
	s.call("POST", "/api/v1/links/download", token, `{"path": "/a b.png", "expires_in": 86401}`).want(400, "invalid_fields")
	s.call("POST", "/api/v1/links/download", token, `{"path": "/a b.png", "expires_in": 9223372036854775807}`).want(400, "invalid_fields")
	s.call("POST", "/api/v1/links/download", token, `{"path": "/a b.png", "expires_in": -1}`).want(400, "invalid_fields")
	s.call("POST", "/api/v1/links/download", token, `{"path": "/d"}`).want(400, "is_folder")
	s.call("POST", "/api/v1/links/download", token, `{}`).want(400, "invalid_fields")
	s.call("POST", "/api/v1/links/download", bob.AccessToken, `{"path": "/a b.png"}`).want(404, "not_found")
	s.call("POST", "/api/v1/links/download", "", `{"path": "/a b.png"}`).want(401, "unauthenticated")
}

// postForm sends the parts of a form, each of a name and its content.
func (s *site) postForm(target, token string, parts ...string) *reply {
	s.t.Helper()
	var body strings.Builder
	for i := 0; i < len(parts); i += 2 {
		body.WriteString("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + parts[i] + "\"\r\n\r\n" + parts[i+1] + "\r\n")
	}
	body.WriteString("--x--\r\n")
	r := httptest.NewRequest("POST", target, strings.NewReader(body.String()))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if err := s.document.checkAnswer("POST", r.URL.Path, w.Code, w.Header(), w.Body.Bytes()); err != nil {
		s.t.Error(err)
	}
	return &reply{w, s.t, "POST " + target}
}

func TestAPlainFormAnswersAddresses(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	ann := s.register("ann")
	token := ann.AccessToken
	s.call("POST", "/api/v1/folders", token, `{"path": "/in"}`).want(201, "")
	var stored storedBodies
	s.postForm("/api/v1/files/in", token, "a?.txt", "one", "b", "two").want(201, "").into(&stored)
	if len(stored.Items) != 2 || stored.Items[0].URL != "https://files.example.org/raw/in/a%3F.txt" || stored.Items[1].Size != 3 {
		t.Errorf("%+v", stored)
	}
	s.postForm("/api/v1/files/in", token, "b", "again").want(201, "").into(&stored)
	if stored.Items[0].Path != "/in/b (1)" {
		t.Errorf("%+v", stored)
	}
	s.postForm("/api/v1/files/in?conflict=replace", token, "b", "again").want(201, "").into(&stored)
	if stored.Items[0].Path != "/in/b" {
		t.Errorf("%+v", stored)
	}
	s.postForm("/api/v1/files/in?conflict=fail", token, "b", "again").want(409, "name_taken")
	s.postForm("/api/v1/files/in?conflict=explode", token, "b", "again").want(400, "invalid_fields")
	s.postForm("/api/v1/files/none", token, "b", "x").want(409, "parent_missing")
	s.postForm("/api/v1/files/in", token).want(400, "no_file")
	s.postForm("/api/v1/files/in", token, "..", "x").want(400, "invalid_name")
	s.call("POST", "/api/v1/files/in", token, `{}`).want(400, "invalid")
}
