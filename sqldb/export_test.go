package sqldb

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
