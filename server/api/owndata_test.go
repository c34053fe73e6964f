package api

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// send is call for an answer that is no JSON.
func (s *site) send(method, target, token string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, target, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// unzip answers what is in an archive, by name.
func unzip(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range r.File {
		if _, twice := all[f.Name]; twice {
			t.Errorf("%q is there twice", f.Name)
		}
		c, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c)
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		all[f.Name] = string(text)
	}
	return all
}

func TestExportHoldsAllThatIsOnesOwn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob := s.member("ann", authn.RoleUser), s.member("bob", authn.RoleUser)
		long := strings.Repeat("a long text for the store ", 5000)
		s.put(bob.id, "/bobs-secret.txt", "only bob reads this")
		s.call("POST", "/api/v1/folders", ann.token, `{"path": "/empty"}`).want(201, "")
		s.call("POST", "/api/v1/folders", ann.token, `{"path": "/Über uns"}`).want(201, "")
		s.put(ann.id, "/Über uns/größe.txt", "first")
		s.put(ann.id, "/Über uns/größe.txt", "second")
		s.put(ann.id, "/Über uns/größe.txt", long)
		s.put(ann.id, "/old.txt", "thrown away")
		s.call("DELETE", "/api/v1/files/old.txt", ann.token, "").want(200, "")

		answer := s.send("GET", "/api/v1/me/export", ann.token)
		if answer.Code != 200 || answer.Header().Get("Content-Type") != "application/zip" || !strings.HasPrefix(answer.Header().Get("Content-Disposition"), `attachment; filename="satchel-`) ||
			answer.Header().Get("Cache-Control") != "no-store" || answer.Header().Get("Accept-Ranges") != "none" {
			t.Errorf("%d %v", answer.Code, answer.Header())
		}
		all := unzip(t, answer.Body.Bytes())
		var versions, trash []string
		for name, content := range all {
			if strings.Contains(name+content, "bob") {
				t.Errorf("it holds something of bob's: %s: %s", name, content)
			}
			switch {
			case strings.HasPrefix(name, "versions/"):
				versions = append(versions, content)
				if !strings.HasPrefix(name, "versions/files/Über uns/größe.txt/") || !strings.HasSuffix(name, ".txt") {
					t.Errorf("a version is %s", name)
				}
			case strings.HasPrefix(name, "trash/"):
				trash = append(trash, content)
				if !strings.HasSuffix(name, "/old.txt") {
					t.Errorf("in the trash is %s", name)
				}
			}
		}
		slices.Sort(versions)
		if !slices.Equal(versions, []string{"first", "second"}) || !slices.Equal(trash, []string{"thrown away"}) {
			t.Errorf("versions %q, trash %q", versions, trash)
		}
		if all["files/Über uns/größe.txt"] != long {
			t.Errorf("the file has %d bytes", len(all["files/Über uns/größe.txt"]))
		}
		for _, name := range []string{"files/", "files/empty/", "files/Über uns/", "manifest.json"} {
			if _, ok := all[name]; !ok {
				t.Errorf("%s is missing", name)
			}
		}
		var profile struct {
			User    struct{ Username, ID string }
			Records map[string][]map[string]any
		}
		if err := json.Unmarshal([]byte(all["profile.json"]), &profile); err != nil || profile.User.ID != ann.id || len(profile.Records["sessions"]) != 1 ||
			profile.Records["sessions"][0]["user_agent"] != "ann's phone" {
			t.Errorf("%v, %s", err, all["profile.json"])
		}
		if !strings.Contains(all["activity.jsonl"], `"event":"data_downloaded"`) || !strings.Contains(all["activity.jsonl"], `"event":"user_created"`) {
			t.Errorf("activity: %s", all["activity.jsonl"])
		}
		for _, secret := range []string{"argon2", "password_hash", "cookie"} {
			if strings.Contains(all["profile.json"], secret) {
				t.Errorf("the profile tells %s", secret)
			}
		}

		files := unzip(t, s.send("GET", "/api/v1/me/export?content=files", ann.token).Body.Bytes())
		for name := range files {
			if strings.HasPrefix(name, "trash/") || strings.HasPrefix(name, "versions/") {
				t.Errorf("without trash and versions there is %s", name)
			}
		}
		if head := s.send("HEAD", "/api/v1/me/export", ann.token); head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Type") != "application/zip" {
			t.Errorf("HEAD: %d, %d bytes", head.Code, head.Body.Len())
		}
		s.call("GET", "/api/v1/me/export?content=everybody's", ann.token, "").want(400, "invalid_fields")
		s.call("GET", "/api/v1/me/export", "", "").want(401, "unauthenticated")
		s.call("GET", "/api/v1/me/export", "", "", "Authorization", basicOf("ann", adminPassword)).want(403, "session_required")
	})
}

// Whatever a file is called, unpacking an archive writes below the folder that it is unpacked in, on every system, and nothing is written over something else.
func TestAttackNamesInAnArchive(t *testing.T) {
	s := newSite(t, sqldbtest.OpenSQLite(t))
	ann := s.member("ann", authn.RoleUser)
	names := []string{`..\..\evil.exe`, `C:\Windows\evil.exe`, `\\server\share`, `a\b`, "a＼b", `a%5Cb`, "C:", "CON", "...", " ", "~", "-rf", "new\nline", "\x1b[2J", "a\u202etxt.exe",
		strings.Repeat(`\`, 255), strings.Repeat("é", 127)}
	for i, name := range names {
		s.put(ann.id, "/"+name, fmt.Sprint(i))
	}
	s.call("POST", "/api/v1/folders", ann.token, `{"path": "/..\\up"}`).want(201, "")
	s.put(ann.id, `/..\up/in`, "in it")
	all := unzip(t, s.send("GET", "/api/v1/me/export", ann.token).Body.Bytes())
	var contents []string
	for name, content := range all {
		for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
			if part == "" || part == "." || part == ".." || strings.Contains(part, `\`) {
				t.Errorf("%q is not safe", name)
			}
		}
		if strings.HasPrefix(name, "files/") && !strings.HasSuffix(name, "/") {
			contents = append(contents, content)
		}
	}
	if slices.Sort(contents); len(contents) != len(names)+1 || len(slices.Compact(contents)) != len(names)+1 {
		t.Errorf("%d files of %d: %q", len(contents), len(names)+1, contents)
	}
	if !strings.Contains(all["manifest.json"], `..\\..\\evil.exe`) {
		t.Errorf("the manifest does not tell what was renamed: %s", all["manifest.json"])
	}
}

// An archive that cannot be whole is cut: no client takes it for one that is.
func TestAnExportThatFailsIsCut(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	s := newSite(t, db)
	ann := s.member("ann", authn.RoleUser)
	for i := range 20 {
		s.put(ann.id, fmt.Sprintf("/%02d", i), strings.Repeat(fmt.Sprint(i), 20_000))
	}
	if _, err := db.Exec(t.Context(), `UPDATE nodes SET size = size + 1 WHERE name = '15'`); err != nil { // less is stored than the row says
		t.Fatal(err)
	}
	server := httptest.NewServer(s.handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/me/export", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ann.token)
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	archive, err := io.ReadAll(answer.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || answer.ContentLength >= 0 {
		t.Errorf("%v, length %d", err, answer.ContentLength)
	}
	if _, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive))); err == nil || len(archive) == 0 {
		t.Errorf("%d bytes that look whole", len(archive))
	}
	// The next one may begin.
	if _, err := db.Exec(t.Context(), `UPDATE nodes SET size = size - 1 WHERE name = '15'`); err != nil {
		t.Fatal(err)
	}
	if all := unzip(t, s.send("GET", "/api/v1/me/export", ann.token).Body.Bytes()); len(all["files/15"]) != 40_000 {
		t.Errorf("%d bytes", len(all["files/15"]))
	}
}

func TestExportsAtOnceAreFew(t *testing.T) {
	e := newExports()
	var ends []func()
	for i := range maxExports {
		end, err := e.begin(fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	s := newSite(t, sqldbtest.OpenSQLite(t))
	door := &api{accounts: s.accounts, drives: s.drives, exports: e}
	try := func(userID string) error {
		return door.export(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/me/export", http.NoBody), authn.Principal{UserID: userID, SessionID: "x"})
	}
	for user, code := range map[string]string{"1": "export_running", "another": "exports_busy"} {
		err := try(user)
		if got := errorCode(err); got != code {
			t.Errorf("%s: %v", user, err)
		}
	}
	ends[1]()
	end, err := e.begin("1")
	if err != nil {
		t.Fatal(err)
	}
	end()
	if _, err := e.begin("another"); err != nil {
		t.Fatal(err)
	}
}

func TestDeletingOnesOwnAccount(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		ann, bob, zoe := s.member("ann", authn.RoleAdmin), s.member("bob", authn.RoleUser), s.member("zoe", authn.RoleUser)
		shared := strings.Repeat("both of them hold this ", 5000)
		s.put(bob.id, "/mine.txt", shared)
		s.put(zoe.id, "/hers.txt", shared)
		s.put(bob.id, "/small.txt", "a small thing")
		s.put(zoe.id, "/small.txt", "a small thing")

		for body, want := range map[string]string{`{}`: "password_required", `{"password": ""}`: "password_required", `{"password": "wrong horse"}`: "wrong_password"} {
			s.call("DELETE", "/api/v1/me", bob.token, body).want(403, want)
		}
		s.call("DELETE", "/api/v1/me", bob.token, "").want(415, "unsupported_media_type")
		s.call("DELETE", "/api/v1/me", "", `{"password": "`+adminPassword+`"}`, "Authorization", basicOf("bob", adminPassword)).want(403, "session_required")
		s.call("DELETE", "/api/v1/me", ann.token, `{"password": "`+adminPassword+`"}`).want(403, "last_admin")
		for _, m := range []member{ann, bob} {
			s.call("GET", "/api/v1/me", m.token, "").want(200, "")
		}

		s.call("DELETE", "/api/v1/me", bob.token, `{"password": "`+adminPassword+`"}`).want(204, "")
		s.call("GET", "/api/v1/me", bob.token, "").want(401, "session_ended")
		s.call("GET", "/api/v1/me", "", "", "Authorization", basicOf("bob", adminPassword)).want(401, "invalid_credentials")
		s.call("POST", "/api/v1/login", "", `{"login": "bob", "password": "`+adminPassword+`"}`).want(401, "invalid_credentials")
		if err := s.accounts.RemoveClosed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.drives.Usage(t.Context(), bob.id); err == nil {
			t.Error("the drive is still there")
		}
		if _, err := db.Exec(t.Context(), `UPDATE loose_blobs SET created_at = 1`); err != nil { // past gc's grace
			t.Fatal(err)
		}
		if _, err := s.drives.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{"/hers.txt": shared, "/small.txt": "a small thing"} { // what she shared by hash is hers
			_, content, err := s.drives.Open(t.Context(), zoe.id, drive.Path(path))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(content)
			content.Close()
			if err != nil || string(text) != want {
				t.Errorf("%s: %d bytes, %v", path, len(text), err)
			}
		}
		problems, err := s.drives.Check(t.Context())
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
		s.call("POST", "/api/v1/register", "", `{"username": "bob", "password": "another bob's"}`).want(201, "")
	})
}
