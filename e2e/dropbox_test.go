package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// boxOf makes a drop box of a new folder "inbox" and answers its link and where uploads into it begin, as paths. more are further fields.
func (a *Account) boxOf(t *testing.T, more string) (link, uploads string) {
	t.Helper()
	if answer := send(t, a.Basic, "MKCOL", a.s.URL+"/dav/inbox", nil, nil); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.Status)
	}
	var box struct {
		URL       string
		UploadURL string `json:"upload_url"`
	}
	decode(t, send(t, a.Bearer, http.MethodPost, a.s.URL+"/api/v1/shares", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(`{"path": "/inbox", "kind": "drop", "name": "For Ann"`+more+`}`)),
		http.StatusCreated, &box)
	return strings.TrimPrefix(box.URL, a.s.URL), strings.TrimPrefix(box.UploadURL, a.s.URL)
}

// boxUses is how many files are counted for the account's one share.
func (a *Account) boxUses(t *testing.T) int {
	t.Helper()
	var shares struct{ Items []struct{ Uses int } }
	decode(t, send(t, a.Bearer, http.MethodGet, a.s.URL+"/api/v1/shares", nil, nil), http.StatusOK, &shares)
	return shares.Items[0].Uses
}

// Somebody without an account sends with tus-js-client into a drop box, with a password, while connections break and the server is killed.
func TestTusJSClientIntoADropBox(t *testing.T) {
	t.Parallel()
	const size = 48 << 20
	file := filepath.Join(t.TempDir(), "source")
	want := noiseFile(t, file, 5, size)
	eachDatabase(t, func(t *testing.T, s *Server) {
		ann := s.Register(t, "ann")
		ann.boxOf(t, "")
		ann.Put(t, "inbox/film.mkv", "ann's own")
		var box struct {
			ID        string
			UploadURL string `json:"upload_url"`
		}
		decode(t, send(t, ann.Bearer, http.MethodPost, s.URL+"/api/v1/shares", headers(map[string]string{"Content-Type": jsonType}), strings.NewReader(`{"path": "/inbox", "kind": "drop", "password": "open sesame", "max_uses": 9}`)),
			http.StatusCreated, &box)
		way := newCutter(t, s, 3)
		way.Allow(4)
		var resumed int
		killed, done := false, false
		credentials := "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:open sesame"))
		upload := node(t, "upload.mjs", way.URL+strings.TrimPrefix(box.UploadURL, s.URL), credentials, file, "film.mkv", fmt.Sprint(8<<20))
		lines(t, upload, func(line string) {
			var e uploadEvent
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			switch e.Event {
			case "progress":
				if !killed && e.Bytes > size/2 {
					killed = true
					s.Kill()
					s.Start()
				}
			case "offset":
				if e.Bytes > 0 {
					resumed++
				}
			case "done":
				done = true
			}
		})
		t.Logf("%d connections were cut, it went on %d times", way.Made(), resumed)
		if !done || !killed || way.Made() == 0 || resumed == 0 {
			t.Errorf("done %v, killed %v", done, killed)
		}
		if got, n := ann.SHA256(t, "inbox/film (1).mkv"); got != want || n != size {
			t.Errorf("WebDAV serves %d bytes with SHA-256 %s; want %d with %s", n, got, size, want)
		}
		var shares struct {
			Items []struct {
				ID   string
				Uses int
			}
		}
		decode(t, send(t, ann.Bearer, http.MethodGet, s.URL+"/api/v1/shares", nil, nil), http.StatusOK, &shares)
		// An upload whose address was lost on the way keeps its use for a while.
		if n := shares.Items[0].Uses; shares.Items[0].ID != box.ID || n < 1 || n > 1+way.Made() {
			t.Errorf("%+v", shares)
		}
	})
}

// What people see who have the link, on a phone and on a desktop. SATCHEL_SCREENSHOTS names a folder that keeps what was on the screen.
func TestDropBoxPages(t *testing.T) {
	t.Parallel()
	boxes := map[string]struct {
		more, password string
		length         int64
	}{
		"360x740":  {"", "", 5 << 20},
		"1280x800": {`, "password": "open sesame", "max_uses": 2`, "open sesame", 65 << 20}, // full while its files are on their way; so large that a drive would take them in parts
	}
	eachView(t, english, func(t *testing.T, size, language string) {
		box := boxes[size]
		s := start(t)
		ann := s.Register(t, "ann")
		link, _ := ann.boxOf(t, box.more)
		folder := t.TempDir()
		names := []string{"Film ü 熊.bin", "<b>Fotos.bin"}
		var files, sums []string
		for i, name := range names {
			files = append(files, filepath.Join(folder, name))
			sums = append(sums, noiseFile(t, files[i], uint64(20+i), box.length))
		}
		told := scene(t, "dropbox.mjs", size, s.URL, folder, language, link, box.password, files[0], files[1])
		if len(told) != 1 || !strings.Contains(told[0], `"begun":2`) {
			t.Errorf("it tells %q, want two uploads", told)
		}
		for i, name := range names {
			if got, n := ann.SHA256(t, "inbox/"+name); got != sums[i] || n != box.length {
				t.Errorf("%s: WebDAV serves %d bytes with SHA-256 %s; want %d with %s", name, n, got, box.length, sums[i])
			}
		}
		if want := map[bool]int{true: 2, false: 3}[box.password != ""]; ann.boxUses(t) != want {
			t.Errorf("%d uses, want %d", ann.boxUses(t), want)
		}
	})
}
