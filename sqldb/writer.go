package sqldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// writer is SQLite's one writing connection. Updates that want it at the same time share a transaction, so that one sync of
// the disk serves many: whoever comes when nobody writes leads, runs its own update and those that have come meanwhile, commits,
// and makes the next one in the queue the leader.
type writer struct {
	conn    *liteConn // the leader's
	observe func(ctx context.Context, op string, began time.Time, err error)
	ran     func(tx *Tx, text string)
	written func() // after a commit
	index   *walIndex

	mu      sync.Mutex
	queue   []*pending
	leading bool
	closed  bool
	idle    sync.Cond // signals the end of leading
}

// pending is an update that waits for the commit it is in.
type pending struct {
	ctx    context.Context
	fn     func(tx *Tx) error // nil for one who only wants to lead
	minor  bool               // it changes nothing that is settled
	err    error
	panics any       // what fn panicked with
	told   chan bool // once: true makes its goroutine the leader, false says that err is final
}

// maxBatch bounds how many updates share a commit, and so how long the first one waits for the last.
const maxBatch = 128

var (
	// errBatchLost says that SQLite took back the shared transaction because of another update in it.
	errBatchLost = errors.New("sqldb: the shared transaction was rolled back")
	// errUnfinished is of an update whose function ended its goroutine.
	errUnfinished = errors.New("sqldb: the update did not come to its end")
)

func newWriter(conn *liteConn, observe func(context.Context, string, time.Time, error), ran func(*Tx, string), written func()) *writer {
	w := &writer{conn: conn, observe: observe, ran: ran, written: written}
	w.idle.L = &w.mu
	return w
}

// update runs fn, in the caller's goroutine or the leader's, and waits for the commit that makes it durable. A panic of fn is the caller's.
func (w *writer) update(ctx context.Context, unsettled bool, fn func(tx *Tx) error) error {
	p := &pending{ctx: ctx, fn: fn, minor: unsettled}
	if err := w.enter(p); err != nil {
		return err
	}
	if p.told == nil || <-p.told {
		w.lead(p)
	}
	if p.panics != nil {
		panic(p.panics)
	}
	return p.err
}

// enter makes the update the leader, or puts it into the queue.
func (w *writer) enter(p *pending) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return errClosed
	case w.leading:
		p.told = make(chan bool, 1)
		w.queue = append(w.queue, p)
	}
	w.leading = true
	return nil
}

func (w *writer) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// next takes an update from the queue, if there is one. One who wants to be alone is no update.
func (w *writer) next() *pending {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 || w.queue[0].fn == nil {
		return nil
	}
	p := w.queue[0]
	w.queue[0] = nil
	w.queue = w.queue[1:]
	return p
}

// lead runs one batch and then hands the lead on.
func (w *writer) lead(mine *pending) {
	b := &batch{w: w, all: []*pending{mine}}
	defer func() { // also if a function ends this goroutine
		b.abandon()
		for _, p := range b.all {
			if p != mine {
				p.told <- false
			}
		}
		w.handOn()
	}()
	b.run()
}

func (w *writer) handOn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 || w.closed {
		for _, p := range w.queue {
			p.err = errClosed
			p.told <- false
		}
		w.queue, w.leading = nil, false
		w.idle.Broadcast()
		return
	}
	next := w.queue[0]
	w.queue[0] = nil
	w.queue = w.queue[1:]
	next.told <- true
}

// alone waits until nobody writes and keeps it so until free is called. After close it is errClosed.
func (w *writer) alone() (free func(), err error) {
	p := &pending{}
	if err := w.enter(p); err != nil {
		return nil, err
	}
	if p.told != nil && !<-p.told {
		return nil, p.err
	}
	return w.handOn, nil
}

// close waits for the batch under way. Updates that come later fail.
func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	for w.leading {
		w.idle.Wait()
	}
	w.mu.Unlock()
	return w.conn.close()
}

// batch is one transaction that several updates share. They run without savepoints of their own, which would copy every page that
// they change. An update that fails before it wrote anything leaves nothing behind; after one that fails later, all run again, each in a
// savepoint.
type batch struct {
	w    *writer
	all  []*pending
	open bool // a transaction is
}

func (b *batch) run() {
	if err := b.all[0].ctx.Err(); err != nil { // BEGIN may wait for another process
		b.all[0].err = err
		return
	}
	if err := b.control("BEGIN IMMEDIATE"); err != nil {
		b.all[0].err = err
		return
	}
	b.open = true
	for i := 0; i < len(b.all); i++ {
		if !b.try(b.all[i]) {
			b.rollback()
			if len(b.all) > 1 {
				b.runApart()
			}
			return
		}
		if len(b.all) == i+1 && len(b.all) < maxBatch {
			if p := b.w.next(); p != nil {
				b.all = append(b.all, p)
			}
		}
	}
	b.commit(b.all)
}

// try runs one update and reports whether the transaction is still open and holds nothing of it unless it succeeded.
func (b *batch) try(p *pending) bool {
	c := b.w.conn
	c.wrote = false
	p.err, p.panics = errUnfinished, nil
	func() {
		defer func() {
			if p.err == errUnfinished { // a goroutine that ends has nothing to recover
				p.panics = recover()
			}
		}()
		if err := p.ctx.Err(); err != nil {
			p.err = err
			return
		}
		p.err = p.fn(&Tx{engine: SQLite, on: liteSession{c}, ran: b.w.ran})
	}()
	if c.takenBack() {
		if p.err == nil {
			p.err = errBatchLost // of an error that it did not tell
		}
		return false
	}
	return p.err == nil || !c.wrote
}

// runApart runs all updates again, so that one that fails takes back nothing but itself.
func (b *batch) runApart() {
	var kept []*pending
	for _, p := range b.all {
		if !b.open {
			if err := b.control("BEGIN IMMEDIATE"); err != nil {
				p.err = err
				continue
			}
			b.open = true
		}
		if err := b.control("SAVEPOINT turn"); err != nil {
			p.err = err
			continue
		}
		if b.try(p); p.err == nil {
			p.err = b.control("RELEASE turn")
		}
		// Some errors (disk full, I/O) make SQLite roll back everything: then there is no savepoint to go back to.
		if p.err != nil && (b.control("ROLLBACK TO turn") != nil || b.control("RELEASE turn") != nil) {
			b.rollback()
			for _, other := range kept {
				other.err = errBatchLost // runs once more
			}
			kept = nil
			continue
		}
		kept = append(kept, p)
	}
	switch {
	case !b.open:
	case len(kept) == 0:
		b.rollback()
	default:
		b.commit(kept)
	}
}

// commit ends the transaction. An update in it that failed keeps its error, unless what it saw of its neighbours did not become true.
func (b *batch) commit(all []*pending) {
	start := time.Now()
	end := func() error { return b.control("COMMIT") }
	var err error
	if slices.ContainsFunc(all, func(p *pending) bool { return !p.minor }) {
		err = end()
	} else {
		err = b.w.index.committing(end)
	}
	b.w.observe(context.Background(), "commit", start, err)
	if err != nil {
		b.rollback()
		for _, p := range all {
			p.err = fmt.Errorf("commit: %w", err)
		}
		return
	}
	b.open = false
	b.w.written()
}

func (b *batch) rollback() {
	_ = b.control("ROLLBACK") // fails when SQLite has rolled back already
	b.open = false
}

// abandon is for a batch that came to no end.
func (b *batch) abandon() {
	if !b.open {
		return
	}
	b.rollback()
	for _, p := range b.all {
		if p.err == nil {
			p.err = errBatchLost
		}
	}
}

// control runs a statement about the transaction.
func (b *batch) control(text string) error {
	_, err := b.w.conn.exec(text, nil)
	return err
}
