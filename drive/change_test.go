package drive

import (
	"fmt"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Old changes are forgotten, by age and by number, in portions. What is left is numbered without a gap, and the newest one
// stays whatever its age.
func TestChangesAreForgotten(t *testing.T) {
	each(t, Options{MaxChanges: 1500, ChangesExpiry: 24 * time.Hour, Versions: -1}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		known := func() (first, last int64) {
			t.Helper()
			if err := f.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			f.clean() // looks at the numbers
			if err := f.db.Row(ctx, `SELECT MIN(sequence), MAX(sequence) FROM changes WHERE drive_id = $1`, []any{f.alice}, &first, &last); err != nil {
				t.Fatal(err)
			}
			return first, last
		}
		f.run("mkdir /d")
		err := f.db.Update(ctx, func(tx *sqldb.Tx) error { // three portions, without the work behind them
			for i := 2; i <= 4000; i++ {
				if _, err := tx.Exec(ctx, `INSERT INTO changes (drive_id, sequence, node_id, kind, path, at) VALUES ($1, $2, 'n', 'touched', '/d', $3)`, f.alice, i, sqldb.Micros(f.now)); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, `UPDATE drives SET sequence = 4000 WHERE id = $1`, f.alice)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if first, last := known(); first != 2501 || last != 4000 {
			t.Errorf("by number: changes %d to %d are known, want 2501 to 4000", first, last)
		}
		_, err = f.Changes(ctx, f.alice, 2499, 10)
		wantKind(t, "what came after a change that is forgotten with the next one", err, "gone")
		if code, _, _ := fault.Public(err); code != "changes_gone" {
			t.Errorf("the code is %q", code)
		}
		if all, err := f.Changes(ctx, f.alice, 2500, 10); err != nil || len(all) != 10 || all[0].Sequence != 2501 {
			t.Errorf("from the last change on that is forgotten: %v, %v", all, err)
		}
		f.forward(23 * time.Hour)
		f.run("mkdir /young")
		f.forward(2 * time.Hour)
		if first, last := known(); first != 4001 || last != 4001 {
			t.Errorf("by age: changes %d to %d are known, want 4001", first, last)
		}
		f.forward(1000 * time.Hour)
		if first, last := known(); first != 4001 || last != 4001 {
			t.Errorf("after a long time: changes %d to %d are known, want the newest one", first, last)
		}
		if all, err := f.Changes(ctx, f.alice, 4001, 10); err != nil || len(all) != 0 {
			t.Errorf("after the newest change: %v, %v", all, err)
		}
		f.run("put /young/f 1")
		if all, err := f.Changes(ctx, f.alice, 4001, 10); err != nil || len(all) != 1 || all[0].Path != "/young/f" {
			t.Errorf("after the next change: %v, %v", all, err)
		}
		if _, err := f.Changes(ctx, f.bob, 0, 10); err != nil {
			t.Errorf("nothing has happened in bob's drive: %v", err)
		}
	})
}

// Where a change says that a node was and is, as syncs need it.
func TestChangesTellPlaces(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /a\nmkdir /b\nput /a/x 1\nput /a/x 2\nmv /a/x /b/y\nput /a/z 3\nmv! /a/z /b/y\nrm /b/y\nrestore /b/y\ncp /b /c\nput /._x 1\nrm /._x")
		names := map[string]string{"": "-"}
		for _, path := range []Path{Root, "/a", "/b", "/c"} {
			n, err := f.Stat(t.Context(), f.alice, path)
			if err != nil {
				t.Fatal(err)
			}
			names[n.ID] = string(path)
		}
		var got []string
		err := f.db.Each(t.Context(), `SELECT kind, folder, from_id, from_name, parent_id, path FROM changes WHERE drive_id = $1 ORDER BY sequence`, []any{f.alice},
			func(scan sqldb.Scan) error {
				var kind, from, name, parent, path string
				var folder bool
				err := scan(&kind, &folder, &from, &name, &parent, &path)
				slash := ""
				if folder {
					slash = "/"
				}
				got = append(got, fmt.Sprintf("%s %s%s: %s %s > %s", kind, path, slash, names[from], name, names[parent]))
				return err
			})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"created /a/: -  > /", "created /b/: -  > /", "created /a/x: -  > /a", "written /a/x: -  > -", "moved /b/y: /a x > /b",
			"created /a/z: -  > /a", "moved /b/y: /a z > -", "written /b/y: -  > -", "trashed /b/y: /b y > -", "restored /b/y: -  > /b",
			"created /c/: -  > /", "created /._x: -  > /", "trashed /._x: / ._x > -",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got\n%q\nwant\n%q", got, want)
		}
	})
}
