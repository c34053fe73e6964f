package drive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Check compares rows with each other and with the blob store, and answers what is wrong, in words. It changes
// nothing. On a server that is in use, what changes meanwhile may show up.
func (s *Drives) Check(ctx context.Context) (problems []string, err error) {
	for _, c := range []struct{ says, query string }{
		{"drive %s: its usage is not the sum of its files, versions and properties", `SELECT d.id FROM drives d WHERE d.used <>
			COALESCE((SELECT SUM(size) FROM nodes WHERE drive_id = d.id), 0) + COALESCE((SELECT SUM(size) FROM versions WHERE drive_id = d.id), 0)
			+ COALESCE((SELECT SUM(` + propertySize + `) FROM properties p JOIN nodes n ON n.id = p.node_id WHERE n.drive_id = d.id), 0)`},
		{"drive %s: what it has reserved is not the sum of its open uploads", `SELECT d.id FROM drives d WHERE d.reserved <>
			COALESCE((SELECT SUM(CASE WHEN length >= 0 THEN length WHEN -2 - length > received THEN -2 - length ELSE received END) FROM uploads
				WHERE drive_id = d.id AND kind NOT IN ('joined', 'chunked') AND completed_at = 0 AND gone_at = 0), 0)`},
		{"drive %s: its count of open uploads is wrong", `SELECT d.id FROM drives d WHERE d.uploads <>
			(SELECT COUNT(*) FROM uploads WHERE drive_id = d.id AND completed_at = 0 AND gone_at = 0)`},
		{"upload %s: its size is not the sum of its chunks", `SELECT u.id FROM uploads u WHERE u.kind = 'chunked' AND u.received <>
			COALESCE((SELECT SUM(c.length) FROM upload_parts p JOIN uploads c ON c.id = p.part_id WHERE p.upload_id = u.id), 0)`},
		{"upload %s: no sweep looks at it, and the part that it waits for is not on its way", `SELECT u.id FROM uploads u WHERE u.waits_for <> '' AND u.completed_at = 0 AND u.gone_at = 0
			AND NOT EXISTS (SELECT 1 FROM uploads part WHERE part.id = u.waits_for AND part.completed_at = 0 AND part.gone_at = 0 AND part.received <> part.length)`},
		{"drive %s: its changes are not numbered without gaps", `SELECT d.id FROM drives d WHERE d.sequence - d.pruned <>
			(SELECT COUNT(*) FROM changes c WHERE c.drive_id = d.id AND c.sequence > d.pruned AND c.sequence <= d.sequence)`},
		{"folder %s: its count of children is wrong", `SELECT n.id FROM nodes n WHERE n.folder AND n.children <> (SELECT COUNT(*) FROM nodes c WHERE c.parent_id = n.id)`},
		{"node %s: its parent is not a folder of the same drive", `SELECT n.id FROM nodes n JOIN nodes p ON p.id = n.parent_id WHERE NOT p.folder OR p.drive_id <> n.drive_id`},
		{"node %s: it has no parent and is neither a root nor in the trash", `SELECT n.id FROM nodes n WHERE n.parent_id IS NULL
			AND NOT EXISTS (SELECT 1 FROM drives WHERE root_id = n.id) AND NOT EXISTS (SELECT 1 FROM trash WHERE node_id = n.id)`},
		{"node %s: it is in the trash and in a folder", `SELECT n.id FROM nodes n JOIN trash t ON t.node_id = n.id WHERE n.parent_id IS NOT NULL`},
		{"node %s: no root leads to it", `WITH RECURSIVE tree (id) AS (SELECT id FROM nodes WHERE parent_id IS NULL UNION ALL
			SELECT c.id FROM tree JOIN nodes c ON c.parent_id = tree.id) SELECT id FROM nodes WHERE id NOT IN (SELECT id FROM tree)`},
		{"file %s: its content is not what its row says", `SELECT n.id FROM nodes n LEFT JOIN blobs b ON b.id = n.blob_id
			WHERE NOT n.folder AND (b.id IS NULL OR b.size <> n.size OR b.sha256 <> n.sha256)`},
		{"content %s: nothing holds it, and gc does not know", `SELECT id FROM blobs WHERE ` + unreferenced + `
			AND NOT EXISTS (SELECT 1 FROM loose_blobs WHERE loose_blobs.blob_id = blobs.id)`},
	} {
		err := s.db.Each(ctx, c.query, nil, func(scan sqldb.Scan) error {
			var id string
			err := scan(&id)
			problems = append(problems, fmt.Sprintf(c.says, id))
			return err
		})
		if err != nil {
			return problems, fault.Wrap(err, "drive.Check")
		}
	}
	more, err := s.checkStore(ctx)
	return append(problems, more...), fault.Wrap(err, "drive.Check")
}

// checkStore looks for the bytes of every row: a blob's are of its size, a stage's are at least up to the offset on record. A full
// upload may be sealed and not committed; a part then with others behind it, that an attempt to join them has left there.
func (s *Drives) checkStore(ctx context.Context) (problems []string, err error) {
	type row struct {
		id    string
		size  int64
		stage bool
		part  bool
	}
	rows, err := sqldb.All(ctx, s.db, `SELECT id, size, FALSE, FALSE FROM blobs WHERE content IS NULL
		UNION ALL SELECT id, received, TRUE, kind = 'partial' FROM uploads WHERE staged AND completed_at = 0 AND gone_at = 0`, nil,
		func(scan sqldb.Scan) (r row, err error) { return r, scan(&r.id, &r.size, &r.stage, &r.part) })
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		var c blob.Content
		var err error
		if r.stage {
			c, err = s.blobs.OpenStage(ctx, blob.Key(r.id), r.size)
		}
		if !r.stage || errors.Is(err, blob.ErrNotFound) {
			c, err = s.blobs.Open(ctx, blob.Key(r.id))
		}
		switch {
		case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrShort):
			problems = append(problems, fmt.Sprintf("blob %s: its bytes are missing (%v)", r.id, err))
			continue
		case err != nil:
			return problems, err
		}
		size, err := c.Seek(0, io.SeekEnd)
		c.Close()
		if err != nil {
			return problems, err
		}
		if size < r.size || (size > r.size && !r.part) {
			problems = append(problems, fmt.Sprintf("blob %s: %d bytes are there, %d should be", r.id, size, r.size))
		}
	}
	return problems, nil
}
