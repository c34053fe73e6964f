package authn

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// secretSize is the entropy of an opaque secret: a refresh token, a ticket, a cookie.
const secretSize = 32 // bytes

// newSecret makes an opaque secret and the hash that is stored in its place. It is random enough
// that a plain SHA-256 hides it, and that looking it up by the hash tells nothing by its timing.
func newSecret() (secret string, hash []byte) {
	var b [secretSize]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, hashSecret(secret)
}

func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// secretShape reports whether s has the length of a secret, so that nothing longer is hashed or looked up.
func secretShape(s string) bool {
	return len(s) == base64.RawURLEncoding.EncodedLen(secretSize)
}

// MakePassword makes up a password for somebody else's account: 130 bits, in letters and digits.
func MakePassword() string { return rand.Text() }
