package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// ChangeEmail gives an account another e-mail address, or proves the one that it has, against a code of CodeEmail that was sent there and the
// account's password, and one of the second factor where that is on. The old address is told. An empty address takes it away, without a code. Invalid with code "invalid_fields" or "wrong_code"; Exists
// with code "email_taken"; Forbidden with code "email_required" where accounts are known by their e-mail address; else as ChangePassword.
func (a *Accounts) ChangeEmail(ctx context.Context, p Principal, email, code string, proof Proof, c Client) (User, error) {
	u, err := a.changeAddress(ctx, p, kindEmail, email, code, proof, c)
	return u, fault.Wrap(err, "authn.ChangeEmail")
}

// ChangePhone is ChangeEmail for the phone number, with a code of CodePhone: the codes are "phone_taken" and "phone_required".
func (a *Accounts) ChangePhone(ctx context.Context, p Principal, phone, code string, proof Proof, c Client) (User, error) {
	u, err := a.changeAddress(ctx, p, kindPhone, phone, code, proof, c)
	return u, fault.Wrap(err, "authn.ChangePhone")
}

func (a *Accounts) changeAddress(ctx context.Context, p Principal, kind, typed, code string, proof Proof, c Client) (User, error) {
	if typed == "" {
		return a.dropAddress(ctx, p, kind, proof, c)
	}
	var fields []fault.Field
	at, ok := readAddress(typed)
	if !ok || at.kind != kind {
		message := notEmail
		if kind == kindPhone {
			message = notPhone
		}
		fields = append(fields, fault.Field{Name: kind, Code: "invalid", Message: message})
	}
	if code == "" {
		fields = append(fields, fault.Field{Name: "code", Code: "required", Message: "Ask for a code, and enter the one that was sent to you."})
	}
	if fields != nil {
		return User{}, invalidFields("authn.changeAddress", fields)
	}
	if err := a.confirm(ctx, p, proof.Password, c); err != nil {
		return User{}, err
	}
	if asked, err := a.Asks(ctx, p); err != nil {
		return User{}, err
	} else if asked.Code && proof.OTP == "" {
		return User{}, errCodeMissing // before it costs a try of the code that was sent
	}
	id, err := a.tryCode(ctx, issued{kind, at, p.UserID}, code, c) // the purpose is called as the kind
	if err != nil {
		return User{}, err
	}
	u, err := a.moveAddress(ctx, p, at, proof.OTP, c, func(tx *sqldb.Tx) error {
		if err := useCode(ctx, tx, id, a.now()); err != nil {
			return err
		}
		return a.free(ctx, tx, at, p.UserID, c)
	})
	if fault.Is(err, fault.Exists) { // also where somebody took it since we looked
		err = at.taken()
	}
	return u, err
}

// dropAddress takes an address away from an account.
func (a *Accounts) dropAddress(ctx context.Context, p Principal, kind string, proof Proof, c Client) (User, error) {
	if a.o.Verify == kind {
		sentence := "An account has an e-mail address here. Change it to another one."
		if kind == kindPhone {
			sentence = "An account has a phone number here. Change it to another one."
		}
		return User{}, fault.New(fault.Forbidden, "authn.dropAddress", sentence).WithCode(kind + "_required")
	}
	if err := a.confirm(ctx, p, proof.Password, c); err != nil {
		return User{}, err
	}
	return a.moveAddress(ctx, p, address{kind: kind}, proof.OTP, c, func(*sqldb.Tx) error { return nil })
}

// moveAddress writes the address at, which is proven or empty, into the account, once before says that it may. otp is for owner.
func (a *Accounts) moveAddress(ctx context.Context, p Principal, at address, otp string, c Client, before func(tx *sqldb.Tx) error) (User, error) {
	var old, u User
	err := a.decide(ctx, func(tx *sqldb.Tx) (err error) {
		if old, err = a.owner(ctx, tx, p, otp, c); err != nil {
			return err
		}
		if err := before(tx); err != nil {
			return err
		}
		verified := a.now()
		detail := at.kind + " taken away"
		if at.key == "" {
			verified = 0
		} else {
			detail = at.masked()
		}
		u = old
		event, update, args := AuditEmail, `UPDATE users SET email = $1, email_key = $2, email_verified_at = $3 WHERE id = $4`, []any{at.to, orNull(at.key), verified, u.ID}
		u.Email, u.EmailVerified = at.to, verified != 0
		if at.kind == kindPhone {
			event, update, args = AuditPhone, `UPDATE users SET phone = $1, phone_verified_at = $2 WHERE id = $3`, []any{orNull(at.key), verified, u.ID}
			u = old
			u.Phone, u.PhoneVerified = at.to, verified != 0
		}
		if _, err := tx.Exec(ctx, update, args...); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: event, userID: u.ID, actor: u.ID, client: c, detail: detail})
	})
	if err != nil {
		return User{}, err
	}
	a.tellOld(old, u, at.kind, c)
	return u, nil
}

// tellOld tells the address that an account had that it is gone, if it was the owner's for sure and is another one now.
func (a *Accounts) tellOld(old, now User, kind string, c Client) {
	before, _ := emailKey(old.Email)
	after, _ := emailKey(now.Email)
	switch {
	case kind == kindEmail && old.EmailVerified && before != after:
		a.tell(address{kind: kindEmail, to: old.Email}, "email-gone", now, c)
	case kind == kindPhone && old.PhoneVerified && old.Phone != now.Phone:
		a.tell(address{kind: kindPhone, to: old.Phone}, "phone-gone", now, c)
	}
}
