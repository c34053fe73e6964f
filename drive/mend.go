package drive

import (
	"context"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/sqldb"
)

// mend gives c, which is known to be right and has the key fresh, to all that hold the damaged content old, in any drive. Both are the same content, so nothing that anybody sees
// of a file changes but what is read. The caller has the row of old locked, so that nobody else takes it up. The old bytes have no row afterwards, and are gc's; what was made of them (thumbnails, checksums, open proofs) goes with their row.
//
// Content never changes under its key: whoever has the old one open or remembered reads that, and no store need be able to write over a blob.
func (s *Drives) mend(ctx context.Context, tx *sqldb.Tx, old, fresh blob.Key, c content) error {
	for _, step := range []struct {
		statement string
		args      []any
	}{
		// No two rows have one hash, and this one goes below.
		{`UPDATE blobs SET sha256 = $2 WHERE id = $1`, []any{string(old), []byte("mended " + old)}},
		{insertBlob, blobArgs(fresh, c, s.o.Now())},
		{`UPDATE nodes SET blob_id = $2 WHERE blob_id = $1`, []any{string(old), string(fresh)}},
		{`UPDATE versions SET blob_id = $2 WHERE blob_id = $1`, []any{string(old), string(fresh)}},
		{`DELETE FROM blobs WHERE id = $1`, []any{string(old)}},
	} {
		if _, err := tx.Exec(ctx, step.statement, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// mended tells of a mend that is durable.
func (s *Drives) mended(old, fresh blob.Key, size int64) {
	s.counts.mended.Add(1)
	s.o.Log.Info("content that was damaged is right again", "blob", string(old), "now", string(fresh), "bytes", size)
}

// damagedBlob is a condition on blobs b. Content that is known to be damaged is not given to anybody by its hash alone, so that it comes once more.
const damagedBlob = `EXISTS (SELECT 1 FROM damaged_blobs d WHERE d.blob_id = b.id)`
