package authn

import (
	"strings"
	"testing"
)

func TestUsernames(t *testing.T) {
	for _, c := range []struct{ name, key string }{ // an empty key: refused
		{"ann", "ann"},
		{"Ann", "ann"},
		{"A", "a"},
		{"7", "7"},
		{"ann.lee_2-x", "ann.lee_2-x"},
		{"Straße", "strasse"},
		{"ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"e\u0301mile", "émile"}, // decomposed
		{"É\u006dile", "émile"},
		{"ａｎｎ", "ann"}, // full width
		{"ﬁona", "fiona"},
		{"Ꭰ", "Ꭰ"}, // Cherokee folds to its capitals
		{"ꭰ", "Ꭰ"},
		{"用户名", "用户名"},
		{"สมชาย", "สมชาย"},
		{"देवनागरी", "देवनागरी"},
		{strings.Repeat("x", 64), strings.Repeat("x", 64)},

		{"", ""},
		{strings.Repeat("x", 65), ""},
		{strings.Repeat("ﷺ", 10), ""}, // a letter whose compatibility form has spaces
		{"ann@example.org", ""},
		{"+4915112345678", ""},
		{"a:b", ""},
		{"a/b", ""},
		{"a%b", ""},
		{"a b", ""},
		{" ann", ""},
		{"a\u00a0b", ""},
		{"a\tb", ""},
		{"a\x00b", ""},
		{"..", ""},
		{".ann", ""},
		{"-ann", ""},
		{"_", ""},
		{"\u0301ann", ""}, // begins with a mark
		{"an\u200bn", ""}, // zero width space
		{"an\u200dn", ""}, // zero width joiner
		{"an\u202en", ""}, // right-to-left override
		{"an\u00adn", ""}, // soft hyphen
		{"an\u3164n", ""}, // Hangul filler, a letter
		{"\u3164", ""},
		{"\u115f\u1160", ""},
		{"\uffa0", ""}, // the half-width filler
		{"\u2800", ""}, // Braille without a dot
		{"an\u2800n", ""},
		{"\U00013441", ""}, // a hieroglyph that is a blank, a letter
		{"a\U00013442", ""},
		{"a\u034f", ""},      // combining grapheme joiner
		{"a\u17b4", ""},      // Khmer vowel that is not drawn
		{"a\U000e0061", ""},  // tag
		{"\u2062\u200b", ""}, // nothing but invisible ones
		{"\u0301\u0302", ""}, // nothing but marks
		{"a\u0301\u0302\u0303\u0304\u0305\u0306", ""}, // too many marks on a letter
		{"n\u0301\u0302", "ń\u0302"},
		{"an\ufe0fn", ""}, // variation selector, a mark
		{"a℀b", ""},       // "a/c" in its compatibility form
		{"ann\xff", ""},
		{"😀", ""},
	} {
		_, key, ok := usernameKey(c.name)
		if !ok {
			key = ""
		}
		if key != c.key {
			t.Errorf("%+q: key %+q, want %+q", c.name, key, c.key)
		}
	}
}

func TestEmailAddresses(t *testing.T) {
	for _, c := range []struct{ email, key string }{
		{"ann@example.org", "ann@example.org"},
		{"Ann.Lee+x@Example.ORG", "ann.lee+x@example.org"},
		{"用户@例子.中国", "用户@例子.中国"},

		{"", ""},
		{"ann", ""},
		{"@example.org", ""},
		{"ann@", ""},
		{"a@b@c", ""},
		{"Ann <ann@example.org>", ""},
		{"<ann@example.org>", ""},
		{`"a b"@example.org`, ""},
		{"ann@example.org\r\nBcc: bob@example.org", ""},
		{"ann@example.org ", ""},
		{"ann@exam\u200bple.org", ""},
		{"an\u2800n@example.org", ""},
		{"mi\u212ae@example.org", ""}, // Kelvin sign: not mike's mailbox
		{"m\u0130ke@example.org", ""}, // capital I with a dot
		{"ann@example.org\nTo: bob@example.org", ""},
		{"ann@example.org\u2028", ""},
		{"ann@example.org\x00", ""},
		{"ann\xff@example.org", ""},
		{strings.Repeat("a", 250) + "@b.c", "" + strings.Repeat("a", 250) + "@b.c"},
		{strings.Repeat("a", 251) + "@b.c", ""},
	} {
		key, ok := emailKey(c.email)
		if !ok {
			key = ""
		}
		if key != c.key {
			t.Errorf("%+q: key %q, want %q", c.email, key, c.key)
		}
	}
}

func TestPhoneNumbers(t *testing.T) {
	for _, c := range []struct {
		typed, key string
		valid      bool
	}{
		{"+4915112345678", "+4915112345678", true},
		{"+49 151 12345678", "+4915112345678", true},
		{"+49-151-1234-5678", "+4915112345678", true},
		{"+49 (0)151 12345678", "+4915112345678", true},
		{"+44 (0)20 7946 0958", "+442079460958", true},
		{"+8613800138000", "+8613800138000", true},
		{"+1 212.555.2368", "+12125552368", true},

		{"+1234567", "+1234567", false}, // no country has it
		{"+123456789012345", "+123456789012345", false},
		{"", "", false},
		{"+", "", false},
		{"+123456", "", false},
		{"+1234567890123456", "", false},
		{"+0123456789", "", false},
		{"4915112345678", "", false},
		{"0151 12345678", "", false},
		{"+٤٩١٥١١٢٣٤٥", "", false},
		{"+491511234567a", "", false},
		{"+1 800 FLOWERS", "", false},
		{"+49 151 12345678 ext 5", "", false},
		{"+49 151\r\n12345678", "", false},
		{"+49 151 12345678;ext=1", "", false},
		{"+" + strings.Repeat(" ", 40) + "4915112345678", "", false},
	} {
		if key, valid := phoneKey(c.typed); key != c.key || valid != c.valid {
			t.Errorf("%q: %q, %v, want %q, %v", c.typed, key, valid, c.key, c.valid)
		}
	}
}

// What may be a username can be looked up as one only, and its key is its own key.
func FuzzUsername(f *testing.F) {
	for _, s := range []string{"ann", "Straße", "ﬁ", "ǰ", "İstanbul", "a@b", "+1", "ſ", "Ⅳ", "\u0345a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		stored, key, ok := usernameKey(name)
		if !ok {
			return
		}
		if kind := loginKind(name); kind != "username" {
			t.Errorf("%+q is a username and looks like an %s", name, kind)
		}
		if _, again, ok := usernameKey(stored); !ok || again != key {
			t.Errorf("%+q is stored as %+q, whose key is %+q and not %+q", name, stored, again, key)
		}
		if strings.ContainsAny(stored+key, ":/%@+ \x00") {
			t.Errorf("%+q: %+q, %+q", name, stored, key)
		}
	})
}
