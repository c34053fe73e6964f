package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// ResetPassword gives the account that has proven the address to (an e-mail address or a phone number) another password, against a code of CodeReset,
// and ends its sessions. A second factor stays on, and nobody is signed in. Invalid with code "invalid_fields", or "wrong_code", which is the answer too
// where no account has proven the address; TooMany; Busy.
func (a *Accounts) ResetPassword(ctx context.Context, to, code, password string, c Client) error {
	var fields []fault.Field
	at, ok := readAddress(to)
	if !ok {
		fields = append(fields, fault.Field{Name: "to", Code: "invalid", Message: "This is neither an e-mail address nor a phone number with + and the country code."})
	}
	if code == "" {
		fields = append(fields, fault.Field{Name: "code", Code: "required", Message: "Ask for a code, and enter the one that was sent to you."})
	}
	if f, ok := checkPassword("new_password", password); !ok {
		fields = append(fields, f)
	}
	if fields != nil {
		return invalidFields("authn.ResetPassword", fields)
	}
	return fault.Wrap(a.reset(ctx, at, code, password, c), "authn.ResetPassword")
}

func (a *Accounts) reset(ctx context.Context, at address, code, password string, c Client) error {
	id, err := a.tryCode(ctx, issued{CodeReset, at, ""}, code, c)
	if err != nil {
		return err
	}
	prepared, _ := preparePassword(password)
	hash, err := a.hasher.hash(ctx, prepared)
	if err != nil {
		return err
	}
	var u User
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if err := useCode(ctx, tx, id, a.now()); err != nil {
			return err
		}
		key, verified := at.columns()
		var userID string
		err := tx.Row(ctx, `UPDATE users SET password_hash = $1 WHERE `+key+` = $2 AND `+verified+` > 0 AND disabled_at = 0 RETURNING id`, []any{hash, at.key}, &userID)
		if sqldb.NoRow(err) {
			return wrongCode() // guessed: none was sent
		}
		if err != nil {
			return err
		}
		if u, err = lockedUser(ctx, tx, userID); err != nil {
			return err
		}
		if err := a.endSessions(ctx, tx, u.ID); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditPasswordReset, userID: u.ID, actor: u.ID, client: c, detail: at.masked()})
	})
	if err != nil {
		return err
	}
	a.o.Observe(EventPasswordReset)
	a.tellAll(u, "reset-done", c)
	return nil
}

// tellAll posts a notice to every address that the account has proven.
func (a *Accounts) tellAll(u User, message string, c Client) {
	if u.EmailVerified {
		a.tell(address{kind: kindEmail, to: u.Email}, message, u, c)
	}
	if u.PhoneVerified {
		a.tell(address{kind: kindPhone, to: u.Phone}, message, u, c)
	}
}
