package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// makeTree writes 200 files as people have them: odd names, empty files, sizes on both sides of what is kept
// in a row, and one of 100 MiB.
func makeTree(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	sizes := []int64{0, 1, 100, 4 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000}
	names := []string{
		"plain.txt", "with spaces in it.txt", " begins with a space", "per%20cent 100%.txt", "hash#and?question.txt",
		"plus+and&amp;.txt", "quotes 'single' \"double\".txt", "semi;colon,comma=.txt", "[brackets] {braces}.txt", "<angle>|pipe.txt",
		"back\\slash.txt", "tilde~.txt", ".hidden", "no extension", "熊猫 📷.jpg", "Привет.txt", "שלום.txt",
		"caf\u00e9 (NFC).txt", "cafe\u0301 (NFD).txt", strings.Repeat("long", 60) + ".txt",
	}
	for i := range 199 {
		sub := []string{"", "documents", "documents/2026 (Q1)", "Fotos/Sommer \u00fc", "Fotos/Sommer u\u0308 NFD/tief/tiefer"}[i%5]
		name := names[i/5%len(names)]
		if i >= 5*len(names) {
			name = fmt.Sprintf("%d %s", i, strings.TrimSuffix(name, ".txt"))
			name = name[:min(len(name), 200)]
			name = strings.ToValidUTF8(name, "")
		}
		noiseFile(t, filepath.Join(folder, sub, name), uint64(i), sizes[i%len(sizes)])
	}
	noiseFile(t, filepath.Join(folder, "Fotos", "large.bin"), 1000, 100<<20)
	if err := os.Mkdir(filepath.Join(folder, "an empty folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestRcloneCopiesATreeThereAndBack(t *testing.T) {
	t.Parallel()
	source := makeTree(t)
	want := hashTree(t, source)
	files := 0
	for _, hash := range want {
		if hash != "folder" {
			files++
		}
	}
	if files != 200 {
		t.Fatalf("the tree has %d files; want 200", files)
	}
	bothDatabases(t, func(t *testing.T, s *Server) {
		ann := s.Register(t, "ann")
		rclone := newRemote(t, program(t, "rclone", "rclone"), ann, "other", "/dav/").run
		rclone("copy", source, "dav:Tree", "--create-empty-src-dirs")
		rclone("check", "--download", source, "dav:Tree")
		back := t.TempDir()
		rclone("copy", "dav:Tree", back, "--create-empty-src-dirs")
		sameTree(t, hashTree(t, back), want)

		rclone("moveto", "dav:Tree/Fotos", "dav:Tree/Bilder/Alle Fotos")
		rclone("purge", "dav:Tree/documents")
		listed := strings.Fields(rclone("lsf", "dav:Tree", "--dirs-only"))
		if slices.Contains(listed, "Fotos/") || slices.Contains(listed, "documents/") || !slices.Contains(listed, "Bilder/") {
			t.Errorf("after moving and purging the folders are %q", listed)
		}
		if got, _ := ann.SHA256(t, "Tree/Bilder/Alle Fotos/large.bin"); got != want["Fotos/large.bin"] {
			t.Errorf("the moved file has SHA-256 %s; want %s", got, want["Fotos/large.bin"])
		}
	})
}

func TestCadaver(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	home := t.TempDir()
	netrc := fmt.Sprintf("machine 127.0.0.1\nlogin %s\npassword %s\n", ann.Name, password)
	if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte(netrc), 0o600); err != nil {
		t.Fatal(err)
	}
	noiseFile(t, filepath.Join(home, "report.bin"), 7, 200_000)
	want, err := os.ReadFile(filepath.Join(home, "report.bin"))
	if err != nil {
		t.Fatal(err)
	}

	cadaver := tool(t, home, program(t, "cadaver", "cadaver"), s.URL+"/dav/")
	cadaver.Stdin = strings.NewReader(`
mkcol work
cd work
put report.bin
put report.bin "second copy.bin"
move "second copy.bin" moved.bin
copy report.bin copied.bin
mkcol deep
move moved.bin deep/moved.bin
delete copied.bin
lock report.bin
unlock report.bin
get report.bin back.bin
cd ..
copy work twin
rmcol twin
ls work
quit
`)
	out := run(t, cadaver)
	if strings.Contains(out, "failed") || strings.Contains(out, "Could not") || strings.Count(out, "succeeded") < 12 {
		t.Errorf("cadaver said:\n%s", out)
	}
	if got, err := os.ReadFile(filepath.Join(home, "back.bin")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("what came back differs from what went up (%d bytes, %v)", len(got), err)
	}
	for path, status := range map[string]int{
		"work/report.bin":      http.StatusOK,
		"work/deep/moved.bin":  http.StatusOK,
		"work/moved.bin":       http.StatusNotFound,
		"work/second copy.bin": http.StatusNotFound,
		"work/copied.bin":      http.StatusNotFound,
		"twin/report.bin":      http.StatusNotFound,
	} {
		code, content := ann.Get(t, path)
		if code != status || code == http.StatusOK && content != string(want) {
			t.Errorf("afterwards %s is %d with %d bytes; want %d", path, code, len(content), status)
		}
	}
}

// gvfsHere fails the test where gvfs is missing.
func gvfsHere(t *testing.T) {
	t.Helper()
	if found, err := filepath.Glob("/usr/lib*/gvfs*/gvfsd-dav"); err != nil || len(found) == 0 {
		if found, err = filepath.Glob("/usr/lib*/*/gvfs/gvfsd-dav"); err != nil || len(found) == 0 {
			t.Fatal("gvfs's WebDAV backend is missing: apt-get install gvfs-backends (make test does it where it can)")
		}
	}
	program(t, "gio", "libglib2.0-bin")
}

// gvfs is what the file managers of the Linux desktops mount with.
func TestGvfsCopiesATreeThereAndBack(t *testing.T) {
	t.Parallel()
	gvfsHere(t)
	s := start(t)
	ann := s.Register(t, "ann")
	home := t.TempDir()
	source := filepath.Join(home, "source")
	for i, name := range []string{"plain.txt", "with spaces.txt", "empty", "über/熊 #1.bin", "über/tief/100%.bin"} {
		noiseFile(t, filepath.Join(source, name), uint64(i), []int64{5, 70_000, 0, 3 << 20, 1}[i])
	}
	back := filepath.Join(home, "back")
	host := strings.TrimPrefix(s.URL, "http://")
	cmd := tool(t, home, program(t, "dbus-run-session", "dbus-daemon"), "--", "sh", "-eu", script(t, "gvfs.sh"),
		"dav://"+ann.Name+"@"+host+"/dav", source, back)
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+shortFolder(t), "GIO_USE_VOLUME_MONITOR=unix", "GVFS_DISABLE_FUSE=1")
	cmd.Stdin = strings.NewReader(password + "\n")
	run(t, cmd)
	sameTree(t, hashTree(t, back), hashTree(t, source))
	for _, path := range []string{"tree/plain.txt", "tree/empty", "saved.txt", "saved.new"} {
		if code, _ := ann.Get(t, path); code != http.StatusNotFound {
			t.Errorf("%s, which gvfs removed or moved away, is %d", path, code)
		}
	}
	if code, content := ann.Get(t, "folder/moved.txt"); code != http.StatusOK || content != "third" {
		t.Errorf("a file that gvfs saved over and moved: %d %q", code, content)
	}
	if code, content := ann.Get(t, "tree/renamed.txt"); code != http.StatusOK || len(content) != 5 {
		t.Errorf("a file that gvfs renamed: %d, %d bytes", code, len(content))
	}
}

// script is the absolute path of a file of this folder.
func script(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// shortFolder is a temporary folder whose path leaves room for the name of a socket.
func shortFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "gvfs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}
