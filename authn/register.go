package authn

import (
	"context"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Registration is what a new account is made of. One of Username, Email and Phone is enough; a missing username is made up.
type Registration struct {
	Username, Password, Email, Phone string

	Code       string // that was sent to the address, where Options.Verify asks for one
	Invitation string // where only the invited may register
}

// Register makes an account with its drive and signs it in. Forbidden with code "registration_closed" or "invalid_invitation";
// Invalid with code "invalid_fields" and every rejected field, or "wrong_code"; Exists with code "username_taken",
// "email_taken" or "phone_taken"; TooMany; Busy.
//
// Where an address is proven by a code, only who has proven it learns that it is taken.
func (a *Accounts) Register(ctx context.Context, r Registration, c Client) (SignIn, error) {
	if err := a.keys.ready(ctx); err != nil {
		return SignIn{}, fault.Wrap(err, "authn.Register")
	}
	var s opened
	u, err := a.register(ctx, r, c, func(tx *sqldb.Tx, u User) (err error) {
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
	u, err := a.register(ctx, r, c, func(tx *sqldb.Tx, u User) (err error) {
		p, err = a.openPage(ctx, tx, u.ID, a.byProof(), c)
		return err
	})
	if err != nil {
		return PageSession{}, err
	}
	p.User = u
	return p, nil
}

func (a *Accounts) register(ctx context.Context, r Registration, c Client, open func(tx *sqldb.Tx, u User) error) (User, error) {
	if err := a.welcome(ctx, r.Invitation); err != nil {
		return User{}, fault.Wrap(err, "authn.Register")
	}
	u, err := a.enroll(ctx, r, c, open)
	if err != nil {
		return User{}, fault.Wrap(err, "authn.Register")
	}
	a.o.Observe(EventRegister)
	return u, nil
}

// enroll makes the account of a newcomer who is welcome.
func (a *Accounts) enroll(ctx context.Context, r Registration, c Client, open func(tx *sqldb.Tx, u User) error) (User, error) {
	acc, err := r.check(a.o.Verify)
	if err != nil {
		return User{}, err
	}
	n := newcomer{account: acc, role: RoleUser, client: c}
	if acc.proves != nil {
		n.code, err = a.tryCode(ctx, issued{CodeRegister, *acc.proves, ""}, r.Code, c)
		if err != nil {
			return User{}, err
		}
	}
	return a.create(ctx, n, func(tx *sqldb.Tx, u User) error {
		if r.Invitation != "" {
			if err := a.useInvitation(ctx, tx, r.Invitation, u, c); err != nil {
				return err
			}
		}
		if err := a.audit(ctx, tx, auditEntry{event: AuditRegister, userID: u.ID, actor: u.ID, client: c}); err != nil {
			return err
		}
		if _, err := a.succeeded(ctx, tx, u.ID, c); err != nil { // as a sign-in from this network
			return err
		}
		return open(tx, u)
	})
}

// newcomer is who gets an account.
type newcomer struct {
	account
	role   Role
	hash   *string // of the password, where it is known and the password is not
	code   string  // id of the code that was right for the address that the account proves
	client Client
}

// maxMadeUp bounds how many made-up usernames are tried.
const maxMadeUp = 5

// create makes a user, the drive and whatever more does, in one transaction.
func (a *Accounts) create(ctx context.Context, n newcomer, more func(tx *sqldb.Tx, u User) error) (User, error) {
	if err := n.taken(ctx, a.db); err != nil { // before the hash, which costs more
		return User{}, err
	}
	hash, err := n.passwordHash(ctx, a.hasher)
	if err != nil {
		return User{}, err
	}
	for try := 1; ; try++ {
		if n.madeUp {
			n.username = n.makeUp(try)
			_, n.usernameKey, _ = usernameKey(n.username)
		}
		u, err := a.insert(ctx, n, hash, more)
		if !fault.Is(err, fault.Exists) || publicCode(err) != fault.Exists.Code() {
			return u, err
		}
		// Somebody else took a name since we looked; an update sees which even before their commit. If it is free
		// again by now, the caller may as well try again.
		var taken error
		if readErr := a.db.Update(ctx, func(tx *sqldb.Tx) error { taken = n.taken(ctx, tx); return nil }); readErr != nil {
			return User{}, readErr
		}
		switch {
		case n.madeUp && (taken == nil || publicCode(taken) == codeUsernameTaken) && try < maxMadeUp: // another one, then
		case taken != nil:
			return User{}, taken
		default:
			return User{}, fault.As(fault.Busy, "authn.create", err)
		}
	}
}

func (n newcomer) passwordHash(ctx context.Context, h *hasher) (string, error) {
	if n.hash != nil {
		return *n.hash, nil
	}
	return h.hash(ctx, n.password)
}

func publicCode(err error) string {
	code, _, _ := fault.Public(err)
	return code
}

// insert is the transaction of create.
func (a *Accounts) insert(ctx context.Context, n newcomer, hash string, more func(tx *sqldb.Tx, u User) error) (User, error) {
	u := User{ID: sqldb.NewID(), Username: n.username, Email: n.email, Phone: n.phone, Role: n.role}
	now := a.now()
	u.Created = sqldb.Time(now)
	var emailVerified, phoneVerified int64
	if n.proves != nil && n.proves.kind == kindEmail {
		u.EmailVerified, emailVerified = true, now
	} else if n.proves != nil {
		u.PhoneVerified, phoneVerified = true, now
	}
	err := a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if n.proves != nil {
			if err := useCode(ctx, tx, n.code, now); err != nil {
				return err
			}
			if err := a.free(ctx, tx, *n.proves, "", n.client); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO users (id, username, username_key, email, email_key, phone, password_hash, role, created_at, email_verified_at, phone_verified_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			u.ID, u.Username, n.usernameKey, u.Email, orNull(n.emailKey), orNull(u.Phone), hash, string(n.role), now, emailVerified, phoneVerified); err != nil {
			return err
		}
		if err := a.o.CreateDrive(ctx, tx, u.ID); err != nil {
			return err
		}
		return more(tx, u)
	})
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
	username, usernameKey string
	madeUp                bool // the username is still to be made up
	email, emailKey       string
	phone                 string // E.164
	password              string
	proves                *address // the address that a code must prove; nil if none
}

const (
	notUsername = "A username begins with a letter or a digit and holds letters, digits, dots, hyphens and underscores."
	notEmail    = "This is not an e-mail address."
	notPhone    = "This is not a phone number. It begins with + and the country code."
)

// check answers every rejected field at once. verify is Options.Verify.
func (r Registration) check(verify string) (account, error) { return r.checkBut(verify, false) }

// checkBut is check, where hashed says that the hash of the password is known instead of it.
func (r Registration) checkBut(verify string, hashed bool) (account, error) {
	var fields []fault.Field
	reject := func(name, code, message string) {
		fields = append(fields, fault.Field{Name: name, Code: code, Message: message})
	}
	var acc account
	var ok bool
	switch acc.username, acc.usernameKey, ok = usernameKey(r.Username); {
	case r.Username == "" && r.Email == "" && r.Phone == "" && verify == VerifyNone:
		reject("username", "required", "Choose a username, or give an e-mail address or a phone number.")
	case r.Username == "":
		acc.madeUp = true
	case utf8.RuneCountInString(r.Username) > MaxUsername:
		reject("username", "too_long", fmt.Sprintf("A username is at most %d characters long.", MaxUsername))
	case !ok:
		reject("username", "invalid", notUsername)
	}
	if f, ok := checkPassword("password", r.Password); !ok && !hashed {
		fields = append(fields, f)
	}
	if r.Email != "" {
		acc.email = r.Email
		if acc.emailKey, ok = emailKey(r.Email); !ok {
			reject("email", "invalid", notEmail)
		}
	}
	if r.Phone != "" {
		if acc.phone, ok = phoneKey(r.Phone); !ok {
			reject("phone", "invalid", notPhone)
		}
	}
	fields = append(fields, r.checkProof(verify)...)
	if fields != nil {
		return account{}, invalidFields("authn.Register", fields)
	}
	switch verify {
	case VerifyEmail:
		acc.proves = &address{kindEmail, acc.email, acc.emailKey}
	case VerifyPhone:
		acc.proves = &address{kindPhone, acc.phone, acc.phone}
	}
	acc.password, _ = preparePassword(r.Password)
	return acc, nil
}

// checkProof is check for the address that must be proven. The other kind of address is not taken along: unproven, it would tell who tries whether
// another account has it.
func (r Registration) checkProof(verify string) (fields []fault.Field) {
	reject := func(name, code, message string) {
		fields = append(fields, fault.Field{Name: name, Code: code, Message: message})
	}
	const later = "This is added to the account later, where it is confirmed."
	switch verify {
	case VerifyNone:
		if r.Code != "" {
			reject("code", "unsupported", "Registering needs no code here.")
		}
		return fields
	case VerifyEmail:
		if r.Email == "" {
			reject("email", "required", "This is required.")
		}
		if r.Phone != "" {
			reject("phone", "unsupported", later)
		}
	case VerifyPhone:
		if r.Phone == "" {
			reject("phone", "required", "This is required.")
		}
		if r.Email != "" {
			reject("email", "unsupported", later)
		}
	}
	if r.Code == "" {
		reject("code", "required", "Ask for a code, and enter the one that was sent to you.")
	}
	return fields
}

func checkPassword(name, password string) (fault.Field, bool) {
	f := fault.Field{Name: name}
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

const codeUsernameTaken = "username_taken"

func usernameTaken() error {
	return fault.New(fault.Exists, "authn.taken", "This username is taken.").WithCode(codeUsernameTaken)
}

// taken answers Exists if another account has one of the names. An address that is to be proven is looked at when it is: see free.
func (acc account) taken(ctx context.Context, q sqldb.Querier) error {
	emailKey, phone := acc.emailKey, acc.phone
	if acc.proves != nil {
		emailKey, phone = "", ""
	}
	var username, email, tel bool
	err := q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE username_key = $1),
		EXISTS (SELECT 1 FROM users WHERE email_key = $2), EXISTS (SELECT 1 FROM users WHERE phone = $3)`,
		[]any{acc.usernameKey, emailKey, phone}, &username, &email, &tel)
	switch {
	case err != nil:
		return err
	case username:
		return usernameTaken()
	case email:
		return address{kind: kindEmail}.taken()
	case tel:
		return address{kind: kindPhone}.taken()
	}
	return nil
}
