package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snippet is a block of a page that says it is tested: its language and its text.
var snippet = regexp.MustCompile("(?s)<!-- tested([^\n]*) -->\n```([a-z]+)\n(.*?)```")

// commands are the tested blocks of a page's shell commands, one after the other.
func commands(t *testing.T, page string) (text string, blocks int) {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, block := range snippet.FindAllStringSubmatch(string(content), -1) {
		if block[2] == "sh" {
			all.WriteString(block[3])
			blocks++
		}
	}
	return all.String(), blocks
}

// The commands that are marked <!-- tested -->, pasted into a shell: those of README.md, and those of each page of docs behind them.
func TestCommandsOfThePages(t *testing.T) {
	t.Parallel()
	program(t, "rclone", "rclone")
	shell := program(t, "bash", "bash")
	satchel, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	readme, blocks := commands(t, "../README.md")
	if blocks < 4 {
		t.Fatalf("README.md has %d tested blocks", blocks)
	}
	// Which pages have commands, and what they print.
	prints := map[string][]string{
		"README.md":   {`"username":"ann"`, "Upload-Offset: 6000000", "copy.bin", "10000000 film.bin"},
		"prompt.md":   {"moved  copy/Photos/cat.jpg"},
		"accounts.md": {`"current":true`},
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md") {
		name := filepath.Base(page)
		text, blocks := readme, blocks
		if name != "README.md" {
			more, n := commands(t, page)
			text, blocks = readme+more, n
		}
		if blocks == 0 && prints[name] == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if blocks == 0 || prints[name] == nil {
				t.Fatalf("it has %d tested blocks, which are to print %q", blocks, prints[name])
			}
			s := start(t)
			pasted := tool(t, t.TempDir(), shell)
			pasted.Env = append(pasted.Env, "PATH="+filepath.Dir(satchel)+":"+os.Getenv("PATH"))
			pasted.Stdin = strings.NewReader("set -euo pipefail\n" + strings.ReplaceAll(text, "http://127.0.0.1:8080", s.URL))
			out := run(t, pasted)
			for _, want := range prints[name] {
				if !strings.Contains(out, want) {
					t.Errorf("the commands do not print %q:\n%s", want, out)
				}
			}
		})
	}
}
