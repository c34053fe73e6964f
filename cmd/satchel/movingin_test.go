package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asdine/storm/v3"
	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/crypto/bcrypt"
)

// Whoever had an account at File Browser mounts the drive here with the same name and password, while the server has been running all along, and finds
// what tusd had, too.
func TestMovedInFromFileBrowserAndTusd(t *testing.T) {
	data, old := t.TempDir(), t.TempDir()
	environ := []string{"SATCHEL_DATA=" + data, "SATCHEL_DURABILITY=relaxed"}
	s := start(t, data, environ...)
	if err := os.MkdirAll(filepath.Join(old, "users", "ann", "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, "users", "ann", "photos", "cat"), []byte("meow"), 0o600); err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	type User struct { // as File Browser has it
		ID       uint   `storm:"id,increment" json:"id"`
		Username string `storm:"unique" json:"username"`
		Password string `json:"password"`
		Scope    string `json:"scope"`
	}
	file := filepath.Join(t.TempDir(), "filebrowser.db")
	db, err := storm.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{db.Set("config", "server", map[string]string{"root": "."}), db.Save(&User{Username: "ann", Password: string(hash), Scope: "/users/ann"}), db.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := satchel(t, "", environ, "import", "--from", "filebrowser", "--at", ".="+old, file); got.code != exitOK || !strings.Contains(got.stdout, "1 files imported (4 B).") {
		t.Errorf("from File Browser: %+v", got)
	}

	uploads := t.TempDir()
	store := filestore.New(uploads)
	upload, err := store.NewUpload(t.Context(), handler.FileInfo{Size: 4, MetaData: handler.MetaData{"filename": "dog"}})
	if err == nil {
		_, err = upload.WriteChunk(t.Context(), 0, strings.NewReader("woof"))
	}
	if err == nil {
		err = upload.FinishUpload(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := satchel(t, "", environ, "import", "--from", "tusd", "--user", "ann", "--to", "/photos", uploads); got.code != exitOK || !strings.Contains(got.stdout, "1 files imported (4 B).") {
		t.Errorf("from tusd: %+v", got)
	}

	for name, want := range map[string]string{"cat": "meow", "dog": "woof"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/dav/photos/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ann", "correct horse battery")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text := new(strings.Builder)
		if err := answer.Write(text); err != nil || answer.StatusCode != http.StatusOK || !strings.HasSuffix(text.String(), want) {
			t.Errorf("%s: %s, %v, %q", name, answer.Status, err, text)
		}
		answer.Body.Close()
	}
}
