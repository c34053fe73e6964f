package sqldb

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"

	"zombiezen.com/go/sqlite"
)

// bind gives a statement one argument: nil, a string, an integer, a bool, bytes, or a type made of one of these. Nil bytes are NULL.
func bind(stmt *sqlite.Stmt, i int, arg any) error {
	switch v := arg.(type) {
	case nil:
		stmt.BindNull(i)
	case string:
		stmt.BindText(i, v)
	case int64:
		stmt.BindInt64(i, v)
	case int:
		stmt.BindInt64(i, int64(v))
	case bool:
		stmt.BindBool(i, v)
	case []byte:
		if v == nil {
			stmt.BindNull(i)
		} else {
			stmt.BindBytes(i, v)
		}
	case driver.Valuer:
		value, err := v.Value()
		if err != nil {
			return err
		}
		return bind(stmt, i, value)
	default:
		return bindKind(stmt, i, reflect.ValueOf(arg))
	}
	return nil
}

func bindKind(stmt *sqlite.Stmt, i int, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		stmt.BindText(i, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		stmt.BindInt64(i, v.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		stmt.BindInt64(i, int64(v.Uint()))
	case reflect.Bool:
		stmt.BindBool(i, v.Bool())
	case reflect.Float64:
		stmt.BindFloat(i, v.Float())
	default:
		return fmt.Errorf("sqldb: an argument of type %s", v.Type())
	}
	return nil
}

// scan reads the current row. NULL is read by bytes, which become nil, and by what says so (sql.Scanner); for others it is an error.
func scan(stmt *sqlite.Stmt, dest []any) error {
	if n := stmt.ColumnCount(); n != len(dest) {
		return fmt.Errorf("sqldb: %d columns are read into %d", n, len(dest))
	}
	for i, d := range dest {
		if err := scanColumn(stmt, i, d); err != nil {
			return fmt.Errorf("sqldb: column %d: %w", i, err)
		}
	}
	return nil
}

func scanColumn(stmt *sqlite.Stmt, i int, dest any) error {
	null := stmt.ColumnIsNull(i)
	switch d := dest.(type) {
	case *[]byte:
		*d = columnBytes(stmt, i)
		return nil
	case *sql.NullString:
		*d = sql.NullString{Valid: !null}
		if !null {
			d.String = stmt.ColumnText(i)
		}
		return nil
	case *sql.NullInt64:
		*d = sql.NullInt64{Valid: !null}
		if !null {
			d.Int64 = stmt.ColumnInt64(i)
		}
		return nil
	case *sql.NullBool:
		*d = sql.NullBool{Valid: !null}
		if !null {
			d.Bool = stmt.ColumnBool(i)
		}
		return nil
	case sql.Scanner:
		return d.Scan(columnValue(stmt, i))
	}
	if null {
		return fmt.Errorf("NULL cannot be read into %T", dest)
	}
	switch d := dest.(type) {
	case *string:
		*d = stmt.ColumnText(i)
	case *int64:
		*d = stmt.ColumnInt64(i)
	case *int:
		*d = stmt.ColumnInt(i)
	case *bool:
		*d = stmt.ColumnBool(i)
	default:
		return scanKind(stmt, i, reflect.ValueOf(dest))
	}
	return nil
}

func scanKind(stmt *sqlite.Stmt, i int, dest reflect.Value) error {
	if dest.Kind() != reflect.Pointer || dest.IsNil() {
		return fmt.Errorf("cannot be read into %s", dest.Type())
	}
	switch to := dest.Elem(); to.Kind() {
	case reflect.String:
		to.SetString(stmt.ColumnText(i))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := stmt.ColumnInt64(i)
		if to.OverflowInt(n) {
			return fmt.Errorf("%d does not fit into %s", n, to.Type())
		}
		to.SetInt(n)
	case reflect.Bool:
		to.SetBool(stmt.ColumnBool(i))
	case reflect.Float64:
		to.SetFloat(stmt.ColumnFloat(i))
	default:
		return fmt.Errorf("cannot be read into %s", dest.Type())
	}
	return nil
}

func columnBytes(stmt *sqlite.Stmt, i int) []byte {
	if stmt.ColumnIsNull(i) {
		return nil
	}
	b := make([]byte, stmt.ColumnLen(i))
	stmt.ColumnBytes(i, b)
	return b
}

// columnValue is a column as a driver would give it to a sql.Scanner.
func columnValue(stmt *sqlite.Stmt, i int) any {
	switch stmt.ColumnType(i) {
	case sqlite.TypeInteger:
		return stmt.ColumnInt64(i)
	case sqlite.TypeFloat:
		return stmt.ColumnFloat(i)
	case sqlite.TypeText:
		return stmt.ColumnText(i)
	case sqlite.TypeBlob:
		return columnBytes(stmt, i)
	}
	return nil
}
