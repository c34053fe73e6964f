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

	// migrated makes the database that others are copies of, once, and answers its name.
	migrated func() (template string, err error)
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
	s.migrated = sync.OnceValues(s.migrate)
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

// create makes a database that is a copy of template. drop removes it, whoever is still connected.
func (s *server) create(ctx context.Context, template string) (name string, drop func() error, err error) {
	name = "satchel_test_" + sqldb.NewID()
	if _, err := s.pool.ExecContext(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template); err != nil {
		return "", nil, fmt.Errorf("create a test database: %w", err)
	}
	return name, func() error {
		_, err := s.pool.Exec(`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`)
		return err
	}, nil
}

// of is the URL of the database.
func (s *server) of(name string) string {
	u := *s.base
	u.Path = "/" + name
	return u.String()
}
