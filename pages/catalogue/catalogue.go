package catalogue

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed */*.toml
var files embed.FS

// Language is a language of the pages, as BCP 47 names it.
type Language string

// The languages of the pages. English is what those read who read neither.
const (
	English Language = "en"
	Chinese Language = "zh-CN"
)

// Languages are all of them, in the order in which they are offered.
func Languages() []Language { return []Language{English, Chinese} }

// Name is what its readers call the language.
func (l Language) Name() string {
	if l == Chinese {
		return "简体中文"
	}
	return "English"
}

// Catalogue answers words. It is safe for use by many goroutines.
type Catalogue struct {
	matcher  language.Matcher
	messages map[Language]map[string]*i18n.Message
	pieces   map[Language]map[string]pieces // those that have one form
	plurals  map[Language]*i18n.Localizer   // the others
	problems map[Language]problems
}

// Load reads the catalogues. It fails only on one that is broken.
func Load() (*Catalogue, error) {
	c := &Catalogue{messages: map[Language]map[string]*i18n.Message{}, pieces: map[Language]map[string]pieces{}, plurals: map[Language]*i18n.Localizer{}, problems: map[Language]problems{}}
	var tags []language.Tag
	for _, l := range Languages() {
		tag := language.MustParse(string(l))
		tags = append(tags, tag)
		messages, err := read(l)
		if err != nil {
			return nil, err
		}
		bundle := i18n.NewBundle(tag)
		if err := bundle.AddMessages(tag, slices.Collect(maps.Values(messages))...); err != nil {
			return nil, err
		}
		c.plurals[l] = i18n.NewLocalizer(bundle, string(l))
		c.messages[l] = messages
		c.pieces[l] = map[string]pieces{}
		for key, m := range messages {
			if p, ok := cut(m); ok {
				c.pieces[l][key] = p
			}
		}
		if c.problems[l], err = readProblems(l); err != nil {
			return nil, err
		}
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// read answers the messages of a language by their keys.
func read(l Language) (map[string]*i18n.Message, error) {
	names, err := fs.Glob(files, string(l)+"/*.toml")
	if err != nil {
		return nil, err
	}
	all := map[string]*i18n.Message{}
	for _, name := range names {
		if path.Base(name) == problemsFile {
			continue
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := i18n.ParseMessageFileBytes(content, string(l)+".toml", map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, m := range file.Messages {
			if all[m.ID] != nil {
				return nil, fmt.Errorf("%s: %s is in another file, too", name, m.ID)
			}
			all[m.ID] = m
		}
	}
	return all, nil
}

// Match is the language of the pages for who reads one of these, best first: codes of languages, or whole
// Accept-Language headers (RFC 9110, section 12.5.4). What is neither says nothing.
func (c *Catalogue) Match(wanted ...string) Language {
	var tags []language.Tag
	for _, w := range wanted {
		if len(w) > maxAccept {
			continue
		}
		parsed, _, err := language.ParseAcceptLanguage(w)
		if err == nil {
			tags = append(tags, parsed...)
		}
	}
	_, i, confidence := c.matcher.Match(tags...)
	if confidence == language.No {
		return English
	}
	return Languages()[i]
}

// maxAccept bounds a header that is read, in bytes.
const maxAccept = 256

// Has reports whether there is a message of a key.
func (c *Catalogue) Has(l Language, key string) bool { return c.messages[l][key] != nil }

// Keys are those of all messages in a language, in no order.
func (c *Catalogue) Keys(l Language) []string { return slices.Collect(maps.Keys(c.messages[l])) }

// Say is the message of a key, filled in with pairs of a name and its value. The value of "count", an int or int64,
// chooses the plural form. It is an error if there is no such message, or, in one
// without plural forms, a name without a value.
func (c *Catalogue) Say(l Language, key string, pairs ...any) (string, error) {
	if p, ok := c.pieces[l][key]; ok {
		words, err := p.fill(pairs)
		if err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
		return words, nil
	}
	localizer, ok := c.plurals[l]
	if !ok {
		return "", fmt.Errorf("there is no catalogue for %q", l)
	}
	config := &i18n.LocalizeConfig{MessageID: key}
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("%s: a name without a value", key)
	}
	data := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return "", fmt.Errorf("%s: %v is no name", key, pairs[i])
		}
		if data[name] = pairs[i+1]; name == "count" {
			config.PluralCount = pairs[i+1]
		}
	}
	config.TemplateData = data
	return localizer.Localize(config)
}
