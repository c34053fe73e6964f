package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A running server takes up on SIGHUP what it can, tells what needs a restart, and goes on with what it has when the settings are wrong.
func TestSettingsAreReadAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "satchel.toml")
	settings := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings(`deny_names = ["*.exe"]`)
	s := start(t, "SATCHEL_CONFIG="+file)
	ann := s.Register(t, "ann")
	takes := func(name string, status int) {
		t.Helper()
		answer := send(t, ann.Basic, http.MethodPut, s.URL+"/dav/"+name, nil, strings.NewReader("content"))
		if answer.StatusCode != status {
			t.Errorf("PUT of %s: %s, want %d", name, answer.Status, status)
		}
	}
	// hangUp sends the signal and waits for what the server says to it.
	hangUp := func(says string) {
		t.Helper()
		before := strings.Count(s.log.String(), says)
		if err := s.command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); strings.Count(s.log.String(), says) == before; time.Sleep(10 * time.Millisecond) {
			if time.Since(begin) > 30*time.Second {
				t.Fatalf("the server does not say %q:\n%s", says, s.log.tail())
			}
		}
	}
	takes("a.exe", http.StatusForbidden)
	takes("a.txt", http.StatusCreated)

	settings("deny_names = [\"*.txt\"]\nquota = \"1GiB\"\nmax_changes = 2000\nbackup_every = \"2h\"\nlog_level = \"warn\"")
	hangUp(`"msg":"the settings were read again","taken_up":"quota, deny_names, backup_every, log_level"`)
	if !strings.Contains(s.log.String(), `"msg":"settings were changed that need a restart","settings":"max_changes"`) {
		t.Errorf("it is not told that max_changes needs a restart:\n%s", s.log.tail())
	}
	if metrics := send(t, http.DefaultClient, http.MethodGet, s.Admin+"/metrics", nil, nil).text; !strings.Contains(metrics, "satchel_backup_every_seconds 7200\n") {
		t.Error("the metrics do not have backup_every as it is")
	}
	takes("b.exe", http.StatusCreated)
	takes("b.txt", http.StatusForbidden)
	if lines := s.log.String(); strings.Contains(lines[strings.Index(lines, "taken_up"):], `"msg":"request"`) {
		t.Error("requests are told though log_level is warn")
	}

	for _, wrong := range []string{`deny_names = ["["]`, `no_such_setting = 1`, `quota = `} {
		settings(wrong)
		hangUp("the settings were read again, and none was taken up")
		takes("c.txt", http.StatusForbidden)
	}
	s.Stop()
}

// A server that runs in a window ends with it, though that is told by the same signal.
func TestServerEndsWithItsWindow(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	window := newPrompt(t).newTerminal()
	window.types("satchel serve --admin-listen off --listen "+address, "Enter")
	window.shows(`WebDAV  http://` + regexp.QuoteMeta(address))
	answer, err := http.Get("http://" + address + "/readyz")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	run(t, exec.Command(window.tmux, "-S", window.socket, "kill-server"))
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		l, err := net.Listen("tcp", address)
		if err == nil {
			l.Close()
			return
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatal("the server is still there")
		}
	}
}
