package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/satchelhq/satchel/server"
)

const (
	// settleWait is how long requests have to put their affairs in order once they know that they are cut: a PATCH syncs
	// and records what it had written.
	settleWait = 3 * time.Second
	// closedWait is how long handlers have to come back once their connections are closed.
	closedWait = 5 * time.Second
)

// stop ends the public server in three steps, each only for what the one before did not end: no more
// connections, and requests may end for grace; requests are told that they are cut; connections are closed.
func stop(log *slog.Logger, srv *http.Server, front *server.Server, cut context.CancelCauseFunc, grace time.Duration) {
	front.EndStreams()
	if within(grace, srv.Shutdown) == nil {
		return
	}
	log.Warn("cutting requests that are still running", "requests", front.InFlight())
	cut(server.ErrShutdown)
	_ = within(settleWait, front.Idle) // those that do not settle lose their connection next
	if err := srv.Close(); err != nil {
		log.Warn("closing connections", "err", err)
	}
	if within(closedWait, front.Idle) != nil {
		log.Error("requests do not end", "requests", front.InFlight())
	}
}

// within runs f with a context that ends after wait.
func within(wait time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return f(ctx)
}
