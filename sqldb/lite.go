package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/satchelhq/satchel/fault"
)

// liteConn is one connection to SQLite, for one goroutine at a time. It stands below database/sql, whose locks, conversions
// and watching goroutines cost more than most statements here.
type liteConn struct {
	conn  *sqlite.Conn
	texts map[string]*sqlite.Stmt // by the statement as the program spells it
	wrote bool                    // a statement that may change rows ran since begin
}

// liteError is what SQLite said, with its extended result code (sqlite.org/rescode.html).
type liteError struct {
	code sqlite.ResultCode
	err  error
}

func (e *liteError) Error() string { return e.err.Error() }
func (e *liteError) Unwrap() error { return e.err }

func liteFault(err error) error {
	if err == nil {
		return nil
	}
	return &liteError{sqlite.ErrCode(err), err}
}

// errTakenBack is of a statement after an error that ended its transaction.
var errTakenBack = errors.New("sqldb: the transaction was rolled back")

// openLite opens the file, which exists, and runs the pragmas.
func openLite(path string, pragmas ...string) (*liteConn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, liteFault(err)
	}
	conn.SetBusyTimeout(busyTimeout)
	c := &liteConn{conn: conn, texts: map[string]*sqlite.Stmt{}}
	for _, pragma := range append([]string{"foreign_keys(1)", "cache_size(-16000)", "temp_store(MEMORY)"}, pragmas...) {
		if err := c.script("PRAGMA " + pragma); err != nil {
			_ = conn.Close() // the pragma's error says more
			return nil, err
		}
	}
	return c, nil
}

func (c *liteConn) close() error { return c.conn.Close() }

// liteSession runs a transaction's statements. They do not end with a request's context, which is looked at between them: an
// interrupted statement would take back the whole transaction that updates share.
type liteSession struct{ *liteConn }

func (s liteSession) exec(ctx context.Context, text string, args []any) (int64, error) {
	if err := s.goesOn(ctx); err != nil {
		return 0, err
	}
	return s.liteConn.exec(text, args)
}

func (s liteSession) row(ctx context.Context, text string, args, dest []any) error {
	if err := s.goesOn(ctx); err != nil {
		return err
	}
	return s.liteConn.row(text, args, dest)
}

func (s liteSession) each(ctx context.Context, text string, args []any, fn func(scan Scan) error) error {
	if err := s.goesOn(ctx); err != nil {
		return err
	}
	return s.liteConn.each(ctx, text, args, fn)
}

// goesOn refuses a statement whose request has ended, and one whose transaction has: it would be a transaction of its own.
func (s liteSession) goesOn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.takenBack() {
		return errTakenBack
	}
	return nil
}

// takenBack reports whether no transaction is open. After some errors (disk full, I/O), those of a query too, SQLite rolls all of
// it back by itself (sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
func (c *liteConn) takenBack() bool { return c.conn.AutocommitEnabled() }

// prepared answers the statement of a text, ready to run. Texts are constants of the program, so there are few.
func (c *liteConn) prepared(text string) (*sqlite.Stmt, error) {
	if stmt, ok := c.texts[text]; ok {
		return stmt, nil
	}
	stmt, err := c.conn.Prepare(SQLite.placeholders(text))
	if err != nil {
		return nil, liteFault(err)
	}
	c.texts[text] = stmt
	return stmt, nil
}

// start binds the arguments. The caller ends it with finish, whatever happens.
func (c *liteConn) start(text string, args []any) (*sqlite.Stmt, error) {
	stmt, err := c.prepared(text)
	if err != nil {
		return nil, err
	}
	if n := stmt.BindParamCount(); n != len(args) {
		return nil, fmt.Errorf("sqldb: %d arguments for a statement with %d", len(args), n)
	}
	for i, arg := range args {
		if err := bind(stmt, i+1, arg); err != nil {
			return nil, err
		}
	}
	return stmt, nil
}

// finish makes the statement ready for its next run. What it was given is let go of, content above all.
func finish(stmt *sqlite.Stmt) {
	_ = stmt.Reset() // repeats the error of the step, which the caller has
	_ = stmt.ClearBindings()
}

func (c *liteConn) exec(text string, args []any) (int64, error) {
	stmt, err := c.start(text, args)
	if err != nil {
		return 0, err
	}
	defer finish(stmt)
	for {
		more, err := stmt.Step()
		if err != nil {
			c.wrote = true
			return 0, liteFault(err)
		}
		if !more {
			break
		}
	}
	n := int64(c.conn.Changes())
	c.wrote = c.wrote || n > 0
	return n, nil
}

// row reads the first row; sql.ErrNoRows if there is none.
func (c *liteConn) row(text string, args, dest []any) error {
	stmt, err := c.start(text, args)
	if err != nil {
		return err
	}
	defer finish(stmt)
	if returning(text) {
		c.wrote = true
	}
	found, err := stmt.Step()
	if err != nil {
		return liteFault(err)
	}
	if !found {
		return sql.ErrNoRows
	}
	if err := scan(stmt, dest); err != nil {
		return err
	}
	if returning(text) {
		_, err = stmt.Step() // a change with RETURNING is whole when it says that it is done
	}
	return liteFault(err)
}

func returning(text string) bool { return !strings.HasPrefix(text, "SELECT") }

// each calls fn for every row. It looks at the context's end between rows.
func (c *liteConn) each(ctx context.Context, text string, args []any, fn func(scan Scan) error) error {
	stmt, err := c.start(text, args)
	if err != nil {
		return err
	}
	defer finish(stmt)
	if returning(text) {
		c.wrote = true
	}
	read := func(dest ...any) error { return scan(stmt, dest) }
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		more, err := stmt.Step()
		if err != nil {
			return liteFault(err)
		}
		if !more {
			return nil
		}
		if err := fn(read); err != nil {
			return err
		}
	}
}

// script runs statements without arguments, one after the other.
func (c *liteConn) script(text string) error {
	for rest := strings.TrimSpace(text); rest != ""; {
		stmt, trailing, err := c.conn.PrepareTransient(rest)
		if err != nil {
			return liteFault(err)
		}
		rest = strings.TrimSpace(rest[len(rest)-trailing:])
		for more := true; more && err == nil; {
			more, err = stmt.Step()
		}
		_ = stmt.Finalize() // repeats the error of the step
		if err != nil {
			return liteFault(err)
		}
	}
	return nil
}

// whenFree runs open until SQLite is not busy. SQLite waits for locks by itself, except while another
// process turns on the write-ahead log or, as the last to leave, removes it.
func whenFree(ctx context.Context, open func() error) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		err := open()
		if !fault.Is(classify(ctx, err), fault.Busy) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
