package satchel_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// said is the text in the first cell of a row of a table.
var said = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// What docs/troubleshooting.md has Satchel say is in the code, between the parts that differ each time.
func TestTextsOfTroubleshooting(t *testing.T) {
	page, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	ours, _, _ := strings.Cut(string(page), "## What other programs say")
	texts := said.FindAllStringSubmatch(ours, -1)
	if len(texts) < 20 {
		t.Fatalf("only %d texts were found", len(texts))
	}
	code := sources(t)
	for _, text := range texts {
		for part := range strings.SplitSeq(text[1], "…") {
			if part = strings.TrimSpace(part); len(part) > 3 && !strings.Contains(code, part) {
				t.Errorf("nothing says %q", part)
			}
		}
	}
}

// sources is all Go code but that of tests.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "node_modules" || e.Name() == ".git" || e.Name() == "data" || e.Name() == "e2e"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
