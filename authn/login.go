package authn

import (
	"context"
	"errors"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// SignIn is what an app gets when its user signed in.
type SignIn struct {
	AccessToken  string
	ExpiresIn    time.Duration // of the access token, from now
	RefreshToken string
	User         User
	Ticket       string // opens the H5 pages once, within TicketTTL
}

// Login signs in by username, e-mail address or phone number. A wrong name and a wrong password are one and
// the same Unauthenticated, code "invalid_credentials", at the same cost. Forbidden with code
// "account_disabled", which only who knows the password learns; Busy.
func (a *Accounts) Login(ctx context.Context, login, password string, c Client) (SignIn, error) {
	if err := a.keys.ready(ctx); err != nil {
		return SignIn{}, fault.Wrap(err, "authn.Login")
	}
	var s opened
	u, err := a.login(ctx, login, password, func(tx *sqldb.Tx, u User) (err error) {
		s, err = a.openTokens(ctx, tx, u.ID, c)
		return err
	})
	if err != nil {
		return SignIn{}, err
	}
	return a.signIn(ctx, u, s)
}

// LoginPage is Login for the pages' own form: it opens a page session.
func (a *Accounts) LoginPage(ctx context.Context, login, password string, c Client) (PageSession, error) {
	var p PageSession
	u, err := a.login(ctx, login, password, func(tx *sqldb.Tx, u User) (err error) {
		p, err = a.openPage(ctx, tx, u.ID, c)
		return err
	})
	if err != nil {
		return PageSession{}, err
	}
	p.User = u
	return p, nil
}

// login proves the password and opens a session in one transaction with the account's row, so that
// no session by an old password outlives the change of it.
func (a *Accounts) login(ctx context.Context, login, password string, open func(tx *sqldb.Tx, u User) error) (User, error) {
	u, hash, err := userByLogin(ctx, a.db, login)
	if u, err = a.proveAndOpen(ctx, u, hash, err, password, open); errors.Is(err, errMoved) {
		// Another password, or the same one hashed anew by a sign-in beside this one: what counts is what is there now. It is
		// read by an update because on SQLite that sees what others have done and not yet committed, as settle did.
		var latest User
		readErr := a.db.Update(ctx, func(tx *sqldb.Tx) (err error) {
			latest, hash, err = userByLogin(ctx, tx, login)
			return err
		})
		u, err = a.proveAndOpen(ctx, latest, hash, readErr, password, open)
	}
	switch {
	case err == nil:
		a.o.Observe(EventLoginOK)
		return u, nil
	case fault.Is(err, fault.Unauthenticated), fault.Is(err, fault.Forbidden):
		a.o.Observe(EventLoginFailed)
	}
	return User{}, fault.Wrap(err, "authn.Login")
}

func (a *Accounts) proveAndOpen(ctx context.Context, u User, hash string, readErr error, password string, open func(tx *sqldb.Tx, u User) error) (User, error) {
	p, err := a.prove(ctx, u, hash, readErr, password)
	if err != nil {
		return User{}, err
	}
	if p.user.Disabled {
		return User{}, fault.New(fault.Forbidden, "authn.Login", "This account is disabled.").WithCode("account_disabled")
	}
	return p.user, a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if err := p.settle(ctx, tx); err != nil {
			return err
		}
		return open(tx, p.user)
	})
}

// proof is an account whose password was shown.
type proof struct {
	user    User
	oldHash string // as it was read
	newHash string // the same, or a hash of the same password at today's cost
}

// prove verifies a password against what userByLogin answered. Where that was no such account, a hash is
// computed all the same.
func (a *Accounts) prove(ctx context.Context, u User, hash string, readErr error, password string) (proof, error) {
	known := readErr == nil
	if !known {
		if !fault.Is(readErr, fault.NotFound) {
			return proof{}, readErr
		}
		hash = a.hasher.decoy
	}
	prepared, possible := preparePassword(password)
	ok, outdated, err := a.hasher.verify(ctx, hash, prepared)
	if err != nil {
		return proof{}, err
	}
	if !ok || !known || !possible {
		return proof{}, invalidCredentials()
	}
	p := proof{user: u, oldHash: hash, newHash: hash}
	if outdated {
		if p.newHash, err = a.hasher.hash(ctx, prepared); err != nil {
			return proof{}, err
		}
	}
	return p, nil
}

// errMoved says that an account was changed while its password was being proven.
var errMoved = fault.New(fault.Unauthenticated, "authn.settle", "The name or the password is wrong.").WithCode("invalid_credentials")

// settle takes the account's row for the transaction and stores a renewed hash. errMoved if the password was
// changed or the account disabled since it was read.
func (p proof) settle(ctx context.Context, tx *sqldb.Tx) error {
	n, err := tx.Exec(ctx, `UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3 AND disabled_at = 0`,
		p.newHash, p.user.ID, p.oldHash)
	if err == nil && n == 0 {
		err = errMoved
	}
	return err
}

func invalidCredentials() error {
	return fault.New(fault.Unauthenticated, "authn.verify", "The name or the password is wrong.").WithCode("invalid_credentials")
}
