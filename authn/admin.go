package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// MaxUsers is the most that one call of Users answers.
const MaxUsers = 1000

// Users lists accounts in the order in which they were made, beginning behind the account with the id after (empty:
// at the start), at most limit and never more than MaxUsers.
func (a *Accounts) Users(ctx context.Context, after string, limit int) ([]User, error) {
	users, err := sqldb.All(ctx, a.db, `SELECT `+userColumns+` FROM users WHERE id > $1 ORDER BY id LIMIT $2`,
		[]any{shown(after, sqldb.IDLength), min(max(limit, 1), MaxUsers)},
		func(scan sqldb.Scan) (User, error) { return scanUser(scan) })
	return users, fault.Wrap(err, "authn.Users")
}

// CreateUser makes an account with its drive, also where registration is closed. Errors as Register.
func (a *Accounts) CreateUser(ctx context.Context, r Registration, role Role) (User, error) {
	if role != RoleUser && role != RoleAdmin {
		return User{}, invalidFields("authn.CreateUser", []fault.Field{{Name: "role", Code: "invalid", Message: `A role is "user" or "admin".`}})
	}
	u, err := a.create(ctx, r, role, func(*sqldb.Tx, User) error { return nil })
	return u, fault.Wrap(err, "authn.CreateUser")
}

// SetPassword gives an account another password and ends its sessions. NotFound, Invalid.
func (a *Accounts) SetPassword(ctx context.Context, login, password string) error {
	if f, ok := checkPassword(password); !ok {
		return invalidFields("authn.SetPassword", []fault.Field{f})
	}
	prepared, _ := preparePassword(password)
	hash, err := a.hasher.hash(ctx, prepared)
	if err != nil {
		return fault.Wrap(err, "authn.SetPassword")
	}
	return fault.Wrap(a.change(ctx, login, AuditPassword, true, `UPDATE users SET password_hash = $1 WHERE id = $2`, hash), "authn.SetPassword")
}

// SetDisabled keeps an account from signing in and ends its sessions, or lets it in again. Its files stay. NotFound.
func (a *Accounts) SetDisabled(ctx context.Context, login string, disabled bool) error {
	at, event := int64(0), AuditUserEnabled
	if disabled {
		at, event = a.now(), AuditUserDisabled
	}
	return fault.Wrap(a.change(ctx, login, event, disabled, `UPDATE users SET disabled_at = $1 WHERE id = $2`, at), "authn.SetDisabled")
}

// DeleteUser removes an account and every row that belongs to it. The content of its files is freed by the next gc. NotFound.
func (a *Accounts) DeleteUser(ctx context.Context, login string) error {
	return fault.Wrap(a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, _, err := userByLogin(ctx, tx, login)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `DELETE FROM users WHERE id = $1`, u.ID); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditUserDeleted, userID: u.ID, detail: u.Username})
	}), "authn.DeleteUser")
}

// change runs update on the account's row ($1 is value, $2 its id), which the audit log knows as event, and then ends the sessions, in this order: whoever opens a
// session holds that row.
func (a *Accounts) change(ctx context.Context, login, event string, endSessions bool, update string, value any) error {
	return a.db.Update(ctx, func(tx *sqldb.Tx) error {
		u, _, err := userByLogin(ctx, tx, login)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, update, value, u.ID); err != nil {
			return err
		}
		if err := a.audit(ctx, tx, auditEntry{event: event, userID: u.ID}); err != nil || !endSessions {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE sessions SET revoked_at = $1 WHERE user_id = $2 AND revoked_at = 0`, a.now(), u.ID)
		return err
	})
}
