package drive

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
)

// A copy has the same names, content and properties, under ids of its own, also where copies are copied again.
func TestCopyOfATree(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run(`
			mkdir /a
			mkdir /a/empty
			mkdir /a/deep
			mkdir /a/deep/er
		`)
		for i := range 60 { // more folders than one INSERT takes, and files beside them
			f.run(fmt.Sprintf("mkdir /a/deep/d%02d\nput /a/deep/d%02d/f one%d\nput /a/deep/er/f%02d same", i, i, i, i))
		}
		for _, path := range []Path{"/a", "/a/deep", "/a/deep/d07/f"} {
			property := Property{Namespace: "urn:x", Name: "colour", Value: "of " + string(path)}
			if err := f.PatchProperties(t.Context(), f.alice, path, []Property{property}, nil, f.now, Guard{}); err != nil {
				t.Fatal(err)
			}
		}
		f.run(`
			cp /a /b
			mkdir /c
			cp /a /c/a
			cp /b /c/b
			cp /c /d
		`)
		below := func(top Path) (lines, ids []string) {
			if err := f.Walk(t.Context(), f.alice, top, 10_000, func(n Node) error {
				line := fmt.Sprint(strings.TrimPrefix(string(n.Path), string(top)), n.Folder, n.Size, n.MediaType, n.ETag()[:1])
				if !n.Folder {
					line += n.ETag()
				}
				of, _, err := f.Properties(t.Context(), []Node{n})
				if err != nil {
					return err
				}
				for _, p := range of[n.ID] {
					line += p.Name + p.Value
				}
				if n.Path != top {
					lines = append(lines, line)
				}
				ids = append(ids, n.ID)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(lines)
			return lines, ids
		}
		want, ids := below("/a")
		if len(want) != 3+60*3 {
			t.Fatalf("%d nodes", len(want))
		}
		for _, copied := range []Path{"/b", "/c/a", "/c/b", "/d/a", "/d/b"} {
			got, more := below(copied)
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Errorf("%s: of %d and %d lines the %dth differs: %q, %q", copied, len(got), len(want), i, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
					break
				}
			}
			ids = append(ids, more...)
		}
		slices.Sort(ids)
		if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
			t.Errorf("%d ids, %d different ones", len(ids), n)
		}
		for _, id := range ids {
			if !sqldb.ValidID(id) {
				t.Errorf("%q is no id", id)
			}
		}
	})
}
