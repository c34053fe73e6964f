package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fuse skips a test where nothing can be mounted; scripts/test-needs.sh says so, once, at the beginning of make test.
func fuse(t *testing.T) {
	t.Helper()
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	device.Close()
}

// mountTree is a small tree to copy to a mount and back.
func mountTree(t *testing.T) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), "source")
	for i, name := range []string{"plain.txt", "with spaces.txt", "empty", "über/熊 #1.bin", "über/tief/100%.bin"} {
		noiseFile(t, filepath.Join(source, name), uint64(i), []int64{5, 70_000, 0, 3 << 20, 1}[i])
	}
	return source
}

// checkMount looks at what mount.sh left behind, as the server has it.
func checkMount(t *testing.T, ann *Account, source string) {
	t.Helper()
	for path, want := range map[string]string{"copy.txt": "three", "renamed/inner/ü.txt": "three"} {
		if code, content := ann.Get(t, path); code != http.StatusOK || content != want {
			t.Errorf("afterwards %s is %d %q, want %q", path, code, content, want)
		}
	}
	for _, path := range []string{"note.txt", "note.txt.tmp", "folder/inner/ü.txt", "empty", "short", "twin", "renamed/twin"} {
		if code, _ := ann.Get(t, path); code != http.StatusNotFound {
			t.Errorf("afterwards %s is %d, want 404", path, code)
		}
	}
	for name, hash := range hashTree(t, source) {
		if hash == "folder" {
			continue
		}
		if got, _ := ann.SHA256(t, "tree/"+name); got != hash {
			t.Errorf("afterwards tree/%s has SHA-256 %s, want %s", name, got, hash)
		}
	}
	ann.s.Stop()
	ann.s.fsck()
}

// gvfs shows its mounts to programs that know nothing of it, too: the shell, cp, mv, rm, ls.
func TestGvfsMount(t *testing.T) {
	t.Parallel()
	fuse(t)
	gvfsHere(t)
	s := start(t)
	ann := s.Register(t, "ann")
	source := mountTree(t)
	cmd := tool(t, t.TempDir(), program(t, "dbus-run-session", "dbus-daemon"), "--", "sh", "-eu", script(t, "gvfsmount.sh"),
		"dav://"+ann.Name+"@"+strings.TrimPrefix(s.URL, "http://")+"/dav", script(t, "mount.sh"), source)
	cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+shortFolder(t), "GIO_USE_VOLUME_MONITOR=unix")
	cmd.Stdin = strings.NewReader(password + "\n")
	run(t, cmd)
	checkMount(t, ann, source)
}

// davfs2 is the kernel's way to WebDAV on Linux. Only root mounts with it.
func TestDavfs2Mount(t *testing.T) {
	t.Parallel()
	fuse(t)
	mount := program(t, "/sbin/mount.davfs", "davfs2")
	if os.Geteuid() != 0 {
		t.Skip("davfs2 mounts as root only")
	}
	s := start(t)
	ann := s.Register(t, "ann")
	source := mountTree(t)
	home, folder := t.TempDir(), t.TempDir()
	// Newer kernels (6.18 does) read folders in larger pieces than davfs2's default of 16 KiB has room for: ls would say "Invalid
	// argument". What is written is sent when the file is closed.
	settings := filepath.Join(home, "davfs2.conf")
	cache := shortFolder(t)
	if err := os.Chmod(cache, 0o777); err != nil { // it works as a user of its own
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, []byte("buf_size 256\ndelay_upload 0\nuse_locks 1\nask_auth 1\ncache_dir "+cache+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mounted := func(work func()) {
		t.Helper()
		cmd := tool(t, home, mount, "-o", "conf="+settings, s.URL+"/dav/", folder)
		cmd.Stdin = strings.NewReader(ann.Name + "\n" + password + "\n")
		run(t, cmd)
		unmount := func() { run(t, tool(t, home, program(t, "umount", "mount"), folder)) } // waits until all is sent
		defer func() {
			if t.Failed() {
				_ = exec.Command("umount", "-l", folder).Run() // the server may be gone, or davfs2 itself
				return
			}
			unmount()
		}()
		work()
	}
	mounted(func() { run(t, tool(t, home, "/bin/sh", "-eu", script(t, "mount.sh"), folder, source)) })
	// Mounted anew, it reads from the server what it had in its cache.
	if err := os.RemoveAll(cache); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	mounted(func() { run(t, tool(t, home, "/usr/bin/diff", "-r", source, filepath.Join(folder, "tree"))) })
	checkMount(t, ann, source)
}
