package authn

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// BeginPasskeyLogin asks the browser for a passkey. It answers the options for navigator.credentials.get, as JSON. half is empty for anybody's passkey, or a half
// sign-in (PageSession.Half) for one of its account: NotFound with code "no_passkey" if that has none for this site; Unauthenticated with code
// "sign_in_expired".
func (a *Accounts) BeginPasskeyLogin(ctx context.Context, site Site, half string, c Client) (options []byte, err error) {
	party, err := site.relyingParty()
	if err != nil {
		return nil, fault.Wrap(err, "authn.BeginPasskeyLogin")
	}
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		q := ceremony{purpose: purposeSignIn}
		var assertion *protocol.CredentialAssertion
		var data *webauthn.SessionData
		if half == "" {
			assertion, data, err = party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		} else {
			if !secretShape(half) {
				return halfEnded()
			}
			q.half = hashSecret(half)
			var u User
			if u, _, err = a.halfOwner(ctx, tx, q.half); err != nil {
				return err
			}
			var holder keyholder
			if holder, err = keyholderOf(ctx, tx, u, site.Host); err != nil {
				return err
			}
			if len(holder.credentials) == 0 {
				return fault.New(fault.NotFound, "authn.BeginPasskeyLogin", "This account has no passkey for this address.").WithCode("no_passkey")
			}
			q.userID = u.ID
			assertion, data, err = party.BeginLogin(holder, webauthn.WithUserVerification(protocol.VerificationRequired))
		}
		if err != nil {
			return err
		}
		if options, err = json.Marshal(assertion.Response); err != nil {
			return err
		}
		q.data = *data
		return a.ask(ctx, tx, q, c)
	})
	return options, fault.Wrap(err, "authn.BeginPasskeyLogin")
}

// FinishPasskeyLogin opens a page session by what the browser answered to BeginPasskeyLogin (of navigator.credentials.get, as JSON). It takes the place of the password and of
// the second factor. Unauthenticated with code "passkey_expired", "invalid_passkey" or "passkey_cloned"; Forbidden with code "account_disabled".
func (a *Accounts) FinishPasskeyLogin(ctx context.Context, site Site, response []byte, c Client) (PageSession, error) {
	page, err := a.passkeyLogin(ctx, site, response, c)
	switch {
	case err == nil:
		a.o.Observe(EventLoginOK)
	case fault.Is(err, fault.Unauthenticated), fault.Is(err, fault.Forbidden):
		a.o.Observe(EventLoginFailed)
	}
	return page, fault.Wrap(err, "authn.FinishPasskeyLogin")
}

func (a *Accounts) passkeyLogin(ctx context.Context, site Site, response []byte, c Client) (PageSession, error) {
	if len(response) > maxCeremony {
		return PageSession{}, fault.New(fault.TooLarge, "authn.FinishPasskeyLogin", "")
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return PageSession{}, invalidPasskey(err)
	}
	q, err := a.take(ctx, purposeSignIn, parsed.Response.CollectedClientData.Challenge)
	if err != nil {
		return PageSession{}, err
	}
	var k used
	k.credential, err = scanCredential(func(dest ...any) error {
		return a.db.Row(ctx, `SELECT credential_id, public_key, sign_count, backup_eligible, transports, id, user_id FROM passkeys
			WHERE credential_id = $1 AND rp_id = $2`, []any{parsed.RawID, site.Host}, dest...)
	}, &k.id, &k.userID)
	if sqldb.NoRow(err) {
		return PageSession{}, invalidPasskey(errors.New("nobody's passkey"))
	}
	if err != nil {
		return PageSession{}, err
	}
	before := k.credential.Authenticator.SignCount
	if err := a.verifyPasskey(ctx, site, q, &k, parsed); err != nil {
		event := AuditPasskeyFailed
		if k.credential.Authenticator.CloneWarning {
			event = AuditPasskeyCloned
		}
		if auditErr := a.db.Update(ctx, func(tx *sqldb.Tx) error {
			return a.audit(ctx, tx, auditEntry{event: event, userID: k.userID, client: c})
		}); auditErr != nil {
			return PageSession{}, auditErr
		}
		return PageSession{}, err
	}
	return a.openByPasskey(ctx, q, k, before, c)
}

// used is a passkey that somebody signs in with.
type used struct {
	id, userID string
	credential webauthn.Credential
}

// verifyPasskey holds an answer against its question and the passkey that is on record.
func (a *Accounts) verifyPasskey(ctx context.Context, site Site, q ceremony, k *used, parsed *protocol.ParsedCredentialAssertionData) error {
	party, err := site.relyingParty()
	if err != nil {
		return err
	}
	var proven *webauthn.Credential
	if q.userID == "" {
		holder := keyholder{id: k.userID, credentials: []webauthn.Credential{k.credential}}
		_, proven, err = party.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return holder, nil }, q.data, parsed)
	} else {
		var holder keyholder
		if holder, err = keyholderOf(ctx, a.db, User{ID: q.userID}, site.Host); err != nil {
			return err
		}
		proven, err = party.ValidateLogin(holder, q.data, parsed)
	}
	if err != nil {
		return invalidPasskey(err)
	}
	k.credential = *proven
	if proven.Authenticator.CloneWarning {
		return fault.New(fault.Unauthenticated, "authn.verifyPasskey",
			"This passkey counts behind its last use, so there may be a copy of it. Sign in another way and remove it.").WithCode("passkey_cloned")
	}
	return nil
}

// openByPasskey opens the session, if the passkey is still there and was not used meanwhile.
func (a *Accounts) openByPasskey(ctx context.Context, q ceremony, k used, before uint32, c Client) (page PageSession, err error) {
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, err := lockedUser(ctx, tx, k.userID)
		if fault.Is(err, fault.Unauthenticated) {
			return fault.New(fault.Forbidden, "authn.openByPasskey", "This account is disabled.").WithCode("account_disabled")
		}
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE passkeys SET sign_count = $1, used_at = $2 WHERE id = $3 AND sign_count = $4`,
			int64(k.credential.Authenticator.SignCount), a.now(), k.id, int64(before))
		if err != nil {
			return err
		}
		if n == 0 {
			return invalidPasskey(errors.New("removed or used meanwhile"))
		}
		if q.half != nil {
			if _, err := tx.Exec(ctx, `DELETE FROM half_sign_ins WHERE hash = $1`, q.half); err != nil {
				return err
			}
		}
		if page, err = a.openPage(ctx, tx, u.ID, a.byProof(), c); err != nil {
			return err
		}
		page.User = u
		return a.noteSignIn(ctx, tx, u.ID, "passkey", c)
	})
	return page, err
}
