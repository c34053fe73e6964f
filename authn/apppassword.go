package authn

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// The bounds of app passwords.
const (
	MaxAppPasswords    = 100 // of one account, those that have expired included until they are swept
	MaxAppPasswordName = 64  // characters
)

const (
	// appPasswordLength is how many characters an app password has beside its hyphens, each of 5 random bits: 100 bits.
	appPasswordLength = 20
	appPasswordGroup  = 5 // characters between two hyphens
	// appPasswordTyped bounds what is taken for one, in bytes: people put spaces and hyphens where they like.
	appPasswordTyped = 64
	// appPasswordDigits are Crockford's base32: no letter looks like a digit or like another one.
	appPasswordDigits = "0123456789abcdefghjkmnpqrstvwxyz"
	// appPasswordExpired is how long one that has expired is still shown.
	appPasswordExpired = 30 * 24 * time.Hour
	// appPasswordAge bounds how far away an expiry may be.
	appPasswordAge = 100 * 365 * 24 * time.Hour
)

// AppPassword is a password for one program or device, beside the account's own. It may be kept to a folder and to reading.
type AppPassword struct {
	ID       string
	Name     string
	Folder   string // id of the folder that it opens; empty for the whole drive
	ReadOnly bool
	Created  time.Time
	Seen     time.Time // last use, exact to a minute; zero: never
	Expires  time.Time // zero: never
}

// NewAppPassword is what an app password is made of. Whether Folder is the caller's is not known here: of another's it opens nothing.
type NewAppPassword struct {
	Name     string
	Folder   string
	ReadOnly bool
	Expires  time.Time // zero: never
}

// CreateAppPassword makes an app password and answers it with its secret, which nobody can read again. Whoever got hold of a session must not
// be able to stay that way: unless its owner signed in for it in the last ten minutes (confirmRecent), the account's password is asked for again, and
// a code where a second factor is on, which an app password gets past. Forbidden with code "password_required" if the password is missing then, else as
// byOwner; Invalid with code "invalid_fields"; TooMany with code "too_many_app_passwords".
func (a *Accounts) CreateAppPassword(ctx context.Context, p Principal, n NewAppPassword, proof Proof, c Client) (AppPassword, string, error) {
	made, err := n.check(a.o.Now())
	if err != nil {
		return AppPassword{}, "", fault.Wrap(err, "authn.CreateAppPassword")
	}
	by := auditEntry{actor: p.UserID, client: c}
	switch err := a.confirmRecent(ctx, p); {
	case err == nil:
		return a.makeAppPassword(ctx, p, made, by)
	case !fault.Is(err, fault.Forbidden):
		return AppPassword{}, "", fault.Wrap(err, "authn.CreateAppPassword")
	case proof.Password == "":
		return AppPassword{}, "", aboutPassword("password_required", "It is a while since you signed in. Give your password, or sign in again.")
	}
	secret, hash := newAppPassword()
	err = a.byOwner(ctx, p, proof, c, func(tx *sqldb.Tx, u User) error { return a.insertAppPassword(ctx, tx, u.ID, &made, hash, by) })
	if err != nil {
		return AppPassword{}, "", fault.Wrap(err, "authn.CreateAppPassword")
	}
	return made, secret, nil
}

// CreateAppPasswordFor is CreateAppPassword for who runs the server. NotFound.
func (a *Accounts) CreateAppPasswordFor(ctx context.Context, login string, n NewAppPassword) (AppPassword, string, error) {
	made, err := n.check(a.o.Now())
	if err != nil {
		return AppPassword{}, "", fault.Wrap(err, "authn.CreateAppPassword")
	}
	u, _, err := userByLogin(ctx, a.db, login)
	if err != nil {
		return AppPassword{}, "", fault.Wrap(err, "authn.CreateAppPassword")
	}
	return a.makeAppPassword(ctx, Principal{UserID: u.ID}, made, auditEntry{})
}

// MustConfirm reports whether CreateAppPassword asks this principal for the password, and for a code besides.
func (a *Accounts) MustConfirm(ctx context.Context, p Principal) (password, code bool, err error) {
	err = a.confirmRecent(ctx, p)
	if !fault.Is(err, fault.Forbidden) {
		return false, false, fault.Wrap(err, "authn.MustConfirm")
	}
	err = a.db.Row(ctx, `SELECT factor_at > 0 FROM users WHERE id = $1`, []any{p.UserID}, &code)
	return true, code, fault.Wrap(err, "authn.MustConfirm")
}

func (a *Accounts) makeAppPassword(ctx context.Context, p Principal, made AppPassword, by auditEntry) (AppPassword, string, error) {
	secret, hash := newAppPassword()
	err := a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if err := lockUser(ctx, tx, p.UserID); err != nil {
			return err
		}
		if err := mustLive(ctx, tx, p); err != nil {
			return err
		}
		return a.insertAppPassword(ctx, tx, p.UserID, &made, hash, by)
	})
	if err != nil {
		return AppPassword{}, "", fault.Wrap(err, "authn.CreateAppPassword")
	}
	return made, secret, nil
}

// insertAppPassword keeps a new app password. The caller holds the account's row, so that they are counted one after the other.
func (a *Accounts) insertAppPassword(ctx context.Context, tx *sqldb.Tx, userID string, made *AppPassword, hash []byte, by auditEntry) error {
	var there int
	if err := tx.Row(ctx, `SELECT COUNT(*) FROM app_passwords WHERE user_id = $1`, []any{userID}, &there); err != nil {
		return err
	}
	if there >= MaxAppPasswords {
		return fault.New(fault.TooMany, "authn.insertAppPassword", fmt.Sprintf("An account has at most %d app passwords. Remove some first.", MaxAppPasswords)).WithCode("too_many_app_passwords")
	}
	now := a.now()
	made.ID, made.Created = sqldb.NewID(), sqldb.Time(now)
	if _, err := tx.Exec(ctx, `INSERT INTO app_passwords (id, user_id, hash, name, folder_id, read_only, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		made.ID, userID, hash, made.Name, made.Folder, made.ReadOnly, now, sqldb.Micros(made.Expires)); err != nil {
		return err
	}
	by.event, by.userID, by.detail = AuditAppPasswordCreated, userID, made.Name
	return a.audit(ctx, tx, by)
}

// check answers every rejected field at once.
func (n NewAppPassword) check(now time.Time) (AppPassword, error) {
	var fields []fault.Field
	reject := func(name, code, message string) {
		fields = append(fields, fault.Field{Name: name, Code: code, Message: message})
	}
	made := AppPassword{Name: norm.NFC.String(strings.TrimSpace(n.Name)), Folder: n.Folder, ReadOnly: n.ReadOnly, Expires: n.Expires}
	switch {
	case len(n.Name) > 4*MaxAppPasswordName || utf8.RuneCountInString(made.Name) > MaxAppPasswordName:
		reject("name", "too_long", fmt.Sprintf("A name is at most %d characters long.", MaxAppPasswordName))
	case made.Name == "":
		reject("name", "required", "Say what the password is for: the name of an app or a device.")
	case !utf8.ValidString(made.Name) || strings.ContainsFunc(made.Name, func(r rune) bool { return r != ' ' && invisible(r) }):
		reject("name", "invalid", "A name holds nothing that cannot be seen.")
	}
	if !n.Expires.IsZero() && (!n.Expires.After(now) || n.Expires.After(now.Add(appPasswordAge))) {
		reject("expires_at", "invalid", "This is not in the future, or too far away.")
	}
	if fields != nil {
		return AppPassword{}, invalidFields("authn.NewAppPassword", fields)
	}
	return made, nil
}

// AppPasswords lists an account's app passwords, the newest first.
func (a *Accounts) AppPasswords(ctx context.Context, userID string) ([]AppPassword, error) {
	all, err := sqldb.All(ctx, a.db, `SELECT id, name, folder_id, read_only, created_at, seen_at, expires_at FROM app_passwords WHERE user_id = $1 ORDER BY id DESC`,
		[]any{userID}, func(scan sqldb.Scan) (p AppPassword, err error) {
			var created, seen, expires int64
			err = scan(&p.ID, &p.Name, &p.Folder, &p.ReadOnly, &created, &seen, &expires)
			p.Created, p.Seen, p.Expires = sqldb.Time(created), sqldb.Time(seen), sqldb.Time(expires)
			return p, err
		})
	return all, fault.Wrap(err, "authn.AppPasswords")
}

// RevokeAppPassword ends one of the principal's app passwords: it is refused from the next request on, on every node. NotFound.
func (a *Accounts) RevokeAppPassword(ctx context.Context, p Principal, id string, c Client) error {
	if !sqldb.ValidID(id) {
		return noAppPassword()
	}
	err := a.db.Update(ctx, func(tx *sqldb.Tx) error {
		var name string
		if err := tx.Row(ctx, `DELETE FROM app_passwords WHERE id = $1 AND user_id = $2 RETURNING name`, []any{id, p.UserID}, &name); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditAppPasswordRevoked, userID: p.UserID, actor: p.UserID, client: c, detail: name})
	})
	if sqldb.NoRow(err) {
		return noAppPassword()
	}
	return fault.Wrap(err, "authn.RevokeAppPassword")
}

func noAppPassword() error {
	return fault.New(fault.NotFound, "authn.appPassword", "There is no such app password.").WithCode("no_such_app_password")
}

// newAppPassword makes an app password as it is shown, and the hash that is stored in its place. With 100 random bits there is nothing to
// guess, so that a plain SHA-256 hides it as well as a slow hash would, and a request that brings it costs a look-up instead of 19 MiB and 30 ms.
func newAppPassword() (secret string, hash []byte) {
	var random [appPasswordLength]byte
	_, _ = rand.Read(random[:]) // never fails
	var shown, bare strings.Builder
	for i, b := range random {
		if i > 0 && i%appPasswordGroup == 0 {
			shown.WriteByte('-')
		}
		digit := appPasswordDigits[b%byte(len(appPasswordDigits))] // 256 is a multiple of 32: all are as likely
		shown.WriteByte(digit)
		bare.WriteByte(digit)
	}
	return shown.String(), hashSecret(bare.String())
}

// bareAppPassword is an app password without what makes it easy to read: hyphens, spaces, capitals, and letters in the place of the digits that
// they look like. ok is false for what cannot be one; it may be an account's own password.
func bareAppPassword(typed string) (bare string, ok bool) {
	if len(typed) > appPasswordTyped {
		return "", false
	}
	var b strings.Builder
	for _, r := range strings.ToLower(typed) {
		switch {
		case r == '-' || r == ' ':
			continue
		case r == 'o':
			r = '0'
		case r == 'i' || r == 'l':
			r = '1'
		case !strings.ContainsRune(appPasswordDigits, r):
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), b.Len() == appPasswordLength
}

// byAppPassword answers whose app password it is, and until when that need not be asked again while no row changes. ok is false
// for what is none of this account's, has expired, or belongs to an account that may not sign in. It says so sooner for a password that has not
// the shape of one, which tells nobody anything; for a name that nobody has it does what it does for any other.
func (a *Accounts) byAppPassword(ctx context.Context, login, password string, c Client) (who Principal, until time.Time, ok bool, err error) {
	bare, ok := bareAppPassword(password)
	if !ok {
		return who, until, false, nil
	}
	column, key, named := keyColumn(login)
	if !named {
		return who, until, false, nil
	}
	now := a.o.Now()
	var seen, expires int64
	who.Method = MethodBasic
	err = a.db.Row(ctx, `SELECT p.id, p.folder_id, p.read_only, p.seen_at, p.expires_at, u.id, u.username, u.role FROM app_passwords p JOIN users u ON u.id = p.user_id
		WHERE p.hash = $1 AND u.`+column+` = $2 AND u.disabled_at = 0 AND (p.expires_at = 0 OR p.expires_at > $3)`, []any{hashSecret(bare), key, sqldb.Micros(now)},
		&who.AppPassword, &who.Folder, &who.ReadOnly, &seen, &expires, &who.UserID, &who.Username, &who.Role)
	if sqldb.NoRow(err) {
		return Principal{}, until, false, nil
	}
	if err != nil {
		return Principal{}, until, false, err
	}
	until = a.appPasswordSeen(ctx, who, seen, c)
	if end := sqldb.Time(expires); expires != 0 && end.Before(until) {
		until = end
	}
	return who, until, true, nil
}

// appPasswordSeen writes down that an app password was used, as seen does for sessions, and answers when it is to be written next. The audit log
// tells from where it was used first.
func (a *Accounts) appPasswordSeen(ctx context.Context, who Principal, before int64, c Client) (next time.Time) {
	now := a.now()
	if now-before < seenEvery.Microseconds() {
		return sqldb.Time(before).Add(seenEvery)
	}
	next = sqldb.Time(now).Add(seenEvery)
	if _, busy := a.seeing.LoadOrStore(who.AppPassword, struct{}{}); busy {
		return next // a request beside this one writes it
	}
	defer a.seeing.Delete(who.AppPassword)
	err := a.db.Update(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE app_passwords SET seen_at = $1 WHERE id = $2 AND seen_at = $3`, now, who.AppPassword, before)
		if err != nil || n == 0 || before != 0 {
			return err
		}
		var name string
		if err := tx.Row(ctx, `SELECT name FROM app_passwords WHERE id = $1`, []any{who.AppPassword}, &name); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditAppPasswordUsed, userID: who.UserID, actor: who.UserID, client: c, detail: name})
	})
	switch {
	case err == nil:
		a.o.Observe(EventLoginOK)
	case ctx.Err() == nil:
		a.o.Log.Warn("use of an app password was not written", "app_password", who.AppPassword, "err", err)
	}
	return next
}
