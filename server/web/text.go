package web

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// decodeText answers content as text: UTF-8, UTF-16 with a byte order mark, or GB18030, which much of what was written in Chinese is in. cut
// says that the content was cut, perhaps within a character. False for what is no text.
func decodeText(content []byte, cut bool) (string, bool) {
	if bytes.HasPrefix(content, []byte{0xfe, 0xff}) || bytes.HasPrefix(content, []byte{0xff, 0xfe}) {
		text, _, err := transform.Bytes(unicode.BOMOverride(unicode.UTF8.NewDecoder()), content)
		return string(text), err == nil
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return "", false
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	whole := content
	if cut {
		whole = whole[:lastRune(whole)]
	}
	if utf8.Valid(whole) {
		return string(whole), true
	}
	if text, _, err := transform.Bytes(simplifiedchinese.GB18030.NewDecoder(), content); err == nil {
		decoded := strings.TrimSuffix(string(text), "\ufffd") // where it was cut
		if !strings.ContainsRune(decoded, utf8.RuneError) {
			return decoded, true
		}
	}
	return strings.ToValidUTF8(string(content), "\ufffd"), true
}

// lastRune is where the last character of UTF-8 begins that may be incomplete, or the end.
func lastRune(b []byte) int {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}
