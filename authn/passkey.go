package authn

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// A passkey is a key pair in a device, made for one host (Web Authentication, Level 3). Ours are discoverable and
// ask their owner for a finger, a face or a PIN, so one of them is both factors at once: something that somebody has and
// something that only they can do. One alone closes Basic, as an authenticator app does.

const (
	// MaxPasskeys is how many passkeys an account has at most.
	MaxPasskeys = 20
	// MaxPasskeyName bounds the name of one, in characters.
	MaxPasskeyName = 64

	// challengeTTL is how long a browser has to answer.
	challengeTTL = 5 * time.Minute
	// maxChallenges and maxNetworkChallenges bound the open ones: strangers make them too. The oldest end for new ones, so that a flood from
	// one network pushes out its own.
	maxChallenges        = 10_000
	maxNetworkChallenges = 50
	// maxCredentialID is what the specification allows (section 4, "Credential ID"), in bytes.
	maxCredentialID = 1023
	// maxCeremony bounds what a browser answers, in bytes.
	maxCeremony = 32 << 10
)

// The purposes of a challenge.
const (
	purposeRegister = "register"
	purposeSignIn   = "sign-in"
)

// Site is this server as browsers know it, to which passkeys are bound.
type Site struct {
	Host   string // without a port; a name and no IP address
	Origin string // scheme, host and port
}

// Passkey is a passkey of an account.
type Passkey struct {
	ID      string
	Name    string // as its owner calls it
	Host    string // that it is for
	Created time.Time
	Used    time.Time // zero if never
}

func (s Site) relyingParty() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: s.Host, RPDisplayName: "Satchel", RPOrigins: []string{s.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// keyholder is an account as the library sees one.
type keyholder struct {
	id, name    string
	credentials []webauthn.Credential
}

func (k keyholder) WebAuthnID() []byte                         { return []byte(k.id) }
func (k keyholder) WebAuthnName() string                       { return k.name }
func (k keyholder) WebAuthnDisplayName() string                { return k.name }
func (k keyholder) WebAuthnCredentials() []webauthn.Credential { return k.credentials }

// passkeys answers an account's passkeys.
func passkeys(ctx context.Context, q sqldb.Querier, userID string) ([]Passkey, error) {
	return sqldb.All(ctx, q, `SELECT id, name, rp_id, created_at, used_at FROM passkeys WHERE user_id = $1 ORDER BY id`, []any{userID},
		func(scan sqldb.Scan) (k Passkey, err error) {
			var created, used int64
			err = scan(&k.ID, &k.Name, &k.Host, &created, &used)
			k.Created = sqldb.Time(created)
			if used > 0 {
				k.Used = sqldb.Time(used)
			}
			return k, err
		})
}

// keyholderOf reads an account with the passkeys that it has for a host.
func keyholderOf(ctx context.Context, q sqldb.Querier, u User, host string) (keyholder, error) {
	credentials, err := sqldb.All(ctx, q, `SELECT credential_id, public_key, sign_count, backup_eligible, transports FROM passkeys
		WHERE user_id = $1 AND rp_id = $2 ORDER BY id`, []any{u.ID, host},
		func(scan sqldb.Scan) (webauthn.Credential, error) { return scanCredential(scan) })
	return keyholder{u.ID, u.Username, credentials}, err
}

func scanCredential(scan func(dest ...any) error, more ...any) (c webauthn.Credential, err error) {
	var count int64
	var transports string
	err = scan(append([]any{&c.ID, &c.PublicKey, &count, &c.Flags.BackupEligible, &transports}, more...)...)
	c.Authenticator.SignCount = uint32(count) // it was one
	for t := range strings.FieldsSeq(transports) {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c, err
}

// RemovePasskey removes one of the account's passkeys. Errors as byOwner; NotFound; Forbidden with code
// "last_sign_in" if nothing else opens the account.
func (a *Accounts) RemovePasskey(ctx context.Context, p Principal, id string, proof Proof, c Client) error {
	if !sqldb.ValidID(id) {
		return fault.New(fault.NotFound, "authn.RemovePasskey", "")
	}
	return fault.Wrap(a.byOwner(ctx, p, proof, c, func(tx *sqldb.Tx, u User) error {
		var name string
		err := tx.Row(ctx, `DELETE FROM passkeys WHERE id = $1 AND user_id = $2 RETURNING name`, []any{id, u.ID}, &name)
		if sqldb.NoRow(err) {
			return fault.New(fault.NotFound, "authn.RemovePasskey", "There is no such passkey.").WithCode("no_passkey")
		}
		if err != nil {
			return err
		}
		if err := a.mustOpen(ctx, tx, u.ID); err != nil {
			return err
		}
		if err := a.audit(ctx, tx, auditEntry{event: AuditPasskeyRemoved, userID: u.ID, actor: u.ID, client: c, detail: name}); err != nil {
			return err
		}
		_, err = a.settleFactor(ctx, tx, u, c)
		return err
	}), "authn.RemovePasskey")
}

// ceremony is a question to a browser, as its row keeps it.
type ceremony struct {
	purpose, userID, sessionID string // the ids are empty if anybody may answer
	half                       []byte // hash of the half sign-in that the answer ends
	name                       string // of the passkey to be
	data                       webauthn.SessionData
}

// ask keeps a question until it is answered.
func (a *Accounts) ask(ctx context.Context, tx *sqldb.Tx, q ceremony, c Client) error {
	data, err := json.Marshal(q.data)
	if err != nil {
		return err
	}
	network := networkOf(c.Address)
	if _, err := tx.Exec(ctx, `INSERT INTO passkey_challenges (hash, purpose, user_id, session_id, half, name, network, ceremony, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, hashSecret(q.data.Challenge), q.purpose, orNull(q.userID), orNull(q.sessionID), q.half, q.name,
		network, string(data), a.now()+challengeTTL.Microseconds()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM passkey_challenges WHERE hash IN
		(SELECT hash FROM passkey_challenges WHERE network = $1 ORDER BY expires_at DESC LIMIT 1000 OFFSET $2)`, network, maxNetworkChallenges); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM passkey_challenges WHERE hash IN
		(SELECT hash FROM passkey_challenges ORDER BY expires_at DESC LIMIT 1000 OFFSET $1)`, maxChallenges)
	return err
}

// take answers the question that was asked with a challenge, once: whatever comes of it, it is gone.
func (a *Accounts) take(ctx context.Context, purpose, challenge string) (q ceremony, err error) {
	var data string
	var expires int64
	q.purpose = purpose
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		return tx.Row(ctx, `DELETE FROM passkey_challenges WHERE hash = $1 AND purpose = $2
			RETURNING COALESCE(user_id, ''), COALESCE(session_id, ''), half, name, ceremony, expires_at`,
			[]any{hashSecret(challenge), purpose}, &q.userID, &q.sessionID, &q.half, &q.name, &data, &expires)
	})
	if sqldb.NoRow(err) || err == nil && expires <= a.now() {
		return ceremony{}, fault.New(fault.Unauthenticated, "authn.take", "This took too long, or was answered already. Try again.").WithCode("passkey_expired")
	}
	if err != nil {
		return ceremony{}, err
	}
	return q, json.Unmarshal([]byte(data), &q.data)
}

func checkPasskeyName(name string) (string, error) {
	name = strings.TrimSpace(shown(name, 4*MaxPasskeyName))
	switch {
	case name == "":
		return "", invalidFields("authn.BeginPasskey", []fault.Field{{Name: "name", Code: "required", Message: "Give the passkey a name, to know it by later."}})
	case utf8.RuneCountInString(name) > MaxPasskeyName:
		return "", invalidFields("authn.BeginPasskey", []fault.Field{{Name: "name", Code: "too_long", Message: "A name is at most 64 characters long."}})
	}
	return name, nil
}

func invalidPasskey(cause error) error {
	e := fault.New(fault.Unauthenticated, "authn.passkey", "This passkey was not accepted.").WithCode("invalid_passkey")
	e.Err = cause
	return e
}
