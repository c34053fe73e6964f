package drive

import (
	"context"
	"fmt"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// edit is a transaction that changes one drive. It holds the drive's row from its first statement on,
// so that edits of a drive come one after the other and see each other's results.
type edit struct {
	*sqldb.Tx
	s       *Drives
	drive   string
	root    string
	usage   Usage
	now     time.Time
	changes []Change
	locks   []Lock // live ones, once loaded
	loaded  bool
	closed  bool              // the drive is being removed, which is all that is done to it
	given   map[numbering]int // the last number of each name, for who names many (nextName); nil for others

	sequence int64 // of the newest change
	pruned   int64 // of the newest one that is forgotten
	oldest   int64 // drives.oldest_at: see aged
	before   Usage
	left     map[string]subject // nodes that this transaction deletes, by id, where events tell of them
	// replaced is content that a file or its versions held before; others may hold it still.
	replaced []blob.Key
	// after runs when the transaction is durable: what must not happen if it is rolled back.
	after []func()
}

// edit runs fn in a transaction on the drive, and then writes down its changes and usage.
// An unknown drive is NotFound; Forbidden for one who may only read. As with sqldb.Update, fn may run more than once.
func (s *Drives) edit(ctx context.Context, op, driveID string, fn func(e *edit) error) error {
	return s.editAs(ctx, op, driveID, false, fn)
}

// editTries is how often an edit runs that named content which was mended (mend.go) after it had read which.
const editTries = 3

// editAs is edit for a drive that is closed, or for one that is not: the other counts as unknown.
func (s *Drives) editAs(ctx context.Context, op, driveID string, closed bool, fn func(e *edit) error) error {
	if err := writable(ctx, driveID); err != nil {
		return fault.Wrap(err, op)
	}
	var done *edit
	var err error
	for range editTries {
		err = s.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error { // accounts are settled
			e := &edit{Tx: tx, s: s, drive: driveID, now: s.o.Now(), closed: closed}
			if err := e.begin(ctx); err != nil {
				return err
			}
			if err := fn(e); err != nil {
				return err
			}
			done = e
			return e.end(ctx)
		})
		if !sqldb.NamesNothing(err) {
			break
		}
	}
	if err != nil {
		return fault.Wrap(discreet(ctx, err), op)
	}
	for _, f := range done.after {
		f()
	}
	if len(done.changes) > 0 {
		s.db.Notify(TopicChanged, driveID)
		s.o.Changed(done.changes)
	}
	return nil
}

func (e *edit) begin(ctx context.Context) error {
	// SQLite's one writer needs no FOR UPDATE, and sees at once whether there are locks at all. On Postgres the statement
	// may wait for another edit, of which its snapshot would show the drive's row alone.
	query := `SELECT root_id, quota, used, reserved, uploads, sequence, pruned, oldest_at, closed_at > 0, NOT EXISTS (SELECT 1 FROM locks WHERE drive_id = $1) FROM drives WHERE id = $1`
	if e.Engine() == sqldb.Postgres {
		query = `SELECT root_id, quota, used, reserved, uploads, sequence, pruned, oldest_at, closed_at > 0, FALSE FROM drives WHERE id = $1 FOR UPDATE`
	}
	var closed bool
	err := e.Row(ctx, query, []any{e.drive}, &e.root, &e.usage.Quota, &e.usage.Used, &e.usage.Reserved, &e.usage.Uploads, &e.sequence, &e.pruned, &e.oldest, &closed, &e.loaded)
	if err == nil && closed != e.closed {
		return fault.New(fault.NotFound, "drive.edit", "")
	}
	e.before = e.usage
	return err
}

func (e *edit) end(ctx context.Context) error {
	if len(e.changes) == 0 && e.usage == e.before {
		return nil
	}
	for i := range e.changes {
		e.sequence++
		e.changes[i].Sequence = e.sequence
	}
	if e.Engine() == sqldb.Postgres && len(e.changes) == 1 && !e.s.o.Events {
		// One round trip for both.
		_, err := e.Exec(ctx, `WITH told AS (`+insertChange+`) UPDATE drives SET sequence = $2, used = $12, reserved = $13, uploads = $14, oldest_at = $15 WHERE id = $1`,
			append(e.changeArgs(e.changes[0]), e.usage.Used, e.usage.Reserved, e.usage.Uploads, e.aged())...)
		return err
	}
	for _, c := range e.changes {
		if _, err := e.Exec(ctx, insertChange, e.changeArgs(c)...); err != nil {
			return err
		}
	}
	if e.s.o.Events && len(e.changes) > 0 {
		if err := e.outgoing(ctx); err != nil {
			return err
		}
	}
	_, err := e.Exec(ctx, `UPDATE drives SET sequence = $2, used = $3, reserved = $4, uploads = $5, oldest_at = $6 WHERE id = $1`,
		e.drive, e.sequence, e.usage.Used, e.usage.Reserved, e.usage.Uploads, e.aged())
	return err
}

const insertChange = `INSERT INTO changes (drive_id, sequence, node_id, kind, path, at, folder, from_id, from_name, parent_id, held)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

func (e *edit) changeArgs(c Change) []any {
	return []any{e.drive, c.Sequence, c.NodeID, string(c.Kind), string(c.Path), sqldb.Micros(c.At),
		c.folder, c.from.folder, c.from.name, c.to.folder, sqldb.Bytes(c.held)}
}

// changed notes what was done to a node that stays where it is.
func (e *edit) changed(kind ChangeKind, nodeID string, path Path) {
	e.changes = append(e.changes, Change{DriveID: e.drive, NodeID: nodeID, Kind: kind, Path: path, At: e.now})
}

// written notes that a file holds other content than it did as old.
func (e *edit) written(old Node, path Path) {
	e.changes = append(e.changes, Change{DriveID: e.drive, NodeID: old.ID, Kind: ChangeWritten, Path: path, At: e.now, held: old.SHA256})
}

// seat is a name in a folder, which is where a node is. The zero seat is nowhere: not made yet, in the trash, or gone.
type seat struct {
	folder string // its id
	name   string
}

func (n *Node) seat() seat { return seat{n.ParentID, n.Name} }

// placed notes that a node has got another seat. What syncs reads from it which paths came and went.
func (e *edit) placed(kind ChangeKind, n Node, from, to seat, path Path) {
	c := Change{DriveID: e.drive, NodeID: n.ID, Kind: kind, Path: path, At: e.now, folder: n.Folder, from: from, to: to}
	if to == (seat{}) { // it may be gone for good
		c.held = n.SHA256
	}
	e.changes = append(e.changes, c)
}

// take counts n bytes more against the quota: Full if they don't fit. Bytes are given back with a negative n.
func (e *edit) take(n int64) error {
	if free, limited := e.usage.Free(); limited && n > 0 && n > free {
		return full(e.usage)
	}
	e.usage.Used += n
	return nil
}

// reserve sets n bytes aside for an upload: Full if they don't fit. A negative n gives them back. Without a quota the sum may pass
// what an int64 holds; it comes back as the uploads end, and nothing is decided by it.
func (e *edit) reserve(n int64) error {
	if free, limited := e.usage.Free(); limited && n > 0 && n > free {
		return full(e.usage)
	}
	e.usage.Reserved += n
	return nil
}

func full(u Usage) error {
	public := fmt.Sprintf("The drive is full: %d of %d bytes are used. Remove files or empty the trash.", u.Used, u.Quota)
	if u.Reserved > 0 {
		public = fmt.Sprintf("The drive is full: %d of %d bytes are used and %d are reserved for open uploads. Remove files, empty the trash or end uploads.", u.Used, u.Quota, u.Reserved)
	}
	return fault.New(fault.Full, "drive.quota", public).WithCode("quota_exceeded")
}

// Changes answers what happened in a drive after sequence, oldest first, at most limit. Gone with code "changes_gone" if it
// is not known any more what came next: start anew, from the drive as it is.
func (s *Drives) Changes(ctx context.Context, driveID string, after int64, limit int) ([]Change, error) {
	if err := unlimited(ctx, driveID); err != nil {
		return nil, fault.Wrap(err, "drive.Changes")
	}
	all, err := sqldb.All(ctx, s.db, `SELECT sequence, node_id, kind, path, at FROM changes
		WHERE drive_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`, []any{driveID, after, limit},
		func(scan sqldb.Scan) (Change, error) {
			c := Change{DriveID: driveID}
			var at int64
			err := scan(&c.Sequence, &c.NodeID, (*string)(&c.Kind), (*string)(&c.Path), &at)
			c.At = sqldb.Time(at)
			return c, err
		})
	// The newest change is never removed, so what was removed shows by a gap before the first one.
	if err == nil && len(all) > 0 && all[0].Sequence != after+1 {
		err = fault.New(fault.Gone, "drive.Changes", "What changed since is not known any more.").WithCode("changes_gone")
	}
	if err != nil {
		return nil, fault.Wrap(err, "drive.Changes")
	}
	return all, nil
}
