package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A folder of the drive becomes what the one here is, step by step: what is not here goes to the trash, and nothing does that
// is outside of it, that could not be told from what is here, or after anything failed.
func TestPutSyncDelete(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "SATCHEL_DURABILITY=relaxed")
	environ := []string{"SATCHEL_CLIENT_SERVER=" + s.base, "SATCHEL_CLIENT_TOKEN=" + s.signUp(t)}
	home := t.TempDir()
	at := func(name string) string { return filepath.Join(home, name) }
	write := func(names ...string) {
		t.Helper()
		for _, name := range names {
			err := os.MkdirAll(filepath.Dir(at(name)), 0o700)
			if err == nil {
				err = os.WriteFile(at(name), []byte(name), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.RemoveAll(at(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("tree/keep", "tree/sub/keep", "tree/sub/old", "tree/olds/1", "tree/olds/2", "tree/link", "tree/becomes", "other/file")
	for _, step := range []struct {
		what   string
		before func()
		args   string
		code   int
		stdout string // lines, in any order
		stderr string // a part of it
		there  string // what is there afterwards, if it was looked at
	}{
		{what: "all is sent", args: "put --sync --delete tree other /", code: exitUsage, stderr: "--delete takes one folder"},
		{what: "all is sent", args: "put --sync tree other /", stdout: "moved tree/keep, moved tree/sub/keep, moved tree/sub/old, moved tree/olds/1, moved tree/olds/2, moved tree/link, moved tree/becomes, moved other/file"},
		{what: "nothing differs", args: "put --sync --delete tree /", stdout: "same tree/keep, same tree/sub/keep, same tree/sub/old, same tree/olds/1, same tree/olds/2, same tree/link, same tree/becomes"},
		{what: "only a list", before: func() {
			remove("tree/sub/old", "tree/olds", "tree/link")
			write("tree/new", "tree/deep/new")
			if err := os.Symlink("keep", at("tree/link")); err != nil {
				t.Fatal(err)
			}
		}, args: "put --sync --delete --dry-run tree /", stdout: "same tree/keep, same tree/sub/keep, same tree/becomes, send tree/new, send tree/deep/new, trash /tree/olds/, trash /tree/sub/old", stderr: "tree/link: left out",
			there: "/other/, /other/file, /tree/, /tree/becomes, /tree/keep, /tree/link, /tree/olds/, /tree/olds/1, /tree/olds/2, /tree/sub/, /tree/sub/keep, /tree/sub/old"},
		{what: "a file is in the way", before: func() { remove("tree/becomes"); write("tree/becomes/file") }, args: "put --sync --delete tree /", code: exitSome, stderr: "not all can be sent, so nothing goes to the trash",
			stdout: "same tree/keep, same tree/sub/keep, moved tree/new, moved tree/deep/new",
			there:  "/other/, /other/file, /tree/, /tree/becomes, /tree/deep/, /tree/deep/new, /tree/keep, /tree/link, /tree/new, /tree/olds/, /tree/olds/1, /tree/olds/2, /tree/sub/, /tree/sub/keep, /tree/sub/old"},
		{what: "all goes well", before: func() { remove("tree/becomes", "tree/sub/keep") }, args: "put --sync --delete tree /", stdout: "same tree/keep, same tree/new, same tree/deep/new, trash /tree/becomes, trash /tree/olds/, trash /tree/sub/keep, trash /tree/sub/old",
			stderr: "tree/link: left out",
			there:  "/other/, /other/file, /tree/, /tree/deep/, /tree/deep/new, /tree/keep, /tree/link, /tree/new, /tree/sub/"},
		{what: "a folder that is not here", args: "put --sync --delete gone /tree", code: exitFailed, stderr: "gone: no such file"},
		{what: "a file", args: "put --sync --delete other/file /tree", code: exitUsage, stderr: "is a file"},
		{what: "no files", before: func() { remove("tree"); write("tree/x"); remove("tree/x") }, args: "put --sync --delete tree /", code: exitRefused, stderr: "tree holds no file, so all that is in /tree would go to the trash"},
		{what: "no files, as JSON", args: "put --sync --delete --json --dry-run --allow-empty tree /", stdout: `{"file":"/tree/deep/","result":"would_trash"}, {"file":"/tree/keep","result":"would_trash"}, {"file":"/tree/link","result":"would_trash"}, {"file":"/tree/new","result":"would_trash"}, ` +
			`{"file":"/tree/sub/","result":"would_trash"}, {"summary":{"sent":0,"same":0,"known":0,"left_out":0,"failed":0,"bytes":0}}`},
		{what: "no files, and it is meant", args: "put --sync --delete --allow-empty tree /", stdout: "trash /tree/deep/, trash /tree/keep, trash /tree/link, trash /tree/new, trash /tree/sub/", there: "/other/, /other/file, /tree/"},
		{what: "half of it said", args: "put --delete tree /", code: exitUsage, stderr: "go with --sync"},
		{what: "half of it said", args: "put --sync --allow-empty tree /", code: exitUsage, stderr: "goes with --delete"},
	} {
		if step.before != nil {
			step.before()
		}
		args := strings.Fields(step.args)
		for i, arg := range args {
			if i > 0 && i < len(args)-1 && !strings.HasPrefix(arg, "-") {
				args[i] = at(arg)
			}
		}
		got := satchel(t, "", environ, args...)
		if out := listed(got.stdout, home); got.code != step.code || out != listed(strings.ReplaceAll(step.stdout, ", ", "\n"), home) || !strings.Contains(strings.ReplaceAll(got.stderr, home+"/", ""), step.stderr) {
			t.Errorf("%s: satchel %s: exit code %d, want %d\n%s\n%s", step.what, step.args, got.code, step.code, out, got.stderr)
		}
		if step.there == "" {
			continue
		}
		if there := listed(satchel(t, "", environ, "ls", "-R").stdout, home); there != listed(strings.ReplaceAll(step.there, ", ", "\n"), home) {
			t.Errorf("%s: there is\n%s\nwant\n%s", step.what, there, step.there)
		}
	}
}

// listed are lines in order, with one space between words and names as they are at home.
func listed(text, home string) string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(text, home+"/", "")) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
