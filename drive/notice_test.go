package drive

import (
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// nodes are the drives of several processes on one Postgres and one store, each by a pool of its own. The user alice has a drive.
func nodes(t *testing.T, o Options) (first, second *fixture) {
	t.Helper()
	location := sqldbtest.PostgresURL(t)
	blobs := mem.New()
	node := func() *fixture {
		db, err := sqldb.Open(t.Context(), location, sqldb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return &fixture{t: t, db: db, blobs: blobs, Drives: New(db, blobs, o)}
	}
	first, second = node(), node()
	if _, err := first.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.alice = first.user("alice")
	second.alice = first.alice
	return first, second
}

// soon waits for something that another process or goroutine brings about.
func soon[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatal(what)
	}
	return v
}

// settled waits until a process hears what others tell.
func (f *fixture) settled() {
	f.t.Helper()
	heard := make(chan struct{}, 100)
	f.t.Cleanup(f.db.Hear("test", func([]string) { heard <- struct{}{} }))
	for !f.db.Hears() {
		soon(f.t, "it does not hear what others tell", heard)
	}
}

// What one process changes wakes who watches the drive at another one; a connection that was lost wakes everybody.
func TestWatchingAnotherProcess(t *testing.T) {
	here, there := nodes(t, Options{})
	changed, stop := there.Watch(there.alice)
	defer stop()
	other, stopOther := there.Watch(sqldb.NewID())
	defer stopOther()
	there.settled()
	soon(t, "that it listens is told as a change", changed)
	soon(t, "that it listens is told as a change", other)

	here.run("mkdir /a")
	soon(t, "a folder that another process made is not told", changed)
	select {
	case <-other:
		t.Error("it is told of a drive where nothing happened")
	default:
	}
	var n int
	if err := here.db.Row(t.Context(), `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`, nil, &n); err != nil || n == 0 {
		t.Fatalf("%d connections were ended, %v", n, err)
	}
	soon(t, "what was missed without a connection is not told", other)
	soon(t, "what was missed without a connection is not told", changed)
}

// A wish and its fulfilment are told: nobody has to look for them.
func TestWishesAreTold(t *testing.T) {
	here, there := nodes(t, Options{})
	u := here.begin(NewUpload{Name: "f", Length: 10})
	asked := make(chan struct{})
	hold, err := here.HoldUpload(t.Context(), u.ID, func() { close(asked) })
	if err != nil {
		t.Fatal(err)
	}
	here.settled()
	there.listen()
	there.settled()
	there.db.Notify(topicWanted, u.ID) // and no row that could be found
	soon(t, "a wish that was told is not heeded", asked)
	freed, forget := there.holds.await(u.ID)
	defer forget()
	for len(freed) > 0 {
		<-freed
	}
	hold.Release()
	soon(t, "that an upload is free is not told", freed)
	taken, err := there.HoldUpload(t.Context(), u.ID, func() {})
	if err != nil {
		t.Fatal(err)
	}
	taken.Release()
}
