package drive

import (
	"context"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// InstallationTable says which installation a database is of. A copy of the rows that is to be another installation leaves it out.
const InstallationTable = "installations"

// Installation is what tells an installation from others: an id that is made when it is first asked for, the same for all its processes and as long as the database lives.
func Installation(ctx context.Context, db *sqldb.DB) (id string, err error) {
	const find = `SELECT mark FROM installations WHERE id = 'this'`
	err = db.Row(ctx, find, nil, &id)
	if sqldb.NoRow(err) {
		if _, err := db.Exec(ctx, `INSERT INTO installations (id, mark, made_at) VALUES ('this', $1, $2) ON CONFLICT DO NOTHING`, sqldb.NewID(), sqldb.Micros(time.Now())); err != nil {
			return "", fault.Wrap(err, "drive.Installation")
		}
		err = db.Row(ctx, find, nil, &id) // another process may have been first
	}
	return id, fault.Wrap(err, "drive.Installation")
}

// Stock is what a database says of content in a store.
type Stock struct {
	Some  bool // it names content in a store
	Known bool // and some of those that were asked for
	Used  bool // it has a drive
}

// TakeStock answers what a database says of content in a store, and of these.
func TakeStock(ctx context.Context, db *sqldb.DB, of []blob.Key) (st Stock, err error) {
	ids := make([]string, len(of))
	for i, key := range of {
		ids[i] = string(key)
	}
	err = db.Row(ctx, `SELECT EXISTS (SELECT 1 FROM blobs WHERE content IS NULL), EXISTS (SELECT 1 FROM drives)`, nil, &st.Some, &st.Used)
	if err == nil {
		err = eachByID(ctx, db, `SELECT id FROM blobs WHERE content IS NULL AND id`, ids, func(sqldb.Scan) error {
			st.Known = true
			return nil
		})
	}
	return st, fault.Wrap(err, "drive.TakeStock")
}

// Sample answers some of the content that a database knows in a store, and not to be damaged: the oldest and the newest, up to n of each.
func Sample(ctx context.Context, db *sqldb.DB, n int) (keys []blob.Key, err error) {
	const stored = `SELECT b.id FROM blobs b WHERE b.content IS NULL AND NOT ` + damagedBlob
	keys, err = sqldb.All(ctx, db, `SELECT id FROM (`+stored+` ORDER BY b.id LIMIT $1) AS oldest UNION SELECT id FROM (`+stored+` ORDER BY b.id DESC LIMIT $1) AS newest`, []any{n},
		func(scan sqldb.Scan) (key blob.Key, err error) { return key, scan((*string)(&key)) })
	return keys, fault.Wrap(err, "drive.Sample")
}
