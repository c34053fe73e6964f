package authn

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"image/png"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Codes of an authenticator app are what every such app makes by itself (RFC 6238): SHA-1, six digits, a step of 30 seconds. One
// step before and after the present one is taken, for clocks that go wrong and people who type (section 5.2), and each
// step once (section 5.2 as well).
//
// The secret is in its row as it is. To encrypt it there would hide it from nobody: the server needs the key for every sign-in, and who reads the
// database finds the keys that sign access tokens beside it.
const (
	totpDigits = 6
	totpPeriod = 30 // seconds
	totpSecret = 20 // bytes: what RFC 4226, section 4, recommends
	// totpPatience is how long an app that was begun waits for its first code.
	totpPatience = 15 * time.Minute
	// qrSize is the width and height of the QR code, in pixels.
	qrSize = 320
)

// Enrollment is what an authenticator app is told, once.
type Enrollment struct {
	Secret string // base32, for who types it
	URI    string // otpauth://…, for who is on the same device
	QR     string // the URI as a QR code: a PNG as a data URI
}

// BeginTOTP makes a secret for an authenticator app; the app counts from ConfirmTOTP on. host is this server's name as the user knows it, which
// the app shows. Errors as byOwner; Exists with code "totp_on" if there is an app already.
func (a *Accounts) BeginTOTP(ctx context.Context, p Principal, proof Proof, host string, c Client) (Enrollment, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Satchel", AccountName: p.Username + "@" + host, SecretSize: totpSecret})
	if err != nil {
		return Enrollment{}, fault.Wrap(err, "authn.BeginTOTP")
	}
	err = a.byOwner(ctx, p, proof, c, func(tx *sqldb.Tx, u User) error {
		n, err := tx.Exec(ctx, `INSERT INTO totp (user_id, secret, created_at) VALUES ($1, $2, $3)
			ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at WHERE totp.confirmed_at = 0`,
			u.ID, key.Secret(), a.now())
		if err == nil && n == 0 {
			err = fault.New(fault.Exists, "authn.BeginTOTP", "This account has an authenticator app. Turn it off first to use another one.").WithCode("totp_on")
		}
		return err
	})
	if err != nil {
		return Enrollment{}, fault.Wrap(err, "authn.BeginTOTP")
	}
	e, err := enrollment(key)
	return e, fault.Wrap(err, "authn.BeginTOTP")
}

func enrollment(key *otp.Key) (Enrollment, error) {
	image, err := key.Image(qrSize, qrSize)
	if err != nil {
		return Enrollment{}, err
	}
	var code bytes.Buffer
	if err := png.Encode(&code, image); err != nil {
		return Enrollment{}, err
	}
	return Enrollment{Secret: key.Secret(), URI: key.URL(), QR: "data:image/png;base64," + base64.StdEncoding.EncodeToString(code.Bytes())}, nil
}

// ShowTOTP is the enrollment of a secret that BeginTOTP answered and whoever asks still holds, to be shown again. It looks nothing up.
// Invalid if this is no such secret.
func (a *Accounts) ShowTOTP(p Principal, secret, host string) (Enrollment, error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil || len(raw) != totpSecret {
		return Enrollment{}, fault.New(fault.Invalid, "authn.ShowTOTP", "")
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Satchel", AccountName: p.Username + "@" + host, Secret: raw})
	if err != nil {
		return Enrollment{}, fault.Wrap(err, "authn.ShowTOTP")
	}
	e, err := enrollment(key)
	return e, fault.Wrap(err, "authn.ShowTOTP")
}

// ConfirmTOTP turns the authenticator app on by a first code of it. If it is the account's first second factor, it answers recovery codes,
// which are shown this once. NotFound with code "no_totp" if none was begun in the last 15 minutes; Unauthenticated with
// code "invalid_otp", TooMany.
func (a *Accounts) ConfirmTOTP(ctx context.Context, p Principal, code string, c Client) (recovery []string, err error) {
	err = a.decide(ctx, func(tx *sqldb.Tx) error {
		u, err := lockedUser(ctx, tx, p.UserID)
		if err == nil {
			err = mustLive(ctx, tx, p)
		}
		if err != nil {
			return err
		}
		if err := a.firstCode(ctx, tx, u, bareCode(code), c); err != nil {
			return err
		}
		if recovery, err = a.settleFactor(ctx, tx, u, c); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditTOTPOn, userID: u.ID, actor: u.ID, client: c})
	})
	return recovery, fault.Wrap(err, "authn.ConfirmTOTP")
}

// firstCode confirms the app that waits by a code of it. Guesses are counted as they are at a sign-in: whoever found the session was not
// shown the secret, and the recovery codes are what they would be after.
func (a *Accounts) firstCode(ctx context.Context, tx *sqldb.Tx, u User, code string, c Client) error {
	var waits bool
	if err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = $1 AND confirmed_at = 0 AND created_at > $2)`,
		[]any{u.ID, a.now() - totpPatience.Microseconds()}, &waits); err != nil {
		return err
	}
	if !waits {
		return fault.New(fault.NotFound, "authn.ConfirmTOTP", "No authenticator app waits for its first code. Begin again.").WithCode("no_totp")
	}
	t := attempt{what: guessOTP, name: "first " + u.ID, userID: u.ID, client: c}
	if err := a.admit(ctx, tx, t); err != nil {
		return refuseWait(err)
	}
	right, err := a.useTOTP(ctx, tx, u.ID, code, true)
	if err != nil {
		return err
	}
	if !right {
		if err := a.failedIn(ctx, tx, t, auditEntry{event: AuditOTPFailed, userID: u.ID, actor: u.ID, detail: "wrong first code"}); err != nil {
			return refuseWait(err)
		}
		return refusal{fault.New(fault.Unauthenticated, "authn.ConfirmTOTP", "This code is wrong. Is the clock of your device right?").WithCode("invalid_otp")}
	}
	_, err = tx.Exec(ctx, `UPDATE totp SET confirmed_at = $1 WHERE user_id = $2`, a.now(), u.ID)
	return err
}

// RemoveTOTP turns the authenticator app off. Errors as byOwner; NotFound with code "no_totp".
func (a *Accounts) RemoveTOTP(ctx context.Context, p Principal, proof Proof, c Client) error {
	return fault.Wrap(a.byOwner(ctx, p, proof, c, func(tx *sqldb.Tx, u User) error {
		n, err := tx.Exec(ctx, `DELETE FROM totp WHERE user_id = $1 AND confirmed_at > 0`, u.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "authn.RemoveTOTP", "This account has no authenticator app.").WithCode("no_totp")
		}
		if err := a.audit(ctx, tx, auditEntry{event: AuditTOTPOff, userID: u.ID, actor: u.ID, client: c}); err != nil {
			return err
		}
		_, err = a.settleFactor(ctx, tx, u, c)
		return err
	}), "authn.RemoveTOTP")
}

// useTOTP takes a code of the account's authenticator app if it is of a step that was not used. An app that
// waits for its first code is another one than the one that opens the account. The caller holds the account's row.
func (a *Accounts) useTOTP(ctx context.Context, tx *sqldb.Tx, userID, code string, waiting bool) (right bool, err error) {
	var secret string
	var last int64
	err = tx.Row(ctx, `SELECT secret, last_step FROM totp WHERE user_id = $1 AND (confirmed_at = 0) = $2`, []any{userID, waiting}, &secret, &last)
	if sqldb.NoRow(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	step := a.o.Now().Unix() / totpPeriod
	for s := step - 1; s <= step+1; s++ {
		want, err := hotp.GenerateCode(secret, uint64(s))
		if err != nil {
			return false, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last {
			_, err := tx.Exec(ctx, `UPDATE totp SET last_step = $1 WHERE user_id = $2`, s, userID)
			return err == nil, err
		}
	}
	return false, nil
}
