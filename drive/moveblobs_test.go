package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/both"
	"github.com/satchelhq/satchel/blob/mem"
)

// watched is a store of which each call is asked for first.
type watched struct {
	blob.Store
	ask func(op string) error
}

type watchedStage struct {
	blob.Stage
	ask func(op string) error
}

type watchedContent struct {
	blob.Content
	ask func(op string) error
}

func (w watched) Stage(ctx context.Context, key blob.Key) (blob.Stage, error) {
	if err := w.ask("Stage"); err != nil {
		return nil, err
	}
	g, err := w.Store.Stage(ctx, key)
	return watchedStage{g, w.ask}, err
}

func (w watched) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	if err := w.ask("Open"); err != nil {
		return nil, err
	}
	c, err := w.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return watchedContent{c, w.ask}, nil
}

func (w watched) Remove(ctx context.Context, key blob.Key) error {
	if err := w.ask("Remove"); err != nil {
		return err
	}
	return w.Store.Remove(ctx, key)
}

func (g watchedStage) Write(p []byte) (int, error) {
	if err := g.ask("Write"); err != nil {
		return 0, err
	}
	return g.Stage.Write(p)
}

func (g watchedStage) Seal(ctx context.Context) error {
	if err := g.ask("Seal"); err != nil {
		return err
	}
	return g.Stage.Seal(ctx)
}

func (c watchedContent) Read(p []byte) (int, error) {
	if err := c.ask("Read"); err != nil {
		return 0, err
	}
	return c.Content.Read(p)
}

// between is the drives of a fixture while content moves from the fixture's store to another.
type between struct {
	*fixture
	to *mem.Store
}

func (f *fixture) between() *between {
	b := &between{f, mem.New()}
	f.Drives = New(f.db, both.New(b.to, f.blobs), f.o)
	return b
}

func (b *between) move(from, to blob.Store) (Moved, error) {
	return b.MoveBlobs(b.t.Context(), Moving{From: from, To: to, AtOnce: 1})
}

// has is what a store holds, by key.
func has(t *testing.T, s blob.Store) (keys []string) {
	t.Helper()
	if err := s.List(t.Context(), func(e blob.Entry) error { keys = append(keys, string(e.Key)); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

func (b *between) wantFiles(files map[string]string) {
	b.t.Helper()
	for path, want := range files {
		if got, err := b.read(b.alice, Path(path)); err != nil || got != want {
			b.t.Errorf("%s is %.40q, %v", path, got, err)
		}
	}
}

// Content of files and versions moves, in the row it stays; what is under way in the old store ends there and moves then; what is new
// is in the new one from the beginning.
func TestContentMovesToAnotherStore(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		text := func(what string) string { return strings.Repeat(what+" ", 10) }
		f.put("/small", "in its row")
		f.put("/a", text("an old version"))
		f.put("/a", text("a"))
		f.put("/same", text("a"))
		f.put("/gone", text("in the trash"))
		if err := f.Trash(t.Context(), f.alice, "/gone", Guard{}); err != nil {
			t.Fatal(err)
		}
		u := f.begin(NewUpload{Folder: Root, Name: "upload", Length: 60})
		u, err := f.send(u, 0, strings.NewReader(strings.Repeat("u", 40)))
		if err != nil {
			t.Fatal(err)
		}
		first := f.part("the first part, in the old store")

		b := f.between()
		b.put("/new", text("new"))
		late := b.part("and the second part, in the new store")
		told := 0
		moved, err := b.MoveBlobs(t.Context(), Moving{From: f.blobs, To: b.to, Rate: 1 << 30, AtOnce: 3, Tell: func(Moved) { told++ }})
		if err != nil || moved.Blobs != 3 || moved.Uploads != 2 || moved.Left() != 2 || moved.Bytes != int64(len(text("an old version")+text("a")+text("in the trash"))) {
			t.Fatalf("moved %+v, %v", moved, err)
		}
		if told != 5 {
			t.Errorf("told %d times of 5", told)
		}
		if left := has(t, f.blobs); len(left) != 2 {
			t.Errorf("the old store has %v", left)
		}
		files := map[string]string{"/small": "in its row", "/a": text("a"), "/same": text("a"), "/new": text("new")}
		b.wantFiles(files)
		if _, err := b.send(u, 40, strings.NewReader(strings.Repeat("v", 20))); err != nil {
			t.Fatal(err)
		}
		files["/upload"] = strings.Repeat("u", 40) + strings.Repeat("v", 20)
		if _, err := b.join("joined", first, late); err != nil {
			t.Fatal(err)
		}
		files["/joined"] = "the first part, in the old storeand the second part, in the new store"
		b.wantFiles(files)
		if moved, err = b.move(f.blobs, b.to); err != nil || moved.Blobs != 2 || moved.Left() != 0 {
			t.Fatalf("moved %+v, %v", moved, err)
		}
		if left := has(t, f.blobs); len(left) != 0 {
			t.Errorf("the old store has %v", left)
		}
		f.Drives = New(f.db, b.to, f.o)
		b.wantFiles(files)
	})
}

// Killed at each call of either store in turn, killed there once more, and called again: nothing is lost, whoever reads meanwhile reads it, and in
// the end all of it is in the new store once.
func TestAMoveThatIsKilledGoesOn(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		files := map[string]string{}
		for i := range 3 {
			path := fmt.Sprintf("/%d", i)
			files[path] = strings.Repeat(path, 20)
			f.put(path, files[path])
		}
		b := f.between()
		all := has(t, f.blobs)
		at := map[string]bool{} // the calls at which it was killed
		killedAfter := func(calls int) (killed bool) {
			ask := func(store string) func(string) error {
				return func(op string) error {
					if calls--; calls >= 0 {
						return nil
					}
					at[store+op], killed = true, true
					return errors.New("killed")
				}
			}
			if _, err := b.move(watched{f.blobs, ask("old ")}, watched{b.to, ask("new ")}); (err != nil) != killed {
				t.Fatalf("killed: %v, %v", killed, err)
			}
			b.wantFiles(files)
			b.clean()
			return killed
		}
		for calls := 0; killedAfter(calls); calls++ {
			killedAfter(calls)
			if moved, err := b.move(f.blobs, b.to); err != nil || moved.Left() != 0 {
				t.Errorf("killed after %d calls, and then: %+v, %v", calls, moved, err)
			}
			b.wantFiles(files)
			if left, there := has(t, f.blobs), has(t, b.to); len(left) > 0 || !slices.Equal(there, all) {
				t.Fatalf("killed after %d calls: the old store has %v, the new one %v, want %v there", calls, left, there, all)
			}
			for _, key := range all {
				b.back(blob.Key(key))
			}
		}
		for _, call := range []string{"old Open", "old Read", "old Remove", "new Open", "new Read", "new Remove", "new Stage", "new Write", "new Seal"} {
			if !at[call] {
				t.Errorf("it was never killed at %s", call)
			}
		}
	})
}

// back brings a blob back to the old store.
func (b *between) back(key blob.Key) {
	b.t.Helper()
	c, err := b.to.Open(b.t.Context(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	content, err := io.ReadAll(c)
	if err == nil {
		b.plant(b.blobs, key, string(content))
		err = b.to.Remove(b.t.Context(), key)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// plant makes a blob, whatever there was.
func (b *between) plant(in blob.Store, key blob.Key, content string) {
	b.t.Helper()
	err := in.Remove(b.t.Context(), key)
	var g blob.Stage
	if err == nil {
		g, err = in.Stage(b.t.Context(), key)
	}
	if err == nil {
		_, err = g.Write([]byte(content))
	}
	if err == nil {
		err = g.Seal(b.t.Context())
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// A file that is removed for good at any call of the move leaves nothing in either store.
func TestContentIsCollectedWhileItMoves(t *testing.T) {
	each(t, Options{Versions: -1}, func(t *testing.T, f *fixture) {
		b := f.between()
		for at := 0; ; at++ {
			path := Path(fmt.Sprintf("/%d", at))
			f.Drives = New(f.db, f.blobs, f.o)
			node := f.put(string(path), strings.Repeat(string(path), 20))
			f.Drives = New(f.db, both.New(b.to, f.blobs), f.o)
			calls := 0
			ask := func(string) error {
				if calls++; calls == at+1 {
					err := b.Trash(t.Context(), b.alice, path, Guard{})
					if err == nil {
						err = b.Purge(t.Context(), b.alice, node.ID)
					}
					if err != nil {
						t.Fatal(err)
					}
					b.forward(2 * b.o.GCGrace)
					if _, err := b.GC(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				return nil
			}
			if _, err := b.move(watched{f.blobs, ask}, watched{b.to, ask}); err != nil {
				t.Fatalf("call %d: %v", at, err)
			}
			if calls <= at {
				break
			}
			if left := append(has(t, f.blobs), has(t, b.to)...); len(left) > 0 {
				t.Errorf("removed at call %d of %d: %v is left", at, calls, left)
			}
		}
	})
}

// What is not the content on record is left where it is, and what the new store does not give back as it was given is no copy.
func TestWhatIsNotRightIsNotMoved(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		right := strings.Repeat("right ", 10)
		node := f.put("/file", right)
		b := f.between()
		for name, wrong := range map[string]string{"flipped": strings.Repeat("wrong ", 10), "short": right[:59], "long": right + "!"} {
			b.plant(f.blobs, node.blob, wrong)
			moved, err := b.move(f.blobs, b.to)
			if err != nil || moved.Blobs != 0 || !slices.Equal(moved.Damaged, []string{string(node.blob)}) || moved.Left() != 1 {
				t.Errorf("%s: %+v, %v", name, moved, err)
			}
			if there := has(t, b.to); len(there) > 0 {
				t.Errorf("%s: %v is in the new store", name, there)
			}
		}
		b.plant(f.blobs, node.blob, right)
		if moved, err := b.move(f.blobs, lying{b.to}); err == nil || moved.Blobs != 0 {
			t.Errorf("the new store lies, and it is moved: %+v", moved)
		}
		b.wantFiles(map[string]string{"/file": right})
		b.plant(b.to, node.blob, "a copy that is not right")
		b.wantFiles(map[string]string{"/file": right})
		if moved, err := b.move(f.blobs, b.to); err != nil || moved.Blobs != 1 || moved.Left() != 0 {
			t.Errorf("%+v, %v", moved, err)
		}
		b.wantFiles(map[string]string{"/file": right})
	})
}

// lying is a store that gives back something else.
type lying struct{ blob.Store }

func (l lying) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	c, err := l.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return lies{c}, nil
}

type lies struct{ blob.Content }

func (l lies) Read(p []byte) (int, error) {
	n, err := l.Content.Read(p)
	if n > 0 {
		p[0] ^= 1
	}
	return n, err
}

// Files are read, written and joined by two nodes while all of it moves, several blobs at a time. One node has the stores the wrong way
// round, as while the setting comes to one after the other.
func TestAMoveBesideTwoNodes(t *testing.T) {
	each(t, Options{Versions: -1}, func(t *testing.T, f *fixture) {
		for i := range 40 {
			f.put(fmt.Sprintf("/old%d", i), strings.Repeat(fmt.Sprint("old", i), 30))
		}
		b := f.between()
		nodes := []*Drives{b.Drives, New(f.db, both.New(f.blobs, b.to), f.o)}
		var others sync.WaitGroup
		for w := range 4 {
			others.Go(func() {
				for i := range 20 {
					one, other := &fixture{Drives: nodes[(w+i)%2], t: t, alice: f.alice}, &fixture{Drives: nodes[(w+i+1)%2], t: t, alice: f.alice}
					path, content := fmt.Sprintf("/w%d", w), strings.Repeat(fmt.Sprint("new", w, i), 30)
					if i%4 == 3 {
						first, second := one.part(content), other.part(content)
						if _, err := other.join(fmt.Sprintf("joined%d-%d", w, i), first, second); err != nil {
							t.Error(err)
						}
						path, content = fmt.Sprintf("/joined%d-%d", w, i), content+content
					} else {
						one.put(path, content)
					}
					if got, err := other.read(f.alice, Path(path)); err != nil || got != content {
						t.Errorf("%s: %.20q, %v", path, got, err)
					}
					old := fmt.Sprintf("/old%d", (7*i+13*w)%40)
					if got, err := one.read(f.alice, Path(old)); err != nil || got != strings.Repeat(old[1:], 30) {
						t.Errorf("%s: %.20q, %v", old, got, err)
					}
				}
			})
		}
		if moved, err := b.MoveBlobs(t.Context(), Moving{From: f.blobs, To: b.to, AtOnce: 4}); err != nil || moved.Blobs < 40 {
			t.Errorf("%+v, %v", moved, err)
		}
		others.Wait()
		if moved, err := b.move(f.blobs, b.to); err != nil || moved.Left() != 0 {
			t.Errorf("%+v, %v", moved, err)
		}
		if left := has(t, f.blobs); len(left) > 0 {
			t.Errorf("the old store has %v", left)
		}
		f.Drives = New(f.db, b.to, f.o)
	})
}
