package drive

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Two processes on one Postgres: the one that lost its lease writes nothing more.
func TestLeaseIsFenced(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		if !f.db.Shared() {
			return // SQLite serves one process
		}
		other := New(f.db, f.blobs, f.o)
		u := f.begin(NewUpload{Name: "f", Length: 10})
		asked := make(chan struct{})
		first, err := f.HoldUpload(t.Context(), u.ID, func() { close(asked) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Append(t.Context(), f.alice, u.ID, 0, strings.NewReader("abc"), AppendOptions{}); err != nil {
			t.Fatal(err)
		}
		taken := make(chan *Hold)
		go func() {
			second, err := other.HoldUpload(context.Background(), u.ID, func() {})
			if err != nil {
				t.Error(err)
			}
			taken <- second
		}()
		<-asked // the other process's wish arrives
		// This one goes on as if it had not heard: its lease ends, and its row is not its own any more.
		if _, err := f.db.Exec(t.Context(), `UPDATE uploads SET holder = '' WHERE id = $1`, u.ID); err != nil {
			t.Fatal(err)
		}
		second := <-taken
		_, err = f.Append(t.Context(), f.alice, u.ID, 3, strings.NewReader("old"), AppendOptions{})
		wantKind(t, "after the lease was lost", err, "offset_mismatch")
		if _, err := other.Append(t.Context(), f.alice, u.ID, 3, strings.NewReader("defghij"), AppendOptions{}); err != nil {
			t.Error(err)
		}
		first.Release()
		second.Release()
		f.run("tree /f=abcdefghij")
	})
}

// A node that lost its lease in the middle of joining (paused, or cut off from the database for some seconds) commits
// nothing: another node may be writing the same stage anew.
func TestJoinAfterTheLeaseIsLost(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) { // for the fixture's helpers; both nodes share its database and store
		if !f.db.Shared() {
			return
		}
		a, b := f.Drives, New(f.db, f.blobs, f.o)
		part := f.begin(NewUpload{Kind: Partial, Length: 100})
		if _, err := f.send(part, 0, strings.NewReader(strings.Repeat("p", 100))); err != nil {
			t.Fatal(err)
		}
		u := Upload{ID: sqldb.NewID(), DriveID: f.alice, NewUpload: NewUpload{Folder: Root, Name: "f", Conflict: Rename, Kind: Joined, Parts: []string{part.ID}, Length: 100}}
		if err := a.edit(t.Context(), "test", f.alice, func(e *edit) error { return e.insertUpload(t.Context(), u) }); err != nil {
			t.Fatal(err)
		}
		holdA, err := a.HoldUpload(t.Context(), u.ID, func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer holdA.Release()
		// Node A joins: all bytes are in its stage, not yet sealed …
		stageA, err := a.newStage(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		whole := strings.Repeat("p", 100)
		if _, err := io.WriteString(stageA, whole); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(whole))
		// … and loses its lease. Node B takes over and begins anew.
		if _, err := f.db.Exec(t.Context(), `UPDATE uploads SET holder = '' WHERE id = $1`, u.ID); err != nil {
			t.Fatal(err)
		}
		holdB, err := b.HoldUpload(t.Context(), u.ID, func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer holdB.Release()
		// Node A wakes up, and goes on where it was.
		if err := stageA.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.commit(t.Context(), u, content{sha256: sum[:], size: 100, key: u.key()}); !fault.Is(err, fault.Locked) && !fault.Is(err, fault.OffsetMismatch) {
			t.Errorf("node A committed without its lease, while node B writes to the same stage: %v", err)
		}
	})
}

// A node whose row says that it holds an upload, though the database's answer to taking or giving it back was lost, gives it back when another node wants it,
// also while it holds others.
func TestALeaseThatNobodyKnowsOfIsGivenBack(t *testing.T) {
	here, there := nodes(t, Options{InlineMax: 16})
	other, lost := here.begin(NewUpload{Name: "other", Length: 10}), here.begin(NewUpload{Name: "lost", Length: 10})
	hold, err := here.HoldUpload(t.Context(), other.ID, func() {}) // so the node goes on to be seen
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Release()
	if _, err := here.db.Exec(t.Context(), `UPDATE uploads SET holder = $2, fence = fence + 1 WHERE id = $1`, lost.ID, here.holds.pulse.holder); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	taken, err := there.HoldUpload(ctx, lost.ID, func() {})
	if err != nil {
		t.Fatalf("the other node never gets it: %v", err)
	}
	taken.Release()
}

// A node that cannot renew its lease lets go before another node may take it.
func TestLetGoWhenTheLeaseCannotBeRenewed(t *testing.T) {
	location := sqldbtest.PostgresURL(t)
	db, err := sqldb.Open(t.Context(), location, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, db: db, blobs: mem.New()}
	f.Drives = New(db, f.blobs, Options{InlineMax: 16})
	f.alice = f.user("alice")
	u := f.begin(NewUpload{Name: "f", Length: 100})
	other, err := sqldb.Open(t.Context(), location, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	gone := make(chan struct{})
	hold, err := f.HoldUpload(t.Context(), u.ID, func() { close(gone) })
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Release()
	if err := db.Close(); err != nil { // the database is out of its reach
		t.Fatal(err)
	}
	taken, err := New(other, f.blobs, Options{InlineMax: 16}).HoldUpload(t.Context(), u.ID, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Release()
	select {
	case <-gone:
	case <-time.After(3 * time.Second):
		t.Error("another node has the upload, and the first one still writes to its stage")
	}
}
