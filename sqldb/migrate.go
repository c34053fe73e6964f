package sqldb

import (
	"context"
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
	if err := conn.run(ctx, `CREATE TABLE IF NOT EXISTS schema_steps (number BIGINT PRIMARY KEY, name TEXT NOT NULL)`); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	at, err := conn.number(ctx, `SELECT COALESCE(MAX(number), 0) FROM schema_steps`)
	if err != nil {
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

// Step answers at which step the schema is, 0 for a database without one, and which one is the latest that this Satchel knows.
func (db *DB) Step(ctx context.Context) (at, latest int, err error) {
	all, err := steps(db.engine)
	if err != nil {
		return 0, 0, err
	}
	there := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_steps'`
	if db.engine == Postgres {
		there = `SELECT COUNT(*) FROM pg_class WHERE relname = 'schema_steps' AND relnamespace = current_schema()::regnamespace`
	}
	if err := db.Row(ctx, there, nil, &at); err != nil || at == 0 {
		return 0, len(all), err
	}
	err = db.Row(ctx, `SELECT COALESCE(MAX(number), 0) FROM schema_steps`, nil, &at)
	return at, len(all), err
}

// migrationConn is a connection that nobody else migrates beside.
type migrationConn struct {
	begin  string
	run    func(ctx context.Context, text string) error
	number func(ctx context.Context, query string) (int, error)
	done   func()
}

func (db *DB) migrationConn(ctx context.Context) (*migrationConn, error) {
	if db.engine == SQLite {
		return db.writer.migrationConn()
	}
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	run := func(ctx context.Context, text string) error {
		_, err := conn.ExecContext(ctx, text)
		return err
	}
	if err := run(ctx, fmt.Sprintf(`SELECT pg_advisory_lock(%d)`, migrationLock)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return &migrationConn{
		begin: `BEGIN`, run: run,
		number: func(ctx context.Context, query string) (n int, err error) {
			return n, conn.QueryRowContext(ctx, query).Scan(&n)
		},
		done: func() {
			_ = run(context.WithoutCancel(ctx), fmt.Sprintf(`SELECT pg_advisory_unlock(%d)`, migrationLock)) // ends with the connection
			conn.Close()
		},
	}, nil
}

// migrationConn is the one connection that writes; other processes wait at BEGIN IMMEDIATE.
func (w *writer) migrationConn() (*migrationConn, error) {
	free, err := w.alone()
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return &migrationConn{
		begin: `BEGIN IMMEDIATE`, done: free,
		run: func(ctx context.Context, text string) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return w.conn.script(text)
		},
		number: func(_ context.Context, query string) (n int, err error) { return n, w.conn.row(query, nil, []any{&n}) },
	}, nil
}

func (c *migrationConn) apply(ctx context.Context, s step) (err error) {
	if err := c.run(ctx, c.begin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = c.run(context.WithoutCancel(ctx), `ROLLBACK`) // what failed is told
		}
	}()
	done, err := c.number(ctx, fmt.Sprintf(`SELECT COUNT(*) FROM schema_steps WHERE number = %d`, s.number))
	if err != nil {
		return err
	}
	if done > 0 { // the other process was first
		return c.run(ctx, `COMMIT`)
	}
	if err := c.run(ctx, s.text); err != nil {
		return err
	}
	if err := c.run(ctx, fmt.Sprintf(`INSERT INTO schema_steps (number, name) VALUES (%d, '%s')`, s.number, s.name)); err != nil {
		return err
	}
	return c.run(ctx, `COMMIT`)
}
