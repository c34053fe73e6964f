package tus

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// largestInteger is that of structured fields (RFC 9651, section 3.3.1).
const largestInteger = 999_999_999_999_999

// parameters may follow an item (RFC 9651, section 3.1.2); none means anything here.
const parameters = `(?: *; *[a-z*][a-z0-9_.*-]*(?:=(?:-?[0-9]{1,15}(?:\.[0-9]{1,3})?|"(?:[ !#-\[\]-~]|\\["\\])*"|[A-Za-z*][!#$%&'*+.^_|~0-9A-Za-z:/` + "`" + `-]*|:[A-Za-z0-9+/=]*:|\?[01]|@-?[0-9]{1,15}|%"[ !#-~]*"))?)*`

var (
	integerItem  = regexp.MustCompile(`^ *([0-9]{1,15})` + parameters + ` *$`)
	booleanItem  = regexp.MustCompile(`^ *\?([01])` + parameters + ` *$`)
	sha256Member = regexp.MustCompile(`(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/=]*):`)
)

// integer reads a header field that is a non-negative Integer. As the draft wants it, any other value counts as no field at all.
func integer(h http.Header, name string) (int64, bool) {
	m := integerItem.FindStringSubmatch(strings.Join(h.Values(name), ","))
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	return n, err == nil
}

// boolean reads a header field that is a Boolean; any other value counts as none.
func boolean(h http.Header, name string) (value, ok bool) {
	m := booleanItem.FindStringSubmatch(strings.Join(h.Values(name), ","))
	if m == nil {
		return false, false
	}
	return m[1] == "1", true
}

// reprSHA256 is the SHA-256 in Repr-Digest (RFC 9530, section 3), which the client says the whole has; nil if it says none.
func reprSHA256(h http.Header) []byte {
	m := sha256Member.FindStringSubmatch(strings.Join(h.Values("Repr-Digest"), ","))
	if m == nil {
		return nil
	}
	sum, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil || len(sum) != 32 {
		return nil
	}
	return sum
}
