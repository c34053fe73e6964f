package drive

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// Several clients write, move, copy, remove and restore in one tree at once. Whatever wins, the tree stays a tree:
// each test ends with Check, which looks for orphans, cycles, lost children and wrong usage.
func TestStorm(t *testing.T) {
	const clients, steps = 6, 100
	each(t, Options{Versions: 2}, func(t *testing.T, f *fixture) {
		paths := []Path{"/a", "/b", "/a/b", "/b/a", "/a/b/c", "/b/a/c", "/f", "/a/f", "/b/f", "/a/b/f"}
		var running sync.WaitGroup
		for c := range clients {
			random := rand.New(rand.NewPCG(7, uint64(c)))
			running.Go(func() {
				for range steps {
					p, q := paths[random.IntN(len(paths))], paths[random.IntN(len(paths))]
					if err := f.act(random.IntN(8), p, q, fmt.Sprintf("client %d %s", c, strings.Repeat("x", random.IntN(40)))); err != nil && fault.KindOf(err) == fault.Internal {
						t.Errorf("%s %s: %v", p, q, err)
					}
				}
			})
		}
		running.Wait()
		f.clean()
		all, err := f.Changes(t.Context(), f.alice, 0, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range all {
			if c.Sequence != int64(i+1) {
				t.Fatalf("change %d has number %d", i+1, c.Sequence)
			}
		}
		if len(all) < 50 {
			t.Errorf("only %d changes: the storm did nothing", len(all))
		}
	})
}

func (f *fixture) act(what int, p, q Path, text string) error {
	ctx := f.t.Context()
	switch what {
	case 0, 1:
		_, _, err := f.Put(ctx, f.alice, p, strings.NewReader(text), PutOptions{Size: -1})
		return err
	case 2:
		_, err := f.MakeFolder(ctx, f.alice, p, Guard{})
		return err
	case 3:
		_, _, err := f.Move(ctx, f.alice, p, q, true, Guard{})
		return err
	case 4:
		_, _, err := f.Copy(ctx, f.alice, p, q, true, true, Guard{})
		return err
	case 5:
		return f.Trash(ctx, f.alice, p, Guard{})
	case 6:
		all, _, err := f.TrashList(ctx, f.alice, "", 1)
		if err != nil || len(all) == 0 {
			return err
		}
		_, err = f.Restore(ctx, f.alice, all[0].Node.ID)
		return err
	default:
		u, err := f.BeginUpload(ctx, f.alice, NewUpload{Folder: p.Parent(), Name: p.Name(), Length: int64(len(text)), Conflict: Replace})
		if err != nil {
			return err
		}
		_, err = f.send(u, 0, strings.NewReader(text))
		return err
	}
}

// Several clients join the same parts in many ways at once, drop them and look at what they joined, while sweeps go on. Every file that
// there is holds what its parts held, in their order, and nothing is left over.
func TestJoinStorm(t *testing.T) {
	const clients, steps = 4, 60
	each(t, Options{Log: slog.New(slog.DiscardHandler)}, func(t *testing.T, f *fixture) {
		type part struct {
			Upload
			text string
		}
		var mu sync.Mutex
		var parts []part
		finals := map[string]Upload{}
		wants := map[string]string{}
		some := func(random *rand.Rand, n int) (taken []part) {
			mu.Lock()
			defer mu.Unlock()
			recent := parts[max(0, len(parts)-8):]
			for range n {
				if len(recent) > 0 {
					taken = append(taken, recent[random.IntN(len(recent))])
				}
			}
			return taken
		}
		step := func(random *rand.Rand, name string) error {
			ctx := t.Context()
			switch random.IntN(8) {
			case 0, 1, 2: // a part, full or not
				text := "<" + name + strings.Repeat("x", random.IntN(40)) + ">"
				u, err := f.BeginUpload(ctx, f.alice, NewUpload{Kind: Partial, Length: int64(len(text))})
				if err != nil {
					return err
				}
				mu.Lock()
				parts = append(parts, part{u, text})
				mu.Unlock()
				_, err = f.send(u, 0, strings.NewReader(text[:len(text)-random.IntN(2)]))
				return err
			case 3, 4, 5:
				n := NewUpload{Kind: Joined, Name: name}
				var want strings.Builder
				for _, p := range some(random, 1+random.IntN(4)) {
					n.Parts = append(n.Parts, p.ID)
					want.WriteString(p.text)
				}
				u, err := f.BeginUpload(ctx, f.alice, n)
				if err == nil {
					mu.Lock()
					finals[name], wants["/"+name] = u, want.String()
					mu.Unlock()
				}
				return err
			case 6: // the last byte, or all of it goes
				any := some(random, 1)
				switch {
				case len(any) == 0:
					return nil
				case random.IntN(3) == 0:
					return f.drop(any[0].Upload)
				}
				_, err := f.send(any[0].Upload, int64(len(any[0].text)-1), strings.NewReader(">"))
				return err
			default:
				return f.Recover(ctx)
			}
		}
		var running sync.WaitGroup
		for c := range clients {
			random := rand.New(rand.NewPCG(19, uint64(c)))
			running.Go(func() {
				for n := range steps {
					if err := step(random, fmt.Sprintf("f%d-%d", c, n)); err != nil && fault.KindOf(err) == fault.Internal {
						t.Error(err)
					}
				}
			})
		}
		running.Wait()
		f.clean()
		if err := f.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		files := 0
		for path, want := range wants {
			body, err := f.read(f.alice, Path(path))
			if err == nil && body != want {
				t.Errorf("%s holds %s; want %s", path, body, want)
			}
			if err == nil {
				files++
				continue
			}
			now, looked := f.look(finals[path[1:]])
			if looked == nil && !now.Ended.IsZero() {
				t.Errorf("%s: it is done, and its file: %v", path, err)
			}
		}
		if files < clients {
			t.Errorf("only %d files: the storm did nothing", files)
		}
		for _, u := range finals {
			_ = f.drop(u)
		}
		for _, p := range parts {
			_ = f.drop(p.Upload)
		}
		f.clean()
		if usage, err := f.Usage(t.Context(), f.alice); err != nil || usage.Uploads != 0 || usage.Reserved != 0 {
			t.Errorf("in the end: %+v, %v", usage, err)
		}
		if strings.Contains(f.keys(), "stage") {
			t.Errorf("in the end the store holds %s", f.keys())
		}
	})
}

func (f *fixture) drop(u Upload) error {
	hold, err := f.HoldUpload(f.t.Context(), u.ID, func() {})
	if err != nil {
		return err
	}
	defer hold.Release()
	return f.DropUpload(f.t.Context(), f.alice, u.ID)
}
