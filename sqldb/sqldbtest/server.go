package sqldbtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/satchelhq/satchel/sqldb"
)

// server is a Postgres server on which databases may be created.
type server struct {
	base *url.URL // of the database "postgres" or the one that SATCHEL_TEST_POSTGRES names
	pool *sql.DB
	log  string // the file of a private server's log, or ""
}

// sharedServer is the one server of this process. It is started when the first test asks for it.
var sharedServer = sync.OnceValues(func() (*server, error) {
	location, log := os.Getenv("SATCHEL_TEST_POSTGRES"), ""
	if location == "" {
		var err error
		if location, log, err = startCluster(); err != nil {
			return nil, fmt.Errorf("start a private Postgres: %w", err)
		}
	}
	base, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("SATCHEL_TEST_POSTGRES is not a URL")
	}
	pool, err := sql.Open("postgres", location)
	if err != nil {
		return nil, err
	}
	pool.SetMaxIdleConns(1)
	s := &server{base: base, pool: pool, log: log}
	return s, s.ready(30 * time.Second)
})

// ready waits until the server answers.
func (s *server) ready(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := s.pool.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(s.log)
			return fmt.Errorf("the server at %s does not answer: %w\n%s", s.base.Redacted(), err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// create makes an empty database. drop removes it, whoever is still connected.
func (s *server) create(ctx context.Context) (location string, drop func() error, err error) {
	name := "satchel_test_" + sqldb.NewID()
	if _, err := s.pool.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		return "", nil, fmt.Errorf("create a test database: %w", err)
	}
	u := *s.base
	u.Path = "/" + name
	return u.String(), func() error {
		_, err := s.pool.Exec(`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`)
		return err
	}, nil
}
