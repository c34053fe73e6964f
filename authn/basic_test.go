package authn

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestBasic(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		u := n.register(t, ann()).User
		for _, login := range []string{"Ann", "ann@example.org", "+4915112345678"} {
			p, err := n.Basic(t.Context(), login, password, Client{})
			p.PasswordID = ""
			if want := (Principal{UserID: u.ID, Username: "Ann", Role: RoleUser, Method: MethodBasic}); err != nil || p != want {
				t.Errorf("%s: %+v, %v", login, p, err)
			}
		}
	})
}

// Without a free slot a hash would have to wait, so whoever gets through was remembered.
func TestAProvenCredentialIsRememberedForAMinute(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	n.register(t, ann())
	_, err := n.Basic(t.Context(), "ann", "wrong password", Client{})
	refused(t, "wrong", err, fault.Unauthenticated, "invalid_credentials")
	_, err = n.Basic(t.Context(), "ann", password, Client{})
	accepted(t, "the first time", err)

	n.fullHasher(t)
	n.clock.advance(provenTTL - time.Second)
	_, err = n.Basic(t.Context(), "ann", password, Client{})
	accepted(t, "within the minute", err)
	needsHash := func(what string, password string) {
		t.Helper()
		n.hasher.waiting.Store(1 << 20) // an over-full queue refuses at once
		defer n.hasher.waiting.Store(0)
		_, err := n.Basic(t.Context(), "ann", password, Client{})
		refused(t, what, err, fault.Busy, "sign_in_busy")
	}
	needsHash("a wrong password", "another wrong one")
	n.clock.advance(time.Second)
	needsHash("after the minute", password)
}

func TestManyConnectionsOfOneClientCostOneHash(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	n.register(t, ann())
	for _, err := range together(32, func(int) error { _, err := n.Basic(t.Context(), "ann", password, Client{}); return err }) {
		accepted(t, "one of many", err)
	}
	if hashes := n.events.count(EventLoginOK); hashes != 1 {
		t.Errorf("%d hashes", hashes)
	}
}

// Whoever leaves while others wait for the same answer does not take it from them.
func TestACallerThatLeavesEndsNoOneElsesSignIn(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	n.register(t, ann())
	for range cap(n.hasher.slots) {
		n.hasher.slots <- struct{}{}
	}
	gone, leave := context.WithCancel(t.Context())
	errs := make(chan error)
	basic := func(ctx context.Context) { _, err := n.Basic(ctx, "ann", password, Client{}); errs <- err }
	go basic(gone)
	for n.hasher.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	go basic(t.Context())
	leave()
	for range cap(n.hasher.slots) {
		<-n.hasher.slots
	}
	for range 2 {
		if err := <-errs; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func TestRememberedCredentialsAreBounded(t *testing.T) {
	p, now := newProven(), time.Now()
	for i := range maxProven + 10 {
		p.remember(p.mac(fmt.Sprint(i)), now)
	}
	if n := len(p.until); n != maxProven {
		t.Errorf("%d are remembered", n)
	}
	if _, ok := p.has(p.mac(fmt.Sprint(maxProven+9)), now); !ok {
		t.Error("the newest is not")
	}
	if a, b := p.mac("ab", "c"), p.mac("a", "bc"); a == b {
		t.Error("two lists have one MAC")
	}
}
