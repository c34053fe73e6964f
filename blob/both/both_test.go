package both_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/blobtest"
	"github.com/satchelhq/satchel/blob/both"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/blob/mem"
)

func folder(t *testing.T, dir string) *disk.Store {
	t.Helper()
	s, err := disk.Open(dir, disk.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Harness {
		to, from := t.TempDir(), t.TempDir()
		again := func(t *testing.T) blob.Store { return both.New(folder(t, to), folder(t, from)) }
		return blobtest.Harness{Store: again(t), Reopen: again}
	})
}

// put makes a blob, or a stage if it is not sealed.
func put(t *testing.T, in blob.Store, key blob.Key, content string, sealed bool) {
	t.Helper()
	g, err := in.Stage(t.Context(), key)
	if err == nil {
		_, err = g.Write([]byte(content))
	}
	if err == nil && sealed {
		err = g.Seal(t.Context())
	} else if err == nil {
		err = errors.Join(g.Sync(), g.Close())
	}
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func want(t *testing.T, in blob.Store, key blob.Key, content string) {
	t.Helper()
	c, err := in.Open(t.Context(), key)
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != content {
		t.Errorf("%s is %q, %v; want %q", key, got, err, content)
	}
}

func keys(t *testing.T, in blob.Store) (all []blob.Key) {
	t.Helper()
	if err := in.List(t.Context(), func(e blob.Entry) error { all = append(all, e.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// What is in the old store is read, written on and removed where it is; what is new goes to the new one.
func TestBothAreOne(t *testing.T) {
	to, from := folder(t, t.TempDir()), mem.New()
	put(t, from, "blob", "an old blob", true)
	put(t, from, "stage", "an old stage", false)
	s := both.New(to, from)
	want(t, s, "blob", "an old blob")
	for _, key := range []blob.Key{"blob", "stage"} {
		if _, err := s.Stage(t.Context(), key); !errors.Is(err, blob.ErrExists) {
			t.Errorf("%s is taken in the old store, and Stage says %v", key, err)
		}
	}
	put(t, s, "new", "a new blob", true)
	want(t, s, "new", "a new blob")
	if got := fmt.Sprint(keys(t, to), keys(t, from), keys(t, s)); got != "[new] [blob stage] [blob new stage]" {
		t.Errorf("the new store, the old one and both have %s", got)
	}
	c, err := s.OpenStage(t.Context(), "stage", 6)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "an old" {
		t.Errorf("the old stage begins with %q, %v", got, err)
	}
	g, err := s.Resume(t.Context(), "stage", 7)
	if err == nil {
		_, err = g.Write([]byte("end"))
	}
	if err == nil {
		err = g.Seal(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	want(t, from, "stage", "an old end")
	if err := s.Unseal(t.Context(), "stage"); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Open(t.Context(), "stage"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Unseal left the old blob: %v", err)
	}
	put(t, to, "stage", "a copy that is not whole", false)
	if g, err = s.Resume(t.Context(), "stage", 10); err != nil {
		t.Errorf("the original is hidden by a copy: %v", err)
	} else if err := g.Seal(t.Context()); err != nil {
		t.Error(err)
	}
	want(t, from, "stage", "an old end")
	for _, key := range []blob.Key{"blob", "stage", "new", "none"} {
		if err := s.Remove(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if left := keys(t, s); len(left) > 0 {
		t.Errorf("Remove left %v", left)
	}
	for what, err := range map[string]error{
		"Open":      func() error { _, err := s.Open(t.Context(), "none"); return err }(),
		"OpenStage": func() error { _, err := s.OpenStage(t.Context(), "none", 0); return err }(),
		"Resume":    func() error { _, err := s.Resume(t.Context(), "none", 0); return err }(),
		"Unseal":    s.Unseal(t.Context(), "none"),
	} {
		if !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s of nothing: %v", what, err)
		}
	}
}

// Stages are joined whatever store each of them is in.
func TestStagesOfTwoStoresAreJoined(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 50_000)
	for _, c := range []struct{ first, second string }{{"old", "new"}, {"new", "old"}, {"old", "old"}, {"new", "new"}} {
		t.Run(c.first+" and "+c.second, func(t *testing.T) {
			stores := map[string]blob.Store{"new": folder(t, t.TempDir()), "old": folder(t, t.TempDir())}
			put(t, stores[c.first], "first", "beginning ", false)
			put(t, stores[c.second], "second", string(large)+"more", false)
			s := both.New(stores["new"], stores["old"])
			g, err := s.Resume(t.Context(), "first", 10)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Append(t.Context(), "none", 1); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("appending what is nowhere: %v", err)
			}
			if err := g.Append(t.Context(), "second", int64(len(large)+5)); !errors.Is(err, blob.ErrShort) {
				t.Errorf("appending more than there is: %v", err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if err := g.Append(ended, "second", int64(len(large))); !errors.Is(err, context.Canceled) {
				t.Errorf("appending for nobody: %v", err)
			}
			if err := g.Cut(10); err != nil {
				t.Fatal(err)
			}
			if err := g.Append(t.Context(), "second", int64(len(large))); err != nil {
				t.Fatal(err)
			}
			if err := g.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			want(t, stores[c.first], "first", "beginning "+string(large))
		})
	}
}

// fading is a store whose content breaks off once it is removed, as that of a bucket does.
type fading struct {
	blob.Store
	reads *int
}

type fades struct {
	blob.Content
	in  fading
	key blob.Key
}

func (f fading) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	c, err := f.Store.Open(ctx, key)
	return &fades{c, f, key}, err
}

func (c *fades) there() error {
	*c.in.reads++
	again, err := c.in.Store.Open(context.Background(), c.key)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return again.Close()
}

func (c *fades) Read(p []byte) (int, error) {
	if err := c.there(); err != nil {
		return 0, err
	}
	return c.Content.Read(p)
}

func (c *fades) ReadAt(p []byte, off int64) (int, error) {
	if err := c.there(); err != nil {
		return 0, err
	}
	return c.Content.ReadAt(p, off)
}

// Who reads content while it is moved reads on, from the one store or the other.
func TestReadersFollow(t *testing.T) {
	reads := 0
	to, from := folder(t, t.TempDir()), fading{mem.New(), &reads}
	const content = "what is read while it is moved"
	put(t, from, "k", content, true)
	s := both.New(to, from)
	open := func() blob.Content {
		c, err := s.Open(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	mixed, plain := open(), open()
	p := make([]byte, 5)
	for _, c := range []blob.Content{mixed, plain} {
		if _, err := io.ReadFull(c, p); err != nil || string(p) != content[:5] {
			t.Fatalf("%q, %v", p, err)
		}
	}
	put(t, to, "k", content, true)
	if err := from.Remove(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if n, err := mixed.ReadAt(p, 13); err != nil || string(p[:n]) != content[13:18] {
		t.Errorf("ReadAt: %q, %v", p[:n], err)
	}
	for name, c := range map[string]blob.Content{"mixed": mixed, "plain": plain} {
		if rest, err := io.ReadAll(c); err != nil || string(rest) != content[5:] {
			t.Errorf("%s goes on with %q, %v", name, rest, err)
		}
		if at, err := c.Seek(-4, io.SeekCurrent); err != nil || at != int64(len(content)-4) {
			t.Errorf("%s: Seek: %d, %v", name, at, err)
		}
		if rest, err := io.ReadAll(c); err != nil || string(rest) != "oved" {
			t.Errorf("%s ends with %q, %v", name, rest, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if reads == 0 {
		t.Error("nothing was read from the old store")
	}
	gone := both.New(folder(t, t.TempDir()), from)
	put(t, from, "k", content, true)
	c, err := gone.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := from.Remove(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(p); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("content that is in neither store: %v", err)
	}
}

// Files stay files, so that the kernel sends them.
func TestFilesAreGivenAsTheyAre(t *testing.T) {
	to, from := folder(t, t.TempDir()), folder(t, t.TempDir())
	put(t, from, "old", "x", true)
	put(t, to, "new", "x", true)
	for _, key := range []blob.Key{"old", "new"} {
		c, err := both.New(to, from).Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, file := c.(*os.File); !file {
			t.Errorf("%s is a %T", key, c)
		}
		c.Close()
	}
}

// sweeper leaves three objects behind.
type sweeper struct{ blob.Store }

func (sweeper) Sweep(context.Context, time.Time) (int, int64, error) { return 3, 30, nil }

func TestWhatOneOfBothCan(t *testing.T) {
	d, m := folder(t, t.TempDir()), sweeper{mem.New()}
	if space, err := both.New(d, m).Space(t.Context()); err != nil || space.Total == 0 {
		t.Errorf("the new store's room: %+v, %v", space, err)
	}
	if space, err := both.New(m, d).Space(t.Context()); err != nil || space != (blob.Space{}) {
		t.Errorf("the new store does not know its room: %+v, %v", space, err)
	}
	for _, s := range []*both.Store{both.New(d, m), both.New(m, d)} {
		if n, size, err := s.Sweep(t.Context(), time.Now()); n != 3 || size != 30 || err != nil {
			t.Errorf("Sweep: %d, %d, %v", n, size, err)
		}
	}
	full := mem.NewLimited(1)
	put(t, full, "k", "x", true)
	for _, s := range []*both.Store{both.New(d, full), both.New(full, d)} {
		if err := s.Ready(t.Context()); !errors.Is(err, blob.ErrFull) {
			t.Errorf("one of both is not ready: %v", err)
		}
	}
}
