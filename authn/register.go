package authn

import (
	"context"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Registration is what a new account is made of. Email and Phone may be empty.
type Registration struct {
	Username, Password, Email, Phone string
}

// Register makes an account with its drive and signs it in. Forbidden with code "registration_closed";
// Invalid with code "invalid_fields" and every rejected field; Exists with code "username_taken",
// "email_taken" or "phone_taken"; Busy.
func (a *Accounts) Register(ctx context.Context, r Registration, c Client) (SignIn, error) {
	if err := a.keys.ready(ctx); err != nil {
		return SignIn{}, fault.Wrap(err, "authn.Register")
	}
	var s opened
	u, err := a.register(ctx, r, func(tx *sqldb.Tx, u User) (err error) {
		s, err = a.openTokens(ctx, tx, u.ID, c)
		return err
	})
	if err != nil {
		return SignIn{}, err
	}
	return a.signIn(ctx, u, s)
}

// RegisterPage is Register for the pages' own form: it opens a page session.
func (a *Accounts) RegisterPage(ctx context.Context, r Registration, c Client) (PageSession, error) {
	var p PageSession
	u, err := a.register(ctx, r, func(tx *sqldb.Tx, u User) (err error) {
		p, err = a.openPage(ctx, tx, u.ID, c)
		return err
	})
	if err != nil {
		return PageSession{}, err
	}
	p.User = u
	return p, nil
}

func (a *Accounts) register(ctx context.Context, r Registration, open func(tx *sqldb.Tx, u User) error) (User, error) {
	if a.o.Registration != RegistrationOpen {
		return User{}, fault.New(fault.Forbidden, "authn.Register", "New accounts are made by the administrator here.").WithCode("registration_closed")
	}
	u, err := a.create(ctx, r, RoleUser, open)
	if err != nil {
		return User{}, fault.Wrap(err, "authn.Register")
	}
	a.o.Observe(EventRegister)
	return u, nil
}

// create makes a user, the drive and whatever more does, in one transaction.
func (a *Accounts) create(ctx context.Context, r Registration, role Role, more func(tx *sqldb.Tx, u User) error) (User, error) {
	acc, err := r.check()
	if err != nil {
		return User{}, err
	}
	if err := acc.taken(ctx, a.db); err != nil { // before the hash, which costs more
		return User{}, err
	}
	hash, err := a.hasher.hash(ctx, acc.password)
	if err != nil {
		return User{}, err
	}
	u := User{ID: sqldb.NewID(), Username: acc.username, Email: r.Email, Phone: r.Phone, Role: role}
	now := a.now()
	u.Created = sqldb.Time(now)
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO users (id, username, username_key, email, email_key, phone, password_hash, role, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			u.ID, u.Username, acc.usernameKey, u.Email, orNull(acc.emailKey), orNull(u.Phone), hash, string(role), now); err != nil {
			return err
		}
		if err := a.o.CreateDrive(ctx, tx, u.ID); err != nil {
			return err
		}
		return more(tx, u)
	})
	if fault.Is(err, fault.Exists) {
		// Somebody else took a name since we looked; an update sees which even before their commit. If it is free
		// again by now, the caller may as well try again.
		if err := a.db.Update(ctx, func(tx *sqldb.Tx) error { return acc.taken(ctx, tx) }); err != nil {
			return User{}, err
		}
		return User{}, fault.As(fault.Busy, "authn.create", err)
	}
	return u, err
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// account is a registration that was checked.
type account struct {
	username, usernameKey, emailKey, phone, password string
}

// check answers every rejected field at once.
func (r Registration) check() (account, error) {
	var fields []fault.Field
	reject := func(name, code, message string) {
		fields = append(fields, fault.Field{Name: name, Code: code, Message: message})
	}
	acc := account{phone: r.Phone}
	var ok bool
	switch acc.username, acc.usernameKey, ok = usernameKey(r.Username); {
	case r.Username == "":
		reject("username", "required", "Choose a username.")
	case utf8.RuneCountInString(r.Username) > MaxUsername:
		reject("username", "too_long", fmt.Sprintf("A username is at most %d characters long.", MaxUsername))
	case !ok:
		reject("username", "invalid", "A username begins with a letter or a digit and holds letters, digits, dots, hyphens and underscores.")
	}
	if f, ok := checkPassword(r.Password); !ok {
		fields = append(fields, f)
	}
	if r.Email != "" {
		if acc.emailKey, ok = emailKey(r.Email); !ok {
			reject("email", "invalid", "This is not an e-mail address.")
		}
	}
	if r.Phone != "" && !validPhone(r.Phone) {
		reject("phone", "invalid", "A phone number begins with + and the country code, and has no spaces.")
	}
	if fields != nil {
		return account{}, invalidFields("authn.Register", fields)
	}
	acc.password, _ = preparePassword(r.Password)
	return acc, nil
}

func checkPassword(password string) (fault.Field, bool) {
	f := fault.Field{Name: "password"}
	switch {
	case password == "":
		f.Code, f.Message = "required", "Choose a password."
	case len(password) > MaxPassword:
		f.Code, f.Message = "too_long", fmt.Sprintf("A password is at most %d bytes long.", MaxPassword)
	case !utf8.ValidString(password):
		f.Code, f.Message = "invalid", "A password must be UTF-8."
	case utf8.RuneCountInString(norm.NFC.String(password)) < MinPassword:
		f.Code, f.Message = "too_short", fmt.Sprintf("A password has at least %d characters.", MinPassword)
	default:
		return f, true
	}
	return f, false
}

func invalidFields(op string, fields []fault.Field) error {
	e := fault.New(fault.Invalid, op, "Some fields are not valid.").WithCode("invalid_fields")
	e.Fields = fields
	return e
}

// taken answers Exists if another account has one of the names.
func (acc account) taken(ctx context.Context, q sqldb.Querier) error {
	var username, email, phone bool
	err := q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE username_key = $1),
		EXISTS (SELECT 1 FROM users WHERE email_key = $2), EXISTS (SELECT 1 FROM users WHERE phone = $3)`,
		[]any{acc.usernameKey, acc.emailKey, acc.phone}, &username, &email, &phone)
	var code, public string
	switch {
	case err != nil:
		return err
	case username:
		code, public = "username_taken", "This username is taken."
	case email:
		code, public = "email_taken", "Another account has this e-mail address."
	case phone:
		code, public = "phone_taken", "Another account has this phone number."
	default:
		return nil
	}
	return fault.New(fault.Exists, "authn.taken", public).WithCode(code)
}
