package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// writer is SQLite's one writing connection. Updates take turns on it; each but the first runs in a savepoint of
// its own, and the last of those that wait commits for all of them, so that one sync of the disk serves
// many. Every update runs in its caller's goroutine and returns when the commit that holds it is done.
type writer struct {
	pool    *sql.DB
	conn    *sql.Conn
	stmts   *statements
	turn    chan struct{} // holds one token: who has it uses conn and batch
	waiting atomic.Int32  // updates that want the turn
	batch   *batch        // the open transaction, nil if none
	observe func(op string, took time.Duration, err error)
}

// batch is one SQLite transaction that several updates share.
type batch struct {
	size int
	done chan struct{} // closed when err is final
	err  error
}

// maxBatch bounds how many updates share a commit, and so how long the first one waits for the last.
const maxBatch = 128

// errBatchLost says that SQLite took back the shared transaction because of another update in it.
var errBatchLost = errors.New("sqldb: the shared transaction was rolled back")

func newWriter(ctx context.Context, pool *sql.DB, observe func(string, time.Duration, error)) (*writer, error) {
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{pool: pool, conn: conn, turn: make(chan struct{}, 1), observe: observe}
	w.stmts = &statements{engine: SQLite, prepare: conn.PrepareContext}
	w.turn <- struct{}{}
	return w, nil
}

// update runs fn and waits for the commit that makes it durable.
//
// A caller that has announced itself in waiting always takes its turn, even when its context has ended
// meanwhile: the one before it may have left the commit to it.
func (w *writer) update(ctx context.Context, fn func(tx *Tx) error) error {
	w.waiting.Add(1)
	<-w.turn
	w.waiting.Add(-1)

	shared, err := w.join(ctx, fn)
	if shared == nil {
		return err
	}
	// Nothing of an update that failed is in the commit. It waits all the same: it may have failed because of what
	// another in the batch wrote, which is true for everyone only now.
	<-shared.done
	if err != nil && (shared.err == nil || errors.Is(shared.err, errBatchLost)) {
		return err
	}
	return shared.err
}

// join runs fn inside the open batch and hands the turn on. The deferred part runs after a panic of fn too.
func (w *writer) join(ctx context.Context, fn func(tx *Tx) error) (shared *batch, err error) {
	background := context.WithoutCancel(ctx)
	defer func() {
		if w.batch != nil && (w.waiting.Load() == 0 || w.batch.size >= maxBatch) {
			w.commit(background)
		}
		w.turn <- struct{}{}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.batch == nil {
		if err := w.exec(background, "BEGIN IMMEDIATE"); err != nil {
			return nil, err
		}
		w.batch = &batch{done: make(chan struct{}), size: 1}
		return w.batch, w.first(ctx, background, fn)
	}
	shared = w.batch
	shared.size++
	return shared, w.inSavepoint(ctx, background, fn)
}

// first runs the update that opened the batch. It needs no savepoint: if it fails, the whole transaction goes.
func (w *writer) first(ctx, background context.Context, fn func(tx *Tx) error) error {
	kept := false
	defer func() {
		if !kept {
			w.lose(background)
		}
	}()
	if err := fn(w.tx()); err != nil {
		return err
	}
	kept = true
	return nil
}

// tx is the open transaction, as an update sees it.
func (w *writer) tx() *Tx {
	return &Tx{engine: SQLite, detached: true, run: func(ctx context.Context, text string) (*sql.Stmt, func(), error) {
		stmt, err := w.stmts.get(ctx, text)
		return stmt, func() {}, err
	}}
}

func (w *writer) inSavepoint(ctx, background context.Context, fn func(tx *Tx) error) (err error) {
	if err := w.exec(background, "SAVEPOINT turn"); err != nil {
		w.lose(background)
		return err
	}
	kept := false
	defer func() {
		if kept {
			return
		}
		// Some errors (disk full, I/O) make SQLite roll back everything: then there is no savepoint to go back to.
		if w.exec(background, "ROLLBACK TO turn") != nil || w.exec(background, "RELEASE turn") != nil {
			w.lose(background)
		}
	}()
	if err := fn(w.tx()); err != nil {
		return err
	}
	if err := w.exec(background, "RELEASE turn"); err != nil {
		return err
	}
	kept = true
	return nil
}

// lose ends a batch whose transaction is gone: those who were in it run again.
func (w *writer) lose(ctx context.Context) {
	_ = w.exec(ctx, "ROLLBACK") // fails when SQLite has rolled back already
	w.batch.err = errBatchLost
	close(w.batch.done)
	w.batch = nil
}

func (w *writer) commit(ctx context.Context) {
	b := w.batch
	w.batch = nil
	start := time.Now()
	b.err = w.exec(ctx, "COMMIT")
	w.observe("commit", time.Since(start), b.err)
	if b.err != nil {
		b.err = fmt.Errorf("commit: %w", b.err)
		_ = w.exec(ctx, "ROLLBACK")
	}
	close(b.done)
}

func (w *writer) exec(ctx context.Context, text string) error {
	stmt, err := w.stmts.get(ctx, text)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx)
	return err
}

// close waits for the turn, so that no update is cut off. Updates that come later fail.
func (w *writer) close() error {
	<-w.turn
	defer func() { w.turn <- struct{}{} }()
	err := w.conn.Close()
	if errors.Is(err, sql.ErrConnDone) {
		err = nil // closed before
	}
	return errors.Join(err, w.pool.Close())
}
