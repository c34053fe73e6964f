package drive

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// putText writes a file with the tokens of locks.
func (f *fixture) putText(path Path, text string, tokens ...string) error {
	_, _, err := f.Put(context.Background(), f.alice, path, strings.NewReader(text), PutOptions{Size: int64(len(text)), Guard: Guard{Tokens: tokens}})
	return err
}

// A lock that one process took binds at another one, where it is refreshed, ended, and seen to expire.
func TestLocksOfAnotherProcess(t *testing.T) {
	here, there := nodes(t, Options{})
	if err := here.putText("/f", "one"); err != nil {
		t.Fatal(err)
	}
	take := func(f *fixture, timeout time.Duration) Lock {
		t.Helper()
		l, _, err := f.LockNode(t.Context(), f.alice, Lock{Path: "/f", UserID: f.alice, Timeout: timeout}, Guard{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := take(here, time.Minute)
	wantKind(t, "writing without the token", there.putText("/f", "two"), "locked")
	_, _, err := there.LockNode(t.Context(), there.alice, Lock{Path: "/f", UserID: there.alice, Timeout: time.Minute}, Guard{})
	wantKind(t, "a second lock", err, "locked")
	if err := there.putText("/f", "two", l.Token); err != nil {
		t.Error(err)
	}
	longer, err := there.RefreshLock(t.Context(), there.alice, there.alice, "/f", l.Token, time.Hour)
	if err != nil || !longer.Expires.After(l.Expires) {
		t.Errorf("refreshed until %v, %v", longer.Expires, err)
	}
	all, err := here.Covering(t.Context(), here.alice, "/f")
	if err != nil || len(all) != 1 || !all[0].Expires.Equal(longer.Expires.Truncate(time.Microsecond)) {
		t.Errorf("the first process sees %+v, %v", all, err)
	}
	if err := there.Unlock(t.Context(), there.alice, there.alice, "/f", l.Token); err != nil {
		t.Error(err)
	}
	wantKind(t, "refreshing what was ended", func() error {
		_, err := here.RefreshLock(t.Context(), here.alice, here.alice, "/f", l.Token, time.Hour)
		return err
	}(), "precondition_failed")
	if err := here.putText("/f", "three"); err != nil {
		t.Error(err)
	}

	brief := take(here, time.Millisecond)
	for begin := time.Now(); ; {
		err := there.putText("/f", "four")
		if err == nil {
			break
		}
		if !fault.Is(err, fault.Locked) || time.Since(begin) > 30*time.Second {
			t.Fatalf("after the lock's end: %v", err)
		}
	}
	if time.Now().Before(brief.Expires) {
		t.Error("it was written before the lock ended")
	}
}

// Processes race for a lock, and to write what is locked. One of them gets the lock, and nobody who did not send its token writes after it.
func TestLocksAndWritesRace(t *testing.T) {
	here, there := nodes(t, Options{})
	for round := range 40 {
		path := Root.Join(strings.Repeat("x", round+1))
		if err := here.putText(path, "first"); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var tokens []string
		var seen int64 // the file's revision when it was locked
		var group sync.WaitGroup
		for _, f := range []*fixture{here, there} {
			group.Go(func() {
				var revision int64
				l, _, err := f.LockNode(context.Background(), f.alice, Lock{Path: path, UserID: f.alice, Timeout: time.Minute},
					Guard{Check: func(n *Node) error { revision = n.Revision; return nil }})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					tokens = append(tokens, l.Token)
					seen = revision
				} else if !fault.Is(err, fault.Locked) {
					t.Errorf("locking: %v", err)
				}
			})
			group.Go(func() {
				if err := f.putText(path, "second"); err != nil && !fault.Is(err, fault.Locked) {
					t.Errorf("writing: %v", err)
				}
			})
		}
		group.Wait()
		if len(tokens) != 1 {
			t.Fatalf("%d processes have the lock", len(tokens))
		}
		node, err := there.Stat(t.Context(), there.alice, path)
		if err != nil || node.Revision != seen {
			t.Errorf("the file is at revision %d and was locked at %d: it was written to since (%v)", node.Revision, seen, err)
		}
		if err := there.putText(path, "third", tokens...); err != nil {
			t.Error(err)
		}
	}
	here.clean()
}
