package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands of README.md that are marked <!-- tested -->, pasted one after the other into one shell.
func TestCommandsOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)<!-- tested[^\n]*-->\n```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 4 {
		t.Fatalf("README.md has %d tested blocks", len(blocks))
	}
	program(t, "rclone", "rclone")
	s := start(t)
	var all strings.Builder
	all.WriteString("set -euo pipefail\n")
	for _, block := range blocks {
		all.WriteString(block[1])
	}
	commands := strings.ReplaceAll(all.String(), "http://127.0.0.1:8080", s.URL)
	satchel, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	shell := tool(t, t.TempDir(), program(t, "bash", "bash"))
	shell.Env = append(shell.Env, "PATH="+filepath.Dir(satchel)+":"+os.Getenv("PATH"))
	shell.Stdin = strings.NewReader(commands)
	out := run(t, shell)
	for _, want := range []string{`"username":"ann"`, "Upload-Offset: 6000000", "copy.bin", "10000000 film.bin", "moved  copy/Photos/cat.jpg"} {
		if !strings.Contains(out, want) {
			t.Errorf("the commands do not print %q:\n%s", want, out)
		}
	}
}
