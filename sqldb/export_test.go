package sqldb

import (
	"context"
	"time"
)

// Log is how many pages SQLite's write-ahead log holds, and how many of them are in the database file.
func (db *DB) Log() (pages, moved int, err error) {
	c, err := db.readers.open()
	if err != nil {
		return 0, 0, err
	}
	defer c.close()
	var busy int
	err = c.row("PRAGMA wal_checkpoint(NOOP)", nil, []any{&busy, &pages, &moved})
	return pages, moved, err
}

// RestartLog does what is done to a log that has grown long.
func (db *DB) RestartLog() error {
	c, err := db.readers.open()
	if err != nil {
		return err
	}
	if err := c.script("PRAGMA query_only(0)"); err != nil {
		return err
	}
	k := newCheckpointer(c)
	k.w = db.writer
	defer k.close()
	return k.restart()
}

const CheckpointPages = checkpointPages

// MigrateTo brings an empty database to a step of the schema, where an older Satchel has left it.
func (db *DB) MigrateTo(ctx context.Context, number int) error {
	all, err := steps(db.engine)
	if err != nil {
		return err
	}
	conn, err := db.migrationConn(ctx)
	if err != nil {
		return err
	}
	defer conn.done()
	err = conn.run(ctx, `CREATE TABLE schema_steps (number BIGINT PRIMARY KEY, name TEXT NOT NULL)`)
	for _, s := range all[:number] {
		if err == nil {
			err = conn.apply(ctx, s)
		}
	}
	return err
}

// ProbeAfter is how long the listening connection may be silent, and how long an answer is waited for then.
func (db *DB) ProbeAfter(silence, patience time.Duration) {
	db.notices.probeAfter, db.notices.patience = silence, patience
}
