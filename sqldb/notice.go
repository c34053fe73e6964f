package sqldb

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// Notices are hints between the processes of one database: about ids of a topic something has happened, so look. What is true is in rows, and a
// notice may be lost; whoever hears them still looks by itself now and then. On SQLite they stay in the process.
//
// They are sent by NOTIFY in transactions of their own. Postgres lets those commit one after the other, so a NOTIFY beside the change would
// make all changes of a database wait for each other's sync.
const (
	noticeChannel = "satchel"
	noticeGather  = 25 * time.Millisecond // least time between two transactions that tell others
	noticeTime    = 2 * time.Second       // that one may take
	maxNotice     = 7900                  // bytes; Postgres takes fewer than 8000
	maxNoticeIDs  = 1000                  // of a topic that wait; with more, anything may have happened
	anything      = "*"                   // as an id in a notice

	listenAgainLeast = 100 * time.Millisecond
	listenAgainMost  = 2 * time.Second
	listenProbe      = 10 * time.Second // of silence, after which it is asked whether the connection lives
	listenPatience   = 5 * time.Second  // for the answer
)

// notices are the hearers of this process and what it tells the others.
type notices struct {
	db       *DB
	location string // of Postgres; empty on SQLite
	sender   string // names this process in what it sends

	probeAfter, patience time.Duration // listenProbe and listenPatience, but in tests

	mu      sync.Mutex
	hearers map[string]map[*func([]string)]struct{} // by topic
	waiting map[string][]string                     // ids by topic that the others are to be told
	work    sync.WaitGroup
	busy    bool // the goroutine of send runs
	hears   bool // the listening connection is there
	closed  bool
	stop    chan struct{} // closed when the database is
	follows bool          // the goroutine of follow runs
}

func newNotices(db *DB, location string) *notices {
	return &notices{db: db, location: location, sender: NewID(), stop: make(chan struct{}), probeAfter: listenProbe, patience: listenPatience,
		hearers: map[string]map[*func([]string)]struct{}{}, waiting: map[string][]string{}}
}

// Notify tells whoever hears of the topic, in every process, that something has happened about ids. It is called after the transaction of what happened, never
// within, and returns at once. Topics and ids are without spaces.
func (db *DB) Notify(topic string, ids ...string) {
	n := db.notices
	n.tell(topic, ids)
	if !db.Shared() || len(ids) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.waiting[topic] = append(n.waiting[topic], ids...)
	if len(n.waiting[topic]) > maxNoticeIDs {
		n.waiting[topic] = []string{anything}
	}
	if !n.busy {
		n.busy = true
		n.work.Go(n.send)
	}
}

// Hear calls heard with the ids of each notice of a topic until stop is called. nil stands for every id: notices may have been lost, as while the
// connection to the database was. heard must return at once, and may be called by several goroutines.
func (db *DB) Hear(topic string, heard func(ids []string)) (stop func()) {
	n := db.notices
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hearers[topic] == nil {
		n.hearers[topic] = map[*func([]string)]struct{}{}
	}
	n.hearers[topic][&heard] = struct{}{}
	if db.Shared() && !n.follows && !n.closed {
		n.follows = true
		n.work.Go(n.follow)
	}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.hearers[topic], &heard)
	}
}

// Hears reports whether what other processes tell arrives now, on Postgres; with SQLite nobody else tells anything.
func (db *DB) Hears() bool {
	n := db.notices
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hears || !db.Shared()
}

// tell calls who hears of a topic in this process.
func (n *notices) tell(topic string, ids []string) {
	n.mu.Lock()
	heard := make([]*func([]string), 0, len(n.hearers[topic]))
	for f := range n.hearers[topic] {
		heard = append(heard, f)
	}
	n.mu.Unlock()
	for _, f := range heard {
		(*f)(ids)
	}
}

// tellAnything says of each topic that anything may have happened.
func (n *notices) tellAnything() {
	n.mu.Lock()
	topics := make([]string, 0, len(n.hearers))
	for topic := range n.hearers {
		topics = append(topics, topic)
	}
	n.mu.Unlock()
	for _, topic := range topics {
		n.tell(topic, nil)
	}
}

// send tells the other processes until there is nothing more to tell. What comes while it waits goes with the next transaction.
func (n *notices) send() {
	for {
		n.mu.Lock()
		all := n.waiting
		if n.waiting = map[string][]string{}; len(all) == 0 {
			n.busy = false
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
		n.sendAll(noticesOf(n.sender, all))
		select {
		case <-time.After(noticeGather):
		case <-n.stop: // what waits is sent before the pool closes
		}
	}
}

func (n *notices) sendAll(notices []string) {
	ctx, stop := context.WithTimeout(context.Background(), noticeTime)
	defer stop()
	// Nothing of this is to be kept, so nobody waits for the disk.
	stmt, err := n.db.stmts.get(ctx, `SELECT set_config('synchronous_commit', 'off', TRUE), pg_notify('`+noticeChannel+`', $1)`)
	for _, text := range notices {
		if err == nil {
			_, err = stmt.ExecContext(ctx, text)
		}
	}
	if err != nil {
		slog.Debug("other processes were not told what changed, and will find it by themselves", "error", err)
	}
}

// noticesOf spells what is told: the sender, and a line for each topic with its ids, in as many notices as it takes.
func noticesOf(sender string, all map[string][]string) (notices []string) {
	text := sender
	for topic, ids := range all {
		said := map[string]bool{}
		open := false // the topic's line is begun
		for _, id := range ids {
			if said[id] {
				continue
			}
			said[id] = true
			if len(text)+1+len(topic)+1+len(id) > maxNotice {
				notices = append(notices, text)
				text, open = sender, false
			}
			if !open {
				text += "\n" + topic
				open = true
			}
			text += " " + id
		}
	}
	return append(notices, text)
}

// heard tells this process what another one told.
func (n *notices) heard(text string) {
	sender, lines, _ := strings.Cut(text, "\n")
	if sender == n.sender {
		return // they were told when it happened
	}
	for line := range strings.SplitSeq(lines, "\n") {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if ids := words[1:]; ids[0] != anything {
			n.tell(words[0], ids)
		} else {
			n.tell(words[0], nil)
		}
	}
}

// follow listens until the database is closed, on a connection of its own. When one was lost, the next one begins with everything as changed.
func (n *notices) follow() {
	for {
		select {
		case <-n.stop:
			return
		default:
		}
		n.listen()
	}
}

// listen is follow on one pq.Listener, which connects again by itself. It returns when the connection does not answer though it has not broken.
func (n *notices) listen() {
	connected := make(chan bool, 1)
	var left atomic.Bool
	l := pq.NewListener(n.location, listenAgainLeast, listenAgainMost, func(event pq.ListenerEventType, err error) {
		if (event == pq.ListenerEventDisconnected || event == pq.ListenerEventConnectionAttemptFailed) && !left.Load() {
			n.setHears(false)
		}
	})
	defer func() {
		left.Store(true)
		go func() { _ = l.Close() }() // waits for a probe that gets no answer, as long as TCP does; it may be closed already
		go func() {
			for range l.Notify { // it would wait for ever to give out the last one
			}
		}()
		n.setHears(false)
	}()
	go func() { connected <- l.Listen(noticeChannel) == nil }() // waits until there is a connection
	probe := time.NewTimer(n.probeAfter)
	defer probe.Stop()
	for {
		select {
		case <-n.stop:
			return
		case ok := <-connected:
			if !ok {
				return
			}
			n.setHears(true)
			n.tellAnything()
		case notice, open := <-l.Notify:
			switch {
			case !open:
				return
			case notice == nil: // connected anew
				n.setHears(true)
				n.tellAnything()
			default:
				n.heard(notice.Extra)
			}
		case <-probe.C:
			if !n.probe(l) {
				return
			}
		}
		probe.Reset(n.probeAfter)
	}
}

// probe reports whether the connection answers, or is being made anew already.
func (n *notices) probe(l *pq.Listener) bool {
	answered := make(chan error, 1)
	go func() { answered <- l.Ping() }()
	select {
	case <-answered: // an error means that it is broken, which the listener sees too
		return true
	case <-n.stop:
		return true
	case <-time.After(n.patience):
		return false
	}
}

func (n *notices) setHears(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hears = yes && !n.closed
}

// close sends what waits, and ends the listening.
func (n *notices) close() {
	if n == nil {
		return
	}
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		n.hears = false
		close(n.stop)
	}
	n.mu.Unlock()
	n.work.Wait()
}
