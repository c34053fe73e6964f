package turn

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const hour = time.Hour

// due makes a job due and answers the turn at it.
func due(t *testing.T, s *Turns, job string) *Turn {
	t.Helper()
	if err := s.Wake(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Begin(t.Context(), job, hour)
	if err != nil || got == nil {
		t.Fatalf("no turn at what is due: %v", err)
	}
	return got
}

// wantNone fails the test if there is a turn at a job.
func wantNone(t *testing.T, what string, s *Turns, job string) {
	t.Helper()
	got, wait, err := s.Begin(t.Context(), job, hour)
	if got != nil || err != nil || wait <= 0 {
		t.Errorf("%s: a turn %v, to be asked for again after %s, %v", what, got != nil, wait, err)
	}
}

// of is a job as it is on record.
func of(t *testing.T, s *Turns, name string) Job {
	t.Helper()
	all, err := s.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(j Job) bool { return j.Name == name })
	if i < 0 {
		t.Fatalf("%s is not among %+v", name, all)
	}
	return all[i]
}

// A job is done when it is due, and how it went is told.
func TestAJobIsDoneWhenItIsDue(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := New(db, "here")
		first := due(t, s, "sweep")
		if j := of(t, s, "sweep"); j.Node != "here" || j.Begun.IsZero() || !j.Ended.IsZero() {
			t.Errorf("while it is done: %+v", j)
		}
		first.End(hour, nil)
		wantNone(t, "what was just done", s, "sweep")
		if j := of(t, s, "sweep"); j.Failures != 0 || j.Well.Before(j.Begun) || j.Age > hour/2 {
			t.Errorf("done: %+v", j)
		}
		for range 2 {
			due(t, s, "sweep").End(hour, errors.New("broken"))
		}
		if j := of(t, s, "sweep"); j.Failures != 2 || j.Well.After(j.Ended) {
			t.Errorf("failed twice: %+v", j)
		}
		again := due(t, s, "sweep")
		if err := s.Wake(t.Context(), "sweep"); err != nil { // more to do, while it is done
			t.Fatal(err)
		}
		again.End(hour, nil)
		once, _, err := s.Begin(t.Context(), "sweep", hour)
		if err != nil || once == nil {
			t.Fatalf("it is not done once more: %v", err)
		}
		once.End(hour, nil)
		wantNone(t, "what was done once more", s, "sweep")
		if j := of(t, s, "sweep"); j.Failures != 0 {
			t.Errorf("well again: %+v", j)
		}
		wantNone(t, "a job that is new is not due at once", s, "gc")
	})
}

// A run that broke off is due at once: its process left, was killed, or is another one by now.
func TestARunThatBrokeOffIsDue(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		here := New(db, "here")
		due(t, here, "sweep").Leave()
		second, _, err := here.Begin(t.Context(), "sweep", hour)
		if err != nil || second == nil {
			t.Fatalf("left in the middle: %v", err)
		}
		there := New(db, "there")
		if db.Shared() {
			wantNone(t, "while the other process does it", there, "sweep")
			killed(t, db)
		}
		third, _, err := there.Begin(t.Context(), "sweep", hour)
		for begin := time.Now(); third == nil && err == nil && time.Since(begin) < 30*time.Second; { // the first one lives, and may have said so
			killed(t, db)
			third, _, err = there.Begin(t.Context(), "sweep", hour)
		}
		if err != nil || third == nil {
			t.Fatalf("after its process was killed: %v", err)
		}
		if j := of(t, there, "sweep"); j.Node != "there" {
			t.Errorf("%+v", j)
		}
		if db.Shared() { // the first one was only stopped, and goes on
			_, err = db.Exec(second.Context(), `UPDATE users SET created_at = 0`)
			if !errors.Is(err, ErrLost) && !errors.Is(err, context.Canceled) {
				t.Errorf("an update by who lost the turn: %v", err)
			}
			second.End(hour, nil)
			if j := of(t, there, "sweep"); !j.Ended.IsZero() {
				t.Errorf("who lost the turn has ended the run: %+v", j)
			}
		}
		third.End(hour, nil)
		wantNone(t, "what was done", there, "sweep")
	})
}

// killed is what others see when the process that has a turn is killed.
func killed(t *testing.T, db *sqldb.DB) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `UPDATE jobs SET seen_at = 1`); err != nil {
		t.Fatal(err)
	}
}

// What goes on for ever is one process's, until that leaves or is not seen any more.
func TestATurnThatGoesOn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		here, there := New(db, "here"), New(db, "there")
		first, err := here.Take(t.Context(), "deliver")
		if err != nil || first == nil {
			t.Fatalf("%v, %v", first, err)
		}
		if !first.Mine() {
			t.Error("it is not its process's")
		}
		if db.Shared() {
			if other, err := there.Take(t.Context(), "deliver"); other != nil || err != nil {
				t.Errorf("a second one has it: %v", err)
			}
		}
		first.Leave()
		second, err := there.Take(t.Context(), "deliver")
		if err != nil || second == nil {
			t.Fatalf("after the first one left: %v", err)
		}
		second.Leave()
	})
}

// Who has a turn says that it is there, and so keeps it; who finds that another one has it stops.
func TestATurnIsKept(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	here := New(db, "here")
	turn, err := here.Take(t.Context(), "deliver")
	if err != nil || turn == nil {
		t.Fatal(err)
	}
	killed(t, db)
	for begin := time.Now(); ; {
		var seen int64
		if err := db.Row(t.Context(), `SELECT seen_at FROM jobs`, nil, &seen); err != nil {
			t.Fatal(err)
		}
		if seen > 1 {
			break
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatal("it does not say that it is there")
		}
	}
	if _, err := db.Exec(t.Context(), `UPDATE jobs SET fence = fence + 1`); err != nil {
		t.Fatal(err)
	}
	select {
	case <-turn.Context().Done():
	case <-time.After(30 * time.Second):
		t.Error("it goes on though another process has the turn")
	}
	turn.Leave()
}
