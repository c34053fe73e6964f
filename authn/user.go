package authn

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Role is what a user may do beyond the own drive.
type Role string

const (
	RoleUser  Role = "user"
	RoleAdmin Role = "admin"
)

func (r Role) valid() bool { return r == RoleUser || r == RoleAdmin }

// User is an account.
type User struct {
	ID       string
	Username string // as it was given, in NFC
	Email    string // empty if none
	Phone    string // E.164; empty if none
	// Whether a code has proven that the address is the user's own. Only then is it good for a forgotten password.
	EmailVerified, PhoneVerified bool
	Role                         Role
	Created                      time.Time
	Disabled                     bool
	// SecondFactor says that the password alone opens nothing.
	SecondFactor bool
}

const userColumns = `id, username, email, COALESCE(phone, ''), role, created_at, disabled_at, factor_at, email_verified_at, phone_verified_at`

// scanUser reads userColumns and whatever stands behind them into more.
func scanUser(scan func(dest ...any) error, more ...any) (u User, err error) {
	var created, disabled, factor, email, phone int64
	err = scan(append([]any{&u.ID, &u.Username, &u.Email, &u.Phone, &u.Role, &created, &disabled, &factor, &email, &phone}, more...)...)
	u.Created, u.Disabled, u.SecondFactor = sqldb.Time(created), disabled != 0, factor != 0
	u.EmailVerified, u.PhoneVerified = email != 0, phone != 0
	return u, err
}

// User answers an account by its id. NotFound.
func (a *Accounts) User(ctx context.Context, id string) (User, error) {
	u, err := scanUser(func(dest ...any) error {
		if !sqldb.ValidID(id) {
			return fault.New(fault.NotFound, "authn.User", "")
		}
		return a.db.Row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1 AND deleted_at = 0`, []any{id}, dest...)
	})
	return u, fault.Wrap(err, "authn.User")
}

// keyColumn is the column that login is looked up in, and the key to look for. A login with "@" is an e-mail
// address, one that begins with "+" a phone number, anything else a username: no username
// looks like the others, so one login names one account. ok is false for what cannot name any.
func keyColumn(login string) (column, key string, ok bool) {
	switch loginKind(login) {
	case "email":
		key, ok = emailKey(login)
		return "email_key", key, ok
	case "phone":
		key, _ = phoneKey(login)
		return "phone", key, key != ""
	}
	_, key, ok = usernameKey(login)
	return "username_key", key, ok
}

// userByLogin reads the account that login names, with its password hash. NotFound.
func userByLogin(ctx context.Context, q sqldb.Querier, login string) (u User, passwordHash string, err error) {
	column, key, ok := keyColumn(login)
	if !ok {
		return User{}, "", fault.New(fault.NotFound, "authn", "There is no such account.").WithCode("no_such_account")
	}
	u, err = scanUser(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+userColumns+`, password_hash FROM users WHERE `+column+` = $1`, []any{key}, dest...)
	}, &passwordHash)
	if sqldb.NoRow(err) {
		err = fault.New(fault.NotFound, "authn", "There is no such account.").WithCode("no_such_account")
	}
	return u, passwordHash, err
}

// userByID is userByLogin for an account that is known. NotFound.
func userByID(ctx context.Context, q sqldb.Querier, id string) (u User, passwordHash string, err error) {
	u, err = scanUser(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+userColumns+`, password_hash FROM users WHERE id = $1`, []any{id}, dest...)
	}, &passwordHash)
	if sqldb.NoRow(err) {
		err = fault.New(fault.NotFound, "authn", "There is no such account.").WithCode("no_such_account")
	}
	return u, passwordHash, err
}
