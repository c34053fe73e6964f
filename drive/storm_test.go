package drive

import (
	"fmt"
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
		all, err := f.TrashList(ctx, f.alice, 1)
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
