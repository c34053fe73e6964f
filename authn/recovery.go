package authn

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

const (
	// RecoveryCodes is how many there are when they are new.
	RecoveryCodes = 10
	// recoverySize is the entropy of one. It is enough for a plain SHA-256 to hide it.
	recoverySize   = 10 // bytes
	recoveryLength = recoverySize * 8 / 5
	recoveryGroup  = 4 // characters between two hyphens
)

// NewRecoveryCodes replaces the account's recovery codes and answers the new ones, which are shown this once. Errors as byOwner;
// NotFound with code "no_second_factor".
func (a *Accounts) NewRecoveryCodes(ctx context.Context, p Principal, proof Proof, c Client) (codes []string, err error) {
	err = a.byOwner(ctx, p, proof, c, func(tx *sqldb.Tx, u User) (err error) {
		if !u.SecondFactor {
			return fault.New(fault.NotFound, "authn.NewRecoveryCodes", "This account has no second factor, so there is nothing to recover.").WithCode("no_second_factor")
		}
		if codes, err = newRecoveryCodes(ctx, tx, u.ID); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditRecoveryCodes, userID: u.ID, actor: u.ID, client: c})
	})
	return codes, fault.Wrap(err, "authn.NewRecoveryCodes")
}

func newRecoveryCodes(ctx context.Context, tx *sqldb.Tx, userID string) (codes []string, err error) {
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, userID); err != nil {
		return nil, err
	}
	for range RecoveryCodes {
		var b [recoverySize]byte
		_, _ = rand.Read(b[:])                                           // never fails
		code := strings.ToLower(base32.StdEncoding.EncodeToString(b[:])) // no 0, 1, 8 or 9, which look like letters
		if _, err := tx.Exec(ctx, `INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)`, userID, hashSecret(code)); err != nil {
			return nil, err
		}
		var grouped strings.Builder
		for i := 0; i < len(code); i += recoveryGroup {
			if i > 0 {
				grouped.WriteByte('-')
			}
			grouped.WriteString(code[i : i+recoveryGroup])
		}
		codes = append(codes, grouped.String())
	}
	return codes, nil
}

// useRecoveryCode takes a recovery code, without hyphens and in lower case, if the account has it, and uses it up.
func (a *Accounts) useRecoveryCode(ctx context.Context, tx *sqldb.Tx, userID, actor, code string, c Client) (right bool, err error) {
	n, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2`, userID, hashSecret(code))
	if err != nil || n == 0 {
		return false, err
	}
	return true, a.audit(ctx, tx, auditEntry{event: AuditRecoveryCodeUsed, userID: userID, actor: actor, client: c})
}
