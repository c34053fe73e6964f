package sqldb

// Waiting is how many updates want SQLite's writing connection right now.
func (db *DB) Waiting() int { return int(db.writer.waiting.Load()) }
