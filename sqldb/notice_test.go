package sqldb_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// hears collects what is heard of a topic.
func hears(t *testing.T, db *sqldb.DB, topic string) <-chan []string {
	t.Helper()
	c := make(chan []string, 10_000)
	t.Cleanup(db.Hear(topic, func(ids []string) { c <- ids }))
	return c
}

// wantNotices waits until all of ids were told, in whatever notices; nil stands for all of them.
func wantNotices(t *testing.T, from <-chan []string, ids ...string) {
	t.Helper()
	missing := slices.Clone(ids)
	for len(missing) > 0 {
		select {
		case told := <-from:
			if told == nil {
				return
			}
			missing = slices.DeleteFunc(missing, func(id string) bool { return slices.Contains(told, id) })
		case <-time.After(30 * time.Second):
			t.Fatalf("not told: %v", missing[:min(len(missing), 5)])
		}
	}
}

// wantLoss waits until it is told that anything may have happened.
func wantLoss(t *testing.T, from <-chan []string) {
	t.Helper()
	for {
		select {
		case told := <-from:
			if told == nil {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatal("it is not told that notices may have been lost")
		}
	}
}

// Whoever tells hears it at once, in the same process, and those of other topics do not.
func TestNoticesWithinAProcess(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		colours, sizes := hears(t, db, "colours"), hears(t, db, "sizes")
		stopped := make(chan []string, 100)
		stop := db.Hear("colours", func(ids []string) { stopped <- ids })
		if db.Shared() { // that it listens is told as anything
			wantLoss(t, colours)
			wantLoss(t, sizes)
			wantLoss(t, stopped)
		}
		stop()
		db.Notify("colours", "red", "blue")
		select {
		case told := <-colours:
			if !slices.Equal(told, []string{"red", "blue"}) {
				t.Errorf("told %v", told)
			}
		default:
			t.Error("it was not told when Notify returned")
		}
		if len(sizes) > 0 || len(stopped) > 0 {
			t.Errorf("told of another topic: %d, and after stop: %d", len(sizes), len(stopped))
		}
	})
}

// Other processes hear of it too; those who lost their connection are told that anything may have happened, and hear again.
func TestNoticesBetweenProcesses(t *testing.T) {
	location := sqldbtest.PostgresURL(t)
	open := func() *sqldb.DB {
		db, err := sqldb.Open(t.Context(), location, sqldb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	here, there := open(), open()
	heard := hears(t, there, "colours")
	own := hears(t, here, "colours")
	wantLoss(t, heard) // it has begun to listen
	wantLoss(t, own)
	if !there.Hears() {
		t.Error("it listens, and does not know")
	}
	here.Notify("colours", "red")
	here.Notify("colours", "blue", "red")
	wantNotices(t, heard, "red", "blue")
	wantNotices(t, own, "red", "blue")

	// More than fit into one notice.
	var many []string
	for range 900 {
		many = append(many, sqldb.NewID())
	}
	here.Notify("colours", many...)
	wantNotices(t, heard, many...)
	// More than anybody wants to know one by one.
	for range 3 {
		here.Notify("colours", many...)
	}
	wantNotices(t, heard, many...)

	var n int
	if err := here.Row(t.Context(), `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`, nil, &n); err != nil || n != 2 {
		t.Fatalf("%d connections that listen were ended, %v; want 2", n, err)
	}
	wantLoss(t, heard)
	here.Notify("colours", "green")
	wantNotices(t, heard, "green")

	// What is told last is told, also if the process ends then.
	here.Notify("colours", "last")
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, heard, "last")
}

// A notice that is heard came after the change: who looks then sees it.
func TestNoticesComeAfterTheChange(t *testing.T) {
	location := sqldbtest.PostgresURL(t)
	var dbs [2]*sqldb.DB
	for i := range dbs {
		var err error
		if dbs[i], err = sqldb.Open(t.Context(), location, sqldb.Options{}); err != nil {
			t.Fatal(err)
		}
		defer dbs[i].Close()
	}
	if _, err := dbs[0].Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard := hears(t, dbs[1], "users")
	wantLoss(t, heard)
	for i := range 50 {
		name := "user" + strings.Repeat("x", i)
		id := addUser(t, dbs[0], name)
		dbs[0].Notify("users", id)
		wantNotices(t, heard, id)
		var found string
		if err := dbs[1].Row(t.Context(), `SELECT username FROM users WHERE id = $1`, []any{id}, &found); err != nil || found != name {
			t.Fatalf("%q, %v; want %q", found, err, name)
		}
	}
}
