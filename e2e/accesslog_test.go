package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Requests are in a file of their own, in the form of Apache and nginx; who moves it away and sends a SIGHUP has the next ones in a new file, and the
// server goes on.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	s := start(t, "SATCHEL_ACCESS_LOG="+path, "SATCHEL_ACCESS_LOG_FORMAT=combined")
	a := s.Register(t, "ann")
	a.Put(t, "one.txt", "content")
	moved := path + ".moved"
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	a.Put(t, "two.txt", "content")
	if err := s.command.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the file was not opened again")
		}
	}
	send(t, a.Basic, http.MethodGet, s.URL+"/dav/two.txt?secret", nil, nil)
	s.Stop()
	for _, want := range []struct {
		file  string
		lines []string
	}{
		{moved, []string{
			`"POST /api/v1/register HTTP/1.1" 201 \d+ "-" "Go-http-client/1.1"`,
			`"PUT /dav/one.txt HTTP/1.1" 201 \d+ "-" "Go-http-client/1.1"`,
			`"PUT /dav/two.txt HTTP/1.1" 201 \d+ "-" "Go-http-client/1.1"`,
		}},
		{path, []string{`"GET /dav/two.txt HTTP/1.1" 200 7 "-" "Go-http-client/1.1"`}},
	} {
		text, err := os.ReadFile(want.file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if len(lines) != len(want.lines) {
			t.Errorf("%s has %q", want.file, lines)
			continue
		}
		for i, line := range want.lines {
			if !regexp.MustCompile(`^127\.0\.0\.1 - [0-9a-v-]+ \[[^]]+\] ` + line + `$`).MatchString(lines[i]) {
				t.Errorf("%q is not %s", lines[i], line)
			}
		}
	}
	if log := s.log.String(); strings.Contains(log, `"msg":"request"`) || !strings.Contains(log, "the access log was opened again") {
		t.Errorf("the log has\n%s", log)
	}
}
