package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/sqldb"
)

// Ledger is a [s3.Ledger] in a database.
type Ledger struct{ db *sqldb.DB }

var _ s3.Ledger = Ledger{}

// New makes a ledger in a database with the schema of package sqldb.
func New(db *sqldb.DB) Ledger { return Ledger{db} }

// Tables are where a Ledger keeps everything. What they say is true of one bucket only.
func Tables() []string { return []string{"s3_contents", "s3_parts"} }

// Empty reports whether nothing is on record.
func (l Ledger) Empty(ctx context.Context) (empty bool, err error) {
	err = l.db.Row(ctx, `SELECT NOT EXISTS (SELECT 1 FROM s3_contents)`, nil, &empty)
	return empty, err
}

const columns = `version, epoch, sealed, live, settling, object, size, upload, upload_id, next_part, tail, tail_size, modified_at`

func values(key blob.Key, r s3.Record) []any {
	return []any{string(key), r.Version, r.Epoch, r.Sealed, r.Live, r.Settling, r.Object, r.Size, r.Upload, r.UploadID, r.Next, r.Tail, r.TailSize,
		sqldb.Micros(r.Modified)}
}

// Begin makes a record. See [s3.Ledger].
func (l Ledger) Begin(ctx context.Context, key blob.Key, r s3.Record) error {
	return l.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO s3_contents (key, `+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT (key) DO NOTHING`, values(key, r)...)
		if err == nil && n == 0 {
			err = blob.ErrExists
		}
		return err
	})
}

// Fill makes records of entries without parts, in one transaction. Of a key that has one already the longer stays.
func (l Ledger) Fill(ctx context.Context, all []s3.Entry) error {
	return l.db.Update(ctx, func(tx *sqldb.Tx) error {
		for _, e := range all {
			if _, err := tx.Exec(ctx, `INSERT INTO s3_contents (key, `+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
				ON CONFLICT (key) DO UPDATE SET object = excluded.object, size = excluded.size, modified_at = excluded.modified_at WHERE excluded.size > s3_contents.size`,
				values(e.Key, e.Record)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Load answers a record. See [s3.Ledger].
func (l Ledger) Load(ctx context.Context, key blob.Key) (r s3.Record, err error) {
	err = l.db.Read(ctx, func(tx *sqldb.Tx) error {
		if r, err = load(ctx, tx, key); err != nil || r.UploadID == "" {
			return err
		}
		r.Parts, err = sqldb.All(ctx, tx, `SELECT number, starts, size, etag FROM s3_parts WHERE key = $1 ORDER BY number`, []any{string(key)},
			func(scan sqldb.Scan) (p s3.Part, err error) {
				var number int64
				err = scan(&number, &p.Offset, &p.Size, &p.ETag)
				p.Number = int32(number)
				return p, err
			})
		if err == nil && !r.Contiguous() {
			err = fmt.Errorf("blob/s3/ledger: the parts of %s have a gap", key)
		}
		return err
	})
	if sqldb.NoRow(err) {
		err = fmt.Errorf("%w: %w", blob.ErrNotFound, err)
	}
	return r, err
}

func load(ctx context.Context, tx *sqldb.Tx, key blob.Key) (r s3.Record, err error) {
	var next, modified int64
	err = tx.Row(ctx, `SELECT `+columns+` FROM s3_contents WHERE key = $1`, []any{string(key)}, &r.Version, &r.Epoch, &r.Sealed, &r.Live, &r.Settling,
		&r.Object, &r.Size, &r.Upload, &r.UploadID, &next, &r.Tail, &r.TailSize, &modified)
	r.Next, r.Modified = int32(next), sqldb.Time(modified)
	return r, err
}

// Save replaces a record that is still as it was. Of its parts only those that differ are written. See [s3.Ledger].
func (l Ledger) Save(ctx context.Context, key blob.Key, from, to s3.Record) error {
	same := 0
	for same < min(len(from.Parts), len(to.Parts)) && from.Parts[same] == to.Parts[same] {
		same++
	}
	return l.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE s3_contents SET version = $2, epoch = $3, sealed = $4, live = $5, settling = $6, object = $7, size = $8, upload = $9,
			upload_id = $10, next_part = $11, tail = $12, tail_size = $13, modified_at = $14 WHERE key = $1 AND version = $15`,
			append(values(key, to), from.Version)...)
		if err == nil && n == 0 {
			err = s3.ErrLost
		}
		if err == nil && same < len(from.Parts) {
			_, err = tx.Exec(ctx, `DELETE FROM s3_parts WHERE key = $1 AND number >= $2`, string(key), from.Parts[same].Number)
		}
		for p := range slices.Values(to.Parts[same:]) {
			if err != nil {
				break
			}
			_, err = tx.Exec(ctx, `INSERT INTO s3_parts (key, number, starts, size, etag) VALUES ($1, $2, $3, $4, $5)`,
				string(key), p.Number, p.Offset, p.Size, p.ETag)
		}
		return err
	})
}

// Drop removes a record. See [s3.Ledger].
func (l Ledger) Drop(ctx context.Context, key blob.Key) error {
	return l.db.UpdateUnsettled(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM s3_contents WHERE key = $1`, string(key)) // and its parts
		return err
	})
}

// Page answers entries in the order of their keys. See [s3.Ledger].
func (l Ledger) Page(ctx context.Context, after, last blob.Key, limit int) ([]s3.Entry, error) {
	return sqldb.All(ctx, l.db, `SELECT key, object, size, upload, tail, tail_size, sealed, modified_at,
			CAST(size + COALESCE((SELECT SUM(p.size) FROM s3_parts p WHERE p.key = s3_contents.key), 0) AS BIGINT)
		FROM s3_contents WHERE key > $1 AND (key <= $2 OR $2 = '') ORDER BY key LIMIT $3`, []any{string(after), string(last), limit},
		func(scan sqldb.Scan) (e s3.Entry, err error) {
			var key string
			var modified int64
			err = scan(&key, &e.Object, &e.Size, &e.Upload, &e.Tail, &e.TailSize, &e.Sealed, &modified, &e.Body)
			e.Key, e.Modified = blob.Key(key), sqldb.Time(modified)
			return e, err
		})
}
