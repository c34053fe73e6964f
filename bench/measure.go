package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// operation is what is counted and timed: one or more requests.
type operation func() error

// row is one line of the output: the same work for every peer.
type row struct {
	name    string
	conns   int     // connections that work at the same time
	goal    float64 // the ratio that satchel is to reach, 0 for none
	judged  string  // which of satchel's durabilities is to
	against string  // the peer to reach it against; empty for the fastest
	weight  int64   // bytes of an operation where MiB/s are told; 0 where operations a second are
	once    bool    // each connection does one operation and is done, instead of going on for a time
	// prepare makes a connection's operation. What it does itself is not measured.
	prepare func(w *wire, connection int) (operation, error)
}

// sample is one run of a row on one peer.
type sample struct {
	rate      float64 // in the row's unit
	latencies []time.Duration
	server    time.Duration // processor time of the server for one operation, or one MiB
	foreign   float64       // share of all processors that neither the server nor the client had
}

const warmUp = 300 * time.Millisecond

// measure runs a row on a server for about the given time.
func measure(ctx context.Context, c *child, r row, length time.Duration) (sample, error) {
	operations := make([]operation, r.conns)
	for i := range operations {
		w, err := dial(c.hostOf(i), c.auth)
		if err != nil {
			return sample{}, err
		}
		defer w.close()
		if operations[i], err = r.prepare(w, i); err != nil {
			return sample{}, err
		}
	}
	if !r.once {
		if _, err := together(ctx, operations, warmUp); err != nil {
			return sample{}, err
		}
	} else {
		length = 0
	}
	before, err := readUse(c.processes()...)
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	latencies, err := together(ctx, operations, length)
	took := time.Since(start)
	if err != nil {
		return sample{}, err
	}
	after, err := readUse(c.processes()...)
	if err != nil {
		return sample{}, err
	}
	amount := float64(len(latencies))
	if r.weight > 0 {
		amount *= float64(r.weight) / (1 << 20)
	}
	return sample{
		rate: amount / took.Seconds(), latencies: latencies,
		server:  time.Duration(float64(after.server-before.server) / amount),
		foreign: after.foreignSince(before),
	}, nil
}

// together runs each operation again and again, all at the same time, until length is over; once each if it is 0.
func together(ctx context.Context, operations []operation, length time.Duration) ([]time.Duration, error) {
	deadline := time.Now().Add(length)
	all := make([][]time.Duration, len(operations))
	failures := make([]error, len(operations))
	var group sync.WaitGroup
	for i, do := range operations {
		group.Go(func() {
			for {
				start := time.Now()
				if failures[i] = do(); failures[i] != nil {
					return
				}
				end := time.Now()
				all[i] = append(all[i], end.Sub(start))
				if end.After(deadline) || ctx.Err() != nil {
					return
				}
			}
		})
	}
	group.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	return slices.Concat(all...), ctx.Err()
}

// figures are what several runs of a row on one peer say.
type figures struct {
	rate     float64
	low      float64 // the slowest run
	high     float64
	p50, p99 time.Duration
	server   time.Duration
	foreign  float64 // the greatest
}

func summarise(samples []sample) figures {
	var rates, foreign []float64
	var latencies, server []time.Duration
	for _, s := range samples {
		rates = append(rates, s.rate)
		foreign = append(foreign, s.foreign)
		server = append(server, s.server)
		latencies = append(latencies, s.latencies...)
	}
	slices.Sort(rates)
	return figures{
		rate: quantile(rates, 0.5), low: rates[0], high: rates[len(rates)-1],
		p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99),
		server: quantile(server, 0.5), foreign: slices.Max(foreign),
	}
}

// quantile is the smallest value that the share q of all values does not exceed. values is not empty, and is sorted by it.
func quantile[T float64 | time.Duration](values []T, q float64) T {
	slices.Sort(values)
	return values[max(0, int(math.Ceil(q*float64(len(values))))-1)]
}
