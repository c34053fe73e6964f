package drive

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestListParts(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /d\nput /d/b 1\nput /d/a 22\nmkdir /d/c\nput /d/c/x 3\nput /e 4")
		var names []string
		err := f.listParts(ctx, f.alice, "/d", AllFields, 2, func(folder Node, part []Node) error {
			if folder.Path != "/d" || len(part) > 2 {
				t.Errorf("a part of %s holds %d", folder.Path, len(part))
			}
			for _, n := range part {
				names = append(names, string(n.Path))
				want, err := f.Stat(ctx, f.alice, n.Path)
				n.Revision, n.blob = want.Revision, want.blob // a listing does not read them
				if err != nil || fmt.Sprint(n) != fmt.Sprint(want) {
					t.Errorf("listed as %v, is %v, %v", n, want, err)
				}
			}
			return nil
		})
		if got := strings.Join(names, " "); err != nil || got != "/d/a /d/b /d/c" {
			t.Errorf("%s, %v", got, err)
		}
		for _, path := range []Path{"/e", "/d/c/x"} {
			calls := 0
			err := f.ListParts(ctx, f.alice, path, 0, func(n Node, part []Node) error {
				if calls++; n.Path != path || len(part) > 0 {
					t.Errorf("%s: %v %v", path, n, part)
				}
				return nil
			})
			if err != nil || calls != 1 {
				t.Errorf("%s: called %d times, %v", path, calls, err)
			}
		}
		wantKind(t, "nothing there", f.ListParts(ctx, f.alice, "/none", 0, nil), "not_found")
		wantKind(t, "bob", f.ListParts(ctx, f.bob, "/d", 0, nil), "not_found")
		stopped := fmt.Errorf("enough")
		if err := f.listParts(ctx, f.alice, "/d", 0, 1, func(Node, []Node) error { return stopped }); err != stopped {
			t.Errorf("the callback's error comes back as %v", err)
		}
	})
}

// A folder that changes while it is listed: nothing that stays is left out, and no name is there twice.
func TestListPartsWhileItChanges(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /out")
		for round := range uint64(30) {
			random := rand.New(rand.NewPCG(round, 0))
			name := func() string { return fmt.Sprintf("%c%c", 'a'+random.IntN(5), 'a'+random.IntN(5)) }
			folder := fmt.Sprintf("/d%d", round)
			f.run("mkdir " + folder)
			for range 20 {
				_ = f.step([]string{"put", folder + "/" + name(), "1"})
			}
			for i := range 10 { // several parts that are read when it has come to rest
				f.put(fmt.Sprintf("%s/z%d", folder, i), "1")
			}
			before := f.ids(Path(folder))
			listed := map[string]string{}
			err := f.listParts(t.Context(), f.alice, Path(folder), FieldID, 2, func(_ Node, part []Node) error {
				for _, n := range part {
					if id, twice := listed[n.Name]; twice {
						t.Errorf("round %d: %s is listed twice, as %s and %s", round, n.Name, id, n.ID)
					}
					listed[n.Name] = n.ID
				}
				if listed["z0"] != "" {
					return nil
				}
				for range random.IntN(4) {
					switch random.IntN(6) {
					case 0:
						_ = f.step([]string{"put", folder + "/" + name(), "2"})
					case 1:
						_ = f.step([]string{"rm", folder + "/" + name()})
					case 2:
						_ = f.step([]string{"mv", folder + "/" + name(), folder + "/" + name()})
					case 3:
						_ = f.step([]string{"mv", folder + "/" + name(), "/out/" + name()})
					case 4:
						_ = f.step([]string{"mv", "/out/" + name(), folder + "/" + name()})
					case 5: // a name that another one takes
						again := folder + "/" + name()
						_ = f.step([]string{"rm", again})
						_ = f.step([]string{"put", again, "3"})
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			after := f.ids(Path(folder))
			for name, id := range after {
				if listed[name] == "" {
					t.Errorf("round %d: %s is left out", round, name)
				}
				if before[name] == id && listed[name] != id {
					t.Errorf("round %d: %s is listed as %q, and was %s all the time", round, name, listed[name], id)
				}
			}
		}
	})
}

// ids are the children of a folder by their names.
func (f *fixture) ids(folder Path) map[string]string {
	f.t.Helper()
	ids := map[string]string{}
	for _, n := range f.children(folder) {
		ids[n.Name] = n.ID
	}
	return ids
}

// A folder that is removed for good does not look as if it ended early.
func TestListPartsOfWhatGoesAway(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, c := range []struct{ script, want string }{
			{"rm /d", ""}, // it is read to its end, as it was
			{"rm /d\nempty-trash /", "busy"},
		} {
			f.run("mkdir /d")
			for i := range 9 {
				f.put(fmt.Sprintf("/d/%d", i), "1")
			}
			var names []string
			err := f.listParts(t.Context(), f.alice, "/d", 0, 2, func(_ Node, part []Node) error {
				if len(names) == 0 {
					f.run(c.script)
				}
				for _, n := range part {
					names = append(names, n.Name)
				}
				return nil
			})
			wantKind(t, c.script, err, c.want)
			if c.want == "" && len(names) != 9 {
				t.Errorf("%v", names)
			}
		}
	})
}

// While a part is being used, the only connection there is is free.
func TestListPartsHoldsNothing(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			location := "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
			if engine == "postgres" {
				location = sqldbtest.PostgresURL(t)
			}
			db, err := sqldb.Open(t.Context(), location, sqldb.Options{Relaxed: true, MaxConns: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			if _, err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			f := &fixture{t: t, db: db, blobs: mem.New(), now: time.Now()}
			f.Drives = New(db, f.blobs, Options{})
			f.alice = f.user("alice")
			for i := range 7 {
				f.put(fmt.Sprintf("/%d", i), "1")
			}
			listed := map[string]bool{}
			err = f.listParts(t.Context(), f.alice, Root, 0, 2, func(_ Node, part []Node) error {
				for _, n := range part {
					listed[n.Name] = true
				}
				f.put("/0 meanwhile", fmt.Sprint(len(listed)))
				return nil
			})
			if names := slices.Sorted(maps.Keys(listed)); err != nil || len(names) != 8 {
				t.Errorf("%v, %v", names, err)
			}
		})
	}
}

// A part is read from where it begins to where it ends, and never sorted out of the whole folder, whatever the planner knows.
func TestListPartsReadsInOrder(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		root, err := f.Stat(t.Context(), f.alice, Root)
		if err != nil {
			t.Fatal(err)
		}
		// Nothing counts the rows of a test, so Postgres believes that a folder holds a few.
		if _, err := f.db.Exec(t.Context(), `INSERT INTO nodes (id, drive_id, parent_id, name, name_key, folder, created_at, modified_at, revision)
			WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 10000)
			SELECT CAST(i AS TEXT), n.drive_id, n.id, CAST(i AS TEXT), CAST(i AS TEXT), TRUE, 1, 1, 1 FROM nodes n, number WHERE n.id = $1`, root.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(t.Context(), `UPDATE nodes SET children = 10000 WHERE id = $1`, root.ID); err != nil {
			t.Fatal(err)
		}
		explain := map[sqldb.Engine]string{sqldb.SQLite: "EXPLAIN QUERY PLAN ", sqldb.Postgres: "EXPLAIN "}[f.db.Engine()]
		err = f.db.Read(t.Context(), func(tx *sqldb.Tx) error {
			if err := keepOrder(t.Context(), tx); err != nil {
				return err
			}
			var plan []string
			err := tx.Each(t.Context(), explain+AllFields.query(nextPart(listPart)), []any{root.ID, "f"}, func(scan sqldb.Scan) error {
				var line string
				var number int
				if f.db.Engine() == sqldb.Postgres {
					err := scan(&line)
					plan = append(plan, line)
					return err
				}
				err := scan(&number, &number, &number, &line)
				plan = append(plan, line)
				return err
			})
			if text := strings.Join(plan, "\n"); err == nil && (strings.Contains(text, "Sort") || strings.Contains(text, "TEMP B-TREE") || strings.Contains(text, "Bitmap") || strings.Contains(text, "Seq Scan")) {
				t.Errorf("%s", text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
