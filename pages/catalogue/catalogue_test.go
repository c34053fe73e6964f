package catalogue

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

func load(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMatch(t *testing.T) {
	c := load(t)
	for _, test := range []struct {
		wanted []string
		want   Language
	}{
		{nil, English},
		{[]string{"", ""}, English},
		{[]string{"zh-CN"}, Chinese},
		{[]string{"", "zh-CN,zh;q=0.9,en;q=0.8"}, Chinese},
		{[]string{"", "en-GB,en;q=0.9,zh-CN;q=0.8"}, English},
		{[]string{"", "zh"}, Chinese},
		{[]string{"", "zh-TW,zh;q=0.9"}, Chinese}, // rather than English
		{[]string{"", "fr-FR, de;q=0.5"}, English},
		{[]string{"", "fr-FR, zh-Hans;q=0.5"}, Chinese},
		{[]string{"en", "zh-CN"}, English}, // what was chosen goes first
		{[]string{"\"><script>", "zh-CN"}, Chinese},
		{[]string{"", strings.Repeat("fr,", 1000) + "zh"}, English}, // too long to be read
	} {
		if got := c.Match(test.wanted...); got != test.want {
			t.Errorf("%q reads %s; want %s", test.wanted, got, test.want)
		}
	}
}

func TestSay(t *testing.T) {
	c := load(t)
	for _, test := range []struct {
		language Language
		key      string
		pairs    []any
		want     string
	}{
		{English, "login.title", nil, "Sign in"},
		{Chinese, "login.title", nil, "登录"},
		{English, "frame.account", []any{"name", "ann <b>"}, "Account of ann <b>"},
		{Chinese, "frame.account", []any{"name", "ann"}, "ann 的账户"},
		{Chinese, "folder.used-of", []any{"quota", "2 GB", "used", "1 GB"}, "已用 1 GB，共 2 GB"},
		{English, "folder.removed-many", []any{"count", 1}, "1 file or folder is in the trash."},
		{English, "folder.removed-many", []any{"count", 3}, "3 files and folders are in the trash."},
		{Chinese, "folder.removed-many", []any{"count", int64(3)}, "3 个项目已移到回收站。"},
	} {
		if got, err := c.Say(test.language, test.key, test.pairs...); err != nil || got != test.want {
			t.Errorf("%s of %s: %q, %v; want %q", test.key, test.language, got, err, test.want)
		}
	}
	for _, pairs := range [][]any{nil, {"name"}, {1, "x"}} {
		if got, err := c.Say(English, "no.such-key", pairs...); err == nil {
			t.Errorf("a key that is not there says %q", got)
		}
	}
	for _, pairs := range [][]any{nil, {"name"}, {"nam", "ann"}} {
		if got, err := c.Say(English, "frame.account", pairs...); err == nil {
			t.Errorf("a name that nothing fills in says %q", got)
		}
	}
	if _, err := c.Say("fr", "login.title"); err == nil {
		t.Error("a language that is not there speaks")
	}
}

// The catalogues have the same messages, with the same names to fill in and the plural forms of their language, and
// hold text only.
func TestCataloguesMatch(t *testing.T) {
	for _, dir := range Languages() {
		names, err := fs.Glob(files, string(dir)+"/*.toml")
		if err != nil || len(names) == 0 {
			t.Fatalf("%s has no catalogue: %v", dir, err)
		}
	}
	english, err := read(English)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range Languages() {
		messages, err := read(l)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range slices.Sorted(maps.Keys(messages)) {
			if english[key] == nil {
				t.Errorf("%s has %s, which English has not", l, key)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(english)) {
			m := messages[key]
			if m == nil {
				t.Errorf("%s lacks %s", l, key)
				continue
			}
			plural := english[key].One != ""
			switch {
			case m.Other == "":
				t.Errorf("%s: %s says nothing", l, key)
			case l == English && plural && !strings.Contains(m.Other, "{{.count}}"):
				t.Errorf("%s: the plural of %s does not say how many", l, key)
			case l == Chinese && m.One != "":
				t.Errorf("%s: %s has a singular, which the language has not", l, key)
			}
			if got, want := gaps(m), gaps(english[key]); !slices.Equal(got, want) {
				t.Errorf("%s: %s fills in %v; in English it is %v", l, key, got, want)
			}
			if words := m.One + m.Other; strings.ContainsAny(filled.ReplaceAllString(words, ""), "<>&{}") {
				t.Errorf("%s: %s is more than text: %s", l, key, words)
			}
		}
	}
}

// gaps are the names that a message fills in, in any of its forms.
func gaps(m *i18n.Message) []string {
	found := filled.FindAllString(m.One+m.Other, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestProblem(t *testing.T) {
	c := load(t)
	for sentence, want := range map[string]string{
		"Sign in first.": "请先登录。",
		"There were too many failed attempts. Try again in 5 minutes.": "失败次数过多，请在 5 分钟后重试。",
		"Nobody ever wrote this.":                                      "Nobody ever wrote this.",
	} {
		if got := c.Problem(Chinese, sentence); got != want {
			t.Errorf("%q is %q; want %q", sentence, got, want)
		}
		if got := c.Problem(English, sentence); got != sentence {
			t.Errorf("%q is %q in English", sentence, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		source, translation string
		good                bool
	}{
		{"At most {n} of {what}.", "{what}最多 {n} 个。", true},
		{"At most {n}.", "最多。", false},
		{"At most.", "最多 {n}。", false},
		{"(a+)+ {n} [", "{n}", true},
	} {
		if _, err := newPattern(test.source, test.translation); (err == nil) != test.good {
			t.Errorf("%q = %q: %v", test.source, test.translation, err)
		}
	}
}
