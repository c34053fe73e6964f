package preview

import (
	"context"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// maker is what this Satchel makes. It counts up when images that had no thumbnail may have one, or when others are made: rows of
// another maker count as none.
const maker = 1

// noSize is the size of the row that says that there is no thumbnail.
const noSize = 0

// find answers what is on record of a file's content: the smallest thumbnail that is at least as large as size, or else the largest. known
// is false if nobody has tried yet.
func (p *Previews) find(ctx context.Context, n drive.Node, size int) (t Thumbnail, known bool, err error) {
	var edge int
	err = p.db.Row(ctx, `SELECT t.size, t.media_type, t.content FROM thumbnails t JOIN blobs b ON b.id = t.blob_id
		WHERE t.drive_id = $1 AND b.sha256 = $2 AND b.size = $3 AND t.maker = $4
		ORDER BY CASE WHEN t.size >= $5 THEN t.size ELSE 1000000 - t.size END LIMIT 1`,
		[]any{n.DriveID, n.SHA256, n.Size, maker, size}, &edge, &t.MediaType, &t.Content)
	switch {
	case sqldb.NoRow(err):
		return t, false, nil
	case err != nil:
		return t, false, fault.Wrap(err, "preview.find")
	case edge == noSize:
		return t, true, none()
	}
	return t, true, nil
}

// keep writes down what was made of a file's content, or, by no pieces, that nothing can be. Content that was removed meanwhile is left out, or that was damaged and is right
// again by another blob.
func (p *Previews) keep(ctx context.Context, n drive.Node, d delivery, pieces [][]byte) error {
	now := sqldb.Micros(p.o.Now())
	err := p.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error { // accounts are settled
		find := `SELECT id FROM blobs WHERE id = $1`
		if tx.Engine() == sqldb.Postgres {
			find += ` FOR KEY SHARE` // garbage collection waits, or has removed it before
		}
		var blob string
		if err := tx.Row(ctx, find, []any{n.Blob()}, &blob); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM thumbnails WHERE drive_id = $1 AND blob_id = $2`, n.DriveID, blob); err != nil {
			return err
		}
		insert := func(size int, mediaType string, content []byte) error {
			_, err := tx.Exec(ctx, `INSERT INTO thumbnails (drive_id, blob_id, size, maker, media_type, content, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
				n.DriveID, blob, size, maker, mediaType, sqldb.Bytes(content), now)
			return err
		}
		if len(pieces) == 0 {
			return insert(noSize, "", nil)
		}
		for i, content := range pieces {
			if err := insert(d.Pieces[i].Size, d.Pieces[i].MediaType, content); err != nil {
				return err
			}
		}
		return nil
	})
	if sqldb.NoRow(err) {
		return nil
	}
	return fault.Wrap(err, "preview.keep")
}
