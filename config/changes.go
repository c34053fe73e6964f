package config

import (
	"reflect"
	"strings"
)

// Changes are the keys of settings that are others in next, in the order of the table: those that a running server takes up, and those
// that it has to be started again for.
func (c *Config) Changes(next *Config) (live, restart []string) {
	after := next.settings()
	for i, s := range c.settings() {
		// A value points to a field; its text would hide what a secret is.
		if reflect.DeepEqual(s.value, after[i].value) {
			continue
		}
		if s.live {
			live = append(live, s.key)
		} else {
			restart = append(restart, s.key)
		}
	}
	return live, restart
}

// ByFile reports whether any setting is said by the settings file.
func (c *Config) ByFile() bool {
	for _, from := range c.from {
		if strings.HasPrefix(from, "file ") {
			return true
		}
	}
	return false
}
