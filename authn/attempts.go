package authn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// What can be guessed. Each has counts of its own.
const (
	guessSignIn  = "sign_in" // the password of a login
	guessConfirm = "confirm" // the password again, in a session
	guessOTP     = "otp"     // the second factor of an account whose password was right
	guessCode    = "code"    // a code that was sent to an address
	guessOIDC    = "oidc"    // an answer of an OpenID Connect provider
)

// Failed attempts are counted in the database, so that neither a restart nor another node forgets them. After a few that cost
// nothing, each one makes the next wait, longer each time up to a bound, and time takes them off again. What is tried during a wait is
// neither judged nor counted, so that a wait ends when it was said to end.
//
// There are two counts: of the name that is guessed at and of the network that guesses. Nobody must be able to shut an owner out by guessing
// from elsewhere, so a network from which the account was signed in to before is judged by a third one alone, of that name from that network. Who
// shares a network with the owner can learn from it that the account exists; strangers cannot.
//
// A right password takes nothing off a count: an owner whose devices sign in every minute would give whoever guesses beside them a
// fresh start each time.

// limit is how a count makes wait.
type limit struct {
	free           int           // failures that cost nothing
	first, longest time.Duration // the wait after the next one; each further one doubles it up to longest
	decay          time.Duration // after which one failure is taken off
}

// nameLimit lets one name be guessed at some hundred times a day, from however many addresses.
func nameLimit() limit {
	return limit{free: 10, first: 30 * time.Second, longest: 15 * time.Minute, decay: 15 * time.Minute}
}

// networkLimit is wider, since many people may share an address.
func networkLimit() limit {
	return limit{free: 50, first: 5 * time.Second, longest: 5 * time.Minute, decay: time.Minute}
}

// otpLimit is narrow: a code has six digits, of which three are right at a time, and whoever guesses at it has the password already. Who goes
// on for years is right once in 38.
func otpLimit() limit {
	return limit{free: 5, first: 30 * time.Second, longest: time.Hour, decay: time.Hour}
}

// limit is how the count of the name that is guessed at makes wait.
func (t attempt) limit() limit {
	if t.what == guessOTP {
		return otpLimit()
	}
	return nameLimit()
}

// wait is how long the next attempt has to wait after so many failures.
func (l limit) wait(failures int) time.Duration {
	over := failures - l.free
	if over <= 0 {
		return 0
	}
	return min(l.longest, l.first<<min(over-1, 20))
}

// most is the highest count that is kept: a higher one would only take longer to be forgotten.
func (l limit) most() int { return l.free + 10 }

const (
	// maxAttempts bounds the rows of attempts; what was guessed at least is forgotten first, so that a flood of made-up names
	// does not free the name that somebody is really after.
	maxAttempts = 100_000
	// trimEvery is after how many failures a node looks whether there are more.
	trimEvery = 1000
	// maxNetworks bounds the networks that are known of one user: the ones used longest ago are forgotten.
	maxNetworks = 32
	// networkKnown is how long a network is known after the last sign-in from it, and networkNoted how exact that is.
	networkKnown = 90 * 24 * time.Hour
	networkNoted = 24 * time.Hour
)

// attempt is somebody's try at something that can be guessed.
type attempt struct {
	what   string // guess…
	name   string // what is guessed at: a login's key, an account's id, an address that a code was sent to. It need not exist; empty if it has no name
	userID string // the account, if there is one: the networks that it signed in from have counts of their own
	client Client
}

// counted is a row of attempts.
type counted struct {
	key   []byte
	limit limit
}

// counts are the rows that judge the attempt. q is only read.
func (a *Accounts) counts(ctx context.Context, q sqldb.Querier, t attempt) ([]counted, error) {
	network := networkOf(t.client.Address)
	var known bool
	if err := q.Row(ctx, `SELECT EXISTS (SELECT 1 FROM known_networks WHERE user_id = $1 AND network = $2 AND seen_at > $3)`,
		[]any{t.userID, network, a.now() - networkKnown.Microseconds()}, &known); err != nil {
		return nil, err
	}
	if known {
		return []counted{{countKey(t.what, "pair", t.name, network), t.limit()}}, nil
	}
	var rows []counted
	if t.name != "" {
		rows = append(rows, counted{countKey(t.what, "name", t.name), t.limit()})
	}
	if network != "" {
		rows = append(rows, counted{countKey(t.what, "network", network), networkLimit()})
	}
	return rows, nil
}

// countKey hides what a stranger typed: people type passwords where a name belongs.
func countKey(parts ...string) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// networkOf is the part of an address that one client has for itself: all of an IPv4 address, the first 64 bits of an
// IPv6 address (RFC 4291, section 2.5.4); empty for what is no address.
func networkOf(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	bits := 32
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}

// admit answers TooMany with code "too_many_attempts" while the attempt has to wait. Call it before what is costly, and again in the
// transaction of what a right guess does: of many guesses that are made at once, none may count that was answered after the last one allowed.
func (a *Accounts) admit(ctx context.Context, q sqldb.Querier, t attempt) error {
	rows, err := a.counts(ctx, q, t)
	if err != nil {
		return err
	}
	var until int64
	for _, row := range rows {
		var blocked int64
		if err := q.Row(ctx, `SELECT blocked_until FROM attempts WHERE key = $1`, []any{row.key}, &blocked); err != nil && !sqldb.NoRow(err) {
			return err
		}
		until = max(until, blocked)
	}
	return a.mustWait(until)
}

func (a *Accounts) mustWait(until int64) error {
	wait := time.Duration(until-a.now()) * time.Microsecond
	if wait <= 0 {
		return nil
	}
	return fault.New(fault.TooMany, "authn.admit", "There were too many failed attempts. Try again in "+spoken(wait)+".").
		WithCode("too_many_attempts").WithWait(wait)
}

// spoken is a wait for people, rounded up.
func spoken(wait time.Duration) string {
	n, unit := (wait+time.Second-1)/time.Second, "second"
	if wait > 90*time.Second {
		n, unit = (wait+time.Minute-1)/time.Minute, "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// failed counts a wrong guess, in a transaction of its own, and writes e into the audit log. TooMany if by now the attempt
// has to wait: then nothing is counted, and the caller answers that, as it does to a right guess (admit). nil: the caller says that it was wrong.
func (a *Accounts) failed(ctx context.Context, t attempt, e auditEntry) error {
	err := a.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error { return a.failedIn(ctx, tx, t, e) })
	if err == nil && a.failures.Add(1)%trimEvery == 0 {
		err = a.trimAttempts(ctx, maxAttempts)
	}
	return err
}

// failedIn is failed in the transaction that judged the guess.
func (a *Accounts) failedIn(ctx context.Context, tx *sqldb.Tx, t attempt, e auditEntry) error {
	rows, err := a.counts(ctx, tx, t)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(x, y counted) int { return bytes.Compare(x.key, y.key) }) // two that count the same rows wait for each other in one order
	var wait time.Duration
	for _, row := range rows {
		w, err := a.count(ctx, tx, row)
		if err != nil {
			return err
		}
		wait = max(wait, w)
	}
	if wait > 0 {
		e.detail = fmt.Sprintf("%s; the next attempt has to wait %s", e.detail, spoken(wait))
	}
	e.client = t.client
	return a.audit(ctx, tx, e)
}

// count adds a failure to a row and answers how long the next attempt has to wait. TooMany if this one has to.
func (a *Accounts) count(ctx context.Context, tx *sqldb.Tx, row counted) (time.Duration, error) {
	now := a.now()
	var failures int
	var at, until int64
	// On Postgres this takes the row, whether it was there or not.
	if err := tx.Row(ctx, `INSERT INTO attempts (key, failures, failed_at, blocked_until, expires_at) VALUES ($1, 0, $2, 0, $2)
		ON CONFLICT (key) DO UPDATE SET failures = attempts.failures RETURNING failures, failed_at, blocked_until`,
		[]any{row.key, now}, &failures, &at, &until); err != nil {
		return 0, err
	}
	if err := a.mustWait(until); err != nil {
		return 0, err
	}
	l := row.limit
	failures = min(max(0, failures-int((now-at)/l.decay.Microseconds()))+1, l.most())
	wait := l.wait(failures)
	_, err := tx.Exec(ctx, `UPDATE attempts SET failures = $1, failed_at = $2, blocked_until = $3, expires_at = $4 WHERE key = $5`,
		failures, now, now+wait.Microseconds(), now+int64(failures)*l.decay.Microseconds(), row.key)
	return wait, err
}

// trimAttempts forgets what is over max, the least guessed at first.
func (a *Accounts) trimAttempts(ctx context.Context, max int) error {
	return a.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM attempts WHERE key IN
			(SELECT key FROM attempts ORDER BY failures DESC, failed_at DESC LIMIT 1000000 OFFSET $1)`, max)
		return err
	})
}

// knownToday reports whether succeeded has nothing to write.
func (a *Accounts) knownToday(ctx context.Context, userID string, c Client) (known bool, err error) {
	network := networkOf(c.Address)
	if network == "" {
		return true, nil
	}
	err = a.db.Row(ctx, `SELECT EXISTS (SELECT 1 FROM known_networks WHERE user_id = $1 AND network = $2 AND seen_at > $3)`,
		[]any{userID, network, a.now() - networkNoted.Microseconds()}, &known)
	return known, err
}

// succeeded notes from which network an account was signed in to, and reports whether it was not known. At most once a day and
// network this is a write.
func (a *Accounts) succeeded(ctx context.Context, tx *sqldb.Tx, userID string, c Client) (news bool, err error) {
	network, now := networkOf(c.Address), a.now()
	if network == "" {
		return false, nil
	}
	var seen int64
	switch err = tx.Row(ctx, `SELECT seen_at FROM known_networks WHERE user_id = $1 AND network = $2`, []any{userID, network}, &seen); {
	case sqldb.NoRow(err):
		news = true
	case err != nil:
		return false, err
	case now-seen < networkNoted.Microseconds():
		return false, nil
	}
	if _, err = tx.Exec(ctx, `INSERT INTO known_networks (user_id, network, seen_at) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, network) DO UPDATE SET seen_at = $3`, userID, network, now); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM known_networks WHERE user_id = $1 AND network IN
		(SELECT network FROM known_networks WHERE user_id = $1 ORDER BY seen_at DESC, network LIMIT 1000 OFFSET $2)`, userID, maxNetworks)
	return news, err
}
