package authn

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

const (
	// keysFresh is how long read keys are taken for all there are.
	keysFresh = time.Minute
	// keysPause is the least time between two readings that unknown key ids ask for: any stranger
	// can make up ids.
	keysPause = time.Second
)

// signingKey is a row of signing_keys. private_key is the 32-byte seed (RFC 8032, section 5.1.5).
type signingKey struct {
	id      string
	private ed25519.PrivateKey
	public  ed25519.PublicKey
	retired bool // verifies what it has signed, signs no more
}

// keySet is what one reading of the table found, in the order of the ids. It does not change.
type keySet struct {
	at    time.Time
	began time.Time // the same by this machine's own clock
	keys  []signingKey
}

// find answers the key of an id, or nil.
func (s *keySet) find(id string) *signingKey {
	for i := range s.keys {
		if s.keys[i].id == id {
			return &s.keys[i]
		}
	}
	return nil
}

// current is the key that signs: the newest that is not retired; nil if there is none.
func (s *keySet) current() *signingKey {
	for i := len(s.keys) - 1; i >= 0; i-- {
		if !s.keys[i].retired {
			return &s.keys[i]
		}
	}
	return nil
}

// keyring reads the signing keys and remembers them for a while.
type keyring struct {
	db      *sqldb.DB
	now     func() time.Time
	keep    time.Duration // how long a retired key still verifies: as long as what it signed lives, also on a node that had not heard
	set     atomic.Pointer[keySet]
	reading chan struct{} // holds one token: who has it reads
}

func newKeyring(db *sqldb.DB, now func() time.Time, accessTTL time.Duration) *keyring {
	k := &keyring{db: db, now: now, keep: accessTTL + keysFresh + clockSkew, reading: make(chan struct{}, 1)}
	k.reading <- struct{}{}
	return k
}

// ready makes sure that there is a key to sign with, before anything is written that needs it.
func (k *keyring) ready(ctx context.Context) error {
	_, err := k.signer(ctx)
	return err
}

// signer answers the key that signs. The first one is made when it is first needed.
func (k *keyring) signer(ctx context.Context) (*signingKey, error) {
	set, err := k.fresh(ctx, keysFresh, func(s *keySet) bool { return s.current() != nil })
	if err != nil {
		return nil, err
	}
	if key := set.current(); key != nil {
		return key, nil
	}
	if err := k.make(ctx); err != nil {
		return nil, err
	}
	if set, err = k.fresh(ctx, 0, func(*keySet) bool { return false }); err != nil {
		return nil, err
	}
	if key := set.current(); key != nil {
		return key, nil
	}
	return nil, fault.New(fault.Internal, "authn.signer", "")
}

// verifier answers the public key of an id; nil if there is none.
func (k *keyring) verifier(ctx context.Context, id string) (ed25519.PublicKey, error) {
	if !sqldb.ValidID(id) {
		return nil, nil
	}
	arrived := time.Now()
	set, err := k.fresh(ctx, keysPause, func(s *keySet) bool { return s.find(id) != nil })
	if err == nil && set.find(id) == nil && set.began.Before(arrived) && sqldb.IDTime(id).After(set.at.Add(-keysFresh)) {
		set, err = k.later(ctx, arrived) // another node may have made it since
	}
	if err != nil {
		return nil, err
	}
	if key := set.find(id); key != nil {
		return key.public, nil
	}
	return nil, nil
}

// later answers keys that were read after a moment. It lets keysPause go by between two readings, so whoever makes up ids waits, and costs no more.
func (k *keyring) later(ctx context.Context, than time.Time) (*keySet, error) {
	select {
	case <-k.reading:
		defer func() { k.reading <- struct{}{} }()
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), "authn.keys")
	}
	s := k.set.Load()
	if s.began.After(than) {
		return s, nil // somebody read them meanwhile
	}
	select {
	case <-time.After(keysPause - time.Since(s.began)):
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), "authn.keys")
	}
	s, err := k.read(ctx)
	if err == nil {
		k.set.Store(s)
	}
	return s, err
}

// fresh answers the remembered keys if they are young and hold what is asked for, or were read less than
// pause ago; else it reads them.
func (k *keyring) fresh(ctx context.Context, pause time.Duration, holds func(*keySet) bool) (*keySet, error) {
	good := func(s *keySet) bool {
		if s == nil {
			return false
		}
		age := k.now().Sub(s.at)
		return age < pause || age < keysFresh && holds(s)
	}
	if s := k.set.Load(); good(s) {
		return s, nil
	}
	select {
	case <-k.reading:
		defer func() { k.reading <- struct{}{} }()
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), "authn.keys")
	}
	if s := k.set.Load(); good(s) {
		return s, nil // somebody read them meanwhile
	}
	s, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	k.set.Store(s)
	return s, nil
}

func (k *keyring) read(ctx context.Context) (*keySet, error) {
	set := &keySet{at: k.now(), began: time.Now()}
	var err error
	set.keys, err = sqldb.All(ctx, k.db, `SELECT id, private_key, public_key, retired_at FROM signing_keys
		WHERE retired_at = 0 OR retired_at > $1 ORDER BY id`, []any{sqldb.Micros(set.at.Add(-k.keep))},
		func(scan sqldb.Scan) (key signingKey, err error) {
			var seed, public []byte
			var retired int64
			if err := scan(&key.id, &seed, &public, &retired); err != nil {
				return key, err
			}
			if len(seed) != ed25519.SeedSize {
				return key, fmt.Errorf("signing key %s: %d bytes long", key.id, len(seed))
			}
			key.private = ed25519.NewKeyFromSeed(seed)
			key.public = key.private.Public().(ed25519.PublicKey)
			key.retired = retired != 0
			if !key.public.Equal(ed25519.PublicKey(public)) {
				return key, fmt.Errorf("signing key %s: its halves do not belong together", key.id)
			}
			return key, nil
		})
	return set, fault.Wrap(err, "authn.keys")
}

// make adds a key unless there is one: nodes that start together end up with the same.
func (k *keyring) make(ctx context.Context) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fault.Wrap(err, "authn.keys")
	}
	err = k.db.Update(ctx, func(tx *sqldb.Tx) error {
		if err := lockKeys(ctx, tx); err != nil {
			return err
		}
		var n int
		if err := tx.Row(ctx, `SELECT COUNT(*) FROM signing_keys WHERE retired_at = 0`, nil, &n); err != nil || n > 0 {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO signing_keys (id, private_key, public_key, created_at) VALUES ($1, $2, $3, $4)`,
			sqldb.NewID(), private.Seed(), []byte(public), sqldb.Micros(k.now()))
		return err
	})
	return fault.Wrap(err, "authn.keys")
}

// JWKS is the JSON Web Key Set (RFC 7517; RFC 8037, section 2) of the keys that verify access tokens.
func (a *Accounts) JWKS(ctx context.Context) ([]byte, error) {
	if err := a.keys.ready(ctx); err != nil {
		return nil, fault.Wrap(err, "authn.JWKS")
	}
	set, err := a.keys.fresh(ctx, keysPause, func(*keySet) bool { return false })
	if err != nil {
		return nil, fault.Wrap(err, "authn.JWKS")
	}
	type jwk struct {
		Kty string `json:"kty"`
		Crv string `json:"crv"`
		X   string `json:"x"`
		Kid string `json:"kid"`
		Alg string `json:"alg"`
		Use string `json:"use"`
	}
	doc := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, key := range set.keys {
		doc.Keys = append(doc.Keys, jwk{"OKP", "Ed25519", base64.RawURLEncoding.EncodeToString(key.public), key.id, "EdDSA", "sig"})
	}
	return json.Marshal(doc)
}
