package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// litePool is SQLite's reading connections. They are opened when they are first needed and stay.
type litePool struct {
	open func() (*liteConn, error)
	max  int

	mu     sync.Mutex
	idle   []*liteConn // the one used last is taken first
	opened int         // idle ones and those in use
	queue  []chan *liteConn
	closed bool
	waits  int64
	waited time.Duration
}

var errClosed = errors.New("sqldb: the database is closed")

// take waits for a connection. nil for one that is to be opened never comes out of it.
func (p *litePool) take(ctx context.Context) (*liteConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	if p.opened < p.max {
		p.opened++
		p.mu.Unlock()
		return p.add()
	}
	mine := make(chan *liteConn, 1)
	p.queue = append(p.queue, mine)
	p.waits++
	p.mu.Unlock()
	start := time.Now()
	defer func() {
		p.mu.Lock()
		p.waited += time.Since(start)
		p.mu.Unlock()
	}()
	select {
	case c := <-mine:
		return p.handed(c)
	case <-ctx.Done():
		if !p.leave(mine) { // it was given one at the same moment
			if c, err := p.handed(<-mine); err == nil {
				p.give(c)
			}
		}
		return nil, ctx.Err()
	}
}

// add opens a connection that opened counts already.
func (p *litePool) add() (*liteConn, error) {
	c, err := p.open()
	if err != nil {
		p.lost()
		return nil, err
	}
	return c, nil
}

// handed is what a waiting one got: a connection, or nil for the right to open one or for the pool's end.
func (p *litePool) handed(c *liteConn) (*liteConn, error) {
	if c != nil {
		return c, nil
	}
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	return p.add()
}

func (p *litePool) leave(mine chan *liteConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.queue {
		if other == mine {
			p.queue = append(p.queue[:i], p.queue[i+1:]...)
			return true
		}
	}
	return false
}

func (p *litePool) give(c *liteConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.opened--
		_ = c.close() // nobody is left to be told
		return
	}
	if len(p.queue) > 0 {
		p.queue[0] <- c
		p.queue = p.queue[1:]
		return
	}
	p.idle = append(p.idle, c)
}

// lost says that a connection could not be opened: who waits may try.
func (p *litePool) lost() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 && !p.closed {
		p.queue[0] <- nil
		p.queue = p.queue[1:]
		return
	}
	p.opened--
}

func (p *litePool) stats() sql.DBStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return sql.DBStats{
		MaxOpenConnections: p.max, OpenConnections: p.opened, Idle: len(p.idle), InUse: p.opened - len(p.idle),
		WaitCount: p.waits, WaitDuration: p.waited,
	}
}

// close closes the idle ones; those in use are closed when they are given back.
func (p *litePool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var all []error
	for _, c := range p.idle {
		all = append(all, c.close())
	}
	p.opened -= len(p.idle)
	p.idle = nil
	for _, waiting := range p.queue {
		waiting <- nil
	}
	p.queue = nil
	return errors.Join(all...)
}
