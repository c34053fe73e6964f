package authn

import (
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Nobody is signed out by a rotation, whichever node they come to, also by the one that has not heard of it.
func TestKeysRotate(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		before := n.register(t, ann())
		late := n.beside(t)
		accepted(t, "the late node reads the keys", late.keys.ready(t.Context()))
		made, err := n.beside(t).RotateKeys(t.Context())
		accepted(t, "rotate", err)

		n.clock.advance(keysFresh - time.Second)
		byOld, err := late.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in", err)
		byNew, err := n.beside(t).Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in", err)
		if kid := part(t, byOld.AccessToken, 0)["kid"]; kid == made.ID {
			t.Fatal("the late node is not late")
		}
		if kid := part(t, byNew.AccessToken, 0)["kid"]; kid != made.ID {
			t.Errorf("key %v signs, want %s", kid, made.ID)
		}
		for _, node := range []*node{n, late, n.beside(t)} {
			for what, s := range map[string]SignIn{"before": before, "by the old one": byOld, "by the new one": byNew} {
				_, err := node.Bearer(t.Context(), s.AccessToken)
				accepted(t, "signed "+what, err)
			}
		}
		// To its last moment, and through a sweep, also what the late node signed after the rotation.
		n.clock.advance(n.o.AccessTTL - time.Second)
		accepted(t, "sweep", n.Sweep(t.Context()))
		_, err = n.beside(t).Bearer(t.Context(), byOld.AccessToken)
		accepted(t, "shortly before its end", err)

		n.clock.advance(keysFresh)
		accepted(t, "sweep", n.Sweep(t.Context()))
		keys, err := n.Keys(t.Context())
		if err != nil || len(keys) != 1 || keys[0].ID != made.ID || !keys[0].Retired.IsZero() {
			t.Errorf("%+v, %v", keys, err)
		}
	})
}

// A node that has just read the keys takes what another one signs with a newer key, and no key that nobody has.
func TestAKeyOfAnotherNodeIsTakenAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		first := n.register(t, ann())
		late, other := n.beside(t), n.beside(t)
		_, err := late.Bearer(t.Context(), first.AccessToken) // reads the keys
		accepted(t, "the first token", err)
		for range 2 {
			_, err = other.RotateKeys(t.Context())
			accepted(t, "rotate", err)
			again := n.beside(t)
			signIn, err := again.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
			accepted(t, "sign in", err)
			_, err = late.Bearer(t.Context(), signIn.AccessToken)
			accepted(t, "signed by a key that the late node had not read", err)
		}
		for _, made := range []string{sqldb.NewID(), "06000000000000000000000000"} {
			if public, err := late.keys.verifier(t.Context(), made); public != nil || err != nil {
				t.Errorf("a key that nobody has is %v, %v", public, err)
			}
		}
	})
}

func TestOldKeysRotateByThemselves(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const age = 90 * 24 * time.Hour
		n := newNode(t, db, func(o *Options) { o.KeyRotation = age })
		keys := func() int { return count(t, db, `SELECT COUNT(*) FROM signing_keys`) }
		accepted(t, "without any key", n.RotateOldKeys(t.Context()))
		if keys() != 0 {
			t.Error("a key was made that nobody needs")
		}
		n.register(t, ann())
		n.clock.advance(age - time.Second)
		accepted(t, "too early", n.RotateOldKeys(t.Context()))
		if keys() != 1 {
			t.Errorf("%d keys", keys())
		}
		accepted(t, "never", n.beside(t).RotateOldKeys(t.Context()))
		n.clock.advance(time.Second)
		for _, err := range together(8, func(int) error { return n.RotateOldKeys(t.Context()) }) {
			accepted(t, "one of many nodes", err)
		}
		if all, retired := keys(), count(t, db, `SELECT COUNT(*) FROM signing_keys WHERE retired_at > 0`); all != 2 || retired != 1 {
			t.Errorf("%d keys, %d retired", all, retired)
		}
	})
}
