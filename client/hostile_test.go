package client

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// against makes a client of a server of the test's own.
func against(t *testing.T, handler http.Handler) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	address, err := ParseServer(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := WithToken(address, "token", Options{})
	t.Cleanup(c.Close)
	return c
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that left fails its own test
}

// A server that tells any name makes no file outside of the folder that was asked for, nor through a link that is in it.
func TestHostileNames(t *testing.T) {
	const content = "evil"
	sum := "4ae2c6a38e3a3e9cc1d8bc24e4b2a1e7b6e0e6ba7f3d0b8f0f6d8ec2a3b1d6e4" // of something else, so that nothing is taken whatever its name
	children := []Node{{Name: "sub", Folder: true}, {Name: "link", Folder: true}, {Name: "fine.txt", Size: int64(len(content)), SHA256: sum}}
	bad := []string{"", ".", "..", "../up.txt", "/etc/up.txt", "a/b.txt", "sub/../../up.txt", "nul\x00.txt", ".satchel-0123.part"}
	for _, name := range bad {
		children = append(children, Node{Name: name, Size: int64(len(content)), SHA256: sum}, Node{Name: name, Folder: true})
	}
	c := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/files/tree":
			answerJSON(w, map[string]any{"folder": true, "path": "/../../elsewhere", "children": children})
		case strings.HasPrefix(r.URL.Path, "/api/v1/files/tree/"):
			answerJSON(w, map[string]any{"folder": true, "children": []Node{{Name: "inner.txt", Path: "/../up.txt", Size: int64(len(content)), SHA256: sum}}})
		default:
			fmt.Fprint(w, content)
		}
	}))
	folder := t.TempDir()
	outside, into := filepath.Join(folder, "outside"), filepath.Join(folder, "into")
	for _, err := range []error{os.Mkdir(outside, 0o700), os.Mkdir(into, 0o700), os.Symlink(outside, filepath.Join(into, "link"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(into)
	if err != nil {
		t.Fatal(err)
	}
	refused, taken := 0, []string{}
	err = c.Fetch(t.Context(), "/tree", root, func(f Fetched) bool {
		defer f.Release()
		if f.Err != nil {
			refused++
			return true
		}
		_, err := c.Get(t.Context(), Get{From: f.Node, Into: f.Into, Name: f.Node.Name})
		if err == nil || !strings.Contains(err.Error(), "has not the SHA-256 on record") {
			t.Errorf("%q: %v; want it refused for its hash", f.Node.Name, err)
		}
		taken = append(taken, f.Node.Path)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := 2*len(bad) + 1; refused != want { // and the link
		t.Errorf("%d names were refused, want %d", refused, want)
	}
	if slices.Sort(taken); !slices.Equal(taken, []string{"/tree/fine.txt", "/tree/sub/inner.txt"}) {
		t.Errorf("fetched were %q", taken)
	}
	var made []string
	err = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			made = append(made, strings.TrimPrefix(path, folder))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range made {
		if path != "/into/link" && (!strings.HasPrefix(path, "/into/") || !IsPart(filepath.Base(path))) {
			t.Errorf("there is %s", path)
		}
	}
}

// Trees without an end, pages in a circle and answers without a bound come to an end.
func TestHostileTrees(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"more than 64 deep": func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, map[string]any{"folder": true, "children": []Node{{Name: "a", Folder: true}}})
		},
		"in a circle": func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, map[string]any{"folder": true, "children": []Node{{Name: "f"}}, "next": "again"})
		},
		"is longer than": func(w http.ResponseWriter, _ *http.Request) {
			for range maxAnswer / 4096 {
				fmt.Fprint(w, strings.Repeat(" ", 4097))
			}
		},
		"does not answer as Satchel does": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
	} {
		c := against(t, handler)
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		err = c.Fetch(t.Context(), "/", root, func(f Fetched) bool {
			f.Release()
			return true
		})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The token goes to the server that it is of and to no other, whatever that says.
func TestTheTokenStaysHere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s came with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	var asked []string
	c := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		switch r.URL.Path {
		case "/api/v1/me":
			http.Redirect(w, r, elsewhere.URL+"/api/v1/me", http.StatusTemporaryRedirect)
		case "/api/v1/uploads/lookup":
			answerJSON(w, found{Status: "partial", Upload: &Upload{URL: elsewhere.URL + "/files/1"}})
		case "/files/1":
			w.Header().Set("Upload-Offset", "3")
		}
	}))
	if _, err := c.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "sends on to "+elsewhere.URL) {
		t.Errorf("a redirect: %v", err)
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), Put{Open: func() (*os.File, error) { return os.Open(name) }, To: "/file", Conflict: Rename}); err != nil {
		t.Error(err)
	}
	if want := []string{"GET /api/v1/me", "POST /api/v1/uploads/lookup", "HEAD /files/1"}; !slices.Equal(asked, want) {
		t.Errorf("asked was %q, want %q", asked, want)
	}
}

// An offset that no file has is told, and nothing is read by it.
func TestHostileOffsets(t *testing.T) {
	c := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := []int64{1, 2}
		switch r.URL.Path {
		case "/api/v1/uploads/lookup":
			answerJSON(w, found{Status: "partial", Upload: &Upload{URL: "/files/0", Parts: []UploadPart{{URL: "/files/1", Size: &size[0]}, {URL: "/files/2", Size: &size[1]}}}})
		case "/files/1":
			w.Header().Set("Upload-Offset", "1")
		case "/files/2":
			w.Header().Set("Upload-Offset", strconv.Itoa(math.MaxInt64))
		}
	}))
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := c.Put(t.Context(), Put{Open: func() (*os.File, error) { return os.Open(name) }, To: "/file", Conflict: Rename})
	if err == nil || !strings.Contains(err.Error(), "the server is at 9223372036854775807 of an upload of 2 bytes") {
		t.Errorf("%v", err)
	}
}

func TestParseServer(t *testing.T) {
	for text, want := range map[string]string{
		"https://files.example.org": "https://files.example.org", "https://files.example.org/": "https://files.example.org", "http://127.0.0.1:8080": "http://127.0.0.1:8080",
		"ftp://x": "", "https://": "", "https://a:b@x": "", "https://x/drive": "", "https://x?y": "", "x": "", "https://[::1": "",
	} {
		u, err := ParseServer(text)
		if want == "" {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v, %v", text, u, err)
			}
		} else if err != nil || u.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, u, err, want)
		}
	}
}
