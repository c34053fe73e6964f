package drive

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// listAll reads a folder in parts of a few children, and calls between after each.
func (f *fixture) listAll(folder Path, o Order, limit int, between func(part int)) string {
	f.t.Helper()
	var names []string
	for after, part := "", 1; ; part++ {
		l, err := f.List(f.t.Context(), f.alice, folder, o, after, limit)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(l.Children) > limit {
			f.t.Errorf("%d children, the limit is %d", len(l.Children), limit)
		}
		for _, c := range l.Children {
			names = append(names, c.Name)
		}
		if after = l.Next; after == "" {
			return strings.Join(names, " ")
		}
		between(part)
	}
}

func TestListOrders(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nmkdir /d/Y\nput /d/b.txt 333\nput /d/a.png 22\nput /d/ä.txt 22\nmkdir /d/x\nput /d/c.bin 1\nput /d/B.txt 333\nmkdir /d/z\nput /d/x/in 1")
		for _, c := range []struct {
			order Order
			want  string
		}{
			{Order{}, "Y x z B.txt a.png b.txt c.bin ä.txt"},
			{Order{SortName, true}, "z x Y ä.txt c.bin b.txt a.png B.txt"},
			{Order{SortSize, false}, "Y x z c.bin a.png ä.txt B.txt b.txt"},
			{Order{SortSize, true}, "Y x z B.txt b.txt a.png ä.txt c.bin"},
			{Order{SortTime, false}, "Y z x b.txt a.png ä.txt c.bin B.txt"},
			{Order{SortTime, true}, "x z Y B.txt c.bin ä.txt a.png b.txt"},
			{Order{SortKind, false}, "Y x z c.bin a.png B.txt b.txt ä.txt"},
			{Order{SortKind, true}, "Y x z B.txt b.txt ä.txt a.png c.bin"},
		} {
			for limit := 1; limit < 10; limit++ {
				if got := f.listAll("/d", c.order, limit, func(int) {}); got != c.want {
					t.Errorf("%+v, %d at a time:\n got %s\nwant %s", c.order, limit, got, c.want)
				}
			}
		}
	})
}

// What comes and goes between two parts neither hides nor repeats anything that stays.
func TestListGoesOnThoughItsPlaceIsGone(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nput /d/a 1\nput /d/c 1\nput /d/e 1\nput /d/g 1\nmkdir /d/f")
		got := f.listAll("/d", Order{By: SortSize}, 2, func(part int) {
			if part == 1 {
				f.run("rm /d/a\nput /d/A 1\nput /d/d 1\nrm /d/f")
			}
		})
		if want := "f a c d e g"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestListRefusesPlacesThatItDidNotAnswer(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nput /d/a 1\nput /d/b 1\nput /f 1")
		l, err := f.List(t.Context(), f.alice, "/d", Order{}, "", 1)
		if err != nil || l.Next == "" {
			t.Fatal(l, err)
		}
		for name, after := range map[string]string{
			"of another order": l.Next, "no base64": "%%%", "no JSON": "YQ", "too long": strings.Repeat("A", 1<<20),
			"a NUL": writePlace(listPlace{By: SortSize, Name: "a\x00"}), "another type": "W10",
		} {
			_, err := f.List(t.Context(), f.alice, "/d", Order{By: SortSize}, after, 1)
			if code, _, _ := fault.Public(err); code != "invalid_place" {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = f.List(t.Context(), f.alice, "/f", Order{}, "", 1)
		wantKind(t, "a file", err, "invalid")
	})
}

func TestMoveAndCopyInto(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nput /d/a.txt there\nput /a.txt here\nmkdir /e\nput /e/x 1")
		step := func(do func(ctx context.Context, driveID string, from, folder Path, g Guard) (Node, error), from, folder Path, want string) {
			t.Helper()
			n, err := do(t.Context(), f.alice, from, folder, Guard{})
			got := string(n.Path)
			if err != nil {
				got = fault.KindOf(err).String()
			}
			if got != want {
				t.Errorf("%s into %s: %s, %v; want %s", from, folder, got, err, want)
			}
		}
		step(f.MoveInto, "/a.txt", "/d", "/d/a (1).txt")
		step(f.MoveInto, "/d/a.txt", "/d", "/d/a.txt")
		step(f.CopyInto, "/d/a.txt", "/d", "/d/a (2).txt")
		step(f.CopyInto, "/e", "/d", "/d/e")
		step(f.CopyInto, "/e", "/", "/e (1)")
		step(f.CopyInto, "/e", "/e", "forbidden")
		step(f.MoveInto, "/d", "/d/e", "forbidden")
		step(f.MoveInto, "/", "/d", "forbidden")
		step(f.MoveInto, "/none", "/d", "not_found")
		step(f.MoveInto, "/e", "/d/a.txt", "parent_missing")
		step(f.MoveInto, "/e", "/none", "parent_missing")
		f.run("tree /d/ /d/a (1).txt=here /d/a (2).txt=there /d/a.txt=there /d/e/ /d/e/x=1 /e (1)/ /e (1)/x=1 /e/ /e/x=1")
	})
}

func TestRemoveTogetherAndUndo(t *testing.T) {
	each(t, Options{TrashExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /d\nput /d/a 1\nmkdir /d/b\nput /d/b/x 2\nput /d/c 3\nput /d/.DS_Store 4")
		_, err := f.TrashAll(ctx, f.alice, []Path{"/d/a", "/d/none"}, Guard{})
		wantKind(t, "one of them is missing", err, "not_found")
		_, err = f.TrashAll(ctx, f.alice, make([]Path, MaxAtOnce+1), Guard{})
		wantKind(t, "too many", err, "too_large")
		f.run("tree /d/ /d/.DS_Store=4 /d/a=1 /d/b/ /d/b/x=2 /d/c=3")

		all, err := f.TrashAll(ctx, f.alice, []Path{"/d/a", "/d/b", "/d/.DS_Store"}, Guard{})
		if err != nil || len(all) != 2 || !all[0].Removed.Equal(all[1].Removed) || !all[0].Expires.Equal(all[0].Removed.Add(time.Hour)) {
			t.Fatalf("%+v, %v", all, err)
		}
		f.run("rm /d/c\nput /d/a other\ntree /d/ /d/a=other")
		if there, err := f.RemovedAt(ctx, f.alice, all[0].Removed); err != nil || len(there) != 2 {
			t.Errorf("%d are in the trash, %v", len(there), err)
		}
		if nodes, err := f.Undo(ctx, f.bob, all[0].Removed); err != nil || len(nodes) != 0 {
			t.Errorf("bob restores %v, %v", nodes, err)
		}
		if nodes, err := f.Undo(ctx, f.alice, all[0].Removed); err != nil || len(nodes) != 2 {
			t.Errorf("restored %v, %v", nodes, err)
		}
		f.run("tree /d/ /d/a (1)=1 /d/a=other /d/b/ /d/b/x=2")
		if nodes, err := f.Undo(ctx, f.alice, all[0].Removed); err != nil || len(nodes) != 0 {
			t.Errorf("restored twice: %v, %v", nodes, err)
		}
	})
}

func TestTrashInPartsAndRestoredUnderAnotherName(t *testing.T) {
	each(t, Options{TrashExpiry: -1}, func(t *testing.T, f *fixture) {
		for i := range 5 {
			f.run(fmt.Sprintf("put /f%d %d\nrm /f%d", i, i, i))
		}
		var names []string
		var last Trashed
		for after := ""; ; {
			all, next, err := f.TrashList(t.Context(), f.alice, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range all {
				names, last = append(names, item.Node.Name), item
			}
			if after = next; after == "" {
				break
			}
		}
		if got := strings.Join(names, " "); got != "f4 f3 f2 f1 f0" || !last.Expires.IsZero() {
			t.Errorf("%s, %+v", got, last)
		}
		f.run("put /taken 1")
		_, err := f.RestoreAs(t.Context(), f.alice, last.Node.ID, "taken")
		wantKind(t, "a taken name", err, "exists")
		_, err = f.RestoreAs(t.Context(), f.alice, last.Node.ID, "a/b")
		wantKind(t, "no name", err, "invalid")
		_, err = f.RestoreAs(t.Context(), f.bob, last.Node.ID, "mine")
		wantKind(t, "bob", err, "not_found")
		if n, err := f.RestoreAs(t.Context(), f.alice, last.Node.ID, "new"); err != nil || n.Path != "/new" {
			t.Errorf("%v, %v", n.Path, err)
		}
		f.run("tree /new=0 /taken=1")
		_, _, err = f.TrashList(t.Context(), f.alice, "nonsense", 2)
		wantKind(t, "a place that is none", err, "invalid")
	})
}

func TestVersionsAreRestoredAndRemoved(t *testing.T) {
	each(t, Options{Versions: 2, Quota: 200}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for i := range 3 {
			f.put("/f", fmt.Sprintf("content number %d, long enough", i))
		}
		versions := func() string {
			all, err := f.Versions(ctx, f.alice, "/f")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range all {
				_, same, c, err := f.OpenVersion(ctx, f.alice, v.ID)
				if err != nil || len(same.SHA256) != 32 {
					t.Fatal(err)
				}
				b := make([]byte, 16)
				_, _ = c.Read(b)
				c.Close()
				got = append(got, string(b[15:]))
			}
			return strings.Join(got, "")
		}
		all, err := f.Versions(ctx, f.alice, "/f")
		if err != nil || versions() != "10" {
			t.Fatalf("%s, %v", versions(), err)
		}
		oldest := all[1].ID
		for what, err := range map[string]error{
			"open":    func() error { _, _, _, err := f.OpenVersion(ctx, f.bob, oldest); return err }(),
			"restore": func() error { _, err := f.RestoreVersion(ctx, f.bob, oldest, Guard{}); return err }(),
			"remove":  f.RemoveVersion(ctx, f.bob, oldest, Guard{}),
			"no id":   f.RemoveVersion(ctx, f.alice, "../x", Guard{}),
		} {
			wantKind(t, what, err, "not_found")
		}
		refuse := Guard{Check: func(*Node) error { return fault.New(fault.Precondition, "test", "") }}
		_, err = f.RestoreVersion(ctx, f.alice, oldest, refuse)
		wantKind(t, "guarded", err, "precondition_failed")

		before, _ := f.Usage(ctx, f.alice)
		node, err := f.RestoreVersion(ctx, f.alice, oldest, Guard{})
		if err != nil || node.Size != 29 {
			t.Fatal(node, err)
		}
		if got, _ := f.read(f.alice, "/f"); got != "content number 0, long enough" || versions() != "21" {
			t.Errorf("restored %q, versions %s", got, versions())
		}
		if after, _ := f.Usage(ctx, f.alice); after != before {
			t.Errorf("usage went from %+v to %+v", before, after)
		}
		wantKind(t, "again", func() error { _, err := f.RestoreVersion(ctx, f.alice, oldest, Guard{}); return err }(), "not_found")
		all, _ = f.Versions(ctx, f.alice, "/f")
		if err := f.RemoveVersion(ctx, f.alice, all[0].ID, Guard{}); err != nil || versions() != "1" {
			t.Errorf("removed: %v, %s", err, versions())
		}
		f.run("rm /f")
		_, _, _, err = f.OpenVersion(ctx, f.alice, all[1].ID)
		wantKind(t, "of a file in the trash", err, "not_found")
	})
}
