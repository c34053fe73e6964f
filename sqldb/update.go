package sqldb

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxTries bounds how often Update runs a function whose transaction lost against another.
const maxTries = 8

// Update runs fn in a transaction that may write: all of fn happens or nothing, and when Update
// returns nil it is durable. fn may run more than once and must not keep what it changed outside
// unless Update succeeds; it must not wait for anything but the database.
//
// On Postgres the isolation is READ COMMITTED; rules that read before they write lock the row that
// they decide on first (a drive's row, for anything in a drive).
func (db *DB) Update(ctx context.Context, fn func(tx *Tx) error) (err error) {
	return db.update(ctx, false, fn)
}

// UpdateUnsettled is Update for a function that changes nothing which a [Memo] of settled values may hold.
func (db *DB) UpdateUnsettled(ctx context.Context, fn func(tx *Tx) error) (err error) {
	return db.update(ctx, true, fn)
}

func (db *DB) update(ctx context.Context, unsettled bool, fn func(tx *Tx) error) error {
	fn = guarded(ctx, fn)
	return db.repeated(ctx, func() error {
		if db.writer != nil {
			return db.writer.update(ctx, unsettled, fn)
		}
		return db.updatePostgres(ctx, fn)
	})
}

// repeated runs a transaction again as long as it loses against others.
func (db *DB) repeated(ctx context.Context, transaction func() error) (err error) {
	defer db.timed(ctx, "update", &err)()
	for try := 1; ; try++ {
		err = transaction()
		if !again(err) || try == maxTries {
			return classify(ctx, err)
		}
		db.retries.Add(1)
		// The loser waits a little longer each time, at random, so that two do not meet again.
		pause := time.NewTimer(time.Duration(1+rand.IntN(1<<try)) * time.Millisecond)
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

func (db *DB) updatePostgres(ctx context.Context, fn func(tx *Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	on, late := db.runIn(tx)
	own := &Tx{engine: Postgres, on: on, ran: db.ran}
	db.ran(own, "BEGIN")
	ends := "ROLLBACK"
	defer late(ctx)
	defer func() {
		db.ran(own, ends)
		_ = tx.Rollback() // after a commit it does nothing; after a panic it frees the connection
	}()
	if err = fn(own); err != nil {
		return err
	}
	ends = "COMMIT"
	return tx.Commit()
}
