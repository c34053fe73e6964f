package authn

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

const (
	// maxMadeUpStem bounds what a made-up username takes over from an e-mail address, in characters.
	maxMadeUpStem = 24
	// maxRenames bounds how often an account takes another username in a day: each leaves a line in the audit log.
	maxRenames = 10
)

// makeUp is a username for an account that was given none: what stands before the "@" of its e-mail address, as far as a username may hold that, or
// "user", and from the second try on something random behind it. Of a phone number it tells nothing, also of one that is an address.
func (acc account) makeUp(try int) string {
	local, _, _ := strings.Cut(acc.email, "@")
	local, _, _ = strings.Cut(local, "+") // what stands behind it is the owner's own note
	digits := 0
	stem := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			digits++
			return r
		case unicode.IsLetter(r), r == '.', r == '_', r == '-':
			return unicode.ToLower(r)
		}
		return -1
	}, local)
	stem = strings.Trim(stem, "._-")
	if runes := []rune(stem); len(runes) > maxMadeUpStem {
		stem = string(runes[:maxMadeUpStem])
	}
	if _, _, ok := usernameKey(stem); !ok || digits >= 6 {
		stem, try = "user", max(try, 2)
	}
	if try == 1 {
		return stem
	}
	return stem + "-" + strings.ToLower(rand.Text()[:5+try])
}

// Rename gives the principal's own account another username. It may be all that the account is known by, so whoever found a session open could shut the
// owner out with it. Invalid with code "invalid_fields"; Exists with code "username_taken"; TooMany with code "too_many_renames"; else as ChangePassword.
func (a *Accounts) Rename(ctx context.Context, p Principal, username string, proof Proof, c Client) (User, error) {
	stored, key, ok := usernameKey(username)
	if !ok {
		f := fault.Field{Name: "username", Code: "invalid", Message: notUsername}
		if username == "" {
			f.Code, f.Message = "required", "Choose a username."
		} else if utf8.RuneCountInString(username) > MaxUsername {
			f.Code, f.Message = "too_long", "A username is at most 64 characters long."
		}
		return User{}, invalidFields("authn.Rename", []fault.Field{f})
	}
	if err := a.confirm(ctx, p, proof.Password, c); err != nil {
		return User{}, fault.Wrap(err, "authn.Rename")
	}
	var u User
	err := a.decide(ctx, func(tx *sqldb.Tx) (err error) {
		if u, err = a.owner(ctx, tx, p, proof.OTP, c); err != nil || u.Username == stored {
			return err
		}
		var renames int
		if err := tx.Row(ctx, `SELECT COUNT(*) FROM audit WHERE user_id = $1 AND event = $2 AND at > $3`,
			[]any{u.ID, AuditUsername, a.now() - (24 * time.Hour).Microseconds()}, &renames); err != nil {
			return err
		}
		if renames >= maxRenames {
			return fault.New(fault.TooMany, "authn.Rename", "The username was changed too often today.").WithCode("too_many_renames").WithWait(time.Hour)
		}
		var taken bool
		if err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE username_key = $1 AND id <> $2)`, []any{key, u.ID}, &taken); err != nil {
			return err
		}
		if taken {
			return usernameTaken()
		}
		if _, err := tx.Exec(ctx, `UPDATE users SET username = $1, username_key = $2 WHERE id = $3`, stored, key, u.ID); err != nil {
			return err
		}
		old := u.Username
		u.Username = stored
		return a.audit(ctx, tx, auditEntry{event: AuditUsername, userID: u.ID, actor: u.ID, client: c, detail: old + " → " + stored})
	})
	if fault.Is(err, fault.Exists) { // also where somebody took it since we looked
		err = usernameTaken()
	}
	if err != nil {
		return User{}, fault.Wrap(err, "authn.Rename")
	}
	return u, nil
}
