package tusd_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/moving"
	"github.com/satchelhq/satchel/moving/tusd"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// server is tusd's own handler over its own store.
type server struct {
	t      *testing.T
	folder string
	http   *httptest.Server
	named  map[string]string // addresses of uploads, by what the test calls them
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, folder: t.TempDir(), named: map[string]string{}}
	composer := handler.NewStoreComposer()
	filestore.New(s.folder).UseIn(composer)
	h, err := handler.NewHandler(handler.Config{BasePath: "/files/", StoreComposer: composer, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		PreUploadCreateCallback: func(hook handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
			if hook.Upload.MetaData["elsewhere"] == "" {
				return handler.HTTPResponse{}, handler.FileInfoChanges{}, nil
			}
			return handler.HTTPResponse{}, handler.FileInfoChanges{ID: "team/one", Storage: map[string]string{"Path": hook.Upload.MetaData["elsewhere"]}}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(http.StripPrefix("/files/", h))
	t.Cleanup(s.http.Close)
	return s
}

func (s *server) do(method, address, body string, header ...string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		text, _ := io.ReadAll(answer.Body)
		s.t.Fatalf("%s %s: %s %s", method, address, answer.Status, text)
	}
	return answer
}

// upload makes an upload, of which body is sent. metadata are keys and values.
func (s *server) upload(as string, length int, body string, metadata []string, header ...string) {
	s.t.Helper()
	var pairs []string
	for i := 0; i < len(metadata); i += 2 {
		pairs = append(pairs, metadata[i]+" "+base64.StdEncoding.EncodeToString([]byte(metadata[i+1])))
	}
	header = append(header, "Upload-Metadata", strings.Join(pairs, ","))
	switch {
	case length >= 0:
		header = append(header, "Upload-Length", fmt.Sprint(length))
	case !slices.Contains(header, "Upload-Concat"):
		header = append(header, "Upload-Defer-Length", "1")
	}
	address := s.do("POST", s.http.URL+"/files/", "", header...).Header.Get("Location")
	s.named[as] = address
	if body != "" {
		s.do("PATCH", address, body, "Content-Type", "application/offset+octet-stream", "Upload-Offset", "0")
	}
}

func (s *server) id(name string) string {
	address, ok := s.named[name]
	if !ok {
		s.t.Fatalf("there is no upload %q", name)
	}
	return path.Base(address)
}

// What tusd has finished becomes files, under the names that clients gave or else the ids; the rest is told and stays. Again it changes nothing.
func TestUploadsOfTusd(t *testing.T) {
	s := newServer(t)
	s.upload("film", 11, "hello world", []string{"filename", "film.mp4", "filetype", "video/x-own"})
	s.upload("twin", 11, "HELLO WORLD", []string{"filename", "film.mp4"})
	s.upload("same", 11, "hello world", []string{"filename", "film.mp4", "filetype", "video/x-own"})
	s.upload("uppy", 3, "abc", []string{"name", "of uppy.txt", "type", "text/plain"})
	s.upload("path", 3, "def", []string{"filename", `C:\fakepath\last.txt`})
	s.upload("nameless", 4, "1234", nil)
	s.upload("dots", 4, "5678", []string{"filename", "..", "filetype", "nonsense"})
	s.upload("long type", 4, "9012", []string{"filename", "type 1.txt", "filetype", "a/" + strings.Repeat("b", 10_000)})
	s.upload("no type", 4, "3456", []string{"filename", "type 2.txt", "filetype", "a/b\r\nSet-Cookie: c"})
	s.upload("half", 10, "12345", []string{"filename", "half"})
	s.upload("begun", 10, "", []string{"filename", "begun"})
	s.upload("endless", -1, "what came", []string{"filename", "endless"})
	s.upload("empty", 0, "", []string{"filename", "empty"})
	s.upload("elsewhere", 5, "moved", []string{"filename", "hooked", "elsewhere", "data/of/team"})
	s.upload("part 1", 3, "one", nil, "Upload-Concat", "partial")
	s.upload("part 2", 3, "two", nil, "Upload-Concat", "partial")
	s.upload("joined", -1, "", []string{"filename", "joined"}, "Upload-Concat", "final;"+s.named["part 1"]+" "+s.named["part 2"])
	s.upload("torn", 5, "whole", []string{"filename", "torn"})
	s.upload("lost", 5, "whole", []string{"filename", "lost"})
	s.upload("grown", 5, "whole", []string{"filename", "grown"})
	outside := filepath.Join(t.TempDir(), "secret")
	for file, text := range map[string]string{
		filepath.Join(s.folder, s.id("torn")+".info"): `{"ID": `, filepath.Join(s.folder, s.id("grown")): "whole and more", outside: "secret",
		filepath.Join(s.folder, "evil.info"): fmt.Sprintf(`{"ID":"evil","Size":6,"Storage":{"Path":%q}}`, outside),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(s.folder, s.id("lost"))); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2022, 3, 4, 5, 6, 7, 8000, time.UTC)
	for _, name := range []string{"film", "same"} { // of which the one comes that has the lower id
		if err := os.Chtimes(filepath.Join(s.folder, s.id(name)), when, when); err != nil {
			t.Fatal(err)
		}
	}

	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		drives, ann := newDrive(t, db)
		var told []string
		in := moving.In{Drives: drives, Drive: ann, To: "/from tusd", AtOnce: 1, Tell: func(x moving.Told) {
			if x.Why != nil {
				told = append(told, fmt.Sprintf("%s %s: %v", x.Outcome, x.Path, x.Why))
			}
		}}
		for run, want := range []moving.Sum{{Moved: 11, Same: 1, Left: 5, Failed: 4, Bytes: 55}, {Same: 12, Left: 5, Failed: 4}} {
			told = nil
			sum, err := in.Pieces(t.Context(), tusd.Uploads(s.folder))
			if err != nil || sum != want {
				t.Errorf("run %d: %+v, %v; want %+v; told %q", run, sum, err, want, told)
			}
			for _, line := range []string{
				"left out " + s.id("half") + ": not finished: 5 bytes of 10 came", "left out " + s.id("begun") + ": not finished: 0 bytes of 10",
				"left out " + s.id("endless") + ": not finished: 9 bytes came, and nobody said", "left out " + s.id("part 1") + ": a part", "left out " + s.id("part 2") + ": a part",
				"failed " + s.id("torn") + ": its .info cannot be read", "failed " + s.id("lost") + ": its content cannot be read",
				"failed " + s.id("grown") + ": its file holds 14 bytes and its .info says 5", "failed evil: its content cannot be read: it is at " + outside + ", outside",
			} {
				if !slices.ContainsFunc(told, func(got string) bool { return strings.HasPrefix(got, line) }) {
					t.Errorf("run %d: nothing says %q: %q", run, line, told)
				}
			}
		}
		got := map[string]string{}
		err := drives.Walk(t.Context(), ann, "/from tusd", 100, func(n drive.Node) error {
			if n.Folder {
				return nil
			}
			_, c, err := drives.OpenNode(t.Context(), ann, n.ID)
			if err != nil {
				return err
			}
			defer c.Close()
			text, err := io.ReadAll(c)
			got[n.Name] = string(text)
			if strings.HasPrefix(n.Name, "type ") && n.MediaType != "text/plain; charset=utf-8" {
				t.Errorf("%s is %q", n.Name, n.MediaType)
			}
			if got[n.Name] == "hello world" && (!n.Modified.Equal(when) || n.MediaType != "video/x-own") {
				t.Errorf("%s is of %v, and %s", n.Name, n.Modified, n.MediaType)
			}
			return err
		})
		want := map[string]string{
			"type 1.txt": "9012", "type 2.txt": "3456", "of uppy.txt": "abc", "last.txt": "def", s.id("nameless"): "1234", s.id("dots"): "5678", "empty": "", "hooked": "moved", "joined": "onetwo",
			"film.mp4": got["film.mp4"], "film (1).mp4": got["film (1).mp4"],
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || strings.ToLower(got["film.mp4"]) != "hello world" || got["film.mp4"] == got["film (1).mp4"] {
			t.Errorf("the drive has %q, %v; want %q", got, err, want)
		}
	})
}

// A folder that cannot be read, here since it is gone when its turn comes, is named, and what follows it comes.
func TestAFolderThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	for _, id := range []string{"a", "lost+found/b", "z"} {
		path := filepath.Join(folder, id)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte("12345"), 0o600)
		}
		if err == nil {
			err = os.WriteFile(path+".info", []byte(`{"ID":"x","Size":5}`), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for piece, err := range tusd.Uploads(folder) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(piece.From, " ", piece.Failed != nil))
		if err := os.RemoveAll(filepath.Join(folder, "lost+found")); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"a false", "lost+found true", "z false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, err := range tusd.Uploads(filepath.Join(folder, "none")) {
		if err == nil {
			t.Error("a folder that is not there is read")
		}
	}
}

func newDrive(t *testing.T, db *sqldb.DB) (*drive.Drives, string) {
	t.Helper()
	drives, id := drive.New(db, mem.New(), drive.Options{}), sqldb.NewID()
	err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, 'ann', 'ann', '', 0)`, id); err != nil {
			return err
		}
		return drives.Create(t.Context(), tx, id)
	})
	if err != nil {
		t.Fatal(err)
	}
	return drives, id
}
