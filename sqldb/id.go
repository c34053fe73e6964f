package sqldb

import (
	"encoding/base32"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// IDLength is the length of every id, in characters.
const IDLength = 26

const idAlphabet = "0123456789abcdefghijklmnopqrstuv"

var idEncoding = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)

// NewID makes a row id: a version 7 UUID (RFC 9562, section 5.7) in lower-case base32hex (RFC 4648,
// section 7), which keeps its order by time. 74 of its bits are random.
func NewID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system has no randomness: nothing safe can be done
		panic(err)
	}
	return idEncoding.EncodeToString(id[:])
}

// ValidID reports whether s is spelled like an id. Ids that come from outside are checked before they reach SQL.
func ValidID(s string) bool {
	if len(s) != IDLength {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}

// FirstID is not above any id that is made at t or later, by the same clock. It is to be compared with alone.
func FirstID(t time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(max(0, t.UnixMilli()))<<16)
	return idEncoding.EncodeToString(raw[:])
}

// IDTime is when a valid id was made, by the clock of the machine that did (RFC 9562, section 5.7).
func IDTime(id string) time.Time {
	raw, err := idEncoding.DecodeString(id)
	if err != nil || len(raw) < 6 {
		return time.Time{}
	}
	return time.UnixMilli(int64(raw[0])<<40 | int64(raw[1])<<32 | int64(raw[2])<<24 | int64(raw[3])<<16 | int64(raw[4])<<8 | int64(raw[5])).UTC()
}

// Micros is how a time is stored. The zero time is 0; the first moment of 1970, which would be too, is stored as the microsecond
// after it.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if micros := t.UnixMicro(); micros != 0 {
		return micros
	}
	return 1
}

// Time reads a stored time; 0 is the zero time.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Bytes is how bytes are given to a statement: nil is NULL and an empty slice is not, on either driver.
func Bytes(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}
