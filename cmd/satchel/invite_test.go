package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestInviteCommands(t *testing.T) {
	data := t.TempDir()
	environ := []string{"SATCHEL_REGISTRATION=invite", "SATCHEL_PUBLIC_URL=https://files.example.org"}
	made := satchel(t, "", environ, "invite", "create", "--data", data, "--uses", "3", "--note", "the choir")
	parts := regexp.MustCompile(`^https://files\.example\.org/register\?invitation=([\w-]{43})\n([0-9a-v]{26}) makes up to 3 accounts until \S+Z\.\n$`).FindStringSubmatch(made.stdout)
	if made.code != exitOK || parts == nil {
		t.Fatalf("%+v", made)
	}
	if list := satchel(t, "", environ, "invite", "list", "--data", data); !strings.Contains(list.stdout, parts[2]) || !strings.Contains(list.stdout, "the choir") || strings.Contains(list.stdout, parts[1]) {
		t.Errorf("%+v", list)
	}
	if gone := satchel(t, "", environ, "invite", "revoke", parts[2], "--data", data); gone.code != exitOK {
		t.Errorf("%+v", gone)
	}
	for _, args := range [][]string{{"create", "--days", "0"}, {"create", "--uses", "0"}, {"revoke", parts[2]}, {"revoke"}} {
		if r := satchel(t, "", environ, append([]string{"invite", "--data", data}, args...)...); r.code == exitOK || r.stderr == "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// What sends codes is checked before anything starts.
func TestSendersAreChecked(t *testing.T) {
	for _, environ := range [][]string{
		{"SATCHEL_VERIFY=email"},
		{"SATCHEL_MAIL_SMTP=smtp://h?starttls=perhaps", "SATCHEL_MAIL_FROM=a@example.org"},
		{"SATCHEL_CODE_WEBHOOK=https://h", "SATCHEL_CODE_WEBHOOK_SECRET=short"},
	} {
		if r := satchel(t, "", environ, "config", "check"); r.code != exitUsage {
			t.Errorf("%v: %+v", environ, r)
		}
	}
	if r := satchel(t, "", []string{"SATCHEL_VERIFY=email", "SATCHEL_MAIL_SMTP=smtp://u:hunter2@h", "SATCHEL_MAIL_FROM=a@example.org"}, "config", "check"); r.code != exitOK || strings.Contains(r.stdout, "hunter2") {
		t.Errorf("%+v", r)
	}
}
