package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The server tells whoever started it that it is ready, that it lives, and that it stops.
func TestServiceIsTold(t *testing.T) {
	t.Parallel()
	address := filepath.Join(shortFolder(t), "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	s := start(t, "NOTIFY_SOCKET="+address, "WATCHDOG_USEC=50000")
	hear := func() string {
		t.Helper()
		text := make([]byte, 1024)
		if err := told.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := told.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := hear(); got != want {
			t.Errorf("told %q; want %q", got, want)
		}
	}
	s.Stop()
	for {
		switch got := hear(); got {
		case "WATCHDOG=1": // in the meantime
			continue
		case "STOPPING=1":
			return
		default:
			t.Fatalf("told %q", got)
		}
	}
}

// systemd may listen for the server.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	activate := program(t, "systemd-socket-activate", "systemd")
	satchel, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	address, home := freeAddress(t), t.TempDir()
	var log logFile
	cmd := tool(t, home, activate, "-l", address, "--fdname=listen", satchel, "serve", "--data", filepath.Join(home, "data"), "--listen", "127.0.0.1:1", "--admin-listen", "off")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	waitFor(t, "the socket", func() bool {
		conn, err := net.Dial("tcp", address) // which starts the server
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	answer, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatalf("%v\n%s", err, log.tail())
	}
	answer.Body.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, log.tail())
	}
	if answer.StatusCode != http.StatusOK || !strings.Contains(log.String(), "http://"+address+"/") { // all that it printed has been read by now
		t.Errorf("%s\n%s", answer.Status, log.tail())
	}
}

// systemd understands the units, and finds little that the service may do.
func TestUnits(t *testing.T) {
	t.Parallel()
	analyze := program(t, "systemd-analyze", "systemd")
	satchel, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	units, err := filepath.Glob("../deploy/systemd/satchel*")
	if err != nil || len(units) != 6 {
		t.Fatal(units, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		here := strings.Replace(string(text), "/usr/bin/satchel", satchel, 1)
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(unit)), []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, unit := range units {
		name := filepath.Base(unit)
		out, err := tool(t, folder, analyze, "verify", "--man=no", "--recursive-errors=no", filepath.Join(folder, name)).CombinedOutput()
		if err != nil || strings.Contains(string(out), name) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	for _, name := range []string{"satchel.service", "satchel-backup.service", "satchel-drill.service"} {
		out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", filepath.Join(folder, name)).CombinedOutput()
		exposure := regexp.MustCompile(`Overall exposure level for \S+: ([\d.]+)`).FindSubmatch(out)
		if err != nil || exposure == nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if level, err := strconv.ParseFloat(string(exposure[1]), 64); err != nil || level > 2.5 {
			t.Errorf("%s is exposed at %s of 10\n%s", name, exposure[1], out)
		}
	}
}

// The package is installed into a root of its own, and what it brought there serves.
func TestDebianPackage(t *testing.T) {
	t.Parallel()
	satchel, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home, script := t.TempDir(), "../scripts/deb.sh"
	if script, err = filepath.Abs(script); err != nil {
		t.Fatal(err)
	}
	made := tool(t, home, "/bin/sh", script, satchel, home)
	made.Env = append(made.Env, "DPKG_DEB_COMPRESSOR_TYPE=gzip", "DPKG_DEB_COMPRESSOR_LEVEL=1") // xz takes half a minute
	made.Stderr = os.Stderr
	out, err := made.Output()
	if err != nil {
		t.Fatal(err)
	}
	deb, root := strings.TrimSpace(string(out)), filepath.Join(home, "root")
	for _, folder := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg", file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fakeroot := program(t, "fakeroot", "fakeroot")
	install := tool(t, home, fakeroot, "dpkg", "--root="+root, "--force-script-chrootless,not-root,depends,bad-path", "--log=/dev/null", "--install", deb)
	install.Env = append(install.Env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	run(t, install)
	for path, mode := range map[string]os.FileMode{"usr/bin/satchel": 0o755, "lib/systemd/system/satchel.service": 0o644, "lib/systemd/system/satchel.socket": 0o644, "lib/systemd/system/satchel-backup.timer": 0o644,
		"etc/satchel/satchel.env": 0o640, "usr/share/satchel/satchel.rules.yml": 0o644} {
		if info, err := os.Stat(filepath.Join(root, path)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v; want %v", path, info, err, mode)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "etc/satchel/satchel.env"))
	if err != nil {
		t.Fatal(err)
	}
	var settings []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "SATCHEL_") {
			settings = append(settings, strings.TrimSpace(line))
		}
	}
	s := newServer(t, "", settings...)
	s.Program = func() (string, error) { return filepath.Join(root, "usr/bin/satchel"), nil }
	s.Start()
	if answer := postJSON(t, s.URL+"/api/v1/register", map[string]string{"username": "ann", "password": password}); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a stranger made an account: %s", answer.Status)
	}
	run(t, s.Command("user", "list"))
	s.Stop()
}
