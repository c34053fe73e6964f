package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

const (
	// provenTTL is how long a proven credential costs no hash.
	provenTTL = time.Minute
	// maxProven bounds how many credentials are remembered.
	maxProven = 10_000
	// proveLimit is how long a verification may wait for its turn when its own caller has left: others may
	// be waiting for the same one.
	proveLimit = 10 * time.Second
)

// proven remembers credentials that were right, by a MAC that covers the password hash which they were right
// for. It holds no secret, and a changed password changes the MAC: there is nothing to forget on purpose.
type proven struct {
	key     [32]byte // of this process
	flights singleflight.Group
	mu      sync.Mutex
	until   map[[sha256.Size]byte]time.Time
}

func newProven() *proven {
	p := &proven{until: make(map[[sha256.Size]byte]time.Time)}
	_, _ = rand.Read(p.key[:]) // never fails
	return p
}

func (p *proven) mac(parts ...string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, p.key[:])
	var size [8]byte
	for _, part := range parts { // each led by its length, so that no two lists run into one
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	copy(sum[:], h.Sum(nil))
	return sum
}

func (p *proven) has(mac [sha256.Size]byte, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, ok := p.until[mac]
	return ok && now.Before(until)
}

func (p *proven) remember(mac [sha256.Size]byte, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.until) >= maxProven {
		for m, until := range p.until {
			if !now.Before(until) {
				delete(p.until, m)
			}
		}
		for m := range p.until { // any will do: it costs one hash to come back
			if len(p.until) < maxProven {
				break
			}
			delete(p.until, m)
		}
	}
	p.until[mac] = now.Add(provenTTL)
}

// Basic answers whose name and password they are (RFC 7617). The account's row is read every time; the hash is
// computed once a minute, and once for any number of requests that ask at the same moment. A wrong name, a wrong
// password and a disabled account are the same Unauthenticated, code "invalid_credentials"; Busy.
func (a *Accounts) Basic(ctx context.Context, login, password string) (Principal, error) {
	u, hash, readErr := userByLogin(ctx, a.db, login)
	if readErr != nil && !fault.Is(readErr, fault.NotFound) {
		return Principal{}, fault.Wrap(readErr, "authn.Basic")
	}
	mac := a.proven.mac(login, password, u.ID, hash) // of an unknown name it is never remembered
	if !a.proven.has(mac, a.o.Now()) {
		_, err, _ := a.proven.flights.Do(string(mac[:]), func() (any, error) {
			if a.proven.has(mac, a.o.Now()) {
				return nil, nil // proven since we looked
			}
			if err := a.proveBasic(ctx, u, hash, readErr, password); err != nil {
				return nil, err
			}
			a.proven.remember(mac, a.o.Now())
			return nil, nil
		})
		if err != nil {
			return Principal{}, fault.Wrap(err, "authn.Basic")
		}
	}
	if u.Disabled {
		return Principal{}, fault.Wrap(invalidCredentials(), "authn.Basic")
	}
	return Principal{UserID: u.ID, Username: u.Username, Role: u.Role, Method: MethodBasic}, nil
}

// proveBasic verifies on behalf of everyone who sent the same at this moment.
func (a *Accounts) proveBasic(ctx context.Context, u User, hash string, readErr error, password string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proveLimit)
	defer cancel()
	p, err := a.prove(ctx, u, hash, readErr, password)
	if err == nil && p.newHash != p.oldHash && !u.Disabled {
		// No session hangs on it, so that it fails, or that somebody else was first, refuses nobody.
		if err := a.db.Update(ctx, func(tx *sqldb.Tx) error { return p.settle(ctx, tx) }); err != nil && !errors.Is(err, errMoved) {
			a.o.Log.Warn("a password hash was not renewed", "user", u.ID, "err", err)
		}
	}
	switch {
	case fault.Is(err, fault.Unauthenticated) || err == nil && u.Disabled:
		a.o.Observe(EventLoginFailed)
	case err == nil:
		a.o.Observe(EventLoginOK)
	}
	return err
}
