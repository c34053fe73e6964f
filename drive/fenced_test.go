package drive

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/sqldb"
)

// rowsStore is a store whose stages are rows in the database of its process, as those of blob/s3 are: what is done to one is an update. It stands still
// where the test says.
type rowsStore struct {
	blob.Store
	db    *sqldb.DB
	at    string        // the call that stands still once
	still chan struct{} // gets one when it does
	goOn  chan struct{}
}

func (s *rowsStore) update(ctx context.Context, call string) error {
	if s.at == call {
		s.at = ""
		s.still <- struct{}{}
		<-s.goOn
	}
	return s.db.UpdateUnsettled(ctx, func(*sqldb.Tx) error { return nil })
}

func (s *rowsStore) Stage(ctx context.Context, key blob.Key) (blob.Stage, error) {
	if err := s.update(ctx, "stage"); err != nil {
		return nil, err
	}
	return s.Store.Stage(ctx, key)
}

func (s *rowsStore) Resume(ctx context.Context, key blob.Key, offset int64) (blob.Stage, error) {
	if err := s.update(ctx, "resume"); err != nil {
		return nil, err
	}
	return s.Store.Resume(ctx, key, offset)
}

func (s *rowsStore) Unseal(ctx context.Context, key blob.Key) error {
	if err := s.update(ctx, "unseal"); err != nil {
		return err
	}
	return s.Store.Unseal(ctx, key)
}

func (s *rowsStore) Remove(ctx context.Context, key blob.Key) error {
	if err := s.update(ctx, "remove"); err != nil {
		return err
	}
	return s.Store.Remove(ctx, key)
}

// A process stands still just before it does something to a stage, and another one takes the upload over and goes on. When it
// wakes up, nothing of what the other one has acknowledged is cut back, dropped or unsealed.
func TestStandingStillBeforeTheStage(t *testing.T) {
	const first, second = "0123456789", "abcdefghijklmnopqrstuvwxyz"
	for _, test := range []struct {
		name, at string
		staged   bool // the upload has a stage when the process stops
	}{
		{"resuming a stage", "resume", true},
		{"beginning a stage", "stage", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			here, there := nodes(t, Options{InlineMax: 16})
			slow := &rowsStore{Store: here.blobs, db: here.db, still: make(chan struct{}), goOn: make(chan struct{})}
			here.Drives.blobs = slow
			there.Drives.blobs = &rowsStore{Store: there.blobs, db: there.db}
			length := int64(len(first) + len(second) + 10)
			begin := first
			if test.staged {
				begin += first // more than stays in the row
				length += int64(len(first))
			}
			u := here.begin(NewUpload{Name: "f", Length: length})
			if _, err := here.send(u, 0, strings.NewReader(begin)); err != nil {
				t.Fatal(err)
			}
			offset := int64(len(begin))
			slow.at = test.at
			old, err := here.HoldUpload(t.Context(), u.ID, func() {})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := here.Append(context.Background(), here.alice, u.ID, offset, strings.NewReader(second), AppendOptions{})
				ended <- err
			}()
			soon(t, "it does not come to the store", slow.still)
			here.standStill(u.ID)
			hold, err := there.HoldUpload(t.Context(), u.ID, func() {})
			if err != nil {
				t.Fatal(err)
			}
			defer hold.Release()
			now, err := there.Append(t.Context(), there.alice, u.ID, offset, strings.NewReader(strings.ToUpper(second)), AppendOptions{})
			if err != nil || now.Offset != offset+int64(len(second)) {
				t.Fatalf("taken over, at %d: %v", now.Offset, err)
			}
			close(slow.goOn)
			wantKind(t, "the process that stood still", soon(t, "it does not end", ended), "locked")
			old.Release()
			if _, err := there.Append(t.Context(), there.alice, u.ID, now.Offset, strings.NewReader("0000000000"), AppendOptions{}); err != nil {
				t.Fatal(err)
			}
			there.run("tree /f=" + begin + strings.ToUpper(second) + "0000000000")
			there.clean()
		})
	}
}

// A process that stands still while it joins parts in the first one's stage does not unseal what is a file by then.
func TestStandingStillBeforeUnsealing(t *testing.T) {
	here, there := nodes(t, Options{InlineMax: 16})
	slow := &rowsStore{Store: here.blobs, db: here.db, still: make(chan struct{}), goOn: make(chan struct{})}
	here.Drives.blobs = slow
	there.Drives.blobs = &rowsStore{Store: there.blobs, db: there.db}
	var parts []string
	for range 2 {
		part := here.begin(NewUpload{Kind: Partial, Length: 20})
		if _, err := here.send(part, 0, strings.NewReader("01234567890123456789")); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part.ID)
	}
	slow.at = "unseal"
	ended := make(chan error, 1)
	begin := func(f *fixture) (Upload, error) {
		return f.BeginUpload(context.Background(), f.alice, NewUpload{Name: "f", Folder: Root, Kind: Joined, Parts: parts, Conflict: Rename})
	}
	go func() {
		_, err := begin(here)
		ended <- err
	}()
	soon(t, "it does not come to the store", slow.still)
	ids := append([]string{}, parts...)
	if err := here.db.Each(t.Context(), `SELECT id FROM uploads WHERE kind = 'joined'`, nil, func(scan sqldb.Scan) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	here.standStill(ids...)
	if done, err := begin(there); err != nil || done.Ended.IsZero() {
		t.Fatalf("the other process: %v, ended %v", err, done.Ended)
	}
	there.run("tree /f=0123456789012345678901234567890123456789")
	close(slow.goOn)
	if err := soon(t, "it does not end", ended); err == nil {
		t.Error("the process that stood still says that it made the file")
	}
	node, content, err := there.Open(t.Context(), there.alice, "/f")
	if err != nil {
		t.Fatalf("the file's content is gone: %v", err)
	}
	defer content.Close()
	if text, err := io.ReadAll(content); err != nil || int64(len(text)) != node.Size {
		t.Errorf("the file holds %d bytes, %v; want %d", len(text), err, node.Size)
	}
	there.clean()
}

// A process stands still between the last byte of a file and its row for longer than gc waits: it makes no file of bytes that may be gone.
func TestStandingStillBeforeTheCommit(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("put /f the content that stays")
		slow := &sealing{Store: f.blobs, then: func() {
			f.forward(2 * time.Hour)
			if _, err := f.GC(t.Context()); err != nil {
				t.Error(err)
			}
		}}
		f.Drives.blobs = slow
		wantKind(t, "the process that stood still", f.putText("/f", "other content, in the store"), "busy")
		f.Drives.blobs = f.blobs
		f.run("tree /f=the content that stays")
	})
}

// sealing is a store of which each process stands still after it has sealed something.
type sealing struct {
	blob.Store
	then func()
}

func (s *sealing) Stage(ctx context.Context, key blob.Key) (blob.Stage, error) {
	g, err := s.Store.Stage(ctx, key)
	return &sealingStage{g, s.then}, err
}

type sealingStage struct {
	blob.Stage
	then func()
}

func (g *sealingStage) Seal(ctx context.Context) error {
	defer g.then()
	return g.Stage.Seal(ctx)
}

// standStill is what others see of a process that is paused: what it holds is free after a while.
func (f *fixture) standStill(ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		if _, err := f.db.Exec(f.t.Context(), `UPDATE uploads SET holder = '' WHERE id = $1`, id); err != nil {
			f.t.Fatal(err)
		}
	}
}
