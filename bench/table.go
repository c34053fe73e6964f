package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// tableName is what -only matches for this comparison.
const tableName = "tus: 20000 unfinished uploads"

// Of the row that asks whether a table full of unfinished uploads costs anything.
const (
	fewUploads  = 10
	manyUploads = 20_000
	fillers     = 16 // connections that make them
	tableTurns  = 10 // how often the two tables take turns
	tableBatch  = 60 // operations of each kind in a turn
)

// tableStep is what is timed on both tables, by one connection.
type tableStep struct {
	name      string
	few, many []time.Duration
}

// table compares a server that has ten unfinished uploads with one that has 20,000. Both run, and take turns.
func (t tusClient) table(ctx context.Context, p peer, begin func(context.Context, peer) (*child, error), patience time.Duration) ([]tableStep, error) {
	steps := []tableStep{{name: "create"}, {name: "PATCH"}, {name: "HEAD"}}
	var sides [2]*side
	for i, n := range []int{fewUploads, manyUploads} {
		c, err := begin(ctx, p)
		if err != nil {
			return nil, err
		}
		defer c.stop()
		if sides[i], err = t.fill(ctx, c, n); err != nil {
			return nil, fmt.Errorf("%s: %d uploads: %w", p.name, n, err)
		}
	}
	if err := awaitQuiet(ctx, patience); err != nil {
		return nil, err
	}
	for _, s := range sides { // not sooner: a server hangs up on who says nothing
		w, err := dial(s.child.host, s.child.auth)
		if err != nil {
			return nil, err
		}
		defer w.close()
		s.wire = w
	}
	for turn := range tableTurns {
		for i, s := range sides {
			took, err := s.batch()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			if turn == 0 {
				continue // warms up
			}
			for k := range steps {
				if i == 0 {
					steps[k].few = append(steps[k].few, took[k]...)
				} else {
					steps[k].many = append(steps[k].many, took[k]...)
				}
			}
		}
	}
	return steps, ctx.Err()
}

// side is one of the two servers.
type side struct {
	client tusClient
	child  *child
	wire   *wire
	paths  []string
}

// fill makes n unfinished uploads.
func (t tusClient) fill(ctx context.Context, c *child, n int) (*side, error) {
	paths := make([][]string, min(fillers, n))
	operations := make([]operation, len(paths))
	for i := range operations {
		w, err := dial(c.host, c.auth)
		if err != nil {
			return nil, err
		}
		defer w.close()
		operations[i] = func() error {
			for k := i; k < n && ctx.Err() == nil; k += len(paths) {
				_, metadata := t.upload(small)
				path, err := t.create(w, small, metadata, nil)
				if err != nil {
					return err
				}
				paths[i] = append(paths[i], path)
			}
			return nil
		}
	}
	if _, err := together(ctx, operations, 0); err != nil {
		return nil, err
	}
	return &side{client: t, child: c, paths: slices.Concat(paths...)}, ctx.Err()
}

// batch times each step: an upload is created, given a quarter of its bytes, and removed again, so that the
// table keeps its size. HEAD asks for one of those that stay.
func (s *side) batch() (took [3][]time.Duration, err error) {
	timed := func(step int, do operation) error {
		start := time.Now()
		err := do()
		took[step] = append(took[step], time.Since(start))
		return err
	}
	for range tableBatch {
		var path string
		body, metadata := s.client.upload(small / 4)
		for step, do := range [...]operation{
			func() (err error) { path, err = s.client.create(s.wire, small, metadata, nil); return err },
			func() error { return s.client.patch(s.wire, path, 0, body) },
			func() error { return s.client.head(s.wire, s.paths[rand.IntN(len(s.paths))], 0) },
		} {
			if err := timed(step, do); err != nil {
				return took, err
			}
		}
		if _, err := s.wire.do(http.MethodDelete, path, []string{versionLine}, nil, http.StatusNoContent); err != nil {
			return took, err
		}
	}
	return took, nil
}
