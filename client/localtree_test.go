package client

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tree makes files and folders ("name/"), links ("name -> target") and pipes ("name|").
func tree(t *testing.T, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		path := filepath.Join(folder, name)
		link, target, isLink := strings.Cut(name, " -> ")
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, filepath.Join(folder, link))
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o700)
		case strings.HasSuffix(name, "|"):
			err = syscall.Mkfifo(strings.TrimSuffix(path, "|"), 0o600)
		default:
			if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
				err = os.WriteFile(path, []byte(name), 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// walked is what Walk tells of a tree, a line each, in order.
func walked(t *testing.T, l LocalTree) []string {
	t.Helper()
	var lines []string
	err := (&Client{}).Walk(t.Context(), l, func(f Found) bool {
		said := "file"
		switch {
		case errors.Is(f.Err, ErrSkipped):
			said = "left"
		case f.Err != nil:
			said = "error"
		case f.Info.IsDir():
			said = "folder"
		}
		lines = append(lines, fmt.Sprintf("%s %s", said, f.To))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func TestWalk(t *testing.T) {
	deep := strings.Repeat("d/", maxDepth+1)
	for _, test := range []struct {
		name   string
		tree   []string
		follow bool
		want   []string
	}{
		{"files and empty folders", []string{"a.txt", "b/c.txt", "e/", "b/f/"}, false, []string{"file /to/a.txt", "file /to/b/c.txt", "folder /to/b/f", "folder /to/e"}},
		{"nothing", nil, false, []string{"folder /to"}},
		{"links are left out", []string{"a.txt", "l -> a.txt", "up -> ..", "gone -> nowhere"}, false, []string{"file /to/a.txt", "left /to/gone", "left /to/l", "left /to/up"}},
		{"or followed, but not in circles", []string{"b/a.txt", "b/here -> .", "b/up -> ..", "l -> b/a.txt", "gone -> nowhere"}, true,
			[]string{"error /to/gone", "file /to/b/a.txt", "file /to/l", "left /to/b/here", "left /to/b/up"}},
		{"pipes are refused", []string{"p|"}, false, []string{"error /to/p"}},
		{"what get has not finished", []string{".satchel-0123.part", ".satchel"}, false, []string{"file /to/.satchel", "left /to/.satchel-0123.part"}},
		{"names that are not UTF-8", []string{"a\xff.txt"}, false, []string{"error /to/?"}},
		{"two that are one name there", []string{"e\u0301", "\u00e9"}, false, []string{"error /to/\u00e9", "file /to/e\u0301"}},
		{"too deep", []string{deep}, false, []string{"error /to/" + strings.TrimSuffix(strings.Repeat("d/", maxDepth), "/")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := walked(t, LocalTree{Root: tree(t, test.tree...), To: "/to", Follow: test.follow}); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// What is a link by the time that it is opened is not followed, and a pipe does not keep anybody waiting.
func TestOpenOfWhatWasSwapped(t *testing.T) {
	folder := tree(t, "secret", "link -> secret", "pipe|", "file")
	for name, want := range map[string]bool{"file": true, "link": false, "pipe": false} {
		file, err := Found{Local: filepath.Join(folder, name)}.Open()
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			file.Close()
		}
	}
	file, err := Found{Local: filepath.Join(folder, "link"), Followed: true}.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if content, err := io.ReadAll(file); err != nil || string(content) != "secret" {
		t.Errorf("a link that is to be followed: %q, %v", content, err)
	}
}
