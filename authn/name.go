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
	marks := 0
	for i, r := range s {
		switch {
		case invisible(r):
			return false
		case unicode.IsLetter(r), unicode.IsDigit(r):
			marks = 0
		case i > 0 && unicode.IsMark(r):
			if marks++; marks > maxMarks {
				return false
			}
		case i > 0 && (r == '.' || r == '_' || r == '-'):
			marks = 0
		default:
			return false
		}
	}
	return true
}

// maxMarks bounds the marks on one letter: more of them cover what stands above and below (UTS 39, section 5.4, forbids as many).
const maxMarks = 4

// invisible reports whether r leaves no trace where it is printed. Some such characters count as letters
// (the Hangul fillers, the Egyptian blanks), as marks (variation selectors) or as symbols (Braille without a dot).
func invisible(r rune) bool {
	switch r {
	case '\u2800', // BRAILLE PATTERN BLANK
		'\U00013441', '\U00013442', // EGYPTIAN HIEROGLYPH FULL BLANK, HALF BLANK
		'\U00016fe4', // KHITAN SMALL SCRIPT FILLER
		'\U0001d159': // MUSICAL SYMBOL NULL NOTEHEAD
		return true
	}
	return !unicode.IsGraphic(r) || unicode.IsSpace(r) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// emailKey answers what makes two e-mail addresses the same: the address in lower case.
// The local part is formally case-sensitive, but nobody runs two mailboxes that differ by case.
// A letter whose lower case is an ASCII one, as that of the Kelvin sign is "k", is refused: its mailbox is another one.
func emailKey(email string) (key string, ok bool) {
	if len(email) > MaxEmail || !utf8.ValidString(email) || strings.ContainsFunc(email, func(r rune) bool {
		return invisible(r) || r > unicode.MaxASCII && unicode.ToLower(r) <= unicode.MaxASCII
	}) {
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

// maskEmail is an e-mail address for a log: the first character and the domain.
func maskEmail(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	_, first := utf8.DecodeRuneInString(local)
	return local[:first] + "…@" + domain
}
