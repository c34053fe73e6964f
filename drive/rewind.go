package drive

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// MaxRewind is how many nodes may have changed since the moment that a drive is rewound to. A rewind is one transaction, which holds about a
// kilobyte for each of them in memory and writes two to five rows for each that it puts back: 10,000 files that were both renamed and
// overwritten take 1.6 s on SQLite, where all other writers wait, and 7 s on Postgres.
const MaxRewind = 50_000

// MaxRewindItems is how many of each kind a Rewound names.
const MaxRewindItems = 100

// Instant is a moment to go back to: a time, or a moment that the drive itself has told.
type Instant struct {
	Time   time.Time // if it is not zero
	Moment Moment
}

// ParseInstant reads a time as RFC 3339 has it, or what Moment.String wrote. Invalid with code "invalid_moment".
func ParseInstant(text string) (Instant, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil && t.Year() >= 1970 {
		return Instant{Time: t}, nil
	}
	m, err := ParseMoment(text)
	if err != nil {
		return Instant{}, fault.New(fault.Invalid, "drive.ParseInstant", "Name a time like 2026-01-31T12:00:00Z, or a moment that an earlier answer named.").WithCode("invalid_moment")
	}
	return Instant{Moment: m}, nil
}

// PreviewRewind answers what Rewind would do, and changes nothing. All that Rewind refuses, but for Locked and Full, which are Rewound.Obstacle.
func (s *Drives) PreviewRewind(ctx context.Context, driveID string, path Path, to Instant) (r Rewound, err error) {
	if err := unlimited(ctx, driveID); err != nil {
		return r, fault.Wrap(err, "drive.PreviewRewind")
	}
	release, err := s.rewinds.take(ctx, driveID)
	if err != nil {
		return r, fault.Wrap(err, "drive.PreviewRewind")
	}
	defer release()
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		p, err := s.planRewind(ctx, tx, driveID, path, to)
		if err != nil {
			return err
		}
		if r, err = p.answer(ctx); err != nil {
			return err
		}
		r.Obstacle, err = s.obstacle(ctx, tx, p)
		return err
	})
	return r, fault.Wrap(err, "drive.PreviewRewind")
}

// Rewind puts a drive, or the folder at path, back to how it was at an instant, by the changes since:
//
//   - what was removed comes back from the trash to where it was, and what was moved or renamed goes back;
//   - what was made, or came back from the trash, goes to the trash, never further: so a rewind to Rewound.Before takes this one back;
//   - files get the content that they held, from their versions or wherever else the drive holds it.
//
// What cannot be put back is counted and named. Times and properties that clients set have no history and stay, and so do the trash and
// what desktops scatter. The rules for names, types and sizes are not asked again.
//
// Of a folder, what came into it goes back to where it was, under the next free name if its own is taken there. path is looked for among
// what is there now and was there then, and otherwise among what was there then. NotFound if it was not there then; Invalid with code "is_file".
//
// Gone with code "changes_gone" if what changed since is not known any more; TooLarge with code "too_many_changes" over MaxRewind, "path_too_long";
// Locked if a lock is on anything that is put back; Full if content has to be held twice. seen, if not nil, is the moment that somebody looked
// at before: Precondition with code "changed_since" if the drive has changed since. All of it is one transaction.
func (s *Drives) Rewind(ctx context.Context, driveID string, path Path, to Instant, seen *Moment) (r Rewound, err error) {
	if err := unlimited(ctx, driveID); err != nil {
		return r, fault.Wrap(err, "drive.Rewind")
	}
	release, err := s.rewinds.take(ctx, driveID)
	if err != nil {
		return r, fault.Wrap(err, "drive.Rewind")
	}
	defer release()
	err = s.edit(ctx, "drive.Rewind", driveID, func(e *edit) error {
		p, err := s.planRewind(ctx, e, driveID, path, to)
		if err != nil {
			return err
		}
		if seen != nil && *seen != p.now {
			return fault.New(fault.Precondition, "drive.Rewind", "The drive has changed since you looked. Look again at what a rewind would do.").WithCode("changed_since")
		}
		if err := p.unlocked(ctx, e.now); err != nil {
			return err
		}
		if err := e.rewind(ctx, p); err != nil {
			return err
		}
		r, err = p.answer(ctx)
		return err
	})
	return r, err
}

// obstacle is why a rewind would be refused.
func (s *Drives) obstacle(ctx context.Context, q sqldb.Querier, p *rewindPlan) (refused, err error) {
	if refused = p.unlocked(ctx, s.o.Now()); refused != nil {
		if fault.Is(refused, fault.Locked) {
			return refused, nil
		}
		return nil, refused
	}
	var u Usage
	if err := q.Row(ctx, `SELECT used, reserved, uploads, quota FROM drives WHERE id = $1`, []any{p.drive}, &u.Used, &u.Reserved, &u.Uploads, &u.Quota); err != nil {
		return nil, err
	}
	if free, limited := u.Free(); limited && p.more > free {
		return full(u), nil
	}
	return nil, nil
}
