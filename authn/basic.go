package authn

import (
	"context"
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

// mac is a keyed digest. SHA-256 over the key and then the rest would let somebody who knows a digest prolong what it covers; nobody
// learns one.
func (p *proven) mac(parts ...string) [sha256.Size]byte {
	var room [512]byte
	b := append(room[:0], p.key[:]...)
	for _, part := range parts { // each led by its length, so that no two lists run into one
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// has answers until when a credential is proven, and false if it is not any more.
func (p *proven) has(mac [sha256.Size]byte, now time.Time) (until time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, ok = p.until[mac]
	return until, ok && now.Before(until)
}

// remember notes a proven credential and answers until when.
func (p *proven) remember(mac [sha256.Size]byte, now time.Time) (until time.Time) {
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
	until = now.Add(provenTTL)
	p.until[mac] = until
	return until
}

// standing is whose a credential is, for as long as it is proven and no row of the database changes.
type standing struct {
	principal Principal
	until     time.Time
}

// Basic answers whose name and password they are (RFC 7617): an app password or the account's own. Whether the account still has them and
// may sign in is asked of the database every time, or is known not to have changed; the hash is computed once a minute, and once for any number of requests
// that ask at the same moment. A wrong name, a wrong password and a disabled account are the same Unauthenticated, code
// "invalid_credentials". Where a second factor is on, the account's own right password is refused with code "app_password_required". TooMany
// with code "too_many_attempts"; Busy. What has the shape of an app password and is none may be the account's own, and is refused at
// that one's cost.
func (a *Accounts) Basic(ctx context.Context, login, password string, c Client) (Principal, error) {
	key := a.proven.mac(login, password)
	known, mark, ok := a.standing.Find(key)
	if ok && a.o.Now().Before(known.until) {
		return known.principal, nil
	}
	who, until, ok, err := a.byAppPassword(ctx, login, password, c)
	if err == nil && !ok {
		who, until, err = a.byAccountPassword(ctx, login, password, c)
	}
	if err != nil {
		return Principal{}, fault.Wrap(err, "authn.Basic")
	}
	a.standing.Keep(key, mark, standing{who, until})
	return who, nil
}

func (a *Accounts) byAccountPassword(ctx context.Context, login, password string, c Client) (Principal, time.Time, error) {
	u, proof, err := a.basic(ctx, login, password, c)
	return Principal{UserID: u.ID, Username: u.Username, Role: u.Role, Method: MethodBasic, PasswordID: passwordID(proof.hash)}, proof.until, err
}

// provenHash is a password hash that a credential was right for.
type provenHash struct {
	hash  string
	until time.Time // until then it need not be held against the password again
}

// basic reads the account and holds the password against it.
func (a *Accounts) basic(ctx context.Context, login, password string, c Client) (User, provenHash, error) {
	u, hash, readErr := userByLogin(ctx, a.db, login)
	if readErr != nil && !fault.Is(readErr, fault.NotFound) {
		return User{}, provenHash{}, readErr
	}
	mac := a.proven.mac(login, password, u.ID, hash) // of an unknown name it is never remembered
	until, ok := a.proven.has(mac, a.o.Now())
	proof := provenHash{hash, until}
	if !ok {
		flight := a.proven.mac(string(mac[:]), networkOf(c.Address)) // what one network has guessed too often, another may know
		result, err, _ := a.proven.flights.Do(string(flight[:]), func() (any, error) {
			if until, ok := a.proven.has(mac, a.o.Now()); ok {
				return provenHash{hash, until}, nil // proven since we looked
			}
			hash, err := a.proveBasic(ctx, signInAttempt(login, u, c), u, hash, readErr, password)
			if err != nil {
				return nil, err
			}
			return provenHash{hash, a.proven.remember(a.proven.mac(login, password, u.ID, hash), a.o.Now())}, nil
		})
		if err != nil {
			return User{}, provenHash{}, err
		}
		proof = result.(provenHash)
	}
	switch {
	case u.Disabled:
		return User{}, provenHash{}, invalidCredentials()
	case u.SecondFactor: // asked of the row each time, so it counts at once also for what is remembered
		return User{}, provenHash{}, errAppPassword
	}
	return u, proof, nil
}

// proveBasic verifies on behalf of everyone who sent the same at this moment, and answers the hash that the password has now.
func (a *Accounts) proveBasic(ctx context.Context, t attempt, u User, hash string, readErr error, password string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proveLimit)
	defer cancel()
	p, err := a.guess(ctx, t, u, hash, readErr, password)
	switch {
	case err != nil || u.Disabled:
	case u.SecondFactor: // refused, but the answer tells that the password is right
		err = a.admit(ctx, a.db, t)
	default:
		hash, err = a.settleBasic(ctx, t, p)
	}
	switch {
	case fault.Is(err, fault.Unauthenticated) || err == nil && (u.Disabled || u.SecondFactor):
		a.o.Observe(EventLoginFailed)
	case fault.Is(err, fault.TooMany):
		a.o.Observe(EventLoginLimited)
	case err == nil:
		a.o.Observe(EventLoginOK)
	}
	return hash, err
}

// settleBasic renews an outdated hash and notes where the account was signed in to. As a rule there is nothing to write. It answers the hash that is
// stored now.
func (a *Accounts) settleBasic(ctx context.Context, t attempt, p proof) (string, error) {
	if err := a.admit(ctx, a.db, t); err != nil {
		return "", err
	}
	known, err := a.knownToday(ctx, p.user.ID, t.client)
	if err != nil || known && p.newHash == p.oldHash {
		return p.oldHash, err
	}
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if p.newHash != p.oldHash {
			if err := p.settle(ctx, tx); err != nil {
				return err
			}
		}
		news, err := a.succeeded(ctx, tx, p.user.ID, t.client)
		if err != nil || !news {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditSignIn, userID: p.user.ID, actor: p.user.ID, client: t.client,
			detail: "name and password with every request, for the first time from this network"})
	})
	if err == nil {
		return p.newHash, nil
	}
	if !errors.Is(err, errMoved) {
		// No session hangs on it, so that it fails, or that somebody else was first, refuses nobody.
		a.o.Log.Warn("a sign-in was not noted", "user", p.user.ID, "err", err)
	}
	return p.oldHash, nil
}
