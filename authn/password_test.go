package authn

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

func TestAPasswordHashIsAPHCStringAtOWASPsCost(t *testing.T) {
	h := newHasher(1)
	phc, err := h.hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", phc)
	}
	other, _ := h.hash(t.Context(), password)
	if other == phc {
		t.Error("two hashes of one password are the same: the salt is not random")
	}
	for _, c := range []struct {
		password string
		ok       bool
	}{{password, true}, {password + "x", false}, {"", false}} {
		ok, outdated, err := h.verify(t.Context(), phc, c.password)
		if err != nil || ok != c.ok || outdated {
			t.Errorf("%q: %v, outdated %v, %v", c.password, ok, outdated, err)
		}
	}
	if ok, _, err := h.verify(t.Context(), h.decoy, ""); ok || err != nil {
		t.Errorf("the decoy was verified: %v, %v", ok, err)
	}
}

// The reference vector of the argon2 command: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32.
func TestAHashMadeElsewhereIsVerified(t *testing.T) {
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, outdated, err := newHasher(1).verify(t.Context(), phc, "password")
	if !ok || !outdated || err != nil {
		t.Errorf("%v, outdated %v, %v; want true and outdated", ok, outdated, err)
	}
}

func TestBrokenHashesAreErrorsOfTheServer(t *testing.T) {
	for _, phc := range []string{
		"", "plain", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$!!!!",
	} {
		if _, _, err := newHasher(1).verify(t.Context(), phc, password); !fault.Is(err, fault.Internal) {
			t.Errorf("%q: %v", phc, err)
		}
	}
}

func TestTheQueueForHashesIsBounded(t *testing.T) {
	h := newHasher(2)
	h.waiting.Store(maxHashing) // as many as may wait are waiting
	_, err := h.hash(t.Context(), password)
	refused(t, "one more", err, fault.Busy, "sign_in_busy")

	h = newHasher(1)
	h.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, password); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that left waits on: %v", err)
	}
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d still count as waiting", n)
	}
}
