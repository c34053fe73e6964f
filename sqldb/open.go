package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/satchelhq/satchel/fault"
)

// Engine is which database stands behind a DB.
type Engine string

const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Options tunes Open. The zero value is what a command-line tool wants.
type Options struct {
	// Exclusive refuses to open a SQLite file that another Exclusive process holds.
	// The server sets it, because its locks on uploads live in its memory there.
	Exclusive bool
	// Relaxed lets SQLite commit without waiting for the disk (synchronous = NORMAL):
	// a power cut may take back the last commits, never half of one.
	Relaxed bool
	// MaxConns bounds the pool; 0 is 16.
	MaxConns int
	// Observe, if set, is told how long each read and update took, with its error.
	// op is "read", "update" or "commit" (one shared SQLite commit).
	Observe func(op string, took time.Duration, err error)
}

// DB is an open database. It is safe for use by many goroutines.
type DB struct {
	engine  Engine
	pool    *sql.DB // reads on SQLite, everything on Postgres
	stmts   *statements
	writer  *writer // SQLite only
	lock    *os.File
	observe func(op string, took time.Duration, err error)
}

const (
	defaultMaxConns = 16
	busyTimeout     = 10 * time.Second // how long SQLite waits for another process
)

// Open opens "sqlite:PATH" or "postgres://…" and checks that it answers.
// It does not change the schema: see [DB.Migrate].
func Open(ctx context.Context, location string, o Options) (*DB, error) {
	if o.MaxConns <= 0 {
		o.MaxConns = defaultMaxConns
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	scheme, rest, _ := strings.Cut(location, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest, o)
	case "postgres", "postgresql":
		return openPostgres(ctx, location, o)
	}
	return nil, fmt.Errorf("database %q: want sqlite:PATH or postgres://USER@HOST/NAME", redacted(location))
}

// redacted is a database URL without its password, for messages.
func redacted(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		scheme, _, _ := strings.Cut(location, ":")
		return scheme + ":…"
	}
	return u.Redacted()
}

func openSQLite(ctx context.Context, path string, o Options) (*DB, error) {
	path = strings.TrimPrefix(path, "//")
	if path == "" {
		return nil, fmt.Errorf("database sqlite: the path is empty")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	db := &DB{engine: SQLite, observe: o.Observe}
	if o.Exclusive {
		lock, err := lockFile(path + ".lock")
		if err != nil {
			return nil, err
		}
		db.lock = lock
	}
	if err := db.openSQLitePools(ctx, path, o); err != nil {
		db.Close()
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return db, nil
}

func (db *DB) openSQLitePools(ctx context.Context, path string, o Options) error {
	// The file holds password hashes and signing keys: nobody else may read it.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	synchronous := "FULL"
	if o.Relaxed {
		synchronous = "NORMAL"
	}
	dsn := func(more ...string) string {
		q := url.Values{"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "foreign_keys(1)", "cache_size(-16000)", "temp_store(MEMORY)"}, more...)}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	writing, err := sql.Open("sqlite", dsn("journal_mode(WAL)", "synchronous("+synchronous+")"))
	if err != nil {
		return err
	}
	err = whenFree(ctx, func() (err error) {
		db.writer, err = newWriter(ctx, writing, db.observe)
		return err
	})
	if err != nil {
		writing.Close()
		return err
	}
	if db.pool, err = sql.Open("sqlite", dsn("query_only(1)")); err != nil {
		return err
	}
	db.setPool(o.MaxConns)
	return whenFree(ctx, func() error { return db.pool.PingContext(ctx) })
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

func openPostgres(ctx context.Context, location string, o Options) (*DB, error) {
	pool, err := sql.Open("postgres", location)
	if err != nil {
		return nil, fmt.Errorf("database %s: the URL is not valid", redacted(location))
	}
	db := &DB{engine: Postgres, pool: pool, observe: o.Observe}
	db.setPool(o.MaxConns)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database %s: %w", redacted(location), err)
	}
	return db, nil
}

func (db *DB) setPool(max int) {
	db.pool.SetMaxOpenConns(max)
	db.pool.SetMaxIdleConns(max)
	db.pool.SetConnMaxIdleTime(5 * time.Minute)
	db.stmts = &statements{engine: db.engine, prepare: db.pool.PrepareContext}
}

// lockFile takes the file for this process. The system lets go of it when the process ends, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("database lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another Satchel is running on this data (%s is locked): stop it, or choose another --data", path)
	}
	return f, nil
}

// Engine is which database this is.
func (db *DB) Engine() Engine { return db.engine }

// Shared reports whether other processes may be serving from the same database.
func (db *DB) Shared() bool { return db.engine == Postgres }

// Ready answers nil when the database can be read and written.
func (db *DB) Ready(ctx context.Context) error {
	if err := db.pool.PingContext(ctx); err != nil {
		return classify(ctx, err)
	}
	return nil
}

// Stats is the pool's, for metrics.
func (db *DB) Stats() sql.DBStats { return db.pool.Stats() }

// Close waits for running statements and closes the database.
func (db *DB) Close() error {
	var first error
	if db.writer != nil {
		first = db.writer.close()
	}
	if db.pool != nil {
		if err := db.pool.Close(); first == nil {
			first = err
		}
	}
	if db.lock != nil {
		if err := db.lock.Close(); first == nil {
			first = err
		}
	}
	return first
}

// statements prepares each text once. Texts are constants of the program, so the map stays small.
type statements struct {
	engine  Engine
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	byText  sync.Map // string → *sql.Stmt
}

func (s *statements) prepared(text string) (*sql.Stmt, bool) {
	stmt, ok := s.byText.Load(text)
	if !ok {
		return nil, false
	}
	return stmt.(*sql.Stmt), true
}

func (s *statements) get(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := s.prepared(text); ok {
		return stmt, nil
	}
	stmt, err := s.prepare(ctx, s.engine.placeholders(text))
	if err != nil {
		return nil, err
	}
	if earlier, loaded := s.byText.LoadOrStore(text, stmt); loaded {
		stmt.Close()
		return earlier.(*sql.Stmt), nil
	}
	return stmt, nil
}

// placeholders spells $1 as the engine numbers its parameters: ?1 on SQLite.
// No SQL of ours holds a dollar sign for anything else.
func (e Engine) placeholders(text string) string {
	if e == SQLite {
		return strings.ReplaceAll(text, "$", "?")
	}
	return text
}
