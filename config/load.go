package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxFileSize bounds a settings or secret file, in bytes. Whoever names a disk by mistake gets an error and not a full memory.
const maxFileSize = 1 << 20

// Sources is where settings come from, besides the file.
type Sources struct {
	// Flags are the flags that were given, by the key of their setting, [ConfigKey] among them.
	Flags map[string]string
	// Environ is the environment, as os.Environ gives it.
	Environ []string
}

// Load reads and checks all settings. An error holds a line for each thing that is wrong; each names the
// setting, its value unless it is a secret, where it was set, and what is wanted.
func Load(src Sources) (*Config, error) {
	env, err := readEnviron(src.Environ)
	if err != nil {
		return nil, err
	}
	file, fromFile, err := readFile(src, env)
	if err != nil {
		return nil, err
	}

	c := Default()
	c.from = map[string]string{}
	var wrong []error
	for _, s := range c.settings() {
		text, from, err := pick(s, src.Flags, env, file, fromFile)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if from == "" {
			continue
		}
		if err := s.value.Set(text); err != nil {
			wrong = append(wrong, s.refuse(text, from, err))
			continue
		}
		c.from[s.key] = from
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	c.follow()
	if err := c.conflicts(); err != nil {
		return nil, err
	}
	return &c, nil
}

// refuse is the error for a value that a setting does not take.
func (s setting) refuse(text, from string, want error) error {
	if s.secret {
		return fmt.Errorf("%s (%s): want %w", s.key, from, want)
	}
	return fmt.Errorf("%s = %q (%s): want %w", s.key, text, from, want)
}

// pick finds the value of a setting in the place that wins, and says which that was; from is empty if it is nowhere.
func pick(s setting, flags, env, file map[string]string, fromFile string) (text, from string, err error) {
	if text, ok := flags[s.key]; ok {
		return text, "flag --" + s.flagName(), nil
	}
	text, set := env[s.env()]
	if path, ok := env[s.envFile()]; ok && s.secret {
		if set {
			return "", "", fmt.Errorf("%s: both %s and %s are set: want one of them", s.key, s.env(), s.envFile())
		}
		content, err := readBounded(path)
		if err != nil {
			return "", "", fmt.Errorf("%s (%s): %w", s.key, s.envFile(), err)
		}
		return strings.TrimRight(string(content), "\r\n"), "environment " + s.envFile(), nil
	}
	if set {
		return text, "environment " + s.env(), nil
	}
	if text, ok := file[s.key]; ok {
		return text, fromFile, nil
	}
	return "", "", nil
}

// readFile reads the TOML file, if one is named, as texts by key.
func readFile(src Sources, env map[string]string) (values map[string]string, from string, err error) {
	path, ok := src.Flags[ConfigKey]
	if !ok {
		path = env[envConfig]
	}
	if path == "" {
		if ok {
			return nil, "", errors.New("--config: want the path of a TOML file")
		}
		return nil, "", nil
	}
	content, err := readBounded(path)
	if err != nil {
		return nil, "", fmt.Errorf("settings file: %w", err)
	}
	values, err = parseFile(path, string(content))
	return values, "file " + path, err
}

func parseFile(path, content string) (map[string]string, error) {
	var tree map[string]any
	if _, err := toml.Decode(content, &tree); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("settings file %s, line %d: %s", path, syntax.Position.Line, syntax.Message)
		}
		return nil, fmt.Errorf("settings file %s: %w", path, err)
	}
	c := Default()
	known := map[string]setting{}
	for _, s := range c.settings() {
		known[s.key] = s
	}
	values := map[string]string{}
	var wrong []error
	for key, v := range flatten("", tree) {
		s, ok := known[key]
		if !ok {
			wrong = append(wrong, unknown(key, "in "+path, slices.Collect(maps.Keys(known))))
			continue
		}
		text, ok := fileText(v, s.list)
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s (file %s): %s is not a value for it", key, path, tomlType(v)))
			continue
		}
		values[key] = text
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return values, errors.Join(wrong...)
}

// flatten names the values of nested tables by dotted keys.
func flatten(prefix string, tree map[string]any) map[string]any {
	flat := map[string]any{}
	for key, v := range tree {
		if table, ok := v.(map[string]any); ok && len(table) > 0 {
			for below, v := range flatten(prefix+key+".", table) {
				flat[below] = v
			}
			continue
		}
		flat[prefix+key] = v
	}
	return flat
}

// fileText is a TOML value as the text that the environment would hold.
func fileText(v any, list bool) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case bool:
		return strconv.FormatBool(v), true
	case []any:
		var texts []string
		for _, element := range v {
			text, ok := element.(string)
			if !ok {
				return "", false
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, ","), list
	}
	return "", false
}

func tomlType(v any) string {
	switch v.(type) {
	case []any, []map[string]any:
		return "an array"
	case map[string]any:
		return "a table"
	case float64:
		return "a number with a fraction"
	}
	return "a date or time"
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(content) > maxFileSize {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFileSize)
	}
	return content, err
}
