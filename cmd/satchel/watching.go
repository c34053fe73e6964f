package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/server"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/traces"
)

// watching is who is told what the rooms do: the metrics and, if there are any, the traces.
type watching struct {
	*server.Metrics
	traced bool
}

// openTraces opens the way to the settings' collector; nil if there is none.
func openTraces(ctx context.Context, c *config.Config, log *slog.Logger) (*traces.Traces, error) {
	if c.Traces == "" {
		return nil, nil
	}
	return traces.Open(ctx, traces.Options{Collector: c.Traces, Sampled: c.TracesSampled, Version: version(), Log: log})
}

// tracesWait bounds how long the end of the program waits for the collector.
const tracesWait = 5 * time.Second

func closeTraces(t *traces.Traces, log *slog.Logger) {
	if err := within(tracesWait, t.Close); err != nil {
		log.Warn("the last spans were not sent", "err", err)
	}
}

// ObserveDB is for sqldb.Options.Observe.
func (w *watching) ObserveDB(ctx context.Context, op string, began time.Time, err error) {
	w.Metrics.ObserveDB(ctx, op, began, err)
	if w.traced {
		traces.Called(ctx, "db "+op, began, sqldb.Failed(err))
	}
}

// shortOp is how long an operation of the blob store takes that has no span of its own if there are many of its kind.
const shortOp = 10 * time.Millisecond

// ObserveBlob is for blob.Observed.
func (w *watching) ObserveBlob(ctx context.Context, op string, began time.Time, err error) {
	w.Metrics.ObserveBlob(ctx, op, began, err)
	if !w.traced {
		return
	}
	failed := blob.Failed(err)
	if (op == "write" || op == "cut" || op == "close") && !failed && time.Since(began) < shortOp {
		return
	}
	traces.Called(ctx, "blob "+op, began, failed)
}

// S3Observer is for s3.Options.Observe.
func (w *watching) S3Observer(calls, results []string) func(ctx context.Context, call string, began time.Time, result string) {
	count := w.Metrics.S3Observer(calls, results)
	if !w.traced {
		return count
	}
	return func(ctx context.Context, call string, began time.Time, result string) {
		count(ctx, call, began, result)
		traces.Called(ctx, "s3 "+call, began, result == s3.Failed || result == s3.Broken || result == s3.Refused)
	}
}
