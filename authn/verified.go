package authn

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// maxVerified bounds how many access tokens are remembered.
const maxVerified = 10_000

// verified remembers the access tokens whose signature was right, by their digest: a token comes with every request of a
// session, and verifying it costs more than what most requests do. Only what never changes about a token is remembered.
// Whether it has expired, its key is still good and its session lives is asked every time.
type verified struct {
	mu       sync.Mutex
	byDigest map[[sha256.Size]byte]verifiedToken
}

type verifiedToken struct {
	claims claims
	kid    string
	until  time.Time // with the clock skew that the parser allows
}

func newVerified() *verified {
	return &verified{byDigest: make(map[[sha256.Size]byte]verifiedToken)}
}

// find answers the claims of a token that was verified before and is still good.
func (v *verified) find(ctx context.Context, keys *keyring, digest [sha256.Size]byte, now time.Time) (claims, bool) {
	v.mu.Lock()
	t, ok := v.byDigest[digest]
	v.mu.Unlock()
	if !ok || !now.Before(t.until) {
		return claims{}, false
	}
	public, err := keys.verifier(ctx, t.kid)
	return t.claims, err == nil && public != nil
}

func (v *verified) remember(digest [sha256.Size]byte, t verifiedToken, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.byDigest) >= maxVerified {
		for d, old := range v.byDigest {
			if !now.Before(old.until) {
				delete(v.byDigest, d)
			}
		}
		for d := range v.byDigest { // any will do: it costs one verification to come back
			if len(v.byDigest) < maxVerified {
				break
			}
			delete(v.byDigest, d)
		}
	}
	v.byDigest[digest] = t
}
