package config

import (
	"os"
	"regexp"
	"testing"
)

// README.md names every setting as the file has it.
func TestReadmeNamesEverySetting(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	for _, s := range c.settings() {
		if !regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(s.key) + ` += `).Match(text) {
			t.Errorf("README.md has no %s = …", s.key)
		}
	}
}
