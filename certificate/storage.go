package certificate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/satchelhq/satchel/sqldb"
)

const (
	// lockBeat is how often who holds a lock says so, and how often who waits for it looks.
	lockBeat = 2 * time.Second
	// lockStale is for how long a lock was not seen to beat when it may be taken over: its process is dead, or cannot reach the database.
	lockStale = 20 * time.Second
)

// storage is a [certmagic.Storage] in rows, so that all nodes on a database serve one certificate, answer each other's challenges, and one at a time
// asks for a new one. Keys are paths with slashes.
type storage struct {
	db   *sqldb.DB
	beat time.Duration
	late time.Duration // after which a lock is stale

	mu   sync.Mutex
	held map[string]func() // ends the beat of a lock that this process holds
}

var _ certmagic.Storage = (*storage)(nil)

func newStorage(db *sqldb.DB) *storage {
	return &storage{db: db, beat: lockBeat, late: lockStale, held: map[string]func(){}}
}

// Store writes an item, over the one before.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	return s.db.Update(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO acme_items (key, value, modified_at) VALUES ($1, $2, $3)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value, modified_at = excluded.modified_at`, key, value, sqldb.Micros(time.Now()))
		return err
	})
}

// Load reads an item; one that is not there is fs.ErrNotExist.
func (s *storage) Load(ctx context.Context, key string) (value []byte, err error) {
	err = s.db.Row(ctx, `SELECT value FROM acme_items WHERE key = $1`, []any{key}, &value)
	return value, absent(err)
}

// absent is an error as certmagic knows it.
func absent(err error) error {
	if sqldb.NoRow(err) {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// Delete removes an item, or all that is below a path.
func (s *storage) Delete(ctx context.Context, key string) error {
	return s.db.Update(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM acme_items WHERE key = $1 OR (key >= $2 AND key < $3)`, key, key+"/", key+"0")
		return err
	})
}

// Exists reports whether there is an item, or something below a path.
func (s *storage) Exists(ctx context.Context, key string) bool {
	_, err := s.Stat(ctx, key)
	return err == nil
}

// List answers what is below a path: all items, or what is right below it.
func (s *storage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	path = strings.TrimSuffix(path, "/")
	keys, err := sqldb.All(ctx, s.db, `SELECT key FROM acme_items WHERE key >= $1 AND key < $2 ORDER BY key`, []any{path + "/", path + "0"},
		func(scan sqldb.Scan) (key string, err error) {
			err = scan(&key)
			return key, err
		})
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fs.ErrNotExist
	}
	if !recursive {
		for i, key := range keys {
			name, _, _ := strings.Cut(key[len(path)+1:], "/")
			keys[i] = path + "/" + name
		}
		keys = slices.Compact(keys)
	}
	return keys, nil
}

// Stat tells of an item, or of a path with something below it.
func (s *storage) Stat(ctx context.Context, key string) (info certmagic.KeyInfo, err error) {
	var modified int64
	info = certmagic.KeyInfo{Key: key, IsTerminal: true}
	err = s.db.Row(ctx, `SELECT LENGTH(value), modified_at FROM acme_items WHERE key = $1`, []any{key}, &info.Size, &modified)
	if err == nil {
		info.Modified = sqldb.Time(modified)
		return info, nil
	}
	if !sqldb.NoRow(err) {
		return certmagic.KeyInfo{}, err
	}
	var below string
	err = s.db.Row(ctx, `SELECT key FROM acme_items WHERE key >= $1 AND key < $2 LIMIT 1`, []any{key + "/", key + "0"}, &below)
	return certmagic.KeyInfo{Key: key}, absent(err)
}

// Lock waits until it holds the lock, which it then says over and over until Unlock. Clocks are not compared: a lock is stale when it was watched and
// did not beat.
func (s *storage) Lock(ctx context.Context, name string) error {
	holder := sqldb.NewID()
	var seen string // the holder and beat that were there last
	since := time.Now()
	for {
		there, err := s.take(ctx, name, holder, seen, time.Since(since) > s.late)
		if err != nil {
			return err
		}
		if there == "" {
			s.keep(name, holder)
			return nil
		}
		if there != seen {
			seen, since = there, time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.beat):
		}
	}
}

// take takes a lock that is free, or stale, which is when it is still as it was seen. It answers who holds it otherwise.
func (s *storage) take(ctx context.Context, name, holder, seen string, stale bool) (there string, err error) {
	err = s.db.Update(ctx, func(tx *sqldb.Tx) error {
		if stale {
			if _, err := tx.Exec(ctx, `DELETE FROM acme_locks WHERE name = $1 AND holder || ' ' || beats = $2`, name, seen); err != nil {
				return err
			}
		}
		n, err := tx.Exec(ctx, `INSERT INTO acme_locks (name, holder, beats) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING`, name, holder)
		if there = ""; err != nil || n == 1 {
			return err
		}
		return tx.Row(ctx, `SELECT holder || ' ' || beats FROM acme_locks WHERE name = $1`, []any{name}, &there)
	})
	if sqldb.NoRow(err) {
		return seen, nil // it was let go of in between
	}
	return there, err
}

// keep beats until the lock is let go of, or somebody else has it.
func (s *storage) keep(name, holder string) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	s.mu.Lock()
	s.held[name] = func() {
		cancel()
		<-ended
	}
	s.mu.Unlock()
	go func() {
		defer close(ended)
		for pause(ctx, s.beat) {
			_ = s.db.Update(ctx, func(tx *sqldb.Tx) error { // what fails is tried again at the next beat
				_, err := tx.Exec(ctx, `UPDATE acme_locks SET beats = beats + 1 WHERE name = $1 AND holder = $2`, name, holder)
				return err
			})
		}
		// A context of its own: who was told to stop lets go all the same.
		free, done := context.WithTimeout(context.Background(), s.late)
		defer done()
		_ = s.db.Update(free, func(tx *sqldb.Tx) error { // what stays is stale
			_, err := tx.Exec(free, `DELETE FROM acme_locks WHERE name = $1 AND holder = $2`, name, holder)
			return err
		})
	}()
}

// pause waits, and reports whether ctx still lives.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Unlock lets go of a lock that Lock took.
func (s *storage) Unlock(_ context.Context, name string) error {
	s.mu.Lock()
	end, ok := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if !ok {
		return errors.New("certificate: the lock " + name + " is not held")
	}
	end()
	return nil
}
