package rowcopy

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/satchelhq/satchel/sqldb"
)

// marker is a table that is there while a database is being filled: nobody may serve it. It has a row for each table that is whole, and
// one for each foreign key and trigger that the database has to get back.
const marker = "copying"

// ErrFilling says that a database is being filled, or that filling it was cut short.
var ErrFilling = errors.New("this database is not whole: satchel migrate-db or satchel restore has begun to fill it and has not come to its end. Give the same command again")

// Whole answers ErrFilling for a database that is being filled.
func Whole(ctx context.Context, db *sqldb.DB) error {
	filling, err := marked(ctx, db)
	if err == nil && filling {
		err = ErrFilling
	}
	return err
}

func marked(ctx context.Context, q sqldb.Querier) (bool, error) {
	query := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '` + marker + `'`
	if q.Engine() == sqldb.Postgres {
		query = `SELECT COUNT(*) FROM pg_class WHERE relname = '` + marker + `' AND relnamespace = current_schema()::regnamespace`
	}
	var n int
	err := q.Row(ctx, query, nil, &n)
	return n > 0, err
}

// ErrNotEmpty says that a target holds rows that no copy has brought.
var ErrNotEmpty = errors.New("the target is not empty")

// prepare makes a database ready to be filled, and marks it. One that holds anything, but for what an earlier copy has left, is refused.
func prepare(ctx context.Context, to *sqldb.DB, apart []string) error {
	begun, err := marked(ctx, to)
	if err == nil && begun { // perhaps to the point where its keys were put on again
		err = to.Update(ctx, func(tx *sqldb.Tx) error { return unlink(ctx, tx) })
	}
	if err != nil || begun {
		return err
	}
	at, _, err := to.Step(ctx)
	if err != nil {
		return err
	}
	if _, err := to.Migrate(ctx); err != nil {
		return err
	}
	all, err := tables(ctx, to)
	if err != nil {
		return err
	}
	for _, t := range all {
		if slices.Contains(apart, t.name) {
			continue
		}
		var one int
		err := to.Row(ctx, `SELECT 1 FROM `+quoted(t.name)+` LIMIT 1`, nil, &one)
		if err == nil && at > 0 { // what a step of the schema wrote into a new database goes
			return fmt.Errorf("%w: there are rows in %s", ErrNotEmpty, t.name)
		}
		if err != nil && !sqldb.NoRow(err) {
			return err
		}
	}
	return to.Update(ctx, func(tx *sqldb.Tx) error { return begin(ctx, tx) })
}

// begin marks a database and takes its foreign keys and triggers off.
func begin(ctx context.Context, tx *sqldb.Tx) error {
	_, err := tx.Exec(ctx, `CREATE TABLE `+marker+` (what TEXT NOT NULL, name TEXT NOT NULL, detail TEXT NOT NULL, rows BIGINT NOT NULL, PRIMARY KEY (what, name))`)
	if err != nil {
		return err
	}
	return unlink(ctx, tx)
}

const (
	ofTable = "table" // that is whole: detail is its digest
	ofLink  = "link"  // a foreign key or trigger that was taken off: detail is the statement that puts it on again
)

// linksOf answers foreign keys and triggers: a name of each, the statement that puts it on, and the one that takes it off. SQLite's foreign keys are not
// looked at by a connection that was opened [sqldb.Options].Unlinked.
var linksOf = map[sqldb.Engine]string{
	sqldb.SQLite: `SELECT name, sql, 'DROP TRIGGER "' || name || '"' FROM sqlite_master WHERE type = 'trigger'`,
	sqldb.Postgres: `SELECT 'key ' || conrelid::regclass || ' ' || conname,
			'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid),
			'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(conname)
		FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
		UNION SELECT 'triggers ' || c.oid::regclass, 'ALTER TABLE ' || c.oid::regclass || ' ENABLE TRIGGER USER', 'ALTER TABLE ' || c.oid::regclass || ' DISABLE TRIGGER USER'
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace`,
}

// unlink takes foreign keys and triggers off, so that rows may come in any order and nothing is written beside them.
func unlink(ctx context.Context, tx *sqldb.Tx) error {
	type link struct{ name, on, off string }
	links, err := sqldb.All(ctx, tx, linksOf[tx.Engine()], nil, func(scan sqldb.Scan) (l link, err error) { return l, scan(&l.name, &l.on, &l.off) })
	if err != nil {
		return err
	}
	for _, l := range links {
		if _, err := tx.Exec(ctx, `INSERT INTO `+marker+` (what, name, detail, rows) VALUES ($1, $2, $3, 0)`, ofLink, l.name, l.on); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, l.off); err != nil {
			return err
		}
	}
	return nil
}

// link puts on again what unlink has taken off, and looks at every row whether it names what is there.
func link(ctx context.Context, to *sqldb.DB) error {
	err := to.Update(ctx, func(tx *sqldb.Tx) error {
		statements, err := sqldb.All(ctx, tx, `SELECT detail FROM `+marker+` WHERE what = $1 ORDER BY name`, []any{ofLink},
			func(scan sqldb.Scan) (s string, err error) { return s, scan(&s) })
		if err == nil && tx.Engine() == sqldb.SQLite {
			err = tx.Each(ctx, `SELECT "table", parent FROM pragma_foreign_key_check LIMIT 1`, nil, func(scan sqldb.Scan) error {
				var child, parent string
				return errors.Join(scan(&child, &parent), fmt.Errorf("a row of %s names one of %s that is not there", child, parent))
			})
		}
		for _, s := range append(statements, `DELETE FROM `+marker+` WHERE what = '`+ofLink+`'`) {
			if err == nil {
				_, err = tx.Exec(ctx, s)
			}
		}
		return err
	})
	if err == nil && to.Engine() == sqldb.Postgres {
		_, err = to.Exec(ctx, `ANALYZE`) // or the first queries are planned for empty tables
	}
	if err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	return nil
}

// Finish takes the mark off an Unfinished copy.
func Finish(ctx context.Context, to *sqldb.DB) error {
	_, err := to.Exec(ctx, `DROP TABLE `+marker)
	return err
}

// wholeTables are the tables that an earlier copy has brought, with what they hold.
func wholeTables(ctx context.Context, to *sqldb.DB) (map[string]content, error) {
	all := map[string]content{}
	err := to.Each(ctx, `SELECT name, detail, rows FROM `+marker+` WHERE what = $1`, []any{ofTable}, func(scan sqldb.Scan) error {
		var name, digest string
		var c content
		if err := scan(&name, &digest, &c.rows); err != nil {
			return err
		}
		if n, err := hex.Decode(c.digest[:], []byte(digest)); err != nil || n != len(c.digest) {
			return fmt.Errorf("rowcopy: the digest of %s on record is %q", name, digest)
		}
		all[name] = c
		return nil
	})
	return all, err
}

// empty removes what a table holds, and that it is whole.
func empty(ctx context.Context, to *sqldb.DB, t table) error {
	return to.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM `+marker+` WHERE what = $1 AND name = $2`, ofTable, t.name); err != nil {
			return err
		}
		statement := `DELETE FROM `
		if tx.Engine() == sqldb.Postgres {
			statement = `TRUNCATE `
		}
		_, err := tx.Exec(ctx, statement+quoted(t.name))
		return err
	})
}

func markWhole(ctx context.Context, to *sqldb.DB, t table, c content) error {
	_, err := to.Exec(ctx, `INSERT INTO `+marker+` (what, name, detail, rows) VALUES ($1, $2, $3, $4)`, ofTable, t.name, hex.EncodeToString(c.digest[:]), c.rows)
	return err
}
