package authn

import (
	"context"
	"fmt"
	"slices"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Administration is what whoever runs the server does to accounts. All of it is in the audit log, and all of it asks once more whether the
// actor is an administrator, in the transaction of what is done. The command line is bound by none of the rules for administrators.
type Administration struct {
	a      *Accounts
	actor  string // id; empty for the command line
	client Client
}

// Administer is administration by p. The zero principal is the command line.
func (a *Accounts) Administer(p Principal, c Client) Administration {
	return Administration{a, p.UserID, c}
}

// NewUser is an account that an administrator makes.
type NewUser struct {
	Registration
	Role  Role
	Quota *int64 // bytes, negative is no limit; nil is the server's default
	// Hash, if set, is of the account's password, which nobody here knows and Registration does not have: one that CheckForeignHash takes, or none ("")
	// for an account that has no password yet.
	Hash *string
	// Disabled keeps it from signing in from the beginning.
	Disabled bool
}

// CreateUser makes an account with its drive, also where registration is closed. Errors as Register.
func (d Administration) CreateUser(ctx context.Context, n NewUser) (User, error) {
	if !n.Role.valid() {
		return User{}, fault.Wrap(invalidRole(), "authn.CreateUser")
	}
	if n.Hash != nil && *n.Hash != "" {
		if err := CheckForeignHash(*n.Hash); err != nil {
			return User{}, fault.As(fault.Invalid, "authn.CreateUser", err)
		}
	}
	acc, err := n.Registration.checkBut(VerifyNone, n.Hash != nil)
	if err != nil {
		return User{}, fault.Wrap(err, "authn.CreateUser")
	}
	u, err := d.a.create(ctx, newcomer{account: acc, role: n.Role, hash: n.Hash}, func(tx *sqldb.Tx, u User) error {
		if _, err := d.admins(ctx, tx); err != nil {
			return err
		}
		if n.Quota != nil {
			if err := d.a.o.SetQuota(ctx, tx, u.ID, *n.Quota); err != nil {
				return err
			}
		}
		if err := d.audit(ctx, tx, AuditUserCreated, u.ID, fmt.Sprintf("%s (%s)", u.Username, u.Role)); err != nil || !n.Disabled {
			return err
		}
		return d.setDisabled(ctx, tx, &u, true)
	})
	u.Disabled = err == nil && n.Disabled
	return u, fault.Wrap(err, "authn.CreateUser")
}

// UserChange is what an administrator changes about an account. What is nil stays.
type UserChange struct {
	Role     *Role
	Disabled *bool  // it cannot sign in, and its sessions are ended; its files stay
	Quota    *int64 // bytes; negative is no limit
}

// Change changes an account, all or nothing, and answers it as it is then. NotFound; Invalid; Forbidden with code "own_account" for an
// administrator's own role and whether it is disabled, so that there is always one left.
func (d Administration) Change(ctx context.Context, id string, c UserChange) (u User, err error) {
	if c.Role != nil && !c.Role.valid() {
		return User{}, fault.Wrap(invalidRole(), "authn.Change")
	}
	err = d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if u, err = d.target(ctx, tx, id); err != nil {
			return err
		}
		if c.Role != nil && *c.Role != u.Role {
			if err := d.setRole(ctx, tx, &u, *c.Role); err != nil {
				return err
			}
		}
		if c.Disabled != nil && *c.Disabled != u.Disabled {
			if err := d.setDisabled(ctx, tx, &u, *c.Disabled); err != nil {
				return err
			}
		}
		if c.Quota == nil {
			return nil
		}
		if err := d.a.o.SetQuota(ctx, tx, u.ID, *c.Quota); err != nil {
			return err
		}
		return d.audit(ctx, tx, AuditQuota, u.ID, quotaText(*c.Quota))
	})
	return u, fault.Wrap(err, "authn.Change")
}

func quotaText(quota int64) string {
	if quota < 0 {
		return "no limit"
	}
	return fmt.Sprintf("%d bytes", quota)
}

func (d Administration) setRole(ctx context.Context, tx *sqldb.Tx, u *User, role Role) error {
	if err := d.notOwn(u.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE users SET role = $2 WHERE id = $1`, u.ID, string(role)); err != nil {
		return err
	}
	detail := fmt.Sprintf("%s to %s", u.Role, role)
	u.Role = role
	return d.audit(ctx, tx, AuditRole, u.ID, detail)
}

func (d Administration) setDisabled(ctx context.Context, tx *sqldb.Tx, u *User, disabled bool) error {
	if err := d.notOwn(u.ID); err != nil {
		return err
	}
	at, event := int64(0), AuditUserEnabled
	if disabled {
		at, event = d.a.now(), AuditUserDisabled
	}
	if _, err := tx.Exec(ctx, `UPDATE users SET disabled_at = $2 WHERE id = $1`, u.ID, at); err != nil {
		return err
	}
	u.Disabled = disabled
	if disabled {
		if err := d.a.endSessions(ctx, tx, u.ID); err != nil {
			return err
		}
	}
	return d.audit(ctx, tx, event, u.ID, "")
}

// SetPassword gives an account another password and ends its sessions. NotFound; Invalid; Forbidden with code "own_account": whoever finds an
// administrator's session open must not get the account for good.
func (d Administration) SetPassword(ctx context.Context, id, password string) error {
	if f, ok := checkPassword("password", password); !ok {
		return invalidFields("authn.SetPassword", []fault.Field{f})
	}
	prepared, _ := preparePassword(password)
	hash, err := d.a.hasher.hash(ctx, prepared)
	if err != nil {
		return fault.Wrap(err, "authn.SetPassword")
	}
	return fault.Wrap(d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, err := d.target(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := d.notOwn(u.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE users SET password_hash = $2 WHERE id = $1`, u.ID, hash); err != nil {
			return err
		}
		if err := d.audit(ctx, tx, AuditPassword, u.ID, ""); err != nil {
			return err
		}
		return d.a.endSessions(ctx, tx, u.ID)
	}), "authn.SetPassword")
}

// SignOut ends all sessions of an account, at once and on every node. NotFound.
func (d Administration) SignOut(ctx context.Context, id string) error {
	return fault.Wrap(d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, err := d.target(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := d.audit(ctx, tx, AuditSignedOut, u.ID, ""); err != nil {
			return err
		}
		return d.a.endSessions(ctx, tx, u.ID)
	}), "authn.SignOut")
}

// RevokeAppPassword ends an app password of an account: it is refused from the next request on, on every node. NotFound.
func (d Administration) RevokeAppPassword(ctx context.Context, userID, id string) error {
	if !sqldb.ValidID(id) {
		return noAppPassword()
	}
	err := d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, err := d.target(ctx, tx, userID)
		if err != nil {
			return err
		}
		var name string
		err = tx.Row(ctx, `DELETE FROM app_passwords WHERE id = $1 AND user_id = $2 RETURNING name`, []any{id, u.ID}, &name)
		if sqldb.NoRow(err) {
			return noAppPassword()
		}
		if err != nil {
			return err
		}
		return d.audit(ctx, tx, AuditAppPasswordRevoked, u.ID, name)
	})
	return fault.Wrap(err, "authn.RevokeAppPassword")
}

// RecordUploadEnded writes down that an upload of a user is ended. It comes before that is done, so that nobody does it who is no administrator any more
// (Forbidden with code "not_admin"), and nothing is done that is not told.
func (d Administration) RecordUploadEnded(ctx context.Context, userID, uploadID string) error {
	return fault.Wrap(d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := d.admins(ctx, tx); err != nil {
			return err
		}
		return d.audit(ctx, tx, AuditUploadEnded, userID, uploadID)
	}), "authn.RecordUploadEnded")
}

// RecordEventsRetried writes down that events are sent again: one by its id, "dead" for all that were given up, or "paused" for all that wait. Like
// RecordUploadEnded it comes first, with the same error.
func (d Administration) RecordEventsRetried(ctx context.Context, which string) error {
	return fault.Wrap(d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := d.admins(ctx, tx); err != nil {
			return err
		}
		return d.audit(ctx, tx, AuditEventsRetried, "", which)
	}), "authn.RecordEventsRetried")
}

// Delete closes an account: from now on nobody signs in to it, its sessions are ended and its names are free. RemoveClosed removes it then, with its
// drive. NotFound; Forbidden with code "own_account" (see DeleteOwn).
func (d Administration) Delete(ctx context.Context, id string) error {
	err := d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, err := d.target(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := d.notOwn(u.ID); err != nil {
			return err
		}
		if err := d.audit(ctx, tx, AuditUserDeleted, u.ID, u.Username); err != nil {
			return err
		}
		return d.a.close(ctx, tx, u.ID)
	})
	if err == nil {
		d.a.wakeRemoval()
	}
	return fault.Wrap(err, "authn.Delete")
}

// target takes the row of the account that something is done to. NotFound; Forbidden if the actor is no administrator any more.
func (d Administration) target(ctx context.Context, tx *sqldb.Tx, id string) (User, error) {
	if !sqldb.ValidID(id) {
		return User{}, noSuchAccount()
	}
	if _, err := d.admins(ctx, tx); err != nil {
		return User{}, err
	}
	u, err := scanUser(func(dest ...any) error {
		return tx.Row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1 AND deleted_at = 0`+forUpdate(tx), []any{id}, dest...)
	})
	if sqldb.NoRow(err) {
		err = noSuchAccount()
	}
	return u, err
}

// admins takes the rows of all administrators who may sign in, and answers their ids: two who would end each other come one after the other. Forbidden
// if the actor is none of them.
func (d Administration) admins(ctx context.Context, tx *sqldb.Tx) ([]string, error) {
	ids, err := sqldb.All(ctx, tx, `SELECT id FROM users WHERE role = 'admin' AND disabled_at = 0 AND deleted_at = 0 ORDER BY id`+forUpdate(tx), nil,
		func(scan sqldb.Scan) (id string, err error) { return id, scan(&id) })
	if err == nil && d.actor != "" && !slices.Contains(ids, d.actor) {
		err = fault.New(fault.Forbidden, "authn.admins", "You are no administrator any more.").WithCode("not_admin")
	}
	return ids, err
}

func (d Administration) notOwn(id string) error {
	if id != d.actor {
		return nil
	}
	return fault.New(fault.Forbidden, "authn.admin", "Nobody does this to the own account: another administrator can, or the command line.").WithCode("own_account")
}

func (d Administration) audit(ctx context.Context, tx *sqldb.Tx, event, userID, detail string) error {
	return d.a.audit(ctx, tx, auditEntry{event: event, userID: userID, actor: d.actor, client: d.client, detail: detail, always: true})
}

// forUpdate ends a SELECT that takes the rows it reads, as an UPDATE of them would: rows that refer to them may be added all the same, such as the
// tokens of a session that is refreshed, whose own row is needed next. SQLite has one writer and needs none.
func forUpdate(tx *sqldb.Tx) string {
	if tx.Engine() == sqldb.Postgres {
		return ` FOR NO KEY UPDATE`
	}
	return ``
}

// endSessions ends all sessions of an account whose row the caller holds: whoever opens a session holds that row.
func (a *Accounts) endSessions(ctx context.Context, tx *sqldb.Tx, userID string) error {
	_, err := tx.Exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND revoked_at = 0`, a.now(), userID)
	return err
}

func invalidRole() error {
	return invalidFields("authn.role", []fault.Field{{Name: "role", Code: "invalid", Message: `A role is "user" or "admin".`}})
}

func noSuchAccount() error {
	return fault.New(fault.NotFound, "authn", "There is no such account.").WithCode("no_such_account")
}

// UserByLogin answers an account by its username, e-mail address or phone number. NotFound.
func (a *Accounts) UserByLogin(ctx context.Context, login string) (User, error) {
	u, _, err := userByLogin(ctx, a.db, login)
	return u, fault.Wrap(err, "authn.UserByLogin")
}

// CreateUser makes an account from the command line.
func (a *Accounts) CreateUser(ctx context.Context, r Registration, role Role) (User, error) {
	return a.Administer(Principal{}, Client{}).CreateUser(ctx, NewUser{Registration: r, Role: role})
}

// SetPassword gives an account another password from the command line and ends its sessions. NotFound, Invalid.
func (a *Accounts) SetPassword(ctx context.Context, login, password string) error {
	return a.byCommand(ctx, login, func(d Administration, id string) error { return d.SetPassword(ctx, id, password) })
}

// SetDisabled keeps an account from signing in and ends its sessions, or lets it in again, from the command line. Its files stay. NotFound.
func (a *Accounts) SetDisabled(ctx context.Context, login string, disabled bool) error {
	return a.byCommand(ctx, login, func(d Administration, id string) error {
		_, err := d.Change(ctx, id, UserChange{Disabled: &disabled})
		return err
	})
}

// DeleteUser removes an account and all that belongs to it from the command line, and returns when it is done. The content of its files is freed by the
// next gc. NotFound.
func (a *Accounts) DeleteUser(ctx context.Context, login string) error {
	return a.byCommand(ctx, login, func(d Administration, id string) error {
		if err := d.Delete(ctx, id); err != nil {
			return err
		}
		return a.removeClosed(ctx, id)
	})
}

// byCommand finds the account that a command is about.
func (a *Accounts) byCommand(ctx context.Context, login string, do func(d Administration, id string) error) error {
	u, err := a.UserByLogin(ctx, login)
	if err != nil {
		return err
	}
	return do(a.Administer(Principal{}, Client{}), u.ID)
}
