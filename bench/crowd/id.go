package crowd

import (
	"encoding/base32"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// ids makes row ids like those of sqldb.NewID, of any moment. The same seed makes the same ones.
type ids struct{ random *rand.Rand }

var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// at is a version 7 UUID (RFC 9562, section 5.7) of a moment.
func (i ids) at(t time.Time) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16|7<<12|i.random.Uint64()&0xfff)
	binary.BigEndian.PutUint64(id[8:], 2<<62|i.random.Uint64()>>2)
	return idEncoding.EncodeToString(id[:])
}

// secret is a hash as those of tokens are.
func (i ids) secret() []byte {
	b := make([]byte, 32)
	for at := 0; at < len(b); at += 8 {
		binary.BigEndian.PutUint64(b[at:], i.random.Uint64())
	}
	return b
}
