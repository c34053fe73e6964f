package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// BeginPasskey asks the browser for a new passkey. It answers the options for navigator.credentials.create, as JSON. Errors as byOwner;
// Invalid with the field "name"; TooMany with code "too_many_passkeys".
func (a *Accounts) BeginPasskey(ctx context.Context, p Principal, site Site, name string, proof Proof, c Client) (options []byte, err error) {
	if name, err = checkPasskeyName(name); err != nil {
		return nil, err
	}
	party, err := site.relyingParty()
	if err != nil {
		return nil, fault.Wrap(err, "authn.BeginPasskey")
	}
	err = a.byOwner(ctx, p, proof, c, func(tx *sqldb.Tx, u User) error {
		if err := passkeyRoom(ctx, tx, u.ID); err != nil {
			return err
		}
		holder, err := keyholderOf(ctx, tx, u, site.Host)
		if err != nil {
			return err
		}
		creation, data, err := party.BeginRegistration(holder, webauthn.WithExclusions(webauthn.Credentials(holder.credentials).CredentialDescriptors()))
		if err != nil {
			return err
		}
		if options, err = json.Marshal(creation.Response); err != nil {
			return err
		}
		return a.ask(ctx, tx, ceremony{purpose: purposeRegister, userID: u.ID, sessionID: p.SessionID, name: name, data: *data}, c)
	})
	return options, fault.Wrap(err, "authn.BeginPasskey")
}

// passkeyRoom answers TooMany where there is no room for another passkey.
func passkeyRoom(ctx context.Context, tx *sqldb.Tx, userID string) error {
	var n int
	err := tx.Row(ctx, `SELECT COUNT(*) FROM passkeys WHERE user_id = $1`, []any{userID}, &n)
	if err == nil && n >= MaxPasskeys {
		err = fault.New(fault.TooMany, "authn.passkeyRoom", fmt.Sprintf("An account has at most %d passkeys. Remove one first.", MaxPasskeys)).WithCode("too_many_passkeys")
	}
	return err
}

// FinishPasskey keeps the passkey that the browser made: response is what navigator.credentials.create answered, as JSON. If it is the account's first
// second factor, recovery codes come with it, which are shown this once. Unauthenticated with code "passkey_expired" if this session asked for none, or too
// long ago, and "invalid_passkey"; Exists with code "passkey_known"; TooMany.
func (a *Accounts) FinishPasskey(ctx context.Context, p Principal, site Site, response []byte, c Client) (k Passkey, recovery []string, err error) {
	if len(response) > maxCeremony {
		return Passkey{}, nil, fault.New(fault.TooLarge, "authn.FinishPasskey", "")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Passkey{}, nil, invalidPasskey(err)
	}
	q, err := a.take(ctx, purposeRegister, parsed.Response.CollectedClientData.Challenge)
	if err != nil {
		return Passkey{}, nil, fault.Wrap(err, "authn.FinishPasskey")
	}
	if q.userID != p.UserID || q.sessionID != p.SessionID {
		return Passkey{}, nil, invalidPasskey(errors.New("another session asked for it"))
	}
	party, err := site.relyingParty()
	if err != nil {
		return Passkey{}, nil, fault.Wrap(err, "authn.FinishPasskey")
	}
	made, err := party.CreateCredential(keyholder{id: p.UserID, name: p.Username}, q.data, parsed)
	if err != nil || len(made.ID) == 0 || len(made.ID) > maxCredentialID {
		return Passkey{}, nil, invalidPasskey(err)
	}
	err = a.db.Update(ctx, func(tx *sqldb.Tx) (err error) {
		k, recovery, err = a.keepPasskey(ctx, tx, p, site, q.name, made, c)
		return err
	})
	if err != nil {
		return Passkey{}, nil, fault.Wrap(err, "authn.FinishPasskey")
	}
	return k, recovery, nil
}

func (a *Accounts) keepPasskey(ctx context.Context, tx *sqldb.Tx, p Principal, site Site, name string, made *webauthn.Credential, c Client) (Passkey, []string, error) {
	u, err := lockedUser(ctx, tx, p.UserID)
	if err == nil {
		err = mustLive(ctx, tx, p)
	}
	if err != nil {
		return Passkey{}, nil, err
	}
	if err := passkeyRoom(ctx, tx, u.ID); err != nil {
		return Passkey{}, nil, err
	}
	var transports []string
	for _, t := range made.Transport {
		transports = append(transports, shown(string(t), 16))
	}
	now := a.now()
	k := Passkey{ID: sqldb.NewID(), Name: name, Host: site.Host, Created: sqldb.Time(now)}
	n, err := tx.Exec(ctx, `INSERT INTO passkeys (id, user_id, credential_id, rp_id, name, public_key, sign_count, backup_eligible, transports, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (credential_id) DO NOTHING`,
		k.ID, u.ID, made.ID, site.Host, name, made.PublicKey, int64(made.Authenticator.SignCount), made.Flags.BackupEligible,
		shown(strings.Join(transports, " "), 200), now)
	if err != nil {
		return Passkey{}, nil, err
	}
	if n == 0 {
		return Passkey{}, nil, fault.New(fault.Exists, "authn.FinishPasskey", "This passkey is known already.").WithCode("passkey_known")
	}
	recovery, err := a.settleFactor(ctx, tx, u, c)
	if err != nil {
		return Passkey{}, nil, err
	}
	return k, recovery, a.audit(ctx, tx, auditEntry{event: AuditPasskeyAdded, userID: u.ID, actor: u.ID, client: c, detail: name})
}
