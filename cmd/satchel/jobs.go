package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/satchelhq/satchel/server"
)

// job is work that nobody waits for. Every job may run on several nodes at once.
type job struct {
	name  string
	every time.Duration // 0: once, at the start
	run   func(context.Context) error
	wake  <-chan struct{} // runs it at once; may be nil
}

func jobs(in *rooms, who identity, log *slog.Logger) []job {
	all := []job{
		{name: "recover", run: in.drives.Recover},   // uploads that were full when the server was killed
		{name: "deliver", run: in.accounts.Deliver}, // until the end
		{name: "sweep_accounts", every: 15 * time.Minute, run: in.accounts.Sweep},
		{name: "rotate_keys", every: time.Hour, run: in.accounts.RotateOldKeys},
		{name: "remove_accounts", every: 15 * time.Minute, run: in.accounts.RemoveClosed, wake: in.accounts.Closed()},
		{name: "sweep_drives", every: 5 * time.Minute, run: in.drives.Sweep},
		{name: "checksums", every: time.Hour, run: in.drives.ComputeChecksums, wake: in.drives.ChecksumsWanted()},
		{name: "deliver_events", run: in.events.Run}, // until the end
		{name: "sweep_events", every: time.Minute, run: in.events.Sweep},
		{name: "thumbnails", run: in.previews.Run}, // until the end
		{name: "gc", every: time.Hour, run: func(ctx context.Context) error {
			removed, err := in.drives.GC(ctx)
			if removed.Blobs+removed.Orphans > 0 {
				log.Info("garbage collected", "blobs", removed.Blobs, "orphans", removed.Orphans, "bytes", removed.Bytes)
			}
			return err
		}},
	}
	if who != nil {
		all = append(all, job{name: "certificates", run: who.Run}) // until the end
	}
	return all
}

// loop runs the job until ctx ends. Its times are spread at random, so that nodes that were started together
// do not work at the same moment.
func (j job) loop(ctx context.Context, log *slog.Logger, metrics *server.Metrics) {
	if j.every == 0 {
		j.once(ctx, log, metrics)
		return
	}
	for wait := rand.N(j.every); pause(ctx, wait, j.wake); wait = j.every*4/5 + rand.N(j.every*2/5) {
		j.once(ctx, log, metrics)
	}
}

func (j job) once(ctx context.Context, log *slog.Logger, metrics *server.Metrics) {
	start := time.Now()
	err := j.guarded(ctx)
	if ctx.Err() != nil {
		return // it was told to stop, which is no failure
	}
	took := time.Since(start)
	metrics.ObserveJob(j.name, took, err)
	if err != nil {
		log.Error("background job failed", "job", j.name, "took", took, "err", err)
		return
	}
	log.Debug("background job", "job", j.name, "took", took)
}

// guarded makes a panic an error: a job that is broken must not end the server.
func (j job) guarded(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return j.run(ctx)
}

// pause waits, or until it is woken, and reports whether ctx still lives.
func pause(ctx context.Context, wait time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-wake:
	}
	return true
}
