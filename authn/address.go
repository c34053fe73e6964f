package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// The kinds of address that an account can have.
const (
	kindEmail = "email"
	kindPhone = "phone"
)

// address is an e-mail address or a phone number that has its shape.
type address struct {
	kind string // kindEmail or kindPhone
	to   string // where messages go: an e-mail address as it was typed, a phone number in E.164
	key  string // what makes two addresses the same
}

// readAddress tells which kind of address was typed. ok is false for what is none.
func readAddress(typed string) (at address, ok bool) {
	switch loginKind(typed) {
	case "email":
		key, ok := emailKey(typed)
		return address{kindEmail, typed, key}, ok
	case "phone":
		key, valid := phoneKey(typed)
		return address{kindPhone, key, key}, valid
	}
	return address{}, false
}

// masked is the address for logs and the audit log, which tell no stranger's address whole.
func (at address) masked() string {
	if at.kind == kindPhone {
		return maskPhone(at.to)
	}
	return maskEmail(at.to)
}

// columns are where an account keeps an address of this kind: what it is found by, and since when it is proven.
func (at address) columns() (key, verified string) {
	if at.kind == kindPhone {
		return "phone", "phone_verified_at"
	}
	return "email_key", "email_verified_at"
}

// holder is whose address it is, and whether that is proven. ok is false if it is nobody's.
func (at address) holder(ctx context.Context, q sqldb.Querier) (u User, verified, ok bool, err error) {
	column, _ := at.columns()
	u, err = scanUser(func(dest ...any) error {
		return q.Row(ctx, `SELECT `+userColumns+` FROM users WHERE `+column+` = $1`, []any{at.key}, dest...)
	})
	if sqldb.NoRow(err) {
		return User{}, false, false, nil
	}
	verified = u.EmailVerified
	if at.kind == kindPhone {
		verified = u.PhoneVerified
	}
	return u, verified, err == nil, err
}

// free makes room for who has just proven that the address is their own: an account that only claimed it loses it, so that
// nobody keeps the owner out by writing the address down first. Exists with code "email_taken" or "phone_taken" if it is another's own.
// userID is whose it shall be; empty for an account that is not there yet.
func (a *Accounts) free(ctx context.Context, tx *sqldb.Tx, at address, userID string, c Client) error {
	u, verified, ok, err := at.holder(ctx, tx)
	if err != nil || !ok || u.ID == userID {
		return err
	}
	if verified {
		return at.taken()
	}
	update := `UPDATE users SET email = '', email_key = NULL WHERE id = $1 AND email_verified_at = 0`
	if at.kind == kindPhone {
		update = `UPDATE users SET phone = NULL WHERE id = $1 AND phone_verified_at = 0`
	}
	n, err := tx.Exec(ctx, update, u.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return at.taken() // it was proven at this very moment
	}
	return a.audit(ctx, tx, auditEntry{event: AuditAddressLost, userID: u.ID, client: c, detail: at.masked()})
}

func (at address) taken() error {
	if at.kind == kindPhone {
		return fault.New(fault.Exists, "authn.taken", "Another account has this phone number.").WithCode("phone_taken")
	}
	return fault.New(fault.Exists, "authn.taken", "Another account has this e-mail address.").WithCode("email_taken")
}
