package authn

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// AuditLine is what the audit log tells. Its texts may be a stranger's: they are UTF-8 without NUL, and hold whatever else was sent.
type AuditLine struct {
	ID        string
	At        time.Time // of the first, if it stands for several
	Event     string    // Audit…
	UserID    string    // whose account it is about; empty if none
	Username  string    // as it is now; empty for none, and for an account that is gone
	ActorID   string    // who did it; empty for strangers and for the command line
	ActorName string
	Address   string
	UserAgent string
	Detail    string
	Times     int64 // for how many equal events in the same hour it stands; where there are many, only the first ones have a line each
}

// Device is the program and its system, as Session.Device is.
func (l AuditLine) Device() Device { return deviceOf(l.UserAgent) }

// MaxAuditLines is the most that one call of AuditLog answers.
const MaxAuditLines = 1000

// AuditFilter is which lines AuditLog answers. The zero value is all of them.
type AuditFilter struct {
	After   string    // the cursor that the call before answered; empty: from the newest line on
	Limit   int       // at most MaxAuditLines, which 0 means too
	UserID  string    // whose account they are about; empty: anybody's
	Event   string    // empty: any
	Address string    // from where, as the lines have it; empty: from anywhere
	Since   time.Time // the first moment; zero: from the beginning
	Until   time.Time // the first moment that does not belong to them; zero: until now
}

// AuditLog answers lines of the audit log, newest first, and the cursor to go on after them; it is empty if there are no more. Invalid.
func (a *Accounts) AuditLog(ctx context.Context, f AuditFilter) (lines []AuditLine, next string, err error) {
	limit := f.Limit
	if limit <= 0 || limit > MaxAuditLines {
		limit = MaxAuditLines
	}
	query, args, err := f.query(limit + 1) // one more tells whether there is more
	if err != nil {
		return nil, "", fault.Wrap(err, "authn.AuditLog")
	}
	lines, err = sqldb.All(ctx, a.db, query, args, scanAuditLine)
	if err != nil {
		return nil, "", fault.Wrap(err, "authn.AuditLog")
	}
	if len(lines) > limit {
		lines = lines[:limit]
		last := lines[limit-1]
		next = fmt.Sprintf("%d.%s", sqldb.Micros(last.At), last.ID)
	}
	return lines, next, nil
}

// query is put together of constants, so that there are few texts. Each has an index that answers in its order.
func (f AuditFilter) query(limit int) (text string, args []any, err error) {
	at, id := int64(math.MaxInt64), ""
	if !f.Until.IsZero() {
		at = sqldb.Micros(f.Until)
	}
	if f.After != "" {
		afterAt, afterID, err := readCursor(f.After)
		if err != nil {
			return "", nil, err
		}
		if afterAt < at {
			at, id = afterAt, afterID
		}
	}
	since := int64(math.MinInt64)
	if !f.Since.IsZero() {
		since = sqldb.Micros(f.Since)
	}
	// Names are looked up by themselves: for a join Postgres makes a table in memory for as many as it guesses, a tenth of the log, which takes longer than all else.
	text = `SELECT id, at, event, user_id, COALESCE((SELECT username FROM users WHERE users.id = lines.user_id), ''), actor_id,
		COALESCE((SELECT username FROM users WHERE users.id = lines.actor_id), ''), address, user_agent, detail, times
		FROM (SELECT * FROM audit WHERE (at, id) < ($1, $2) AND at >= $3`
	args = []any{at, id, since, limit}
	for _, only := range [...]struct{ column, value string }{{"user_id", f.UserID}, {"event", f.Event}, {"address", f.Address}} {
		if only.value != "" {
			args = append(args, shown(only.value, 64))
			text += ` AND ` + only.column + ` = $` + strconv.Itoa(len(args))
		}
	}
	return text + ` ORDER BY at DESC, id DESC LIMIT $4) lines ORDER BY at DESC, id DESC`, args, nil
}

// readCursor reads what AuditLog answered as next.
func readCursor(cursor string) (at int64, id string, err error) {
	text, id, _ := strings.Cut(cursor, ".")
	at, err = strconv.ParseInt(text, 10, 64)
	if err != nil || !sqldb.ValidID(id) {
		return 0, "", invalidFields("authn.AuditLog", []fault.Field{{Name: "after", Code: "invalid", Message: "Go on with the next of an earlier answer."}})
	}
	return at, id, nil
}

func scanAuditLine(scan sqldb.Scan) (l AuditLine, err error) {
	var at int64
	err = scan(&l.ID, &at, &l.Event, &l.UserID, &l.Username, &l.ActorID, &l.ActorName, &l.Address, &l.UserAgent, &l.Detail, &l.Times)
	l.At = sqldb.Time(at)
	return l, err
}

// OwnActivity is AuditLog of one's own account. What somebody else did tells that, and not who it was nor from where.
func (a *Accounts) OwnActivity(ctx context.Context, userID string, f AuditFilter) (lines []AuditLine, next string, err error) {
	f.UserID, f.Address = userID, "" // by which nobody finds out from where an administrator did it
	lines, next, err = a.AuditLog(ctx, f)
	for i := range lines {
		if l := &lines[i]; l.ActorID != userID && l.ActorID != "" {
			l.Address, l.UserAgent, l.ActorName = "", "", ""
		}
	}
	return lines, next, err
}

// RecordExport writes down that a user takes all of the own data.
func (a *Accounts) RecordExport(ctx context.Context, p Principal, c Client) error {
	return fault.Wrap(a.db.Update(ctx, func(tx *sqldb.Tx) error {
		return a.audit(ctx, tx, auditEntry{event: AuditExport, userID: p.UserID, actor: p.UserID, client: c})
	}), "authn.RecordExport")
}

// RecordShare writes down that a user made a link to a file or folder, or ended one: event is AuditShareMade or AuditShareEnded, detail says which.
func (a *Accounts) RecordShare(ctx context.Context, p Principal, event, detail string, c Client) error {
	return fault.Wrap(a.db.Update(ctx, func(tx *sqldb.Tx) error {
		return a.audit(ctx, tx, auditEntry{event: event, userID: p.UserID, actor: p.UserID, client: c, detail: detail})
	}), "authn.RecordShare")
}

// RecordRewind writes down that a user put a drive, or a folder of it, back to a moment; detail says which and to when.
func (a *Accounts) RecordRewind(ctx context.Context, p Principal, detail string, c Client) error {
	return fault.Wrap(a.db.Update(ctx, func(tx *sqldb.Tx) error {
		return a.audit(ctx, tx, auditEntry{event: AuditRewound, userID: p.UserID, actor: p.UserID, client: c, detail: detail})
	}), "authn.RecordRewind")
}
