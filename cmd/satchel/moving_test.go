package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sftpgo/sdk"

	"github.com/satchelhq/satchel/config"
)

// A folder comes to a drive and a drive goes to a folder while the server runs and its user works; each sees what the other did.
func TestMovingBesideAServer(t *testing.T) {
	data := t.TempDir()
	environ := []string{"SATCHEL_DATA=" + data, "SATCHEL_DURABILITY=relaxed"}
	s := start(t, data, environ...)
	token := s.signUp(t)
	source, folder := t.TempDir(), filepath.Join(t.TempDir(), "out")
	const files = 60
	for i := range files {
		if err := os.WriteFile(filepath.Join(source, fmt.Sprintf("f%02d", i)), []byte(strings.Repeat("x", i*3000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put := func(name, body string) {
		t.Helper()
		if r, text := ask(t, http.MethodPut, s.base+"/dav/"+name, token, strings.NewReader(body)); r.StatusCode >= 300 {
			t.Errorf("PUT %s: %s %s", name, r.Status, text)
		}
	}
	put("seen before", "1")
	end := make(chan struct{})
	working := make(chan struct{})
	go func() {
		defer close(working)
		for i := 0; ; i++ {
			put(fmt.Sprintf("w%d", i), "while it is imported")
			select {
			case <-end:
				return
			default:
			}
		}
	}()
	got := satchel(t, "", environ, "import", "--user", "ada", "--to", "/in", source)
	close(end)
	<-working
	if got.code != exitOK || !strings.Contains(got.stdout, "60 files imported (5.1 MiB).") {
		t.Errorf("import: %+v", got)
	}
	for i := range files {
		if r, text := ask(t, http.MethodGet, fmt.Sprintf("%s/dav/in/f%02d", s.base, i), token, nil); r.StatusCode != 200 || len(text) != i*3000 {
			t.Errorf("the server answers %s for file %d, with %d bytes", r.Status, i, len(text))
		}
	}
	if got := satchel(t, "", environ, "export", "--user", "ada", folder); got.code != exitOK {
		t.Errorf("export: %+v", got)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "in", "f59")); err != nil || len(text) != 59*3000 {
		t.Errorf("what was exported has %d bytes, %v", len(text), err)
	}

	// The same file with other content, then a content that rots.
	put("seen before", "2")
	if got := satchel(t, "", environ, "export", "--user", "ada", folder); got.code != exitSome || !strings.Contains(got.stderr, "failed: /seen before: Another file has its name here. With --replace it is replaced.") {
		t.Errorf("export over what differs: %+v", got)
	}
	if got := satchel(t, "", environ, "export", "--user", "ada", folder, "--replace"); got.code != exitOK || !strings.Contains(got.stdout, "1 files written (1 B)") {
		t.Errorf("export replacing: %+v", got)
	}
	err := filepath.WalkDir(filepath.Join(data, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, infoErr := d.Info(); infoErr == nil && info.Size() == 59*3000 {
				err = os.WriteFile(path, make([]byte, 59*3000), 0o600)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := satchel(t, "", environ, "export", "--user", "ada", filepath.Join(t.TempDir(), "anew")); got.code != exitDamaged || !strings.Contains(got.stderr, "damaged: /in/f59: its content is not what it was") {
		t.Errorf("export of rot: %+v", got)
	}
	if got := satchel(t, "", environ, "export", "--user", "ada", folder, "--json"); got.code != exitOK || !strings.Contains(got.stdout, `{"bytes":177000,"path":"/in/f59","result":"there already"}`) ||
		!strings.Contains(got.stdout, `"summary":{"moved":0,"there_already":`) {
		t.Errorf("export in JSON: %+v", got)
	}
	if got := satchel(t, "", environ, "import", "--user", "ada", folder, "--manifest", folder+".manifest.jsonl", "--dry-run"); got.code != exitOK || !strings.Contains(got.stdout, "0 files would be imported (0 B), ") {
		t.Errorf("import of the export: %+v", got)
	}
}

// Who is asked before an upload is asked before a file is imported, and keeps files out.
func TestAnImportIsAskedAbout(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Event struct {
				Satchel struct{ Owner, Path, Door string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, q.Event.Satchel.Owner+" "+q.Event.Satchel.Path+" "+q.Event.Satchel.Door)
		answer := `{}`
		if strings.HasSuffix(q.Event.Satchel.Path, ".exe") {
			answer = `{"RejectUpload": true, "HTTPResponse": {"StatusCode": 403, "Body": "No programs."}}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer receiver.Close()
	environ := []string{"SATCHEL_DATA=" + t.TempDir(), "SATCHEL_DURABILITY=relaxed", "SATCHEL_ADMIT_WEBHOOK=" + receiver.URL, "SATCHEL_ADMIT_WEBHOOK_SECRET=whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))}
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	source := t.TempDir()
	for _, name := range []string{"a.txt", "b.exe"} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := satchel(t, "", environ, "import", "--user", "ann", source)
	if got.code != exitSome || !strings.Contains(got.stderr, "failed: b.exe: No programs.") || !strings.Contains(got.stdout, "1 files imported") {
		t.Errorf("%+v", got)
	}
	slices.Sort(asked)
	if want := []string{"ann /a.txt import", "ann /b.exe import"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

// A drive that will be full says so in a dry run, and one that is says what to do.
func TestImportIntoAFullDrive(t *testing.T) {
	environ := []string{"SATCHEL_DATA=" + t.TempDir(), "SATCHEL_DURABILITY=relaxed"}
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann", "--quota", "12"); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	source := t.TempDir()
	for _, name := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(source, name), []byte("8 bytes."), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := []string{"import", "--user", "ann", "--at-once", "1", source}
	if got := satchel(t, "", environ, append(command, "--dry-run")...); got.code != exitOK || !strings.Contains(got.stderr, "there is room for 12 B of it") {
		t.Errorf("a dry run: %+v", got)
	}
	if got := satchel(t, "", environ, command...); got.code != exitFailed || !strings.Contains(got.stdout, "1 files imported") || !strings.Contains(got.stderr, "The drive is full: 8 of 12 bytes are used. ") || !strings.Contains(got.stderr, "satchel user quota") {
		t.Errorf("into 12 bytes: %+v", got)
	}
	if got := satchel(t, "", environ, "user", "quota", "ann", "16"); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	if got := satchel(t, "", environ, command...); got.code != exitOK || !strings.Contains(got.stdout, "1 files imported (8 B), 1 there already.") {
		t.Errorf("into 16 bytes: %+v", got)
	}
}

// What does not go together is told before anything is opened.
func TestUsageOfExportAndImport(t *testing.T) {
	environ := []string{"SATCHEL_DATA=" + t.TempDir()}
	for args, want := range map[string]string{
		"export out":                                   "--user: say whose drive",
		"export":                                       "accepts 1 arg(s)",
		"export --user ann --at-once 0 out":            "--at-once 0",
		"import in":                                    "--user: say whose drive it comes to",
		"import --user ann --at-once 65 in":            "--at-once 65",
		"import --user ann --to a/../b in":             `--to "a/../b"`,
		"import --from ftp in":                         "want tusd, filebrowser or sftpgo",
		"import --from tusd in":                        "--user: say whose drive it comes to",
		"import --from tusd --user ann --replace in":   "a name that is taken is numbered",
		"import --from tusd --user ann --manifest m x": "--manifest and --from do not go together",
		"import --from sftpgo --user ann x":            "sftpgo says whose drives",
		"import --from filebrowser --to /x x":          "filebrowser says whose drives",
		"import --from filebrowser --at /srv x":        "want OLD=NEW",
		"import --user ann --existing in":              "--existing, --only and --at are for",
	} {
		if got := satchel(t, "", environ, strings.Fields(args)...); got.code != exitUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("satchel %s: %+v, want %q", args, got, want)
		}
	}
	for args, want := range map[string]string{
		"export --user nobody out": "There is no such account",
		"import --user nobody in":  "There is no such account",
		"import --from sftpgo in":  "no such file",
	} {
		if got := satchel(t, "", environ, strings.Fields(args)...); got.code != exitFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("satchel %s: %+v, want %q", args, got, want)
		}
	}
}

// A dump of SFTPGo, whose home directories are at another place by now, becomes accounts with their files, and again it goes on.
func TestImportFromSFTPGo(t *testing.T) {
	environ := []string{"SATCHEL_DATA=" + t.TempDir(), "SATCHEL_DURABILITY=relaxed"}
	old := t.TempDir()
	for name, text := range map[string]string{"data/ann/notes.txt": "of ann", "data/mia/a": "of mia", "team/plan": "of all"} {
		path := filepath.Join(old, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user := func(name, home string) sdk.User {
		return sdk.User{BaseUser: sdk.BaseUser{Status: 1, Username: name, Password: "$6$salt$hash", HomeDir: home, Permissions: map[string][]string{"/": {"*"}}}}
	}
	ann, mia, eva, kim := user("ann", "/srv/sftpgo/data/ann"), user("mia@example.org", "/srv/sftpgo/data/mia"), user("eva", "/srv/sftpgo/data/eva"), user("kim", "data/kim")
	ann.VirtualFolders = []sdk.VirtualFolder{{BaseVirtualFolder: sdk.BaseVirtualFolder{Name: "team", MappedPath: "/srv/sftpgo/team"}, VirtualPath: "/shared/team"}}
	eva.FsConfig.Provider = sdk.S3FilesystemProvider
	text, err := json.Marshal(map[string]any{"users": []sdk.User{ann, mia, eva, user("lea", "/srv/sftpgo/data/lea"), kim}, "version": 17})
	if err != nil {
		t.Fatal(err)
	}
	dump := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(dump, text, 0o600); err != nil {
		t.Fatal(err)
	}
	command := []string{"import", "--from", "sftpgo", "--at", "/srv/sftpgo=" + old, dump}
	if got := satchel(t, "", environ, append(command, "--dry-run")...); got.code != exitOK || !strings.Contains(got.stdout, "3 files would be imported") || !strings.Contains(got.stdout, "ann: plan would be /shared/team/plan\n") {
		t.Errorf("a dry run: %+v", got)
	}
	got := satchel(t, "", environ, command...)
	if got.code != exitOK || !strings.Contains(got.stdout, "3 files imported (18 B), 2 left out.") {
		t.Errorf("import: %+v", got)
	}
	for _, line := range []string{"ann has an account now\n", "eva the files are in S3, which is not read", "eva has no password here"} {
		if !strings.Contains(got.stdout, line) {
			t.Errorf("nothing says %q: %+v", line, got)
		}
	}
	if got := satchel(t, "", environ, command...); got.code != exitSome || !strings.Contains(got.stderr, "failed: ann: There is an account of this name already. With --existing") {
		t.Errorf("again: %+v", got)
	}
	if got := satchel(t, "", environ, append(command, "--existing", "--only", "ann")...); got.code != exitOK || got.stdout != "0 files imported (0 B), 2 there already.\n" {
		t.Errorf("again, with --existing: %+v", got)
	}
	if got := satchel(t, "", environ, append(command, "--only", "zoe")...); got.code != exitUsage {
		t.Errorf("--only of nobody: %+v", got)
	}
	if got := satchel(t, "", environ, "user", "list"); !strings.Contains(got.stdout, "mia@example.org") || !strings.Contains(got.stdout, "lea") || strings.Contains(got.stdout, "kim") {
		t.Errorf("accounts: %+v", got)
	}
}

// Nothing that a server keeps is imported, wherever its settings put it.
func TestWhatIsTheServersOwn(t *testing.T) {
	for _, c := range []struct {
		settings config.Config
		want     string
	}{
		{config.Config{Database: "sqlite:/d/satchel.db", Blobs: "disk:/b"}, "/b /d/satchel.db /d/satchel.db-wal /d/satchel.db-shm /d/satchel.db-journal"},
		{config.Config{Database: "postgres://h/n", Blobs: "s3://bucket/x?region=a", BlobsFrom: "disk:/old"}, "/old"},
		{config.Config{Database: "postgres://h/n", Blobs: "s3://bucket/x?region=a"}, ""},
	} {
		if got := strings.Join(ownData(&c.settings), " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c.settings.Blobs, got, c.want)
		}
	}
}

// Where a folder of another server is says what is said of the innermost folder that it is in, in whatever order.
func TestWhereAFolderIsHere(t *testing.T) {
	for folder, want := range map[string]string{"/srv": "/a", "/srv/x": "/a/x", "/srv/data": "/b", "/srv/data/ann": "/b/ann", "/srv/database": "/a/database", "/srv/../etc": "/srv/../etc", "/other": "/other"} {
		for _, at := range [][]string{{"/srv=/a", "/srv/data=/b"}, {"/srv/data=/b", "/srv/=/a"}} {
			if got := (&importing{at: at}).here(folder); got != want {
				t.Errorf("%q: %s is %s, want %s", at, folder, got, want)
			}
		}
	}
}
