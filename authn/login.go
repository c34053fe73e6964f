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

// Credentials are what somebody signs in with.
type Credentials struct {
	Login    string // username, e-mail address or phone number
	Password string
	OTP      string // a code of the authenticator app or a recovery code, where a second factor is on
}

// Login signs in by username, e-mail address or phone number. A wrong name and a wrong password are one and the same Unauthenticated, code
// "invalid_credentials", at the same cost, but for an account that came with the hash of another server and was not signed in to yet: its cost is that hash's.
// Only who knows the password learns the rest: Forbidden with code "account_disabled"; Unauthenticated with code "otp_required" or "invalid_otp" where a
// second factor is on, and TooMany after too many wrong codes. Busy.
func (a *Accounts) Login(ctx context.Context, cr Credentials, c Client) (SignIn, error) {
	if err := a.keys.ready(ctx); err != nil {
		return SignIn{}, fault.Wrap(err, "authn.Login")
	}
	var s opened
	u, err := a.login(ctx, cr, c, func(tx *sqldb.Tx, u User) error {
		on, err := factorOn(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if on {
			if err := a.checkOTP(ctx, tx, u.ID, "", cr.OTP, c); err != nil {
				return err
			}
		}
		s, err = a.openTokens(ctx, tx, u.ID, c)
		return err
	})
	if err != nil {
		return SignIn{}, err
	}
	return a.signIn(ctx, u, s)
}

// LoginPage is Login for the pages' own form: it opens a page session, or half of one (PageSession.Half) where a second factor is on. It takes
// no code.
func (a *Accounts) LoginPage(ctx context.Context, login, password string, c Client) (PageSession, error) {
	var p PageSession
	u, err := a.login(ctx, Credentials{Login: login, Password: password}, c, func(tx *sqldb.Tx, u User) (err error) {
		p, err = a.openPageOrHalf(ctx, tx, u.ID, "password", c)
		if err == nil && p.Half != "" {
			return refusal{errCodeMissing}
		}
		return err
	})
	if codeMissing(err) {
		return p, nil
	}
	if err != nil {
		return PageSession{}, err
	}
	p.User = u
	return p, nil
}

// login proves the password and opens a session in one transaction with the account's row, so that
// no session by an old password outlives the change of it. What open refuses is committed all the same.
func (a *Accounts) login(ctx context.Context, cr Credentials, c Client, open func(tx *sqldb.Tx, u User) error) (User, error) {
	u, hash, err := userByLogin(ctx, a.db, cr.Login)
	if u, err = a.proveAndOpen(ctx, signInAttempt(cr.Login, u, c), u, hash, err, cr.Password, open); errors.Is(err, errMoved) {
		// Another password, or the same one hashed anew by a sign-in beside this one: what counts is what is there now. It is
		// read by an update because on SQLite that sees what others have done and not yet committed, as settle did.
		var latest User
		readErr := a.db.Update(ctx, func(tx *sqldb.Tx) (err error) {
			latest, hash, err = userByLogin(ctx, tx, cr.Login)
			return err
		})
		u, err = a.proveAndOpen(ctx, signInAttempt(cr.Login, latest, c), latest, hash, readErr, cr.Password, open)
	}
	switch {
	case err == nil:
		a.o.Observe(EventLoginOK)
		return u, nil
	case codeMissing(err): // neither done nor failed
	case fault.Is(err, fault.Unauthenticated), fault.Is(err, fault.Forbidden):
		a.o.Observe(EventLoginFailed)
	case fault.Is(err, fault.TooMany):
		a.o.Observe(EventLoginLimited)
	}
	return User{}, fault.Wrap(err, "authn.Login")
}

// signInAttempt is a try at the password of a login. It is counted by what was typed and not by the account, whose other logins
// would else tell that they are its own.
func signInAttempt(login string, u User, c Client) attempt {
	column, key, ok := keyColumn(login)
	if !ok {
		column, key = "", login
	}
	return attempt{what: guessSignIn, name: column + ":" + key, userID: u.ID, client: c}
}

func (a *Accounts) proveAndOpen(ctx context.Context, t attempt, u User, hash string, readErr error, password string, open func(tx *sqldb.Tx, u User) error) (User, error) {
	p, err := a.guess(ctx, t, u, hash, readErr, password)
	if err != nil {
		return User{}, err
	}
	if p.user.Disabled {
		return User{}, fault.New(fault.Forbidden, "authn.Login", "This account is disabled.").WithCode("account_disabled")
	}
	return p.user, a.decide(ctx, func(tx *sqldb.Tx) error {
		if err := p.settle(ctx, tx); err != nil {
			return err
		}
		if err := a.admit(ctx, tx, t); err != nil {
			return err
		}
		if err := open(tx, p.user); err != nil {
			return err
		}
		return a.noteSignIn(ctx, tx, p.user.ID, "", t.client)
	})
}

// noteSignIn writes down that somebody signed in and from where, once nothing is missing any more. how is empty for a password.
func (a *Accounts) noteSignIn(ctx context.Context, tx *sqldb.Tx, userID, how string, c Client) error {
	if _, err := a.succeeded(ctx, tx, userID, c); err != nil {
		return err
	}
	return a.audit(ctx, tx, auditEntry{event: AuditSignIn, userID: userID, actor: userID, client: c, detail: how})
}

// guess is prove within the limits of attempts. Of a wrong guess that the same network repeats, as a device does that has an old
// password, only the first one counts and costs a hash.
func (a *Accounts) guess(ctx context.Context, t attempt, u User, hash string, readErr error, password string) (proof, error) {
	if err := a.admit(ctx, a.db, t); err != nil {
		return proof{}, err
	}
	mac := a.proven.mac(t.what, t.name, password, u.ID, hash, networkOf(t.client.Address))
	if a.wrong.again(mac, a.o.Now()) {
		return proof{}, invalidCredentials()
	}
	p, err := a.prove(ctx, u, hash, readErr, password)
	if fault.Is(err, fault.Unauthenticated) {
		detail := "wrong password"
		if readErr != nil {
			detail = "no such account"
		}
		if t.what != guessSignIn {
			detail += ", in a session"
		}
		if err := a.failed(ctx, t, auditEntry{event: AuditSignInFailed, userID: u.ID, detail: detail}); err != nil {
			return proof{}, err
		}
		a.wrong.remember(mac, a.o.Now())
	}
	return p, err
}

// proof is an account whose password was shown.
type proof struct {
	user    User
	oldHash string // as it was read
	newHash string // the same, or a hash of the same password at today's cost
}

// prove verifies a password against what userByLogin answered. Where that was no such account, or one without a password (its
// hash is empty), a hash is computed all the same.
func (a *Accounts) prove(ctx context.Context, u User, hash string, readErr error, password string) (proof, error) {
	if readErr != nil && !fault.Is(readErr, fault.NotFound) {
		return proof{}, readErr
	}
	known := readErr == nil && hash != ""
	if !known {
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
