package sqldb

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// step is one migration: migrations/NNNN_NAME.ENGINE.sql.
type step struct {
	number int
	name   string
	text   string
}

// steps reads the engine's migrations in order and checks that none is missing.
func steps(engine Engine) ([]step, error) {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	var all []step
	for _, entry := range entries {
		base, of, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".sql"), ".")
		if Engine(of) != engine {
			continue
		}
		digits, name, _ := strings.Cut(base, "_")
		number, err := strconv.Atoi(digits)
		if err != nil {
			return nil, fmt.Errorf("migration %s: the name does not begin with a number", entry.Name())
		}
		text, err := fs.ReadFile(migrationFiles, "migrations/"+entry.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, step{number, name, string(text)})
	}
	slices.SortFunc(all, func(a, b step) int { return a.number - b.number })
	for i, s := range all {
		if s.number != i+1 {
			return nil, fmt.Errorf("migration %d is missing for %s", i+1, engine)
		}
	}
	return all, nil
}

// migrationLock is the Postgres advisory lock that keeps two nodes from migrating at once ("satchel" in bytes).
const migrationLock int64 = 0x7361746368656c

// Migrate brings the schema up to date, each step in a transaction, and answers which steps it ran.
// Nodes that start together wait for each other. A database from a newer Satchel is an error.
func (db *DB) Migrate(ctx context.Context) (ran []string, err error) {
	all, err := steps(db.engine)
	if err != nil {
		return nil, err
	}
	conn, err := db.migrationConn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.done()
	if _, err := conn.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_steps (number BIGINT PRIMARY KEY, name TEXT NOT NULL)`); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var at int
	if err := conn.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM schema_steps`).Scan(&at); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if at > len(all) {
		return nil, fmt.Errorf("migrate: the database is at step %d and this Satchel knows %d: it was used by a newer version", at, len(all))
	}
	for _, s := range all[at:] {
		if err := conn.apply(ctx, s); err != nil {
			return ran, fmt.Errorf("migrate to step %d (%s): %w", s.number, s.name, err)
		}
		ran = append(ran, fmt.Sprintf("%04d_%s", s.number, s.name))
	}
	return ran, nil
}

// migrationConn is a connection that nobody else migrates beside.
type migrationConn struct {
	*sql.Conn
	engine Engine
	done   func()
}

func (db *DB) migrationConn(ctx context.Context) (*migrationConn, error) {
	if db.engine == SQLite {
		<-db.writer.turn // the one writing connection; other processes wait at BEGIN IMMEDIATE
		return &migrationConn{db.writer.conn, db.engine, func() { db.writer.turn <- struct{}{} }}, nil
	}
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
		conn.Close()
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return &migrationConn{conn, db.engine, func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, migrationLock)
		conn.Close()
	}}, nil
}

func (c *migrationConn) apply(ctx context.Context, s step) (err error) {
	begin := `BEGIN`
	if c.engine == SQLite {
		begin = `BEGIN IMMEDIATE` // waits for another process that migrates
	}
	if _, err := c.ExecContext(ctx, begin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = c.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		}
	}()
	var done int
	if err := c.QueryRowContext(ctx, fmt.Sprintf(`SELECT COUNT(*) FROM schema_steps WHERE number = %d`, s.number)).Scan(&done); err != nil {
		return err
	}
	if done > 0 { // the other process was first
		_, err := c.ExecContext(ctx, `COMMIT`)
		return err
	}
	if _, err := c.ExecContext(ctx, s.text); err != nil {
		return err
	}
	record := fmt.Sprintf(`INSERT INTO schema_steps (number, name) VALUES (%d, '%s')`, s.number, s.name)
	if _, err := c.ExecContext(ctx, record); err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, `COMMIT`)
	return err
}
