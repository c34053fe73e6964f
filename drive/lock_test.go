package drive

import (
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

func TestLocks(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /d\nmkdir /d/sub\nput /d/sub/f one\nput /d/g two\nput /h three")
		lock := func(l Lock) Lock {
			t.Helper()
			l.UserID = f.alice
			got, _, err := f.LockNode(ctx, f.alice, l, Guard{})
			if err != nil {
				t.Fatalf("lock %s: %v", l.Path, err)
			}
			return got
		}
		put := func(path, want string, tokens ...string) {
			t.Helper()
			_, _, err := f.Put(ctx, f.alice, Path(path), strings.NewReader("new"), PutOptions{Size: 3, Guard: Guard{Tokens: tokens}})
			wantKind(t, "put "+path, err, want)
		}
		file := lock(Lock{Path: "/d/sub/f", Timeout: time.Minute})
		put("/d/sub/f", "locked")
		put("/d/sub/f", "", file.Token)
		put("/d/sub/other", "")
		f.run(`
			rm /d want locked
			rm /d/sub/f want locked
			mv /d /e want locked
			mv! /h /d/sub/f want locked
			cp! /h /d/sub/f want locked
			cp /d /copy
			mv /d/g /g`)
		_, _, err := f.LockNode(ctx, f.alice, Lock{Path: "/d", Deep: true, UserID: f.alice}, Guard{})
		wantKind(t, "a deep lock above a lock", err, "locked")
		_, _, err = f.LockNode(ctx, f.alice, Lock{Path: "/d", UserID: f.alice}, Guard{})
		wantKind(t, "a shallow lock above a lock", err, "")

		_, err = f.RefreshLock(ctx, f.alice, f.alice, "/d/sub/f", file.Token, time.Hour)
		wantKind(t, "refresh", err, "")
		f.forward(30 * time.Minute)
		put("/d/sub/f", "locked")
		wantKind(t, "unlock with another's token", f.Unlock(ctx, f.alice, f.alice, "/d/sub/f", "opaquelocktoken:none"), "exists")
		wantKind(t, "unlock elsewhere", f.Unlock(ctx, f.alice, f.alice, "/h", file.Token), "exists")
		wantKind(t, "unlock as another", f.Unlock(ctx, f.alice, f.bob, "/d/sub/f", file.Token), "exists")
		f.forward(time.Hour)
		put("/d/sub/f", "")
		wantKind(t, "unlock after the end", f.Unlock(ctx, f.alice, f.alice, "/d/sub/f", file.Token), "exists")

		if n, err := f.LocksHeld(ctx); err != nil || n != 1 {
			t.Errorf("%d locks are held, want the one on the folder (%v)", n, err)
		}
		fresh, created, err := f.LockNode(ctx, f.alice, Lock{Path: "/new", UserID: f.alice}, Guard{})
		if err != nil || !created {
			t.Fatalf("lock of a missing file: created %v, %v", created, err)
		}
		if n, err := f.Stat(ctx, f.alice, "/new"); err != nil || n.Size != 0 {
			t.Errorf("the locked file: %+v, %v", n, err)
		}
		if n, err := f.LocksHeld(ctx); err != nil || n != 2 {
			t.Errorf("%d locks are held, want 2 (%v)", n, err)
		}
		put("/new", "", fresh.Token)
		if _, _, err := f.Move(ctx, f.alice, "/new", "/moved", false, Guard{Tokens: []string{fresh.Token}}); err != nil {
			t.Fatal(err)
		}
		if all, _ := f.Covering(ctx, f.alice, "/moved"); len(all) != 0 {
			t.Errorf("a lock came along with a move: %+v", all)
		}
		put("/moved", "")
		put("/new", "")
		if err := f.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSharedLocks(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.put("/f", "one")
		var tokens []string
		for range 2 {
			l, _, err := f.LockNode(t.Context(), f.alice, Lock{Path: "/f", Shared: true, UserID: f.alice}, Guard{})
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, l.Token)
		}
		_, _, err := f.LockNode(t.Context(), f.alice, Lock{Path: "/f", UserID: f.alice}, Guard{})
		wantKind(t, "an exclusive lock beside shared ones", err, "locked")
		err = f.Trash(t.Context(), f.alice, "/f", Guard{})
		if !fault.Is(err, fault.Locked) {
			t.Errorf("without a token: %v", err)
		}
		wantKind(t, "with one of the tokens", f.Trash(t.Context(), f.alice, "/f", Guard{Tokens: tokens[1:]}), "")
	})
}
