package config

import (
	"os"
	"regexp"
	"testing"
)

// docs/configuration.md names every setting, as the file has it.
func TestPageNamesEverySetting(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	for _, s := range c.settings() {
		if !regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(s.key) + ` += `).Match(text) {
			t.Errorf("docs/configuration.md has no %s = …", s.key)
		}
	}
}
