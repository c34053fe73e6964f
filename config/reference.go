package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteReference writes the page of all settings (docs/settings.md), in Markdown.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Settings

Made by ` + "`satchel config reference`" + ` from the settings themselves; [configuration.md](configuration.md) tells them by what they are for.

A flag wins over the environment, the environment over the file that ` + "`--config` or `SATCHEL_CONFIG`" + ` names (TOML), the file over the default. ` + "`satchel config check`" + ` prints
what holds and where it was set. A setting that does not exist, and a value that cannot be, is an error that names it.

In the environment a setting is called ` + "`SATCHEL_`" + ` and its name in capitals (` + "`SATCHEL_ADMIN_LISTEN`" + `); a list has commas between. Of a secret (**s**) the variable with ` + "`_FILE`" + ` at its end
names a file that holds it. Those with a flag (**f**) have it by their name with hyphens (` + "`--admin-listen`" + `). What is changed holds after a **reload** (SIGHUP, ` + "`systemctl reload satchel`" + `) or a **restart**;
on SIGHUP the log says what was taken up, and what needs a restart.

| setting | | changes with | default | what it is | wants |
|---|---|---|---|---|---|
`)
	c := Default()
	for _, s := range c.settings() {
		marks := ""
		for _, m := range []struct {
			is   bool
			mark string
		}{{s.secret, "s"}, {s.flag, "f"}} {
			if m.is {
				marks += m.mark
			}
		}
		def := s.value.String()
		if def != "" {
			def = "`" + def + "`"
		}
		changes := "restart"
		if s.live {
			changes = "reload"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", s.key, marks, changes, cell(def), cell(strings.ReplaceAll(s.usage, "`", "")), cell(wants(s)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// noValue is text that no setting takes but those that take any.
const noValue = "\x00"

// wants is what a value has to be, as its refusal says; what takes any text does not say.
func wants(s setting) string {
	if err := s.value.Set(noValue); err != nil {
		return err.Error()
	}
	if s.list {
		return "values with commas between"
	}
	return "text"
}

// cell is text in a table: a bar would end it.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
