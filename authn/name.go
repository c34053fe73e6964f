package authn

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// The bounds of what names an account.
const (
	MaxUsername = 64  // characters
	MaxEmail    = 254 // bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets)
)

// loginKind says what a login is, by its shape alone: "email", "phone" or "username".
func loginKind(login string) string {
	switch {
	case strings.Contains(login, "@"):
		return "email"
	case strings.HasPrefix(login, "+"):
		return "phone"
	}
	return "username"
}

// usernameKey answers a username as it is stored (NFC) and what makes two usernames the same one: the
// case-folded NFKC form. Letters, marks and digits of any script and ". _ -" may stand in
// a username; it begins with a letter or a digit. That leaves out what other places give a meaning to: the colon
// (Basic), slash, percent and space (URLs), "@" and "+" (e-mail addresses and phone numbers), and
// what cannot be seen.
func usernameKey(name string) (stored, key string, ok bool) {
	if len(name) > MaxUsername*utf8.UTFMax || !utf8.ValidString(name) {
		return "", "", false
	}
	stored = norm.NFC.String(name)
	// Lower case comes first because cases.Fold exchanges the two cases of Cherokee.
	key = norm.NFKC.String(cases.Fold().String(strings.ToLower(norm.NFKC.String(name))))
	// Compatibility forms may hide anything ("℀" is "a/c"), so the key obeys the same rules.
	return stored, key, usernameShape(stored) && usernameShape(key)
}

func usernameShape(s string) bool {
	if n := utf8.RuneCountInString(s); n < 1 || n > MaxUsername {
		return false
	}
	for i, r := range s {
		switch {
		case invisible(r):
			return false
		case unicode.IsLetter(r), unicode.IsDigit(r):
		case i > 0 && (unicode.IsMark(r) || r == '.' || r == '_' || r == '-'):
		default:
			return false
		}
	}
	return true
}

// invisible reports whether r leaves no trace where it is printed. Some such characters count as letters
// (the Hangul fillers) or marks (variation selectors).
func invisible(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.IsSpace(r) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// emailKey answers what makes two e-mail addresses the same: the address in lower case.
// The local part is formally case-sensitive, but nobody runs two mailboxes that differ by case.
func emailKey(email string) (key string, ok bool) {
	if len(email) > MaxEmail || !utf8.ValidString(email) || strings.ContainsFunc(email, invisible) {
		return "", false
	}
	// Quoted local parts and addresses with a name parse to something else than was given.
	addr, err := mail.ParseAddress(email)
	if err != nil || addr.Address != email || addr.Name != "" {
		return "", false
	}
	key = strings.ToLower(norm.NFC.String(email))
	return key, len(key) <= MaxEmail
}

// validPhone checks the shape of a phone number in E.164: "+", a country code and 7 to 15 digits in all,
// without spaces. Whether the country has such numbers is not checked.
func validPhone(phone string) bool {
	if len(phone) < 8 || len(phone) > 16 || phone[0] != '+' || phone[1] == '0' {
		return false
	}
	for _, c := range []byte(phone[1:]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
