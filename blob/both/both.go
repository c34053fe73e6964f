package both

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// Store is a [blob.Store] of two.
type Store struct {
	to, from blob.Store
}

var (
	_ blob.Store   = (*Store)(nil)
	_ blob.Roomy   = (*Store)(nil)
	_ blob.Sweeper = (*Store)(nil)
)

// New makes one store of a new one and an old one.
func New(to, from blob.Store) *Store { return &Store{to, from} }

// find asks for a key where it is. The old store is asked twice, for the sake of a node that has the pair the wrong way round.
func find[T any](s *Store, ask func(in blob.Store) (T, error)) (found T, in blob.Store, err error) {
	for _, in := range [...]blob.Store{s.from, s.to, s.from} {
		if found, err = ask(in); !errors.Is(err, blob.ErrNotFound) {
			return found, in, err
		}
	}
	return found, nil, err
}

// Stage begins empty content in the new store. See [blob.Store].
func (s *Store) Stage(ctx context.Context, key blob.Key) (blob.Stage, error) {
	if key.Valid() { // else the new store says what is wrong
		taken, err := has(ctx, s.from, key)
		if err != nil {
			return nil, err
		}
		if taken {
			return nil, fmt.Errorf("blob/both: stage %s: %w", key, blob.ErrExists)
		}
	}
	g, err := s.to.Stage(ctx, key)
	if err != nil {
		return nil, err
	}
	return &stage{g, s.from}, nil
}

// has reports whether a store has a stage or blob.
func has(ctx context.Context, in blob.Store, key blob.Key) (bool, error) {
	c, err := in.OpenStage(ctx, key, 0)
	if errors.Is(err, blob.ErrNotFound) {
		c, err = in.Open(ctx, key)
	}
	if errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.Close()
}

// Resume opens a stage where it is. See [blob.Store].
func (s *Store) Resume(ctx context.Context, key blob.Key, offset int64) (blob.Stage, error) {
	g, in, err := find(s, func(in blob.Store) (blob.Stage, error) { return in.Resume(ctx, key, offset) })
	if err != nil {
		return nil, err
	}
	return &stage{g, s.other(in)}, nil
}

func (s *Store) other(than blob.Store) blob.Store {
	if than == s.from {
		return s.to
	}
	return s.from
}

// Open gives a blob for reading, from where it is. See [blob.Store].
func (s *Store) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	c, in, err := find(s, func(in blob.Store) (blob.Content, error) { return in.Open(ctx, key) })
	if err != nil {
		return nil, err
	}
	return s.follow(c, in, key), nil
}

// OpenStage gives the beginning of a stage for reading, from where it is. See [blob.Store].
func (s *Store) OpenStage(ctx context.Context, key blob.Key, size int64) (blob.Content, error) {
	c, _, err := find(s, func(in blob.Store) (blob.Content, error) { return in.OpenStage(ctx, key, size) })
	return c, err
}

// Unseal makes a blob a stage where it is. See [blob.Store].
func (s *Store) Unseal(ctx context.Context, key blob.Key) error {
	_, _, err := find(s, func(in blob.Store) (struct{}, error) { return struct{}{}, in.Unseal(ctx, key) })
	return err
}

// Remove drops a key from both.
func (s *Store) Remove(ctx context.Context, key blob.Key) error {
	return errors.Join(s.from.Remove(ctx, key), s.to.Remove(ctx, key))
}

// List calls fn for what is in the old store and then for the new one, so that what is moved meanwhile is seen twice rather than never.
func (s *Store) List(ctx context.Context, fn func(blob.Entry) error) error {
	if err := s.from.List(ctx, fn); err != nil {
		return err
	}
	return s.to.List(ctx, fn)
}

// Ready answers nil when both are.
func (s *Store) Ready(ctx context.Context) error {
	return errors.Join(s.to.Ready(ctx), s.from.Ready(ctx))
}

// Space is the new store's room. See [blob.Roomy].
func (s *Store) Space(ctx context.Context) (blob.Space, error) {
	roomy, ok := s.to.(blob.Roomy)
	if !ok {
		return blob.Space{}, s.Ready(ctx)
	}
	space, err := roomy.Space(ctx)
	return space, errors.Join(err, s.from.Ready(ctx))
}

// Sweep sweeps those of both that leave anything behind. See [blob.Sweeper].
func (s *Store) Sweep(ctx context.Context, before time.Time) (objects int, bytes int64, err error) {
	for _, in := range [...]blob.Store{s.from, s.to} {
		if sweeper, ok := in.(blob.Sweeper); ok && err == nil {
			var n int
			var size int64
			n, size, err = sweeper.Sweep(ctx, before)
			objects, bytes = objects+n, bytes+size
		}
	}
	return objects, bytes, err
}
