package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/lib/pq"
	"zombiezen.com/go/sqlite"

	"github.com/satchelhq/satchel/fault"
)

// classify gives a driver's error its kind, by code and never by text. Errors that have a kind,
// and contexts that ended, pass as they are. ctx is the one that the statement ran under.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return errNoRow
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // rolled back by database/sql, since ctx had ended
		return ctx.Err()
	}
	kind := fault.Internal
	var lite *liteError
	var post *pq.Error
	switch {
	case errors.As(err, &lite):
		kind = sqliteKind(lite.code)
	case errors.As(err, &post):
		if post.Code == "57014" && ctx.Err() != nil { // query_canceled: by us, for the one who asked has gone
			return ctx.Err()
		}
		kind = postgresKind(string(post.Code))
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, errClosed), errors.Is(err, errBatchLost), brokenConnection(err):
		kind = fault.Busy
	default:
		return err // a rule's own error, or one that nobody foresaw
	}
	return fault.As(kind, "sqldb", err)
}

// brokenConnection reports whether the way to the database failed: it restarts, or was cut off.
func brokenConnection(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// sqliteKind reads an extended result code (sqlite.org/rescode.html).
func sqliteKind(code sqlite.ResultCode) fault.Kind {
	switch code {
	case sqlite.ResultConstraintUnique, sqlite.ResultConstraintPrimaryKey:
		return fault.Exists
	case sqlite.ResultConstraintForeignKey:
		return fault.NotFound
	}
	switch code.ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return fault.Busy
	case sqlite.ResultFull:
		return fault.Full
	}
	return fault.Internal
}

// postgresKind reads an SQLSTATE (PostgreSQL documentation, appendix A).
func postgresKind(code string) fault.Kind {
	switch code {
	case "23505": // unique_violation
		return fault.Exists
	case "23503": // foreign_key_violation
		return fault.NotFound
	case "53100": // disk_full
		return fault.Full
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return fault.Busy
	}
	for _, class := range [...]string{"08", "53", "57"} { // connection, resources, operator intervention
		if strings.HasPrefix(code, class) {
			return fault.Busy
		}
	}
	return fault.Internal
}

// again reports whether a transaction that ended with err did nothing and may simply be run once more.
func again(err error) bool {
	var post *pq.Error
	if errors.As(err, &post) {
		return post.Code == "40001" || post.Code == "40P01"
	}
	return errors.Is(err, errBatchLost)
}

// NamesNothing reports whether a row was refused because it names another that is not there, or not any more.
func NamesNothing(err error) bool {
	var lite *liteError
	var post *pq.Error
	switch {
	case errors.As(err, &lite):
		return lite.code == sqlite.ResultConstraintForeignKey
	case errors.As(err, &post):
		return post.Code == "23503"
	}
	return false
}

// Failed tells a database that fails from a rule that refused, which ends its transaction with an error too.
func Failed(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Busy:
		return true
	}
	return false
}
