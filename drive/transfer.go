package drive

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Transfer is an unfinished upload as whoever runs the server sees it: whose it is, how large and how far. How its file is called and where it goes is its
// owner's business and not in it.
type Transfer struct {
	ID        string
	DriveID   string
	Kind      UploadKind
	MediaType string // as the client says; may be empty
	Length    int64  // bytes, if only announced; negative while the client has not told it
	Offset    int64  // bytes that are durable, in all parts
	Created   time.Time
	Active    time.Time // when it was begun or received its last byte
	Expires   time.Time
}

// MaxTransfers is the most that one call of Transfers answers.
const MaxTransfers = 1000

// aPart says of a row of uploads that another one is made of it: a chunk, or what a joined upload waits for. It is listed, and ended, with the whole.
const aPart = `(kind = 'partial' AND COALESCE((SELECT 1 FROM upload_parts p WHERE p.part_id = uploads.id LIMIT 1), 0) = 1)`

// Transfers answers the unfinished uploads of all drives, newest first, those that began before the one with the id after; empty: from the newest one on. At most
// limit, which is at most MaxTransfers. Parts whose whole is known are not told by themselves. What it costs is bound by how many uploads are open.
func (s *Drives) Transfers(ctx context.Context, after string, limit int) ([]Transfer, error) {
	if limit <= 0 || limit > MaxTransfers {
		limit = MaxTransfers
	}
	if !sqldb.ValidID(after) {
		after = "~" // which no id comes after
	}
	all, err := sqldb.All(ctx, s.db, transfersQuery, []any{after, sqldb.Micros(s.o.Now()), limit}, scanTransfer)
	return all, fault.Wrap(err, "drive.Transfers")
}

const (
	transferColumns = `SELECT id, drive_id, kind, media_type, length, CASE kind WHEN 'joined' THEN COALESCE((SELECT CAST(SUM(part.received) AS BIGINT)
		FROM upload_parts p JOIN uploads part ON part.id = p.part_id WHERE p.upload_id = uploads.id), 0) ELSE received END, created_at, active_at, expires_at
		FROM uploads WHERE completed_at = 0 AND gone_at = 0 AND NOT ` + aPart
	transfersQuery = transferColumns + ` AND id < $1 AND expires_at >= $2 ORDER BY id DESC LIMIT $3`
	transferQuery  = transferColumns + ` AND id = $1`
)

func scanTransfer(scan sqldb.Scan) (t Transfer, err error) {
	var created, active, expires int64
	err = scan(&t.ID, &t.DriveID, (*string)(&t.Kind), &t.MediaType, &t.Length, &t.Offset, &created, &active, &expires)
	t.Created, t.Active, t.Expires = sqldb.Time(created), sqldb.Time(active), sqldb.Time(expires)
	if announced, ok := (NewUpload{Length: t.Length}).Announced(); ok {
		t.Length = announced
	}
	return t, err
}

// Transfer answers one of what Transfers does. NotFound.
func (s *Drives) Transfer(ctx context.Context, id string) (Transfer, error) {
	if !sqldb.ValidID(id) {
		return Transfer{}, fault.Wrap(noUpload(), "drive.Transfer")
	}
	t, err := scanTransfer(func(dest ...any) error { return s.db.Row(ctx, transferQuery, []any{id}, dest...) })
	if sqldb.NoRow(err) {
		err = noUpload()
	}
	return t, fault.Wrap(err, "drive.Transfer")
}

// EndTransfer ends an unfinished upload of anybody's, with its parts and all that was received, and makes whoever writes to it let go. NotFound, also for
// one that became a file meanwhile; Locked if a request does not let go of it in time: ask again.
func (s *Drives) EndTransfer(ctx context.Context, id string) error {
	t, err := s.Transfer(ctx, id)
	if err != nil {
		return fault.Wrap(err, "drive.EndTransfer")
	}
	parts, err := s.endOpen(ctx, t.DriveID, id)
	if err != nil {
		return fault.Wrap(err, "drive.EndTransfer")
	}
	s.counts.dropped.Add(1)
	for _, part := range parts {
		if _, err := s.endOpen(ctx, t.DriveID, part); err != nil && !fault.Is(err, fault.NotFound) {
			return fault.Wrap(err, "drive.EndTransfer")
		}
	}
	return nil
}

// endOpen ends an upload that is open, chunks with their whole, and answers which parts of a joined one are left. NotFound.
func (s *Drives) endOpen(ctx context.Context, driveID, id string) (parts []string, err error) {
	ctx = asServer(ctx)
	waiting, stop := context.WithTimeout(ctx, letGoPatience)
	defer stop()
	hold, err := s.hold(waiting, id, stop, true)
	if err != nil {
		return nil, err
	}
	defer hold.Release()
	err = s.edit(ctx, "drive.endOpen", driveID, func(e *edit) error {
		u, err := s.anyUpload(ctx, e, driveID, id)
		switch {
		case err != nil:
			return err
		case u.gone || !u.Ended.IsZero():
			return noUpload()
		case u.Kind == Chunked:
			return e.endChunked(ctx, u)
		}
		parts = u.Parts
		return e.remove(ctx, u)
	})
	return parts, err
}
