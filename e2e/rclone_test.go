package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// newRclone is rclone as the folder rclone pins it, built once: newer than Debian's, and only with what is used here.
var newRclone = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaryFolder, "rclone-pinned") // commands of the docs find satchel in that folder, and are to find Debian's rclone
	build := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	build.Dir = "rclone"
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build rclone: %w\n%s", err, out)
	}
	return path, nil
})

// rclone runs a program with the drive of an account as the remote "dav:". What goes wrong is not tried again.
type rclone struct {
	t    *testing.T
	home string
	path string
	env  []string
}

func newRemote(t *testing.T, path string, a *Account, vendor, mount string) *rclone {
	t.Helper()
	r := &rclone{t: t, home: t.TempDir(), path: path}
	obscure := tool(t, r.home, path, "obscure", "-")
	obscure.Stdin = strings.NewReader(password)
	r.env = []string{"RCLONE_CONFIG=" + filepath.Join(r.home, "rclone.conf"), "RCLONE_CONFIG_DAV_TYPE=webdav",
		"RCLONE_CONFIG_DAV_VENDOR=" + vendor, "RCLONE_CONFIG_DAV_URL=" + a.s.URL + mount,
		"RCLONE_CONFIG_DAV_USER=" + a.Name, "RCLONE_CONFIG_DAV_PASS=" + strings.TrimSpace(run(t, obscure))}
	return r
}

func (r *rclone) run(args ...string) string {
	r.t.Helper()
	cmd := tool(r.t, r.home, r.path, append(args, "--retries", "1", "--low-level-retries", "1")...)
	cmd.Env = append(cmd.Env, r.env...)
	return run(r.t, cmd)
}

// listed is a file as rclone sees it.
type listed struct {
	sha1     string
	modified time.Time
}

// list is every file of a folder, with what is known of its content.
func (r *rclone) list(folder string) map[string]listed {
	r.t.Helper()
	cmd := tool(r.t, r.home, r.path, "lsjson", "--recursive", "--files-only", "--hash", "--hash-type", "sha1", folder)
	cmd.Env = append(cmd.Env, r.env...)
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("rclone lsjson: %v", err)
	}
	var entries []struct {
		Path    string
		ModTime time.Time
		Hashes  map[string]string
	}
	if err := json.Unmarshal(out, &entries); err != nil {
		r.t.Fatal(err)
	}
	all := map[string]listed{}
	for _, e := range entries {
		all[e.Path] = listed{e.Hashes["sha1"], e.ModTime.UTC()}
	}
	return all
}

// syncTree writes some files with times of their own: empty, small, on both sides of what is kept in a row, and more than the 10 MiB
// that rclone sends to a Nextcloud at once.
func syncTree(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for i, f := range []struct {
		name string
		size int64
	}{{"empty", 0}, {"small.txt", 5}, {"docs/row.bin", 64 << 10}, {"docs/more than a row.bin", 64<<10 + 1}, {"Fotos/\u00fcber 100% #1.bin", 300_000},
		{"large/film.bin", 21<<20 + 7}, {"large/exact.bin", 20 << 20}} {
		path := filepath.Join(folder, f.name)
		noiseFile(t, path, uint64(i), f.size)
		setTime(t, path, i)
	}
	return folder
}

func setTime(t *testing.T, path string, days int) {
	t.Helper()
	when := time.Date(2020, 1, 1+days, 12, 30, 15, 0, time.UTC)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

// rclone syncs by each vendor's own way of uploading and comparing; times and checksums are the files', and a second sync sends nothing.
func TestRcloneSyncsAsEveryVendor(t *testing.T) {
	t.Parallel()
	debian := program(t, "rclone", "rclone")
	module, err := newRclone()
	if err != nil {
		t.Fatal(err)
	}
	source := syncTree(t)
	eachDatabase(t, func(t *testing.T, s *Server) {
		ann := s.Register(t, "ann")
		t.Run("clients", func(t *testing.T) {
			for _, c := range []struct {
				client, path, vendor, mount string
				sums                        string // when the server knows the checksums: "at once", "soon" or "never"
				sets                        bool   // whether rclone sets the time of a file that has the same content
			}{
				{"debian", debian, "other", "/dav/", "never", false},
				{"debian", debian, "owncloud", "/remote.php/webdav/", "at once", false},
				{"debian", debian, "nextcloud", "/remote.php/dav/files/ann/", "at once", false},
				{"module", module, "other", "/dav/", "never", false},
				{"module", module, "owncloud", "/remote.php/webdav/", "at once", true},
				{"module", module, "nextcloud", "/remote.php/dav/files/ann/", "at once", true},
				{"module", module, "infinitescale", "/dav/", "soon", true},
			} {
				t.Run(c.client+" "+c.vendor, func(t *testing.T) {
					t.Parallel()
					r := newRemote(t, c.path, ann, c.vendor, c.mount)
					folder := "dav:" + c.client + " " + c.vendor
					tree := t.TempDir()
					if err := os.CopyFS(tree, os.DirFS(source)); err != nil {
						t.Fatal(err)
					}
					for i, name := range []string{"empty", "small.txt", "docs/row.bin", "docs/more than a row.bin", "Fotos/\u00fcber 100% #1.bin", "large/film.bin", "large/exact.bin"} {
						setTime(t, filepath.Join(tree, name), i)
					}
					compare := func() {
						t.Helper()
						if c.sums == "never" {
							r.run("check", "--download", tree, folder)
							return
						}
						want := r.list(tree)
						got := r.list(folder)
						for deadline := time.Now().Add(time.Minute); c.sums == "soon" && !maps.Equal(got, want) && time.Now().Before(deadline); got = r.list(folder) {
							time.Sleep(50 * time.Millisecond) // the server computes them when it is asked
						}
						for name, file := range want {
							if got[name] != file {
								t.Errorf("%q is %+v on the server, want %+v", name, got[name], file)
							}
						}
						if out := r.run("check", tree, folder); strings.Contains(out, "could not be checked") {
							t.Errorf("rclone could not compare:\n%s", out)
						}
					}
					r.run("sync", tree, folder)
					compare()
					if out := r.run("sync", "-v", tree, folder); !strings.Contains(out, "There was nothing to transfer") {
						t.Errorf("a second sync is not idle:\n%s", out)
					}

					// Other content, another time, a file less and a file more.
					noiseFile(t, filepath.Join(tree, "docs/row.bin"), 100, 70_000)
					noiseFile(t, filepath.Join(tree, "large/new.bin"), 101, 10<<20+1)
					setTime(t, filepath.Join(tree, "docs/row.bin"), 20)
					setTime(t, filepath.Join(tree, "large/new.bin"), 21)
					setTime(t, filepath.Join(tree, "large/film.bin"), 22)
					if err := os.Remove(filepath.Join(tree, "small.txt")); err != nil {
						t.Fatal(err)
					}
					out := r.run("sync", "-v", tree, folder)
					if c.sets && !strings.Contains(out, "large/film.bin: Updated modification time") {
						t.Errorf("a new time was not set:\n%s", out)
					}
					compare()
					if out := r.run("sync", "-v", tree, folder); !strings.Contains(out, "There was nothing to transfer") {
						t.Errorf("the last sync is not idle:\n%s", out)
					}
					back := t.TempDir()
					r.run("copy", folder, back)
					sameTree(t, hashTree(t, back), hashTree(t, tree))
				})
			}
		})
		// Both of the ways by which large files come were gone.
		metrics := send(t, ann.Anonymous, "GET", s.Admin+"/metrics", nil, nil).text
		for _, method := range []string{"MOVE", "POST"} {
			if !strings.Contains(metrics, `satchel_http_requests_total{code="201",door="dav",method="`+method+`"}`) {
				t.Errorf("nobody sent %s, or it was never answered with 201", method)
			}
		}
		s.fsck()
	})
}
