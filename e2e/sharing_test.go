package e2e

import (
	"archive/zip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Somebody shares, and others open the links.
func TestSharingPages(t *testing.T) {
	t.Parallel()
	eachView(t, chinese, func(t *testing.T, size, language string) {
		const top, hostile, hostileFolder = "Reise 旅行", `"><img src=x onerror=document.title=1>.txt`, "<svg onload=document.title=1>" // as chromium.mjs has them
		s := start(t)
		ann := s.Register(t, "ann")
		for _, path := range []string{top, top + "/" + hostileFolder} {
			if answer := send(t, ann.Basic, "MKCOL", s.URL+"/dav/"+escape(path), nil, nil); answer.StatusCode != http.StatusCreated {
				t.Fatal(answer.Status)
			}
		}
		folder := t.TempDir()
		sum := noiseFile(t, filepath.Join(folder, "film.bin"), 31, 2<<20)
		film, err := os.ReadFile(filepath.Join(folder, "film.bin"))
		if err != nil {
			t.Fatal(err)
		}
		ann.Put(t, "film.bin", string(film))
		// What is in the folder, by where the ZIP has it.
		want := map[string]string{
			"": "", "photo.png": scenery(t, 0, true), "notes.txt": "<script>document.title=1</script>\n熊 ü\n", hostile: "one",
			hostileFolder + "/": "", hostileFolder + "/" + hostile: "two", "..＼..＼evil.txt (44267f6b4e29)": "three", "e\u0301 apart.txt": "four", "%2e%2e%2fup?#.txt": "five",
		}
		for name, content := range want {
			if strings.HasSuffix("/"+name, "/") {
				continue
			}
			if strings.HasPrefix(name, "..") {
				name = `..\..\evil.txt` // a program would take it for a way out of the folder it unpacks into
			}
			ann.Put(t, top+"/"+name, content)
		}
		scene(t, "sharing.mjs", size, s.URL, folder, language)

		got := hashTree(t, folder)
		if got["film-1.bin"] != sum || got["film-2.bin"] != sum {
			t.Errorf("the downloads have SHA-256 %s and %s; want %s", got["film-1.bin"], got["film-2.bin"], sum)
		}
		recorded, err := os.ReadFile(filepath.Join(folder, "film.webm"))
		if err != nil {
			t.Fatal(err)
		}
		notes, err := os.ReadFile(filepath.Join(folder, "notes.txt"))
		if err != nil || string(notes) != want["notes.txt"] {
			t.Errorf("%v: the text is %q", err, notes)
		}
		want["film.webm"] = string(recorded)
		archive, err := zip.OpenReader(filepath.Join(folder, "all.zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		for _, f := range archive.File {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(in)
			name, below := strings.CutPrefix(f.Name, top+"/")
			if expected, there := want[name]; err != nil || !below || !there || expected != string(content) {
				t.Errorf("the ZIP has %q of %d bytes (%v)", f.Name, len(content), err)
			}
			delete(want, name)
		}
		for name := range want {
			t.Errorf("the ZIP lacks %q", name)
		}
	})
}
