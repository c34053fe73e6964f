package authn

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// wrongKept is how long a wrong credential is remembered after it was sent last.
	wrongKept = 24 * time.Hour
	// maxWrong bounds how many wrong credentials are remembered.
	maxWrong = 10_000
)

// wrong remembers credentials that were wrong, by a MAC with a key of this process: a wrong password is often nearly a right one, and
// must not be written down. The MAC covers the password hash that it was held against, and the network that sent it, so that nobody learns from
// the pace of an answer what others have sent.
type wrong struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

func newWrong() *wrong { return &wrong{until: make(map[[sha256.Size]byte]time.Time)} }

// again reports whether the credential is known to be wrong, and remembers it for longer.
func (w *wrong) again(mac [sha256.Size]byte, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	until, ok := w.until[mac]
	if ok && now.Before(until) {
		w.until[mac] = now.Add(wrongKept)
		return true
	}
	return false
}

func (w *wrong) remember(mac [sha256.Size]byte, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for m := range w.until { // any will do: it costs one hash and one failure to come back
		if len(w.until) < maxWrong {
			break
		}
		delete(w.until, m)
	}
	w.until[mac] = now.Add(wrongKept)
}
