package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Querier runs SQL: a DB runs each call for itself, a Tx inside its transaction.
type Querier interface {
	// Exec runs a statement and answers how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Row reads one row into dest. No row is fault.NotFound.
	Row(ctx context.Context, query string, args []any, dest ...any) error
	// Each calls fn for every row. fn must not use the Querier: the connection is busy.
	Each(ctx context.Context, query string, args []any, fn func(scan Scan) error) error
}

// Scan reads the columns of the current row.
type Scan func(dest ...any) error

// All collects every row of a query.
func All[T any](ctx context.Context, q Querier, query string, args []any, read func(Scan) (T, error)) ([]T, error) {
	var all []T
	err := q.Each(ctx, query, args, func(scan Scan) error {
		v, err := read(scan)
		all = append(all, v)
		return err
	})
	return all, err
}

// Read runs fn on one snapshot of the database. For a single query the DB itself is cheaper.
func (db *DB) Read(ctx context.Context, fn func(tx *Tx) error) (err error) {
	defer db.timed("read", &err)()
	tx, err := db.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: db.engine == Postgres, Isolation: db.snapshot()})
	if err != nil {
		return classify(ctx, err)
	}
	run, late := db.runIn(tx)
	defer late(ctx)
	defer tx.Rollback() // a read has nothing to commit
	return fn(&Tx{run: run, engine: db.engine})
}

// runIn is how a transaction finds its statements. One that the pool has not prepared yet is prepared on the
// transaction's own connection: asking for a second one would wait for ever once every connection of the
// pool is in a transaction that asks. late prepares those on the pool when the transaction has ended.
func (db *DB) runIn(tx *sql.Tx) (run runner, late func(ctx context.Context)) {
	var texts []string
	run = func(ctx context.Context, text string) (*sql.Stmt, func(), error) {
		var own *sql.Stmt
		if stmt, ok := db.stmts.prepared(text); ok {
			own = tx.StmtContext(ctx, stmt)
		} else {
			var err error
			if own, err = tx.PrepareContext(ctx, db.engine.placeholders(text)); err != nil {
				return nil, nil, err
			}
			texts = append(texts, text)
		}
		return own, func() { own.Close() }, nil
	}
	return run, func(ctx context.Context) {
		for _, text := range texts {
			_, _ = db.stmts.get(ctx, text) // who needs it next reads the error
		}
	}
}

func (db *DB) snapshot() sql.IsolationLevel {
	if db.engine == Postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault // any SQLite read transaction is a snapshot
}

func (db *DB) timed(op string, err *error) func() {
	start := time.Now()
	return func() { db.observe(op, time.Since(start), *err) }
}

// Exec runs one statement in a transaction of its own.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = db.Update(ctx, func(tx *Tx) error {
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// Row reads one row; no row is fault.NotFound. On SQLite it is not interrupted when ctx ends meanwhile: watching
// for that costs two goroutines, which is more than the row does.
func (db *DB) Row(ctx context.Context, query string, args []any, dest ...any) (err error) {
	defer db.timed("read", &err)()
	if db.engine == SQLite {
		if err := ctx.Err(); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
	}
	stmt, err := db.stmts.get(ctx, query)
	if err != nil {
		return classify(ctx, err)
	}
	return classify(ctx, stmt.QueryRowContext(ctx, args...).Scan(dest...))
}

// Each calls fn for every row.
func (db *DB) Each(ctx context.Context, query string, args []any, fn func(scan Scan) error) (err error) {
	defer db.timed("read", &err)()
	stmt, err := db.stmts.get(ctx, query)
	if err != nil {
		return classify(ctx, err)
	}
	return each(ctx, stmt, args, fn)
}

// each is the one loop over rows: the error that ended them is never forgotten.
func each(ctx context.Context, stmt *sql.Stmt, args []any, fn func(scan Scan) error) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return classify(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return classify(ctx, err)
		}
	}
	return classify(ctx, rows.Err())
}

// runner finds the statement of a text inside a transaction.
type runner func(ctx context.Context, text string) (stmt *sql.Stmt, done func(), err error)

// Tx is a transaction that is open. It is used by one goroutine and not kept after its function returned.
type Tx struct {
	engine Engine
	run    runner
	// detached statements ignore the end of a request's context: an interrupted
	// statement would take back the whole shared SQLite transaction.
	detached bool
}

// Engine is which database this is, for the few statements that cannot be spelled once.
func (tx *Tx) Engine() Engine { return tx.engine }

func (tx *Tx) context(ctx context.Context) (context.Context, error) {
	if tx.detached {
		return context.WithoutCancel(ctx), ctx.Err()
	}
	return ctx, nil
}

// Exec runs a statement and answers how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, err := tx.context(ctx)
	if err != nil {
		return 0, err
	}
	stmt, done, err := tx.run(ctx, query)
	if err != nil {
		return 0, classify(ctx, err)
	}
	defer done()
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, classify(ctx, err)
	}
	n, err := result.RowsAffected()
	return n, classify(ctx, err)
}

// Row reads one row; no row is fault.NotFound.
func (tx *Tx) Row(ctx context.Context, query string, args []any, dest ...any) error {
	ctx, err := tx.context(ctx)
	if err != nil {
		return err
	}
	stmt, done, err := tx.run(ctx, query)
	if err != nil {
		return classify(ctx, err)
	}
	defer done()
	return classify(ctx, stmt.QueryRowContext(ctx, args...).Scan(dest...))
}

// Each calls fn for every row.
func (tx *Tx) Each(ctx context.Context, query string, args []any, fn func(scan Scan) error) error {
	ctx, err := tx.context(ctx)
	if err != nil {
		return err
	}
	stmt, done, err := tx.run(ctx, query)
	if err != nil {
		return classify(ctx, err)
	}
	defer done()
	return each(ctx, stmt, args, fn)
}

// NoRow reports whether err says that Row found none.
func NoRow(err error) bool {
	return errors.Is(err, sql.ErrNoRows)
}

var _ = [...]Querier{(*DB)(nil), (*Tx)(nil)}

var errNoRow = fault.As(fault.NotFound, "sqldb.Row", sql.ErrNoRows)
