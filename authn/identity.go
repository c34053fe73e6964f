package authn

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/sqldb"
)

// maxIdentities bounds the accounts elsewhere that open one account here.
const maxIdentities = 20

// Identity is an account at an OpenID Connect provider that opens an account here.
type Identity struct {
	ID       string
	Issuer   string
	Provider string // its name; empty if it is not among the settings any more
	Label    string // what the provider calls the account: an e-mail address or a name, only to be shown
	Created  time.Time
	Used     time.Time // when somebody last signed in with it; when it was linked if nobody has
}

// Identities are the accounts elsewhere that open the principal's, the first one linked first.
func (a *Accounts) Identities(ctx context.Context, p Principal) ([]Identity, error) {
	all, err := sqldb.All(ctx, a.db, `SELECT id, issuer, label, created_at, used_at FROM identities WHERE user_id = $1 ORDER BY id`, []any{p.UserID},
		func(scan sqldb.Scan) (i Identity, err error) {
			var created, used int64
			err = scan(&i.ID, &i.Issuer, &i.Label, &created, &used)
			i.Created, i.Used = sqldb.Time(created), sqldb.Time(used)
			for _, provider := range a.o.Providers {
				if provider.Issuer() == i.Issuer {
					i.Provider = provider.Name()
				}
			}
			return i, err
		})
	return all, fault.Wrap(err, "authn.Identities")
}

// HasPassword reports whether the principal's account has a password: one that was made by a provider's sign-in has none.
func (a *Accounts) HasPassword(ctx context.Context, p Principal) (bool, error) {
	var has bool
	err := a.db.Row(ctx, `SELECT password_hash <> '' FROM users WHERE id = $1`, []any{p.UserID}, &has)
	return has, fault.Wrap(err, "authn.HasPassword")
}

// link lets the person's account at the provider open the principal's from now on.
func (a *Accounts) link(ctx context.Context, p Principal, provider *openid.Provider, person openid.Person, c Client) error {
	err := a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if err := lockUser(ctx, tx, p.UserID); err != nil {
			return err
		}
		if err := mustLive(ctx, tx, p); err != nil { // the provider may have taken its time
			return err
		}
		u, err := identified(ctx, tx, provider.Issuer(), person.Subject)
		switch {
		case err == nil && u.ID == p.UserID:
			return nil
		case err == nil:
			return identityTaken(provider)
		case !sqldb.NoRow(err):
			return err
		}
		var n int
		if err := tx.Row(ctx, `SELECT COUNT(*) FROM identities WHERE user_id = $1`, []any{p.UserID}, &n); err != nil {
			return err
		}
		if n >= maxIdentities {
			return fault.New(fault.TooLarge, "authn.link", "This account is linked to as many others as it can be.").WithCode("too_many_identities")
		}
		if err := a.insertIdentity(ctx, tx, p.UserID, provider, person); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditIdentityLinked, userID: p.UserID, actor: p.UserID, client: c, detail: elsewhere(provider)})
	})
	if fault.Is(err, fault.Exists) {
		return identityTaken(provider)
	}
	return err
}

func identityTaken(provider *openid.Provider) error {
	return fault.New(fault.Exists, "authn.link", "Your account at "+provider.Name()+" is linked to another account here.").WithCode("identity_taken")
}

func (a *Accounts) insertIdentity(ctx context.Context, tx *sqldb.Tx, userID string, provider *openid.Provider, person openid.Person) error {
	_, err := tx.Exec(ctx, `INSERT INTO identities (id, user_id, issuer, subject, label, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $6)`,
		sqldb.NewID(), userID, provider.Issuer(), person.Subject, labelOf(person), a.now())
	return err
}

// labelOf is what people recognise their account at the provider by.
func labelOf(person openid.Person) string {
	for _, name := range []string{person.Email, person.PreferredUsername, person.Name} {
		if name = visible(name); name != "" {
			return shown(name, 254)
		}
	}
	return ""
}

// Unlink lets an account elsewhere open the principal's no more. NotFound; Forbidden with code "last_sign_in" if nothing else opens
// the account: no password, no passkey, and no other identity of a provider that there still is.
func (a *Accounts) Unlink(ctx context.Context, p Principal, id string, c Client) error {
	return fault.Wrap(a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if !sqldb.ValidID(id) {
			return fault.New(fault.NotFound, "authn.Unlink", "")
		}
		if err := lockUser(ctx, tx, p.UserID); err != nil { // so that two of these do not each take the other for what is left
			return err
		}
		var issuer string
		err := tx.Row(ctx, `DELETE FROM identities WHERE id = $1 AND user_id = $2 RETURNING issuer`, []any{id, p.UserID}, &issuer)
		if sqldb.NoRow(err) {
			return fault.New(fault.NotFound, "authn.Unlink", "")
		}
		if err != nil {
			return err
		}
		if err := a.mustOpen(ctx, tx, p.UserID); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditIdentityUnlinked, userID: p.UserID, actor: p.UserID, client: c, detail: "OpenID Connect " + issuer})
	}), "authn.Unlink")
}

// mustOpen refuses to take the last thing away by which the owner of an account can sign in to it: Forbidden with code "last_sign_in".
func (a *Accounts) mustOpen(ctx context.Context, tx *sqldb.Tx, userID string) error {
	open, err := a.opens(ctx, tx, userID)
	if err == nil && !open {
		err = fault.New(fault.Forbidden, "authn.mustOpen", "Nothing else opens this account. Give it a password first.").WithCode("last_sign_in")
	}
	return err
}

// opens reports whether its owner can sign in to an account by anything: a password, a passkey, or an identity of a provider that there is.
func (a *Accounts) opens(ctx context.Context, tx *sqldb.Tx, userID string) (bool, error) {
	var own bool
	if err := tx.Row(ctx, `SELECT password_hash <> '' OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = users.id) FROM users WHERE id = $1`,
		[]any{userID}, &own); err != nil || own {
		return own, err
	}
	for _, provider := range a.o.Providers {
		var linked bool
		err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM identities WHERE user_id = $1 AND issuer = $2)`, []any{userID, provider.Issuer()}, &linked)
		if err != nil || linked {
			return linked, err
		}
	}
	return false, nil
}
