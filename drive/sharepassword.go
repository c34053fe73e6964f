package drive

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Guesses at a share's password: some are free, then the next one waits, twice as long each time.
const (
	freeShareTries   = 10
	firstShareWait   = 30 * time.Second
	longestShareWait = 15 * time.Minute
	shareTriesLife   = 24 * time.Hour // without a try, after which they are forgotten
)

// ProveShare takes the password of a share. Forbidden with code "wrong_password"; TooMany with code "too_many_attempts" while guesses wait, which are not
// looked at then. A try is on record before its result is known, so guesses made at once get no further than one by one. The count is the share's:
// whoever guesses keeps others out for a while, but not those who have its password already (SignShare).
func (s *Drives) ProveShare(ctx context.Context, share Share, password string) error {
	if !share.Protected() {
		return nil
	}
	if err := s.tryShare(ctx, share.ID); err != nil {
		return fault.Wrap(err, "drive.ProveShare")
	}
	ok := len(password) <= MaxSharePass && utf8.ValidString(password)
	if ok {
		var err error
		if ok, err = s.sharePasswords.verify(ctx, share.password, password); err != nil {
			return fault.Wrap(err, "drive.ProveShare")
		}
	}
	if !ok {
		return fault.New(fault.Forbidden, "drive.ProveShare", "The password is wrong.").WithCode("wrong_password")
	}
	_, err := s.execUnsettled(ctx, `UPDATE shares SET tries = tries - 1, blocked_until = 0 WHERE id = $1 AND tries > 0`, share.ID)
	return fault.Wrap(err, "drive.ProveShare")
}

// tryShare puts a try on record, or refuses it.
func (s *Drives) tryShare(ctx context.Context, id string) error {
	now := s.o.Now()
	return s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		// This takes the row, so that tries come one after the other.
		n, err := tx.Exec(ctx, `UPDATE shares SET tries = tries + 1 WHERE id = $1 AND blocked_until <= $2`, id, sqldb.Micros(now))
		if err != nil {
			return err
		}
		all, err := sqldb.All(ctx, tx, `SELECT `+shareColumns+` FROM shares WHERE id = $1`, []any{id}, scanShare)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return fault.New(fault.NotFound, "drive.tryShare", "")
		}
		share := all[0]
		if n == 0 {
			wait := max(time.Second, share.blockedUntil.Sub(now))
			return fault.New(fault.TooMany, "drive.tryShare", "Too many wrong passwords. Try again later.").WithCode("too_many_attempts").WithWait(wait)
		}
		if now.Sub(share.tried) > shareTriesLife {
			share.tries = 1
		}
		until := time.Time{}
		if over := share.tries - freeShareTries; over >= 0 {
			until = now.Add(min(longestShareWait, firstShareWait<<min(over, 10)))
		}
		_, err = tx.Exec(ctx, `UPDATE shares SET tries = $2, tried_at = $3, blocked_until = $4 WHERE id = $1`, id, share.tries, sqldb.Micros(now), sqldb.Micros(until))
		return err
	})
}

// SignShare answers a text that says, for this share and until life is over, what. A share's new password makes it worthless.
func (s *Drives) SignShare(ctx context.Context, share Share, what string, life time.Duration) (string, error) {
	until := strconv.FormatInt(s.o.Now().Add(life).Unix(), 36)
	mac, err := s.shareMAC(ctx, "signed", share.ID, share.password, until, what)
	return until + "." + base64.RawURLEncoding.EncodeToString(mac), fault.Wrap(err, "drive.SignShare")
}

// ShareSigned reports whether a text is what SignShare answered for this share and what, and is so still.
func (s *Drives) ShareSigned(ctx context.Context, share Share, what, text string) (bool, error) {
	until, sent, _ := strings.Cut(text, ".")
	end, err := strconv.ParseInt(until, 36, 64)
	if err != nil || len(text) > 80 || !s.o.Now().Before(time.Unix(end, 0)) {
		return false, nil
	}
	want, err := s.shareMAC(ctx, "signed", share.ID, share.password, until, what)
	return err == nil && hmac.Equal([]byte(sent), []byte(base64.RawURLEncoding.EncodeToString(want))), fault.Wrap(err, "drive.ShareSigned")
}

// sharePasswords hashes the passwords of shares, by argon2id at the cost that OWASP recommends (19 MiB, two passes, one thread). It is not the one of accounts: whoever
// guesses at a share takes no turn from those who sign in.
type sharePasswords struct {
	slot    chan struct{} // one at a time: each takes 19 MiB and a core
	waiting atomic.Int64
}

const (
	shareHashMemory  = 19 << 10 // KiB
	shareHashTime    = 2
	shareHashWaiting = 64 // at some 30 ms a hash, the last one waits two seconds
	shareHashPrefix  = "$argon2id$v=19$m=19456,t=2,p=1$"
)

func newSharePasswords() *sharePasswords { return &sharePasswords{slot: make(chan struct{}, 1)} }

// hash makes the PHC string of a password. Busy if too many wait.
func (h *sharePasswords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	key, err := h.derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return shareHashPrefix + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key), nil
}

func (h *sharePasswords) verify(ctx context.Context, phc, password string) (bool, error) {
	rest, known := strings.CutPrefix(phc, shareHashPrefix)
	first, second, whole := strings.Cut(rest, "$")
	salt, err := base64.RawStdEncoding.Strict().DecodeString(first)
	want, err2 := base64.RawStdEncoding.Strict().DecodeString(second)
	if !known || !whole || err != nil || err2 != nil || len(want) == 0 {
		return false, fmt.Errorf("the password hash of a share is none")
	}
	got, err := h.derive(ctx, password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (h *sharePasswords) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > shareHashWaiting {
		return nil, fault.New(fault.Busy, "drive.sharePassword", "Too many passwords are being checked. Try again in a moment.").WithCode("shares_busy")
	}
	select {
	case h.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slot }()
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, shareHashTime, shareHashMemory, 1, 32), nil
}
