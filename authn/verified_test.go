package authn

import (
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What is remembered of a token is its signature, not its welcome.
func TestARememberedTokenFallsWithItsKey(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		for range 2 {
			_, err := n.Bearer(t.Context(), s.AccessToken)
			accepted(t, "a good token", err)
		}
		if len(n.verified.byDigest) != 1 {
			t.Fatalf("%d tokens are remembered", len(n.verified.byDigest))
		}
		if _, err := db.Exec(t.Context(), `DELETE FROM signing_keys`); err != nil {
			t.Fatal(err)
		}
		n.clock.advance(keysFresh)
		_, err := n.Bearer(t.Context(), s.AccessToken)
		refused(t, "without its key", err, fault.Unauthenticated, "invalid_token")
	})
}

func TestRememberedTokensAreBounded(t *testing.T) {
	v, now := newVerified(), time.Now()
	for i := range maxVerified + 100 {
		v.remember([32]byte{byte(i), byte(i >> 8)}, verifiedToken{until: now.Add(time.Minute)}, now)
	}
	if len(v.byDigest) > maxVerified {
		t.Errorf("%d tokens are remembered", len(v.byDigest))
	}
	v.remember([32]byte{1, 2, 3}, verifiedToken{until: now.Add(2 * time.Minute)}, now.Add(time.Minute))
	if len(v.byDigest) != 1 {
		t.Errorf("%d tokens are remembered after all but one have expired", len(v.byDigest))
	}
}
