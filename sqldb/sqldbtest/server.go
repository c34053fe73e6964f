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

	mu     sync.Mutex
	schema string   // of migrated's database, as state tells it; empty if there is none
	idle   []string // databases that are like migrated's
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

// Cluster starts a server that ends with this process, with settings of postgresql.conf ("NAME=VALUE") besides those of tests, which trust the system to live:
// nothing waits for the disk. It answers the URL of its database "postgres" when it can be asked.
func Cluster(settings ...string) (location string, err error) {
	location, log, err := startCluster(settings...)
	if err != nil {
		return "", err
	}
	pool, err := sql.Open("postgres", location)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	base, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	return location, (&server{base: base, pool: pool, log: log}).ready(30 * time.Second)
}

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

// take makes or finds an empty migrated database. done takes it back, whoever is still connected.
func (s *server) take(ctx context.Context) (name string, done func() error, err error) {
	template, err := s.migrated()
	if err != nil {
		return "", nil, err
	}
	s.mu.Lock()
	if last := len(s.idle) - 1; last >= 0 {
		name, s.idle = s.idle[last], s.idle[:last]
	}
	reusable := s.schema != ""
	s.mu.Unlock()
	if name == "" {
		if name, _, err = s.create(ctx, template); err != nil {
			return "", nil, err
		}
	}
	return name, func() error {
		// One that cannot be cleaned is dropped, for whatever reason it is.
		if !reusable {
			return s.drop(name)
		}
		if ok, err := s.clean(context.Background(), name); err != nil || !ok {
			return s.drop(name)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.idle = append(s.idle, name)
		return nil
	}, nil
}

// create makes a database that is a copy of template. drop removes it, whoever is still connected.
func (s *server) create(ctx context.Context, template string) (name string, drop func() error, err error) {
	name = "satchel_test_" + sqldb.NewID()
	if _, err := s.pool.ExecContext(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template); err != nil {
		return "", nil, fmt.Errorf("create a test database: %w", err)
	}
	return name, func() error { return s.drop(name) }, nil
}

func (s *server) drop(name string) error {
	_, err := s.pool.Exec(`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`)
	return err
}

// of is the URL of the database.
func (s *server) of(name string) string {
	u := *s.base
	u.Path = "/" + name
	return u.String()
}
