package drive

import (
	"context"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Moment is a drive as it was after a change. The time is part of it because numbers come again when a backup is restored.
type Moment struct {
	Sequence int64 // of the change; 0 is before the first one
	At       int64 // microseconds since 1970
}

// String is the moment for a client to keep; ParseMoment reads it.
func (m Moment) String() string {
	return strconv.FormatInt(m.Sequence, 36) + "." + strconv.FormatInt(m.At, 36)
}

// ParseMoment reads what Moment.String wrote. Invalid with code "invalid_moment".
func ParseMoment(text string) (Moment, error) {
	before, after, _ := strings.Cut(text, ".")
	sequence, err1 := strconv.ParseInt(before, 36, 64)
	at, err2 := strconv.ParseInt(after, 36, 64)
	if err1 != nil || err2 != nil || sequence < 0 || at < 0 {
		return Moment{}, fault.New(fault.Invalid, "drive.ParseMoment", "This is no moment that an earlier answer named.").WithCode("invalid_moment")
	}
	return Moment{sequence, at}, nil
}

// News is what happened in a drive since a moment.
type News struct {
	Changes []Change // oldest first
	Now     Moment   // where to go on
	More    bool     // there is more, from Now on
}

// Present is the drive's present moment. NotFound for one who is kept to a folder.
func (s *Drives) Present(ctx context.Context, driveID string) (Moment, error) {
	if err := unlimited(ctx, driveID); err != nil {
		return Moment{}, fault.Wrap(err, "drive.Present")
	}
	p, err := head(ctx, s.db, driveID, "")
	return Moment{p.Sequence, p.At}, fault.Wrap(err, "drive.Present")
}

// Since answers what happened in a drive after a moment, at most limit changes (up to MaxList). Gone with code "changes_gone" if that is not
// known, or not any more: start anew, from the drive as it is. NotFound for one who is kept to a folder.
func (s *Drives) Since(ctx context.Context, driveID string, since Moment, limit int) (n News, err error) {
	if err := unlimited(ctx, driveID); err != nil {
		return n, fault.Wrap(err, "drive.Since")
	}
	limit = max(1, min(limit, MaxList))
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		n = News{Now: since}
		now, err := head(ctx, tx, driveID, "")
		if err != nil {
			return err
		}
		if now.Sequence == since.Sequence {
			if now.At != since.At {
				return changesGone()
			}
			return nil
		}
		if since.Sequence > now.Sequence {
			return changesGone()
		}
		n.Changes, err = changesFrom(ctx, tx, driveID, since, limit)
		n.Changes = n.Changes[:min(len(n.Changes), limit)]
		if len(n.Changes) > 0 {
			last := n.Changes[len(n.Changes)-1]
			n.Now = Moment{last.Sequence, sqldb.Micros(last.At)}
		}
		n.More = n.Now.Sequence < now.Sequence
		return err
	})
	return n, fault.Wrap(err, "drive.Since")
}

// changesFrom reads at most limit changes after a moment, whose own change comes first, to know it by its time.
func changesFrom(ctx context.Context, q sqldb.Querier, driveID string, since Moment, limit int) (all []Change, err error) {
	next := max(1, since.Sequence)
	err = q.Each(ctx, `SELECT sequence, node_id, kind, path, at, folder, from_id, from_name, parent_id FROM changes
		WHERE drive_id = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3`, []any{driveID, since.Sequence, limit + 1}, func(scan sqldb.Scan) error {
		c := Change{DriveID: driveID}
		var at int64
		if err := scan(&c.Sequence, &c.NodeID, (*string)(&c.Kind), (*string)(&c.Path), &at, &c.folder, &c.from.folder, &c.from.name, &c.to.folder); err != nil {
			return err
		}
		if c.Sequence != next || c.Sequence == since.Sequence && at != since.At {
			return changesGone()
		}
		next++
		if c.Sequence == since.Sequence {
			return nil
		}
		c.At = sqldb.Time(at)
		all = append(all, c)
		return nil
	})
	return all, err
}

func changesGone() error {
	return fault.New(fault.Gone, "drive.Since", "What changed since is not known any more.").WithCode("changes_gone")
}

// Folders are the ids of the folders that the node left and came to; none where it stayed.
func (c Change) Folders() (ids []string) {
	for _, id := range [...]string{c.from.folder, c.to.folder} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
