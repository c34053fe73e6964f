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
	// Engine is which database this is, for the few statements that cannot be spelled once.
	Engine() Engine
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

// session runs the statements of one transaction.
type session interface {
	exec(ctx context.Context, text string, args []any) (int64, error)
	row(ctx context.Context, text string, args, dest []any) error
	each(ctx context.Context, text string, args []any, fn func(scan Scan) error) error
}

// Read runs fn on one snapshot of the database. For a single query the DB itself is cheaper.
func (db *DB) Read(ctx context.Context, fn func(tx *Tx) error) (err error) {
	defer db.timed(ctx, "read", &err)()
	if db.engine == SQLite {
		return db.readLite(ctx, fn)
	}
	tx, err := db.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return classify(ctx, err)
	}
	on, late := db.runIn(tx)
	own := &Tx{engine: Postgres, on: on, ran: db.ran}
	db.ran(own, "BEGIN")
	defer late(ctx)
	defer func() {
		db.ran(own, "ROLLBACK")
		_ = tx.Rollback() // a read has nothing to commit
	}()
	return fn(own)
}

// readLite is Read on SQLite, where any transaction that only reads is a snapshot.
func (db *DB) readLite(ctx context.Context, fn func(tx *Tx) error) error {
	c, err := db.readers.take(ctx)
	if err != nil {
		return classify(ctx, err)
	}
	defer db.readers.give(c)
	if _, err := c.exec("BEGIN", nil); err != nil {
		return classify(ctx, err)
	}
	defer func() { _, _ = c.exec("ROLLBACK", nil) }() // a read has nothing to commit
	return fn(&Tx{engine: SQLite, on: liteSession{c}, ran: db.ran})
}

// sqlSession is a transaction on Postgres.
type sqlSession struct {
	find func(ctx context.Context, text string) (stmt *sql.Stmt, err error)
}

// runIn is how a transaction finds its statements. One that the pool has not prepared yet is prepared on the
// transaction's own connection: asking for a second one would wait for ever once every connection of the
// pool is in a transaction that asks. late prepares those on the pool when the transaction has ended.
func (db *DB) runIn(tx *sql.Tx) (on session, late func(ctx context.Context)) {
	var texts []string
	find := func(ctx context.Context, text string) (*sql.Stmt, error) {
		if stmt, ok := db.stmts.prepared(text); ok {
			return tx.StmtContext(ctx, stmt), nil
		}
		own, err := tx.PrepareContext(ctx, text)
		if err == nil {
			texts = append(texts, text)
		}
		return own, err
	}
	return sqlSession{find}, func(ctx context.Context) {
		for _, text := range texts {
			_, _ = db.stmts.get(ctx, text) // who needs it next reads the error
		}
	}
}

func (s sqlSession) exec(ctx context.Context, text string, args []any) (int64, error) {
	stmt, err := s.find(ctx, text)
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s sqlSession) row(ctx context.Context, text string, args, dest []any) error {
	stmt, err := s.find(ctx, text)
	if err != nil {
		return err
	}
	defer stmt.Close()
	return stmt.QueryRowContext(ctx, args...).Scan(dest...)
}

func (s sqlSession) each(ctx context.Context, text string, args []any, fn func(scan Scan) error) error {
	stmt, err := s.find(ctx, text)
	if err != nil {
		return err
	}
	defer stmt.Close()
	return each(ctx, stmt, args, fn)
}

func (db *DB) timed(ctx context.Context, op string, err *error) func() {
	start := time.Now()
	return func() { db.observe(ctx, op, start, *err) }
}

// Exec runs one statement in a transaction of its own. On Postgres that is one round trip.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	if db.engine == SQLite || isGuarded(ctx) {
		err = db.Update(ctx, func(tx *Tx) error {
			n, err = tx.Exec(ctx, query, args...)
			return err
		})
		return n, err
	}
	err = db.repeated(ctx, func() error {
		db.ran(nil, query)
		stmt, err := db.stmts.get(ctx, query)
		if err != nil {
			return err
		}
		result, err := stmt.ExecContext(ctx, args...)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	return n, err
}

// Row reads one row; no row is fault.NotFound.
func (db *DB) Row(ctx context.Context, query string, args []any, dest ...any) (err error) {
	defer db.timed(ctx, "read", &err)()
	db.ran(nil, query)
	if db.engine == SQLite {
		c, err := db.readers.take(ctx)
		if err != nil {
			return classify(ctx, err)
		}
		defer db.readers.give(c)
		return classify(ctx, c.row(query, args, dest))
	}
	stmt, err := db.stmts.get(ctx, query)
	if err != nil {
		return classify(ctx, err)
	}
	return classify(ctx, stmt.QueryRowContext(ctx, args...).Scan(dest...))
}

// Each calls fn for every row.
func (db *DB) Each(ctx context.Context, query string, args []any, fn func(scan Scan) error) (err error) {
	defer db.timed(ctx, "read", &err)()
	db.ran(nil, query)
	if db.engine == SQLite {
		c, err := db.readers.take(ctx)
		if err != nil {
			return classify(ctx, err)
		}
		defer db.readers.give(c)
		return classify(ctx, c.each(ctx, query, args, fn))
	}
	stmt, err := db.stmts.get(ctx, query)
	if err != nil {
		return classify(ctx, err)
	}
	return classify(ctx, each(ctx, stmt, args, fn))
}

// each is the one loop over rows: the error that ended them is never forgotten.
func each(ctx context.Context, stmt *sql.Stmt, args []any, fn func(scan Scan) error) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Tx is a transaction that is open. It is used by one goroutine and not kept after its function returned.
type Tx struct {
	engine Engine
	on     session
	ran    func(tx *Tx, text string)
}

// Engine is which database this is, for the few statements that cannot be spelled once.
func (tx *Tx) Engine() Engine { return tx.engine }

// Exec runs a statement and answers how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tx.ran(tx, query)
	n, err := tx.on.exec(ctx, query, args)
	return n, classify(ctx, err)
}

// Row reads one row; no row is fault.NotFound.
func (tx *Tx) Row(ctx context.Context, query string, args []any, dest ...any) error {
	tx.ran(tx, query)
	return classify(ctx, tx.on.row(ctx, query, args, dest))
}

// Each calls fn for every row.
func (tx *Tx) Each(ctx context.Context, query string, args []any, fn func(scan Scan) error) error {
	tx.ran(tx, query)
	return classify(ctx, tx.on.each(ctx, query, args, fn))
}

// NoRow reports whether err says that Row found none.
func NoRow(err error) bool {
	return errors.Is(err, sql.ErrNoRows)
}

var _ = [...]Querier{(*DB)(nil), (*Tx)(nil)}

var errNoRow = fault.As(fault.NotFound, "sqldb.Row", sql.ErrNoRows)
