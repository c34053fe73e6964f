package main

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

// An input becomes a file, and a file an output, both of any length; what they are refused for is said in words, and nothing is left under way.
func TestInputAndOutput(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "SATCHEL_DURABILITY=relaxed", "SATCHEL_QUOTA=30MB")
	environ := []string{"SATCHEL_CLIENT_SERVER=" + s.base, "SATCHEL_CLIENT_TOKEN=" + s.signUp(t)}
	noise := make([]byte, 17<<20)
	_, _ = rand.NewChaCha8([32]byte{5}).Read(noise) // it never fails
	sum := sha256.Sum256(noise)
	long, more := string(noise), string(noise[1:])
	for _, step := range []struct {
		args, input string
		code        int
		stdout      string // all of it, or with … at its end how it begins
		stderr      string // a part of it
	}{
		{"put - /backups/dump", "short", exitOK, "moved  -\n", ""},
		{"put - /backups/dump", "short", exitOK, "known  -\n", ""},
		{"put - /backups/none", "", exitOK, "moved  -\n", ""},
		{"put --json - /backups/noise", long, exitOK, `{"bytes":17825792,"file":"-","result":"sent","sha256":"` + hex.EncodeToString(sum[:]) + "…", ""},
		{"get /backups/noise -", "", exitOK, long, ""},
		{"get /backups/dump /backups/none /backups/dump -", "", exitOK, "shortshort", ""},
		{"get /backups/dump /backups -", "", exitRefused, "short", "/backups is a folder."},
		{"get /nowhere -", "", exitNotFound, "", "There is nothing here."},
		{"put - /backups/more", more, exitRefused, "", "satchel: -: The drive is full"},
		{"put --conflict fail - /backups/noise", more[:9<<20], exitRefused, "", "There is something with this name already."},
		{"put - /backups", "x", exitUsage, "", "/backups is a folder, and the input has no name"},
		{"put - /new/", "x", exitUsage, "", "the input has no name"},
		{"put - other /backups", "x", exitUsage, "", "which goes alone"},
		{"put --sync - /backups/dump", "x", exitUsage, "", "which goes alone"},
		{"ls -l --json /backups/dump", "", exitOK, `{"id":…`, ""},
		{"uploads --json", "", exitOK, "", ""},
	} {
		got := satchel(t, step.input, environ, strings.Fields(step.args)...)
		begin, cut := strings.CutSuffix(step.stdout, "…")
		if got.code != step.code || !strings.HasPrefix(got.stdout, begin) || !cut && len(got.stdout) != len(begin) || !strings.Contains(got.stderr, step.stderr) {
			t.Errorf("satchel %s: exit code %d, want %d\nstdout: %.200s\nstderr: %s", step.args, got.code, step.code, got.stdout, got.stderr)
		}
	}
}

// A token goes over plain HTTP to another machine only if that was asked for.
func TestTokenOverPlainHTTP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ, args string
		code          int
	}{
		{"SATCHEL_CLIENT_SERVER=http://files.invalid SATCHEL_CLIENT_TOKEN=t", "ls", exitUsage},
		{"SATCHEL_CLIENT_SERVER=http://files.invalid SATCHEL_CLIENT_USER=ann SATCHEL_CLIENT_PASSWORD=p", "share list", exitUsage},
		{"SATCHEL_CLIENT_SERVER=http://files.invalid SATCHEL_CLIENT_TOKEN=t", "put --patience 0s --plain-http - /x", exitAway},
		{"SATCHEL_CLIENT_SERVER=http://127.0.0.1:1 SATCHEL_CLIENT_TOKEN=t", "put --patience 0s - /x", exitAway},
		{"", "login http://files.invalid ann", exitUsage},
	} {
		got := satchel(t, "password\n", strings.Fields(c.environ), strings.Fields(c.args)...)
		if got.code != c.code || (c.code == exitUsage) != strings.Contains(got.stderr, "others on the way can read your password or token: use https, or say --plain-http") {
			t.Errorf("%s satchel %s: exit code %d, want %d: %s", c.environ, c.args, got.code, c.code, got.stderr)
		}
	}
}
