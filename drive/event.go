package drive

import (
	"context"

	"github.com/satchelhq/satchel/sqldb"
)

// subject is what an event tells of a node besides its change.
type subject struct {
	folder    bool
	size      int64 // negative if it is not known any more
	mediaType string
	sha256    []byte
}

// subjectOf reads a node as it is in this transaction. NotFound if it is gone.
func (e *edit) subjectOf(ctx context.Context, nodeID string) (s subject, err error) {
	err = e.Row(ctx, `SELECT folder, size, media_type, sha256 FROM nodes WHERE id = $1 AND drive_id = $2`, []any{nodeID, e.drive}, &s.folder, &s.size, &s.mediaType, &s.sha256)
	return s, err
}

// leaves keeps what an event will tell of a node that is about to be deleted.
func (e *edit) leaves(ctx context.Context, nodeID string) error {
	if !e.s.o.Events {
		return nil
	}
	s, err := e.subjectOf(ctx, nodeID)
	if sqldb.NoRow(err) {
		return nil
	}
	if e.left == nil {
		e.left = map[string]subject{}
	}
	e.left[nodeID] = s
	return err
}

// outgoing writes an event for each change, and that the drive has some: package hooks tells them. They are one transaction with what they tell.
func (e *edit) outgoing(ctx context.Context) error {
	for _, c := range e.changes {
		s, err := e.subjectOf(ctx, c.NodeID)
		if sqldb.NoRow(err) {
			var known bool
			if s, known = e.left[c.NodeID]; !known {
				s = subject{folder: c.folder, size: -1, sha256: c.held}
			}
			err = nil
		}
		if err != nil {
			return err
		}
		if _, err := e.Exec(ctx, `INSERT INTO events (id, drive_id, sequence, node_id, kind, path, at, folder, size, media_type, sha256, parent_id, from_id, from_name, since)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $7)`, sqldb.NewID(), e.drive, c.Sequence, c.NodeID, string(c.Kind), string(c.Path), sqldb.Micros(c.At),
			s.folder, s.size, s.mediaType, sqldb.Bytes(s.sha256), c.to.folder, c.from.folder, c.from.name); err != nil {
			return err
		}
	}
	_, err := e.Exec(ctx, `INSERT INTO event_queues (drive_id, revision, next_at) VALUES ($1, 1, $2)
		ON CONFLICT (drive_id) DO UPDATE SET revision = event_queues.revision + 1`, e.drive, sqldb.Micros(e.now))
	return err
}
