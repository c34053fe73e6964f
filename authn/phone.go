package authn

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// maxPhone bounds a phone number as it is typed, in bytes. E.164 allows 15 digits; the rest is room for what people put between them.
const maxPhone = 32

// phoneKey answers a phone number in E.164, which is how it is stored and compared. It is typed with the "+" of the
// international form, and with spaces, dots, hyphens, slashes and brackets as one likes. valid reports whether its country
// has such numbers (libphonenumber's metadata); a number that has a key and is not valid may have been when its account was made.
func phoneKey(typed string) (key string, valid bool) {
	if len(typed) > maxPhone || !strings.HasPrefix(typed, "+") {
		return "", false
	}
	for _, c := range []byte(typed[1:]) {
		if (c < '0' || c > '9') && !strings.ContainsRune(" .-/()", rune(c)) {
			return "", false // letters, extensions, and digits of other scripts
		}
	}
	if number, err := phonenumbers.Parse(typed, ""); err == nil && phonenumbers.IsValidNumber(number) {
		return phonenumbers.Format(number, phonenumbers.E164), true
	}
	key = "+" + strings.NewReplacer(" ", "", ".", "", "-", "", "/", "", "(", "", ")", "").Replace(typed[1:])
	if len(key) < 8 || len(key) > 16 || key[1] == '0' {
		return "", false
	}
	return key, false
}

// maskPhone is a phone number for a log: the beginning and the last two digits.
func maskPhone(phone string) string {
	if len(phone) < 8 {
		return "…"
	}
	return phone[:3] + "…" + phone[len(phone)-2:]
}
