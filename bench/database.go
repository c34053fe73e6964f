package main

import (
	"context"
	"database/sql"
	"net/url"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// cluster is a Postgres server of this run.
type cluster struct {
	base *url.URL
	pool *sql.DB // on its database "postgres"
}

// startPostgres starts one that counts what statements do and, as in tests, does not wait for the disk: what is compared is not hidden behind its time.
func startPostgres() (*cluster, error) {
	location, err := sqldbtest.Cluster("shared_preload_libraries=pg_stat_statements", "pg_stat_statements.max=10000", "shared_buffers=512MB", "max_wal_size=4GB")
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("postgres", location)
	if err != nil {
		return nil, err
	}
	_, err = pool.Exec(`CREATE EXTENSION pg_stat_statements`)
	return &cluster{base, pool}, err
}

// database makes an empty one and answers its URL.
func (c *cluster) database(ctx context.Context, name string) (string, error) {
	_, err := c.pool.ExecContext(ctx, `CREATE DATABASE "`+name+`"`)
	u := *c.base
	u.Path = "/" + name
	return u.String(), err
}

// work is what a database has done, of all statements on it.
type work struct {
	statements   float64 // and BEGIN, COMMIT and ROLLBACK: each is a round trip
	transactions float64 // those that were begun; statements on their own are none
	read         float64 // rows that queries answered
	written      float64 // rows that were added, changed or removed, but for those that foreign keys took along
	pages        float64 // that were looked at, of tables and indexes
	log          float64 // bytes of the write-ahead log
}

// reset forgets what was done until now.
func (c *cluster) reset(ctx context.Context) error {
	_, err := c.pool.ExecContext(ctx, `SELECT pg_stat_statements_reset()`)
	return err
}

// worked is what was done on a database since, for each of n operations. LISTEN's, the pulse's and the notices' own statements are left out: they come by the clock.
func (c *cluster) worked(ctx context.Context, name string, n int) (w work, err error) {
	err = c.pool.QueryRowContext(ctx, `SELECT COALESCE(SUM(calls), 0), COALESCE(SUM(calls) FILTER (WHERE query ~* '^begin'), 0),
		COALESCE(SUM(rows) FILTER (WHERE query !~ '^\s*(WITH \w+ AS \()?(INSERT|UPDATE|DELETE)'), 0),
		COALESCE(SUM(rows + CASE WHEN query ~ '^\s*WITH \w+ AS \(INSERT' THEN calls ELSE 0 END) FILTER (WHERE query ~ '^\s*(WITH \w+ AS \()?(INSERT|UPDATE|DELETE)'), 0),
		COALESCE(SUM(shared_blks_hit + shared_blks_read), 0), COALESCE(SUM(wal_bytes), 0)
		FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1 AND query !~ 'holders|pg_notify|LISTEN|^;'`, name).
		Scan(&w.statements, &w.transactions, &w.read, &w.written, &w.pages, &w.log)
	for _, f := range []*float64{&w.statements, &w.transactions, &w.read, &w.written, &w.pages, &w.log} {
		*f /= float64(n)
	}
	return w, err
}

// openDatabase is for the rules that no door leads to, and for what makes an administrator.
func openDatabase(ctx context.Context, location string) (*sqldb.DB, error) {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	return sqldb.Open(ctx, location, sqldb.Options{MaxConns: 2})
}
