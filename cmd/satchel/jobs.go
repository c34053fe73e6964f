package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/satchelhq/satchel/server"
	"github.com/satchelhq/satchel/traces"
	"github.com/satchelhq/satchel/turn"
)

// job is work that nobody waits for. One that is done now and then is done by one node at a time, whenever it is due for all of them: see package turn.
type job struct {
	name  string
	every time.Duration // 0: until the end, by each node for itself
	run   func(context.Context) error
	begin bool            // also when a node starts
	wake  <-chan struct{} // makes it due at once; may be nil
}

func jobs(in *rooms, who identity, log *slog.Logger) []job {
	all := []job{
		{name: "deliver", run: in.accounts.Deliver},
		{name: "deliver_events", run: in.events.Run}, // which takes its turn by itself
		{name: "thumbnails", run: in.previews.Run},
		{name: "recover", every: 24 * time.Hour, begin: true, run: in.drives.Recover}, // uploads that were full when the server was killed
		{name: "sweep_accounts", every: 15 * time.Minute, run: in.accounts.Sweep},
		{name: "rotate_keys", every: time.Hour, run: in.accounts.RotateOldKeys},
		{name: "remove_accounts", every: 15 * time.Minute, run: in.accounts.RemoveClosed, wake: in.accounts.Closed()},
		{name: "sweep_drives", every: 5 * time.Minute, run: in.drives.Sweep},
		{name: "checksums", every: time.Hour, run: in.drives.ComputeChecksums, wake: in.drives.ChecksumsWanted()},
		{name: "missed_thumbnails", every: 10 * time.Minute, run: in.previews.Missed},
		{name: "scrub", every: 5 * time.Minute, begin: true, run: in.drives.Scrub}, // goes on with a pass that takes days, or looks whether one is due
		{name: "sweep_events", every: time.Minute, run: in.events.Sweep},
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

// worker does jobs.
type worker struct {
	turns   *turn.Turns
	log     *slog.Logger
	metrics *server.Metrics
	traces  *traces.Traces // nil: there are none
}

// loop does the job until ctx ends.
func (w worker) loop(ctx context.Context, j job) {
	if j.every == 0 {
		_ = w.once(ctx, j)
		return
	}
	for wait, due := time.Duration(0), j.begin; ; {
		if due {
			if err := w.turns.Wake(ctx, j.name); err != nil && ctx.Err() == nil {
				w.log.Warn("a background job is done later", "job", j.name, "err", err)
			}
			wait = 0
		}
		var alive bool
		if due, alive = pause(ctx, wait, j.wake); !alive {
			return
		}
		if !due {
			wait = w.turn(ctx, j)
		}
	}
}

// turn does the job if it is due and no other node does it, and answers when to look again.
func (w worker) turn(ctx context.Context, j job) time.Duration {
	wait, err := w.turns.Do(ctx, j.name, j.every, func(ctx context.Context) error { return w.once(ctx, j) })
	if err != nil && ctx.Err() == nil {
		w.log.Warn("a background job is not begun", "job", j.name, "err", err)
		return jobRetry
	}
	return wait
}

// jobRetry is when a job is looked at again after the database did not answer.
const jobRetry = 5 * time.Second

// once does the job, and answers how that ended. What ended because it was told to has not failed.
func (w worker) once(ctx context.Context, j job) error {
	start := time.Now()
	run, end := ctx, func(bool) {}
	if j.every > 0 { // one that runs until the end is no span
		run, end = w.traces.Job(ctx, j.name)
	}
	err := j.guarded(run)
	end(err != nil && ctx.Err() == nil)
	if ctx.Err() != nil {
		return nil
	}
	took := time.Since(start)
	w.metrics.ObserveJob(j.name, took, err)
	if err != nil {
		w.log.Error("background job failed", "job", j.name, "took", took, "err", err)
		return err
	}
	w.log.Debug("background job", "job", j.name, "took", took)
	return nil
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
func pause(ctx context.Context, wait time.Duration, wake <-chan struct{}) (woken, alive bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, false
	case <-timer.C:
	case <-wake:
		woken = true
	}
	return woken, true
}
