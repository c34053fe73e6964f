package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/sqldb"
)

// OIDCAnswer is what came back with the browser from a provider.
type OIDCAnswer struct {
	Provider string // its id, by the address at which the answer arrived
	State    string
	Cookie   string
	openid.Answer
}

// OIDCEnd is how a sign-in at a provider ended. Next and Linking are known also where it failed, once the answer was
// found to belong to this browser.
type OIDCEnd struct {
	Session PageSession // empty where Linking; half of one (PageSession.Half) where a second factor is on
	Next    string
	Linking bool // it was to link the provider's account to the one that is signed in
}

// oidcBegun is a sign-in as its row has it.
type oidcBegun struct {
	callback, next, userID, sessionID string
}

// FinishOIDC completes a sign-in that this browser began, once: it opens a page session of the account that is linked to the provider's, or
// of a new one, or links them. who is whom the browser is signed in as, for linking; the zero Principal for nobody.
//
// Invalid with code "sign_in_not_begun" for what this browser did not begin, began too long ago or has completed. What openid.Complete
// answers; TooMany. Forbidden with code "account_disabled", "registration_closed" where newcomers are not welcome, or "email_unverified". Exists with
// code "email_taken" if another account has the newcomer's verified address, or "identity_taken" if the provider's account is
// linked to another. Unauthenticated with code "session_ended" if whoever began to link is not signed in any more.
func (a *Accounts) FinishOIDC(ctx context.Context, answer OIDCAnswer, who Principal, c Client) (OIDCEnd, error) {
	provider, err := a.provider(answer.Provider)
	if err != nil {
		return OIDCEnd{}, err
	}
	try := attempt{what: guessOIDC, client: c}
	if err := a.admit(ctx, a.db, try); err != nil {
		a.o.Observe(EventLoginLimited)
		return OIDCEnd{}, fault.Wrap(err, "authn.FinishOIDC")
	}
	begun, err := a.takeOIDC(ctx, answer)
	if err != nil {
		return OIDCEnd{}, fault.Wrap(err, "authn.FinishOIDC")
	}
	end := OIDCEnd{Next: begun.next, Linking: begun.userID != ""}
	if end.Linking && (who.UserID != begun.userID || who.SessionID != begun.sessionID) {
		return end, sessionEnded()
	}
	person, err := provider.Complete(ctx, oidcRequest(begun.callback, answer.State, answer.Cookie), answer.Answer)
	if err == nil && end.Linking {
		err = a.link(ctx, who, provider, person, c)
	} else if err == nil {
		end.Session, err = a.signInFrom(ctx, provider, person, c)
	}
	if err != nil {
		a.oidcFailed(ctx, provider, try, begun.userID, err)
		return end, fault.Wrap(err, "authn.FinishOIDC")
	}
	return end, nil
}

// takeOIDC answers the sign-in that a state belongs to, and forgets it, so that no answer counts twice.
func (a *Accounts) takeOIDC(ctx context.Context, answer OIDCAnswer) (b oidcBegun, err error) {
	notBegun := fault.New(fault.Invalid, "authn.takeOIDC", "This sign-in was not begun in this browser, or more than ten minutes ago. Begin it again.").WithCode("sign_in_not_begun")
	if !secretShape(answer.State) || !secretShape(answer.Cookie) {
		return b, notBegun
	}
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		return tx.Row(ctx, `DELETE FROM oidc_sign_ins WHERE state = $1 AND browser = $2 AND provider = $3 AND expires_at > $4
			RETURNING callback, next, user_id, session_id`,
			[]any{hashSecret(answer.State), hashSecret(answer.Cookie), answer.Provider, a.now()},
			&b.callback, &b.next, &b.userID, &b.sessionID)
	})
	if sqldb.NoRow(err) {
		return b, notBegun
	}
	return b, err
}

// signInFrom opens a session of the account that the person's identity is linked to, or of a new one.
func (a *Accounts) signInFrom(ctx context.Context, provider *openid.Provider, person openid.Person, c Client) (PageSession, error) {
	s, err := a.trySignInFrom(ctx, provider, person, c)
	if fault.Is(err, fault.Exists) {
		// The same person in another tab, or somebody with the same name, may have been first by a moment, or the link was just cut. By now it can be seen which.
		s, err = a.trySignInFrom(ctx, provider, person, c)
	}
	if code, _, _ := fault.Public(err); err != nil && code == fault.Exists.Code() { // again, and by a name that it was not looked for
		err = fault.As(fault.Busy, "authn.signInFrom", err)
	}
	return s, err
}

func (a *Accounts) trySignInFrom(ctx context.Context, provider *openid.Provider, person openid.Person, c Client) (p PageSession, err error) {
	made := false
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		made = false
		u, err := identified(ctx, tx, provider.Issuer(), person.Subject)
		if sqldb.NoRow(err) {
			u, err = a.adopt(ctx, tx, provider, person, c)
			made = true
		}
		if err != nil {
			return err
		}
		if u.Disabled {
			return fault.New(fault.Forbidden, "authn.signInFrom", "This account is disabled.").WithCode("account_disabled")
		}
		if err := lockUser(ctx, tx, u.ID); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE identities SET used_at = $1, label = $2 WHERE issuer = $3 AND subject = $4 AND user_id = $5`,
			a.now(), labelOf(person), provider.Issuer(), person.Subject, u.ID)
		if err != nil {
			return err
		}
		if n == 0 { // the link was cut before this transaction had the account's row
			return fault.New(fault.Exists, "authn.trySignInFrom", "")
		}
		// Whoever turned on a second factor here is asked for it whatever the provider asked for: what it did, it does not have to say.
		if p, err = a.openPageOrHalf(ctx, tx, u.ID, elsewhere(provider), c); err != nil || p.Half != "" {
			return err
		}
		p.User = u
		return a.noteSignIn(ctx, tx, u.ID, elsewhere(provider), c)
	})
	if err != nil {
		return PageSession{}, err
	}
	switch {
	case made:
		a.o.Observe(EventRegister)
	case p.Half == "": // else FinishPage tells
		a.o.Observe(EventLoginOK)
	}
	return p, nil
}

// identified answers the account that an identity is linked to. It fails with what sqldb.NoRow knows if there is none.
func identified(ctx context.Context, q sqldb.Querier, issuer, subject string) (User, error) {
	return scanUser(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+userColumns+` FROM users WHERE id = (SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2)`,
			[]any{issuer, subject}, dest...)
	})
}

// adopt makes an account for somebody who signed in at a provider and has none here. It has no password.
//
// The provider's e-mail address is taken over if the provider says that it is verified. If another account here has it, that one is not
// given away: whoever owns it signs in to it and links the two.
func (a *Accounts) adopt(ctx context.Context, tx *sqldb.Tx, provider *openid.Provider, person openid.Person, c Client) (User, error) {
	if !a.OIDCRegisters() {
		how, registration := "are made by the administrator", a.adjusted.Load().Registration
		switch {
		case a.o.OIDCRegistration != "":
		case registration == RegistrationInvite:
			how = "need an invitation"
		case registration == RegistrationOpen:
			how = "are made on the page for newcomers"
		}
		return User{}, fault.New(fault.Forbidden, "authn.adopt", "No account here is linked to yours at "+provider.Name()+
			", and new ones "+how+". If you have one, sign in to it, and link the two under Account, Sign-in elsewhere.").WithCode("registration_closed")
	}
	var acc account
	var verified int64
	now := a.now()
	u := User{ID: sqldb.NewID(), Role: RoleUser}
	if key, ok := emailKey(person.Email); ok && person.EmailVerified {
		acc.emailKey, u.Email, u.EmailVerified, verified = key, person.Email, true, now
	}
	if verified == 0 && a.o.OIDCRegistration == "" && a.o.Verify == VerifyEmail {
		return User{}, fault.New(fault.Forbidden, "authn.adopt", "An account here needs an e-mail address that is confirmed, and "+provider.Name()+
			" does not say that yours is.").WithCode("email_unverified")
	}
	if err := acc.taken(ctx, tx); err != nil {
		if code, _, _ := fault.Public(err); code == "email_taken" {
			return User{}, fault.New(fault.Exists, "authn.adopt", "An account here has your e-mail address already. Sign in to it, and link it with "+
				provider.Name()+" under Account, Sign-in elsewhere.").WithCode(code)
		}
		return User{}, err
	}
	var err error
	if u.Username, acc.usernameKey, err = freeUsername(ctx, tx, person); err != nil {
		return User{}, err
	}
	u.Created = sqldb.Time(now)
	if _, err := tx.Exec(ctx, `INSERT INTO users (id, username, username_key, email, email_key, password_hash, role, created_at, email_verified_at)
		VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8)`, u.ID, u.Username, acc.usernameKey, u.Email, orNull(acc.emailKey), string(u.Role), now, verified); err != nil {
		return User{}, err
	}
	if err := a.o.CreateDrive(ctx, tx, u.ID); err != nil {
		return User{}, err
	}
	if err := a.insertIdentity(ctx, tx, u.ID, provider, person); err != nil {
		return User{}, err
	}
	return u, a.audit(ctx, tx, auditEntry{event: AuditRegister, userID: u.ID, actor: u.ID, client: c, detail: elsewhere(provider)})
}

// oidcFailed counts an answer of a provider that was not confirmed, and tells the audit log and the metrics of a sign-in that failed. That
// a provider was down, or that somebody turned back there, is neither.
func (a *Accounts) oidcFailed(ctx context.Context, provider *openid.Provider, try attempt, userID string, failure error) {
	ctx = context.WithoutCancel(ctx)
	code, _, _ := fault.Public(failure)
	entry := auditEntry{event: AuditSignInFailed, userID: userID, actor: userID, client: try.client, detail: elsewhere(provider) + ": " + code}
	var err error
	switch {
	case fault.Is(failure, fault.Busy), fault.KindOf(failure) == fault.Internal, code == "sign_in_cancelled":
		return
	case fault.Is(failure, fault.Unauthenticated):
		err = a.failed(ctx, try, entry)
	default:
		err = a.db.Update(ctx, func(tx *sqldb.Tx) error { return a.audit(ctx, tx, entry) })
	}
	a.o.Observe(EventLoginFailed)
	if err != nil && !fault.Is(err, fault.TooMany) {
		a.o.Log.Warn("a failed sign-in was not written down", "err", err)
	}
}

// elsewhere is a provider in the audit log.
func elsewhere(p *openid.Provider) string { return "OpenID Connect " + p.Issuer() }
