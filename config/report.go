package config

// Setting is a setting as people may see it: secrets are hidden.
type Setting struct {
	Key, Value string
	From       string // "flag --listen", "environment SATCHEL_LISTEN", "file PATH", "default"
	Live       bool   // whether a running server takes it up on SIGHUP
}

// Settings are all settings in the order of the table, each with where its value came from.
func (c *Config) Settings() []Setting {
	var all []Setting
	for _, s := range c.settings() {
		from, ok := c.from[s.key]
		if !ok {
			from = "default"
		}
		all = append(all, Setting{Key: s.key, Value: s.value.String(), From: from, Live: s.live})
	}
	return all
}
