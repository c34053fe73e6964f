package sqldb

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// checkpointer moves what the write-ahead log holds into the database file, beside the updates (sqlite.org/pragma.html#pragma_wal_checkpoint).
// Left to SQLite, the commit that fills the log waits until all of it is synced.
type checkpointer struct {
	conn *liteConn
	w    *writer
	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup
}

const (
	checkpointPages = 1000                   // of the log, from which on it is worth the work; SQLite's own measure
	checkpointPause = 100 * time.Millisecond // between two looks at the log
	// Updates wait while the rest of a log of this many pages is moved, so that it begins anew and does not grow without end.
	longLog         = 16 * checkpointPages
	readersPatience = 50 * time.Millisecond // how long they wait for readers of the log
)

func newCheckpointer(conn *liteConn) *checkpointer {
	conn.conn.SetBusyTimeout(readersPatience)
	return &checkpointer{conn: conn, wake: make(chan struct{}, 1)}
}

// written says that there is something to look at. It costs next to nothing.
func (k *checkpointer) written() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *checkpointer) start(w *writer) {
	ctx, stop := context.WithCancel(context.Background())
	k.w, k.stop = w, stop
	k.done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-k.wake:
			}
			if err := k.look(); err != nil && ctx.Err() == nil {
				// The log grows, nothing is lost, and the next commit brings the next try.
				slog.Warn("the database's write-ahead log was not moved into its file", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(checkpointPause):
			}
		}
	})
}

func (k *checkpointer) look() error {
	pages, err := k.pragma("PRAGMA wal_checkpoint(NOOP)")
	if err != nil || pages < checkpointPages {
		return err
	}
	if _, err = k.pragma("PRAGMA wal_checkpoint(PASSIVE)"); err != nil || pages < longLog {
		return err
	}
	return k.restart()
}

// restart moves all of the log while nobody writes, so that the next update begins it anew.
func (k *checkpointer) restart() error {
	free, err := k.w.alone()
	if errors.Is(err, errClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	defer free()
	_, err = k.pragma("PRAGMA wal_checkpoint(RESTART)")
	return err
}

// pragma answers how many pages the log holds. That readers or another process's writer were in the way is no error.
func (k *checkpointer) pragma(text string) (pages int, err error) {
	var busy, moved int
	err = k.conn.row(text, nil, []any{&busy, &pages, &moved})
	if fault.Is(classify(context.Background(), err), fault.Busy) {
		return 0, nil
	}
	return pages, err
}

// close waits for the work under way.
func (k *checkpointer) close() error {
	if k.stop != nil {
		k.stop()
		k.done.Wait()
	}
	return k.conn.close()
}
