package config

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// docs/settings.md is what satchel config reference prints.
func TestReferenceIsUpToDate(t *testing.T) {
	var made bytes.Buffer
	if err := WriteReference(&made); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, made.Bytes()) {
		t.Error("docs/settings.md is out of date: go run ./cmd/satchel config reference > docs/settings.md")
	}
}

// Every setting that was changed is told, secrets among them, and what is live apart from what needs a restart.
func TestChanges(t *testing.T) {
	load := func(environ ...string) *Config {
		c, err := Load(Sources{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := load("SATCHEL_EVENTS_WEBHOOK_SECRET=0123456789abcdef0123456789abcdef", "SATCHEL_EVENTS_WEBHOOK=https://a.example.org/")
	if live, restart := before.Changes(before); len(live)+len(restart) > 0 {
		t.Errorf("of nothing: %q, %q", live, restart)
	}
	after := load("SATCHEL_EVENTS_WEBHOOK_SECRET=another9abcdef0123456789abcdef012", "SATCHEL_EVENTS_WEBHOOK=https://a.example.org/", "SATCHEL_LOG_LEVEL=debug", "SATCHEL_DENY_NAMES=*.exe", "SATCHEL_QUOTA=1GiB")
	live, restart := before.Changes(after)
	if !slices.Equal(live, []string{"quota", "deny_names", "log_level"}) || !slices.Equal(restart, []string{"events_webhook_secret"}) {
		t.Errorf("live are %q, and %q need a restart", live, restart)
	}
}
