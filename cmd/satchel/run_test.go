package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// result is what a finished run left.
type result struct {
	code           int
	stdout, stderr string
}

// satchel runs a command line to its end, with input piped in.
func satchel(t *testing.T, input string, environ []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(input), &stdout, &stderr, environ)
	return result{code, stdout.String(), stderr.String()}
}

func TestExitCodes(t *testing.T) {
	data, old := "SATCHEL_DATA="+t.TempDir(), t.TempDir()
	from := "SATCHEL_BLOBS_FROM=disk:" + old
	for _, c := range []struct {
		args    string
		environ string
		code    int
		stdout  string // what it says, or a part of it
		stderr  string
	}{
		{args: "version", code: 0, stdout: "satchel "},
		{args: "", code: 0, stdout: "A storage server"},
		{args: "serve --help", code: 0, stdout: "shutdown_grace"},
		{args: "user", code: 0, stdout: "passwd"},
		{args: "srve", code: 2, stderr: `satchel: unknown command "srve"`},
		{args: "user frobnicate", code: 2, stderr: `satchel: unknown command "frobnicate" for "satchel user"`},
		{args: "serve now", code: 2, stderr: `unknown command "now" for "satchel serve"`},
		{args: "user add", code: 2, stderr: "accepts 1 arg(s), received 0 (satchel user add --help tells more)"},
		{args: "serve --port 80", code: 2, stderr: "unknown flag: --port (satchel serve --help tells more)"},
		{args: "config check", environ: "SATCHEL_LISTN=:80", code: 2, stderr: "unknown setting SATCHEL_LISTN in the environment: did you mean SATCHEL_LISTEN?"},
		{args: "config check", environ: "SATCHEL_DENY_NAMES=[", code: 2, stderr: `pattern "["`},
		{args: "serve --listen nowhere", code: 2, stderr: `listen = "nowhere" (flag --listen): want HOST:PORT`},
		{args: "serve --blobs s3://key:hunter2@b/p", code: 2, stderr: "blobs (flag --blobs): want s3://BUCKET/PREFIX without keys"},
		{args: "serve --database postgres://u:hunter2@127.0.0.1:1/satchel", code: 1, stderr: "database postgres://u:xxxxx@127.0.0.1:1/satchel: "},
		{args: "serve --database postgres://u@127.0.0.1:1/satchel?password=hunter2", code: 1, stderr: "database postgres://u@127.0.0.1:1/satchel?password=xxxxx: "},
		{args: "user passwd nobody", code: 1, stderr: "satchel: There is no such account."},
		{args: "user reset-factor nobody", code: 1, stderr: "satchel: There is no such account."},
		{args: "user delete nobody", code: 2, stderr: "say --yes"},
		{args: "migrate-db", code: 2, stderr: "--to: want the database to fill"},
		{args: "migrate-db --from nowhere.db --to elsewhere.db", code: 1, stderr: "--from: stat nowhere.db"},
		{args: "migrate-blobs", code: 2, stderr: "blobs_from: want the old store there"},
		{args: "migrate-blobs", environ: from, code: 0, stdout: "Nothing is left in the old store"},
		{args: "migrate-blobs --rate fast", environ: from, code: 2, stderr: `--rate "fast": want`},
		{args: "migrate-blobs --at-once 0", environ: from, code: 2, stderr: "want 1 to 64"},
		{args: "migrate-blobs --blobs disk:" + old + "/./", environ: from, code: 2, stderr: "blobs, blobs_from: both are"},
		{args: "migrate-blobs --blobs s3://a", environ: "SATCHEL_BLOBS_FROM=s3://b", code: 2, stderr: "want disk:PATH for one of them"},
		{args: "backup", code: 2, stderr: "accepts 1 arg(s)"},
		{args: "backup here --keep 0", code: 2, stderr: "--keep 0: want 1 or more"},
		{args: "backup s3://b/p?region=x --blobs s3://b/p", code: 2, stderr: "would be among the content"},
		{args: "backup s3://b/p/backups --blobs s3://b/p", code: 2, stderr: "would be among the content"},
		{args: "restore s3://b --blobs s3://b/p", code: 2, stderr: "would be among the content"},
		{args: "backup s3://key:secret@b/p", code: 2, stderr: "want s3://BUCKET/PREFIX without keys"},
		{args: "drill here --on mysql://db", code: 2, stderr: "--on: want the URL of a database on a Postgres server"},
		{args: "restore nowhere", code: 1, stderr: "there is no backup in nowhere"},
		{args: "healthcheck --listen 127.0.0.1:1", code: 1, stderr: "connection refused"},
		{args: "migrate", code: 0, stdout: "The schema is up to date."}, // the commands above made it
	} {
		t.Run(c.args+" "+c.environ, func(t *testing.T) {
			got := satchel(t, "correct horse battery\n", []string{data, c.environ}, strings.Fields(c.args)...)
			if got.code != c.code || !strings.Contains(got.stdout, c.stdout) || !strings.Contains(got.stderr, c.stderr) {
				t.Errorf("exit code %d\nstdout: %s\nstderr: %s", got.code, got.stdout, got.stderr)
			}
			if strings.Contains(got.stderr, "hunter2") {
				t.Errorf("the password is in %s", got.stderr)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	got := satchel(t, "", []string{"SATCHEL_DATABASE=postgres://satchel:hunter2@db/satchel"}, "config", "check", "--listen", ":9000")
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	rows := map[string]string{}
	for line := range strings.Lines(got.stdout) {
		key, rest, _ := strings.Cut(line, " ")
		rows[key] = strings.Join(strings.Fields(rest), " ")
	}
	for key, want := range map[string]string{
		"listen":       ":9000 flag --listen",
		"admin_listen": "127.0.0.1:8081 default",
		"database":     "postgres://satchel:xxxxx@db/satchel environment SATCHEL_DATABASE",
		"quota":        "0 default",
	} {
		if rows[key] != want {
			t.Errorf("%s: %q, want %q", key, rows[key], want)
		}
	}
}

func TestUserCommands(t *testing.T) {
	environ := []string{"SATCHEL_DATA=" + filepath.Join(t.TempDir(), "new", "data")}
	const password = "correct horse battery\n"
	for _, step := range []struct {
		args, input string
		code        int
		says        string // on stdout when code is 0, else on stderr
	}{
		{"user add ada --email ada@example.org --role admin", password, 0, "ada (admin) has an account."},
		{"user add ada", password, 1, "satchel: "},
		{"user add bob", "", 2, "the input holds no password"},
		{"user add bob", "short\n", 1, "password: "},
		{"user add bob --role emperor", password, 1, "role: "},
		{"user add bob", "no line end, still a password", 0, "bob (user) has an account."},
		{"user app-password ada --name phone --read-only --days 30", "", 0, "-"},
		{"user app-password ada", "", 1, "name: "},
		{"user app-password ada --name phone --folder /nowhere", "", 1, "There is nothing here."},
		{"user app-password nobody --name phone", "", 1, "There is no such account."},
		{"user list", "", 0, "ada@example.org"},
		{"user add root --admin --generate-password --quota 10GiB", "", 0, "The password is "},
		{"user add root --admin --role user", password, 2, "do not go together"},
		{"user add root --quota plenty", password, 2, "the quota \"plenty\": want a size"},
		{"user show ada@example.org", "", 0, "0 bytes"},
		{"user show nobody", "", 1, "There is no such account."},
		{"user show root", "", 0, "10737418240 bytes"},
		{"user list --search ROO --role admin", "", 0, "root"},
		{"user list --role king", "", 1, "role: "},
		{"user quota root none", "", 0, "root has the quota none."},
		{"user quota root 5MB", "", 0, "root has the quota 5000000 bytes."},
		{"user quota root", "", 2, "accepts 2 arg(s)"},
		{"user role root user", "", 0, "root is now a user."},
		{"user role root king", "", 1, "role: "},
		{"user sign-out root", "", 0, "root is signed out everywhere."},
		{"user delete root --yes", "", 0, "root is deleted with all files."},
		{"user disable bob", "", 0, "bob cannot sign in any more."},
		{"user list", "", 0, "disabled"},
		{"user enable bob", "", 0, "bob can sign in."},
		{"user passwd ada@example.org", "another good password\r\n", 0, "new password"},
		{"user reset-factor ada@example.org", "", 0, "no second factor any more"},
		{"user delete bob", "bob\n", 2, "say --yes"},
		{"user delete bob --yes", "", 0, "bob is deleted with all files."},
		{"user delete bob --yes", "", 1, "There is no such account."},
		{"audit --event user_deleted", "", 0, "user_deleted  of "},
		{"audit --event quota_changed --json", "", 0, `"detail":"5000000 bytes"`},
		{"audit --user ada --since 1h --lines 1", "", 0, "second_factor_reset  of ada"},
		{"audit --user nobody", "", 1, "There is no such account."},
		{"audit --since yesterday", "", 2, "want a time such as"},
		{"audit --lines -1", "", 2, "want 0 or more"},
		{"fsck", "", 0, "no problems"},
		{"keys list", "", 0, "CREATED"},
		{"keys rotate", "", 0, "signs from now on."},
		{"keys list", "", 0, "signs"},
		{"keys rotate", "", 0, "signs from now on."},
		{"keys list", "", 0, "retired 20"},
		{"gc", "", 0, "0 blobs and 0 orphans removed, 0 bytes freed"},
	} {
		got := satchel(t, step.input, environ, strings.Fields(step.args)...)
		said := got.stdout
		if step.code != 0 {
			said = got.stderr
		}
		if got.code != step.code || !strings.Contains(said, step.says) {
			t.Errorf("%s: exit code %d\nstdout: %s\nstderr: %s", step.args, got.code, got.stdout, got.stderr)
		}
	}
	if got := satchel(t, "", environ, "user", "list"); strings.Contains(got.stdout, "bob") || strings.Contains(got.stdout, "disabled") {
		t.Errorf("at the end:\n%s", got.stdout)
	}
}
