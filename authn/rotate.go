package authn

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"math"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Key is a key that signs access tokens, or has signed some.
type Key struct {
	ID      string // the kid of its tokens
	Created time.Time
	Retired time.Time // since when it signs no more; zero for the one that signs
}

// Keys lists the keys that are on record, oldest first. A retired one is dropped when no token that it signed lives any more.
func (a *Accounts) Keys(ctx context.Context) ([]Key, error) {
	keys, err := sqldb.All(ctx, a.db, `SELECT id, created_at, retired_at FROM signing_keys ORDER BY id`, nil, func(scan sqldb.Scan) (k Key, err error) {
		var created, retired int64
		if err = scan(&k.ID, &created, &retired); err == nil && retired != 0 {
			k.Retired = sqldb.Time(retired)
		}
		k.Created = sqldb.Time(created)
		return k, err
	})
	return keys, fault.Wrap(err, "authn.Keys")
}

// RotateKeys retires the key that signs and makes another. Nodes that run go over to it within a minute; what they sign until then, and what was
// signed before, is good for as long as it lives.
func (a *Accounts) RotateKeys(ctx context.Context) (Key, error) {
	k, _, err := a.keys.rotate(ctx, math.MaxInt64, func(tx *sqldb.Tx, id string) error {
		return a.audit(ctx, tx, auditEntry{event: AuditKeysRotated, detail: "key " + id})
	})
	return k, fault.Wrap(err, "authn.RotateKeys")
}

// RotateOldKeys is RotateKeys if the key that signs is as old as Options.KeyRotation. However many nodes ask, one of them does it.
func (a *Accounts) RotateOldKeys(ctx context.Context) error {
	if a.o.KeyRotation <= 0 {
		return nil
	}
	k, rotated, err := a.keys.rotate(ctx, a.now()-a.o.KeyRotation.Microseconds(), func(tx *sqldb.Tx, id string) error {
		return a.audit(ctx, tx, auditEntry{event: AuditKeysRotated, detail: "key " + id + ", because of its predecessor's age"})
	})
	if rotated {
		a.o.Log.Info("another key signs access tokens", "key", k.ID)
	}
	return fault.Wrap(err, "authn.RotateOldKeys")
}

// rotate makes another key in the place of the one that signs, unless that was made after madeUntil. Without any it does nothing: the first one is made
// when it is needed.
func (k *keyring) rotate(ctx context.Context, madeUntil int64, tell func(tx *sqldb.Tx, id string) error) (made Key, rotated bool, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, false, err
	}
	err = k.db.Update(ctx, func(tx *sqldb.Tx) error {
		made, rotated = Key{}, false
		if err := lockKeys(ctx, tx); err != nil {
			return err
		}
		now := sqldb.Micros(k.now())
		var young int
		if err := tx.Row(ctx, `SELECT COUNT(*) FROM signing_keys WHERE retired_at = 0 AND created_at > $1`, []any{madeUntil}, &young); err != nil || young > 0 {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE signing_keys SET retired_at = $1 WHERE retired_at = 0`, now)
		if err != nil {
			return err
		}
		if n == 0 && madeUntil < now {
			return nil
		}
		made, rotated = Key{ID: sqldb.NewID(), Created: sqldb.Time(now)}, true
		if _, err := tx.Exec(ctx, `INSERT INTO signing_keys (id, private_key, public_key, created_at) VALUES ($1, $2, $3, $4)`,
			made.ID, private.Seed(), []byte(public), now); err != nil {
			return err
		}
		return tell(tx, made.ID)
	})
	return made, rotated, err
}

// lockKeys lets one at a time make a key.
func lockKeys(ctx context.Context, tx *sqldb.Tx) error {
	if tx.Engine() != sqldb.Postgres { // SQLite has one writer anyway
		return nil
	}
	_, err := tx.Exec(ctx, `LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE`)
	return err
}
