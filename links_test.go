package satchel_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// link is [text](target) and ![text](target) in Markdown; picture is the src of an HTML tag in it.
var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	picture = regexp.MustCompile(`\ssrc="([^"]+)"`)
	code    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

// Every link of a page leads to a page, a heading or a file that is there, and README.md leads to every page.
func TestLinksOfThePages(t *testing.T) {
	linked := map[string][]string{} // pages that a page leads to
	for _, page := range pagesOfMarkdown(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		prose := code.ReplaceAllString(string(text), "")
		for _, m := range append(link.FindAllStringSubmatch(prose, -1), picture.FindAllStringSubmatch(prose, -1)...) {
			target, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if target.IsAbs() {
				continue
			}
			file := page
			if target.Path != "" {
				file = filepath.Join(filepath.Dir(page), filepath.FromSlash(target.Path))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			}
			linked[page] = append(linked[page], file)
			if target.Fragment != "" && !slices.Contains(anchors(t, file), target.Fragment) {
				t.Errorf("%s: %s: there is no such heading", page, m[1])
			}
		}
	}
	found := []string{"README.md"}
	for i := 0; i < len(found); i++ {
		for _, page := range linked[found[i]] {
			if strings.HasSuffix(page, ".md") && !slices.Contains(found, page) {
				found = append(found, page)
			}
		}
	}
	for _, page := range pagesOfMarkdown(t) {
		if !slices.Contains(found, page) {
			t.Errorf("nothing leads from README.md to %s", page)
		}
	}
}

// pagesOfMarkdown are those of the root and of docs.
func pagesOfMarkdown(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("docs", func(file string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".md") {
			pages = append(pages, file)
		}
		return err
	})
	if err != nil || len(pages) < 10 {
		t.Fatal(pages, err)
	}
	return pages
}

// anchors are the fragments that GitHub and its kin give a page's headings.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return all
}
