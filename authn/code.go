package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// What a code is for.
const (
	CodeRegister = "register" // proves an address before the account is made
	CodeReset    = "reset"    // stands in for a forgotten password
	CodeEmail    = "email"    // proves the e-mail address that an account shall have
	CodePhone    = "phone"    // proves the phone number that an account shall have
)

// A code has six digits, so what keeps it from being guessed is how often one may try: at most maxCodeTries times a day for an address,
// whatever the number of codes. How often codes are sent is bounded for the address, which is somebody's mailbox, for
// the network that asks, and in all (Options.CodesPerHour), since text messages cost money.
const (
	codeTTL         = 10 * time.Minute
	codeTries       = 5 // of one code, the right one included
	codeResend      = time.Minute
	codesPerAddress = 5  // in an hour
	codesPerClient  = 20 // in an hour
	maxCodeTries    = 20 // tries at the codes of one address for one purpose in codeMemory
	codeMemory      = 24 * time.Hour
)

// CodeRequest asks for a code.
type CodeRequest struct {
	Purpose    string // Code…
	To         string // an e-mail address or a phone number
	Invitation string // for CodeRegister where only the invited may register
}

// CodeSent says how long the code is good for, and after what time another one may be asked for.
type CodeSent struct{ ExpiresIn, ResendAfter time.Duration }

// SendCode sends a code, in the language of the client. p is who asks, for CodeEmail and CodePhone; for the others it does not matter. The answer is the same, and takes as long,
// whether somebody has this address or not: that is looked at afterwards, by Deliver, and the message says it. Invalid with code "invalid_fields",
// among them "no_sender" for an address of a kind to which this server sends nothing; Forbidden with code "registration_closed" or
// "invalid_invitation"; Unauthenticated; TooMany with code "too_many_codes"; Busy.
func (a *Accounts) SendCode(ctx context.Context, p Principal, r CodeRequest, c Client) (CodeSent, error) {
	at, err := a.checkCode(ctx, p, r)
	if err != nil {
		return CodeSent{}, fault.Wrap(err, "authn.SendCode")
	}
	userID := ""
	if r.Purpose == CodeEmail || r.Purpose == CodePhone {
		userID = p.UserID
	}
	if len(a.outbox) == cap(a.outbox) {
		return CodeSent{}, outboxFull()
	}
	in, err := a.languageOf(c)
	if err != nil {
		return CodeSent{}, fault.Wrap(err, "authn.SendCode")
	}
	code, expires, err := a.issue(ctx, issued{r.Purpose, at, userID}, c)
	if err != nil {
		return CodeSent{}, fault.Wrap(err, "authn.SendCode")
	}
	if !a.post(parcel{purpose: r.Purpose, at: at, userID: userID, code: code, in: in, expires: expires}) {
		return CodeSent{}, outboxFull()
	}
	return CodeSent{codeTTL, codeResend}, nil
}

func outboxFull() error {
	return fault.New(fault.Busy, "authn.SendCode", "Too many messages are waiting to be sent. Try again in a moment.").WithCode("codes_busy").WithWait(codeResend)
}

// checkCode refuses what no code can be sent for.
func (a *Accounts) checkCode(ctx context.Context, p Principal, r CodeRequest) (address, error) {
	reject := func(name, code, message string) (address, error) {
		return address{}, invalidFields("authn.SendCode", []fault.Field{{Name: name, Code: code, Message: message}})
	}
	at, ok := readAddress(r.To)
	switch r.Purpose {
	case CodeRegister:
		if err := a.welcome(ctx, r.Invitation); err != nil {
			return address{}, err
		}
		if a.o.Verify == VerifyNone {
			return reject("purpose", "unsupported", "Registering needs no code here.")
		}
		ok = ok && at.kind == a.o.Verify
	case CodeReset:
	case CodeEmail, CodePhone:
		if p.UserID == "" {
			return address{}, fault.New(fault.Unauthenticated, "authn.SendCode", "")
		}
		ok = ok && at.kind == r.Purpose
	default:
		return reject("purpose", "invalid", "A code is for register, reset, email or phone.")
	}
	switch {
	case r.To == "":
		return reject("to", "required", "This is required.")
	case !ok && (r.Purpose == CodeEmail || r.Purpose == CodeRegister && a.o.Verify == VerifyEmail):
		return reject("to", "invalid", notEmail)
	case !ok && (r.Purpose == CodePhone || r.Purpose == CodeRegister):
		return reject("to", "invalid", notPhone)
	case !ok:
		return reject("to", "invalid", "This is neither an e-mail address nor a phone number with + and the country code.")
	case a.senderOf(at.kind) == nil && at.kind == kindEmail:
		return reject("to", "no_sender", "This server sends no e-mail.")
	case a.senderOf(at.kind) == nil:
		return reject("to", "no_sender", "This server sends no text messages.")
	}
	return at, nil
}

// issued is what a code is bound to: it is good for nothing else.
type issued struct {
	purpose string
	at      address
	userID  string // whose address it shall become; empty for who is not signed in
}

// issue makes a code, which takes the place of the ones before it.
func (a *Accounts) issue(ctx context.Context, of issued, c Client) (code string, expires int64, err error) {
	number, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", 0, err
	}
	code = fmt.Sprintf("%06d", number)
	client := networkOf(c.Address)
	if err := a.mayIssue(ctx, a.db, of, client); err != nil { // most of a flood ends here, and changes nothing
		return "", 0, err
	}
	now := a.now()
	expires = now + codeTTL.Microseconds()
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		key, err := lockCodeKey(ctx, tx)
		if err != nil {
			return err
		}
		if err := a.mayIssue(ctx, tx, of, client); err != nil {
			return err
		}
		id := sqldb.NewID()
		if _, err := tx.Exec(ctx, `INSERT INTO codes (id, purpose, target, user_id, mac, client, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			id, of.purpose, of.at.key, of.userID, codeMAC(key, id, of, code), client, now, expires); err != nil {
			return err
		}
		return a.audit(ctx, tx, auditEntry{event: AuditCodeSent, userID: of.userID, actor: of.userID, client: c, detail: of.purpose + " " + of.at.masked()})
	})
	if err == nil {
		a.o.Observe(EventCodeSent)
	}
	return code, expires, err
}

// lockCodeKey answers the key of the MACs, which is made when it is first needed, and makes those who issue codes wait for each other, so that what
// they count is what there is.
func lockCodeKey(ctx context.Context, tx *sqldb.Tx) (key []byte, err error) {
	const lock = `UPDATE code_keys SET value = value WHERE name = 'codes' RETURNING value`
	err = tx.Row(ctx, lock, nil, &key)
	if !sqldb.NoRow(err) {
		return key, err
	}
	var made [32]byte
	_, _ = rand.Read(made[:]) // never fails
	if _, err := tx.Exec(ctx, `INSERT INTO code_keys (name, value) VALUES ('codes', $1) ON CONFLICT DO NOTHING`, made[:]); err != nil {
		return nil, err
	}
	return key, tx.Row(ctx, lock, nil, &key)
}

// codeMAC is what is stored of a code. A plain hash of six digits is undone at once; this one needs the key, which whoever
// reads the whole database has too, within the minutes that a code lives.
func codeMAC(key []byte, id string, of issued, code string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(strings.Join([]string{id, of.purpose, of.at.key, of.userID, code}, "\x00")))
	return m.Sum(nil)
}

// mayIssue answers TooMany if enough codes were sent.
func (a *Accounts) mayIssue(ctx context.Context, q sqldb.Querier, of issued, client string) error {
	now := a.now()
	hour := now - time.Hour.Microseconds()
	var last, forAddress, firstForAddress, forClient, firstForClient, all, tries int64
	if err := q.Row(ctx, `SELECT
		(SELECT COALESCE(MAX(created_at), 0) FROM codes WHERE target = $1 AND purpose = $2),
		(SELECT COUNT(*) FROM codes WHERE target = $1 AND created_at > $4), (SELECT COALESCE(MIN(created_at), 0) FROM codes WHERE target = $1 AND created_at > $4),
		(SELECT COUNT(*) FROM codes WHERE client = $3 AND created_at > $4), (SELECT COALESCE(MIN(created_at), 0) FROM codes WHERE client = $3 AND created_at > $4),
		(SELECT COUNT(*) FROM codes WHERE created_at > $4),
		(SELECT COALESCE(SUM(tries), 0) FROM codes WHERE target = $1 AND purpose = $2 AND created_at > $5)`,
		[]any{of.at.key, of.purpose, client, hour, now - codeMemory.Microseconds()},
		&last, &forAddress, &firstForAddress, &forClient, &firstForClient, &all, &tries); err != nil {
		return err
	}
	wait := func(since int64, d time.Duration) time.Duration {
		return max(time.Second, time.Duration(since+d.Microseconds()-now)*time.Microsecond)
	}
	switch {
	case now-last < codeResend.Microseconds():
		return tooManyCodes("A code was just sent. Wait a minute before you ask for another one.", wait(last, codeResend))
	case tries >= maxCodeTries:
		return tooManyCodes("Too many wrong codes were tried for this address today.", time.Hour)
	case forAddress >= codesPerAddress:
		return tooManyCodes("Too many codes were sent to this address. Try again later.", wait(firstForAddress, time.Hour))
	case forClient >= codesPerClient:
		return tooManyCodes("Too many codes were asked for from here. Try again later.", wait(firstForClient, time.Hour))
	case all >= int64(a.o.CodesPerHour):
		return tooManyCodes("Too many codes were sent in the last hour. Try again later.", 5*time.Minute)
	}
	return nil
}

func tooManyCodes(public string, wait time.Duration) error {
	return fault.New(fault.TooMany, "authn.code", public).WithCode("too_many_codes").WithWait(wait)
}

// tryCode holds a typed code against the newest one that was issued. The try counts, also if what it was for fails later, and is on record
// before the answer is known, so that tries which come together are counted one by one. A right code is still to be used up (useCode). Invalid with
// code "wrong_code", whether the code is wrong, dead, too old or was never sent; TooMany. Who guesses at many addresses is slowed down too (attempts.go).
func (a *Accounts) tryCode(ctx context.Context, of issued, typed string, c Client) (id string, err error) {
	guess := attempt{what: guessCode, name: of.purpose + " " + of.at.key, client: c}
	if err := a.admit(ctx, a.db, guess); err != nil {
		return "", err
	}
	typed = strings.Join(strings.Fields(typed), "")
	typed = typed[:min(len(typed), 16)] // no code of ours is longer; it counts all the same
	var right bool
	var tries int64
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		right, tries = false, 0
		if err := a.admit(ctx, tx, guess); err != nil {
			return err
		}
		now := a.now()
		var mac, key []byte
		err := tx.Row(ctx, `UPDATE codes SET tries = tries + 1
			WHERE id = (SELECT id FROM codes WHERE target = $1 AND purpose = $2 AND user_id = $3 ORDER BY id DESC LIMIT 1)
			AND tries < $4 AND used_at = 0 AND expires_at > $5 RETURNING id, mac, (SELECT value FROM code_keys WHERE name = 'codes')`,
			[]any{of.at.key, of.purpose, of.userID, codeTries, now}, &id, &mac, &key)
		if sqldb.NoRow(err) {
			return nil
		}
		if err != nil {
			return err
		}
		right = hmac.Equal(mac, codeMAC(key, id, of, typed))
		return tx.Row(ctx, `SELECT COALESCE(SUM(tries), 0) FROM codes WHERE target = $1 AND purpose = $2 AND created_at > $3`,
			[]any{of.at.key, of.purpose, now - codeMemory.Microseconds()}, &tries)
	})
	switch {
	case err != nil:
		return "", err
	case tries > maxCodeTries:
		return "", tooManyCodes("Too many wrong codes were tried for this address today.", time.Hour)
	case !right:
		a.o.Observe(EventCodeWrong)
		if err := a.failed(ctx, guess, auditEntry{event: AuditCodeWrong, userID: of.userID, actor: of.userID, detail: of.purpose + " " + of.at.masked()}); err != nil {
			return "", err
		}
		return "", wrongCode()
	}
	return id, nil
}

// useCode uses a right code up, in the transaction of what it is for. wrong_code if another request was first.
func useCode(ctx context.Context, tx *sqldb.Tx, id string, now int64) error {
	n, err := tx.Exec(ctx, `UPDATE codes SET used_at = $1 WHERE id = $2 AND used_at = 0`, now, id)
	if err == nil && n == 0 {
		err = wrongCode()
	}
	return err
}

func wrongCode() error {
	const sentence = "This code is wrong or has expired. Ask for a new one if it does not work."
	e := fault.New(fault.Invalid, "authn.code", sentence).WithCode("wrong_code")
	e.Fields = []fault.Field{{Name: "code", Code: "wrong_code", Message: sentence}}
	return e
}
