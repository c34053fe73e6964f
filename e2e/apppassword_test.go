package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// AppPassword makes an app password for a folder and answers its secret.
func (a *Account) AppPassword(t testing.TB, folder string, readOnly bool) string {
	t.Helper()
	var made struct{ Password string }
	body := fmt.Sprintf(`{"name": "rclone", "folder": %q, "read_only": %v}`, folder, readOnly)
	decode(t, send(t, a.Bearer, http.MethodPost, a.s.URL+"/api/v1/app-passwords", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(body)),
		http.StatusCreated, &made)
	return made.Password
}

// rclone with an app password for a folder has that folder as all of its remote, at every address of WebDAV.
func TestRcloneWithAnAppPassword(t *testing.T) {
	t.Parallel()
	path := program(t, "rclone", "rclone")
	s := start(t)
	ann := s.Register(t, "ann")
	for _, folder := range []string{"Photos", "Photos/2026"} {
		if answer := send(t, ann.Basic, "MKCOL", s.URL+"/dav/"+folder, nil, nil); answer.StatusCode != http.StatusCreated {
			t.Fatal(answer.Status)
		}
	}
	ann.Put(t, "diary.txt", "not for the camera")
	ann.Put(t, "Photos/2026/beach.jpg", "a beach")
	writer, reader := ann.AppPassword(t, "/Photos", false), ann.AppPassword(t, "/Photos", true)
	picture := filepath.Join(t.TempDir(), "hill.jpg")
	if err := os.WriteFile(picture, []byte("a hill"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ vendor, mount string }{{"other", "/dav/"}, {"owncloud", "/remote.php/webdav/"}, {"nextcloud", "/remote.php/dav/files/ann/"}} {
		t.Run(c.vendor, func(t *testing.T) {
			r := newRemote(t, path, ann, c.vendor, c.mount)
			r.as(writer)
			if list := r.run("lsf", "-R", "dav:"); strings.Contains(list, "diary") || !strings.Contains(list, "2026/beach.jpg") || strings.Contains(list, "Photos") {
				t.Errorf("it sees\n%s", list)
			}
			r.run("copyto", picture, "dav:"+c.vendor+"/hill.jpg")
			r.run("moveto", "dav:"+c.vendor+"/hill.jpg", "dav:"+c.vendor+"/top.jpg")
			if got, _ := ann.SHA256(t, "Photos/"+c.vendor+"/top.jpg"); got == "" {
				t.Error("it is not in the folder")
			}
			r.as(reader)
			if got := r.run("cat", "dav:"+c.vendor+"/top.jpg"); !strings.HasSuffix(got, "\na hill") { // behind a notice
				t.Errorf("reading answers %q", got)
			}
			cmd := tool(t, r.home, path, "copyto", picture, "dav:new.jpg", "--retries", "1", "--low-level-retries", "1")
			cmd.Env = append(cmd.Env, r.env...)
			if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "403") {
				t.Errorf("a reader wrote: %v\n%s", err, out)
			}
		})
	}
}

// as makes the remote use another password.
func (r *rclone) as(secret string) {
	r.t.Helper()
	obscure := tool(r.t, r.home, r.path, "obscure", "-")
	obscure.Stdin = strings.NewReader(secret)
	r.env = append(r.env, "RCLONE_CONFIG_DAV_PASS="+strings.TrimSpace(run(r.t, obscure)))
}
