package e2e

import (
	"fmt"
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

// The modules of docs/clients.md that are tested, each used as its page says, in Node.
func TestClientsOfThePage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]string{}
	for _, block := range snippet.FindAllStringSubmatch(string(page), -1) {
		modules[strings.TrimPrefix(block[1], ": ")] = block[3]
	}
	s := start(t)
	ann := s.Register(t, "ann")
	const file = "Buffer.alloc(9_000_000, 7)"
	for name, use := range map[string]string{
		"tus-js-client": "import { send } from './module.mjs'\nawait send(" + file + ", 'tus-js-client.bin', async () => process.env.TOKEN)\n",
		"uppy":          "import { send, uploader } from './module.mjs'\nawait send(uploader(async () => process.env.TOKEN), " + file + ", 'uppy.bin')\n",
	} {
		if modules[name] == "" {
			t.Fatalf("docs/clients.md has no module of %s", name)
		}
		folder := t.TempDir()
		here, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(here, "node_modules"), filepath.Join(folder, "node_modules")); err != nil {
			t.Fatal(err)
		}
		module := strings.ReplaceAll(modules[name], "http://127.0.0.1:8080", s.URL)
		for path, text := range map[string]string{"module.mjs": module, "use.mjs": use} {
			if err := os.WriteFile(filepath.Join(folder, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		node := tool(t, folder, program(t, "node", "nodejs"), "use.mjs")
		node.Env = append(node.Env, "TOKEN="+ann.Token)
		run(t, node)
	}
	if names := Listed(t, ann.Browser(t), s.URL+"/drive/Photos"); fmt.Sprint(names) != "[tus-js-client.bin uppy.bin]" {
		t.Errorf("the folder holds %q", names)
	}
}
