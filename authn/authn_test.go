package authn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// events collects what Observe was told.
type events struct {
	mu   sync.Mutex
	seen []string
}

func (e *events) add(event string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, event)
}

func (e *events) count(event string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.seen {
		if s == event {
			n++
		}
	}
	return n
}

// node is one server's accounts, as a test drives them.
type node struct {
	*Accounts
	clock  *clock
	events *events
}

// cheap is a cost at which tests can sign in often. password_test.go runs the real one.
func cheap() cost { return cost{memory: 64, time: 1, threads: 1} }

func newNode(t *testing.T, db *sqldb.DB, set ...func(*Options)) *node {
	t.Helper()
	n := &node{clock: newClock(), events: &events{}}
	o := Options{Now: n.clock.now, Observe: n.events.add, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, s := range set {
		s(&o)
	}
	n.Accounts = New(db, o)
	n.hasher.cost = cheap()
	n.hasher.decoy = encodePHC(cheap(), make([]byte, saltSize), make([]byte, hashSize))
	return n
}

// beside is another server on the same database and clock.
func (n *node) beside(t *testing.T) *node {
	t.Helper()
	other := newNode(t, n.db, func(o *Options) { o.Now = n.clock.now })
	other.clock = n.clock
	return other
}

// fullHasher takes every slot of the hasher until the test ends, so that whoever needs a hash waits.
func (n *node) fullHasher(t *testing.T) {
	t.Helper()
	for range cap(n.hasher.slots) {
		n.hasher.slots <- struct{}{}
	}
	t.Cleanup(func() {
		for range cap(n.hasher.slots) {
			<-n.hasher.slots
		}
	})
}

const password = "correct horse"

func ann() Registration {
	return Registration{Username: "Ann", Password: password, Email: "Ann@Example.org", Phone: "+4915112345678"}
}

func (n *node) register(t *testing.T, r Registration) SignIn {
	t.Helper()
	s, err := n.Register(t.Context(), r, Client{Address: "192.0.2.1", UserAgent: "test"})
	if err != nil {
		t.Fatalf("register %s: %v", r.Username, err)
	}
	return s
}

// refused checks an error's kind and code.
func refused(t *testing.T, what string, err error, kind fault.Kind, code string) {
	t.Helper()
	got, _, _ := fault.Public(err)
	if !fault.Is(err, kind) || got != code {
		t.Errorf("%s: %v (%s), want %s with code %q", what, err, got, kind, code)
	}
}

func accepted(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func count(t *testing.T, db *sqldb.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.Row(t.Context(), query, args, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// together runs fn n times at once and answers the errors.
func together(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func successes(errs []error) int {
	return len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err != nil }))
}

var errDrive = errors.New("no drive today")

func noDrive(context.Context, *sqldb.Tx, string) error { return errDrive }
