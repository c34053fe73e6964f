package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
	"golang.org/x/sys/unix"
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
	// Unlinked has SQLite not look at foreign keys, for who writes a whole database in any order and looks at them in the end.
	Unlinked bool
	// MaxConns bounds the pool; 0 is 16.
	MaxConns int
	// Observe, if set, is told of each read and update that has ended: when it began, and its error.
	// op is "read", "update" or "commit" (one shared SQLite commit, whose ctx is nobody's).
	Observe func(ctx context.Context, op string, began time.Time, err error)
	// Ran, if set, is told of each statement that runs, and on Postgres of the BEGIN, COMMIT and ROLLBACK around them: of each round trip but those that
	// prepare. tx is nil for a statement on its own.
	Ran func(tx *Tx, text string)
}

// DB is an open database. It is safe for use by many goroutines.
type DB struct {
	engine  Engine
	observe func(ctx context.Context, op string, began time.Time, err error)
	ran     func(tx *Tx, text string)
	retries atomic.Int64
	notices *notices

	// On Postgres.
	pool  *sql.DB
	stmts *statements

	// On SQLite.
	readers      *litePool
	writer       *writer
	checkpointer *checkpointer
	lock         *os.File
	index        *walIndex
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
		o.Observe = func(context.Context, string, time.Time, error) {}
	}
	if o.Ran == nil {
		o.Ran = func(*Tx, string) {}
	}
	scheme, rest, _ := strings.Cut(location, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest, o)
	case "postgres", "postgresql":
		return openPostgres(ctx, location, o)
	}
	return nil, fmt.Errorf("database %q: want sqlite:PATH or postgres://USER@HOST/NAME", Redacted(location))
}

// Redacted is the location of a database without the passwords that a Postgres URL can hold, for messages.
func Redacted(location string) string {
	scheme, _, _ := strings.Cut(location, ":")
	if scheme == string(SQLite) {
		return location
	}
	u, err := url.Parse(location)
	if err != nil {
		return scheme + ":…"
	}
	query := u.Query()
	for _, name := range [...]string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, "xxxxx")
			u.RawQuery = query.Encode()
		}
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
	db := &DB{engine: SQLite, observe: o.Observe, ran: o.Ran}
	db.notices = newNotices(db, "")
	if o.Exclusive {
		lock, err := lockFile(path + ".lock")
		if err != nil {
			return nil, err
		}
		db.lock = lock
	}
	err := db.openSQLitePools(ctx, path, o)
	if err == nil {
		if db.index, err = openWALIndex(ctx, db, path); err == nil {
			db.writer.index = db.index
		}
	}
	if err != nil {
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
	return whenFree(ctx, func() error { return db.openConnections(path, synchronous, o) })
}

// openConnections opens what must not fail later; those that read are opened when they are needed. What is open already stays, so that
// it can be called again.
func (db *DB) openConnections(path, synchronous string, o Options) error {
	if db.checkpointer == nil {
		conn, err := openLite(path, "journal_mode(WAL)", "synchronous("+synchronous+")", "wal_autocheckpoint(0)")
		if err != nil {
			return err
		}
		db.checkpointer = newCheckpointer(conn)
	}
	if db.writer == nil {
		pragmas := []string{"synchronous(" + synchronous + ")", "wal_autocheckpoint(0)"}
		if o.Unlinked {
			pragmas = append(pragmas, "foreign_keys(0)")
		}
		conn, err := openLite(path, pragmas...)
		if err != nil {
			return err
		}
		db.writer = newWriter(conn, db.observe, db.ran, db.checkpointer.written)
	}
	db.readers = &litePool{max: o.MaxConns, open: func() (*liteConn, error) { return openLite(path, "query_only(1)") }}
	first, err := db.readers.take(context.Background())
	if err != nil {
		return err
	}
	db.readers.give(first)
	db.checkpointer.start(db.writer)
	return nil
}

// planned is the location with what all connections want: statements are planned once, for any arguments. Postgres otherwise plans the first five runs of each on
// every connection for their arguments, and may go on with that; testdata/plans.postgres has the plans that it finds instead.
func planned(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Query().Has("plan_cache_mode") {
		return location
	}
	q := u.Query()
	q.Set("plan_cache_mode", "force_generic_plan")
	u.RawQuery = q.Encode()
	return u.String()
}

func openPostgres(ctx context.Context, location string, o Options) (*DB, error) {
	pool, err := sql.Open("postgres", planned(location))
	if err != nil {
		return nil, fmt.Errorf("database %s: the URL is not valid", Redacted(location))
	}
	db := &DB{engine: Postgres, pool: pool, observe: o.Observe, ran: o.Ran}
	db.notices = newNotices(db, location)
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db.stmts = &statements{prepare: pool.PrepareContext}
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database %s: %w", Redacted(location), err)
	}
	return db, nil
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
	var one int
	return db.Row(ctx, `SELECT 1`, nil, &one)
}

// Stats is the pool's, for metrics. On SQLite it is that of the connections that read.
func (db *DB) Stats() sql.DBStats {
	if db.engine == SQLite {
		return db.readers.stats()
	}
	return db.pool.Stats()
}

// Retries is how many updates have run again because they lost against another, since the start.
func (db *DB) Retries() int64 { return db.retries.Load() }

// UpdatesWaiting is how many updates wait for SQLite's one writer now. On Postgres it is 0: who waits for a lock there, waits in the database.
func (db *DB) UpdatesWaiting() int {
	if db.writer == nil {
		return 0
	}
	return db.writer.waiting()
}

// Close waits for running updates and closes the database. What reads still closes its connection when it has ended.
func (db *DB) Close() error {
	var all []error
	db.notices.close()
	if db.pool != nil {
		all = append(all, db.pool.Close())
	}
	if db.checkpointer != nil {
		all = append(all, db.checkpointer.close())
	}
	if db.readers != nil {
		all = append(all, db.readers.close())
	}
	if db.writer != nil { // the last to leave: SQLite removes the write-ahead log
		all = append(all, db.writer.close())
	}
	all = append(all, db.index.close())
	if db.lock != nil {
		all = append(all, db.lock.Close())
	}
	db.checkpointer, db.lock = nil, nil
	return errors.Join(all...)
}

// statements prepares each text once. Texts are constants of the program, so the map stays small.
type statements struct {
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
	stmt, err := s.prepare(ctx, text)
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

// Clock is an expression for the database's clock, in microseconds since 1970: the clocks of the processes may differ. It moves within a transaction.
func (e Engine) Clock() string {
	if e == Postgres {
		return `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`
	}
	return `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`
}

// Among is the condition that what stands before it is among the texts of a JSON array in the parameter $1: one text of a statement serves any number of
// them. It is spelled so that Postgres looks each of them up: of how many an IN would read it knows nothing, and reads all of a table of ten thousand rows.
func (e Engine) Among() string {
	if e == Postgres {
		return ` = ANY(ARRAY(SELECT jsonb_array_elements_text(CAST($1 AS jsonb))))`
	}
	return ` IN (SELECT value FROM json_each($1))`
}
