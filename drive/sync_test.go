package drive

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// mirror is what a client knows of a folder by syncing it.
type mirror struct {
	f      *fixture
	folder Path
	deep   bool
	limit  int
	point  Point
	known  map[string]string // below the folder: path → what is there
	full   int               // times that it began anew
}

func (f *fixture) mirror(folder Path, deep bool, limit int) *mirror {
	return &mirror{f: f, folder: folder, deep: deep, limit: limit, known: map[string]string{}}
}

// below spells a path as the folder sees it, by the keys of its names.
func (m *mirror) below(p Path) string {
	if m.folder == Root {
		return nameKey(string(p))
	}
	return nameKey(strings.TrimPrefix(string(p), string(m.folder)))
}

func state(n Node) string {
	if n.Folder {
		return "folder " + n.ID
	}
	return fmt.Sprint(n.ETag(), " ", n.Modified.UnixMicro())
}

// step asks once, takes over what it is told, and reports whether there is more. What it was told comes back as text.
func (m *mirror) step() (text string, more bool) {
	m.f.t.Helper()
	s, err := m.f.Sync(m.f.t.Context(), m.f.alice, m.folder, m.point, m.deep, m.limit)
	if fault.Is(err, fault.Forbidden) && m.point != (Point{}) {
		m.point, m.known = Point{}, map[string]string{}
		m.full++
		return "anew", true
	}
	if err != nil {
		m.f.t.Fatalf("sync of %s: %v", m.folder, err)
	}
	if n := len(s.Changed) + len(s.Removed); n > m.limit {
		m.f.t.Errorf("%d paths are told, where %d may be", n, m.limit)
	}
	var lines []string
	told := map[string]bool{}
	for _, r := range s.Removed {
		path := m.below(r.Path)
		for known := range m.known {
			if known == path || strings.HasPrefix(known, path+"/") {
				delete(m.known, known)
			}
		}
		for other := range told {
			if other == path || strings.HasPrefix(other, path+"/") || strings.HasPrefix(path, other+"/") {
				m.f.t.Errorf("both %s and %s are told as removed", path, other)
			}
		}
		told[path] = true
		lines = append(lines, "-"+path+map[bool]string{true: "/"}[r.Folder])
	}
	for _, n := range s.Changed {
		path := m.below(n.Path)
		for other := range told {
			if other == path || strings.HasPrefix(path, other+"/") && !strings.HasPrefix(m.known[other], "folder") {
				m.f.t.Errorf("%s is told as changed, and %s was told before", path, other)
			}
		}
		told[path] = true
		if above := string(Path(path).Parent()); above != "/" && !strings.HasPrefix(m.known[above], "folder") {
			m.f.t.Errorf("%s is told before the folder that it is in", path)
		}
		m.known[path] = state(n)
		lines = append(lines, "+"+path+map[bool]string{true: "/"}[n.Folder])
	}
	m.point = s.Point
	slices.Sort(lines)
	return strings.Join(lines, " "), s.More
}

// sync asks until there is no more.
func (m *mirror) sync() string {
	m.f.t.Helper()
	var all []string
	for range 10_000 {
		text, more := m.step()
		if text != "" {
			all = append(all, text)
		}
		if !more {
			m.compare()
			return strings.Join(all, " | ")
		}
	}
	m.f.t.Fatal("a sync does not end")
	return ""
}

// compare holds what the mirror knows against what is there.
func (m *mirror) compare() {
	m.f.t.Helper()
	there := map[string]string{}
	err := m.f.Walk(m.f.t.Context(), m.f.alice, m.folder, 100_000, func(n Node) error {
		if path := m.below(n.Path); n.Path != m.folder && (m.deep || strings.Count(path, "/") == 1) {
			there[path] = state(n)
		}
		return nil
	})
	if err != nil {
		m.f.t.Fatal(err)
	}
	if maps.Equal(there, m.known) {
		return
	}
	for path := range there {
		if m.known[path] != there[path] {
			m.f.t.Errorf("%s of %s: known as %q, is %q", path, m.folder, m.known[path], there[path])
		}
	}
	for path := range m.known {
		if _, ok := there[path]; !ok {
			m.f.t.Errorf("%s of %s is known and not there", path, m.folder)
		}
	}
	m.f.t.FailNow()
}

func TestSync(t *testing.T) {
	const tree = "mkdir /f\nmkdir /f/a\nmkdir /f/a/s\nput /f/a/s/1 one\nput /f/x one\nmkdir /o\nput /o/y why\n"
	cases := []struct{ name, script, deep, flat string }{
		{"nothing", "", "", ""},
		{"elsewhere", "put /o/z 1\nmv /o/y /o/w\nrm /o", "", ""},
		{"a new file", "put /f/a/n 1", "+/a/n", ""},
		{"new content", "put /f/x two\nput /f/a/s/1 two", "+/a/s/1 +/x", "+/x"},
		{"properties", "touch /f/a\ntouch /f/x\ntouch /f", "+/a/ +/x", "+/a/ +/x"},
		{"a new folder, filled", "mkdir /f/n\nmkdir /f/n/m\nput /f/n/m/1 1", "+/n/ +/n/m/ +/n/m/1", "+/n/"},
		{"a file renamed", "mv /f/x /f/y", "+/y -/x", "+/y -/x"},
		{"only the spelling", "mkdir /f/caf\u00e9\nmv /f/caf\u00e9 /f/cafe\u0301", "+/caf\u00e9/", "+/caf\u00e9/"},
		{"renamed twice", "mv /f/x /f/y\nmv /f/y /f/z", "+/z -/x -/y", "+/z -/x -/y"},
		{"renamed and back", "mv /f/x /f/y\nmv /f/y /f/x", "+/x -/y", "+/x -/y"},
		{"a folder renamed", "mv /f/a /f/b", "+/b/ +/b/s/ +/b/s/1 -/a/", "+/b/ -/a/"},
		{"changed, then its folder renamed", "put /f/a/s/1 two\nrm /f/a/s/1\nput /f/a/s/2 two\nmv /f/a /f/b", "+/b/ +/b/s/ +/b/s/2 -/a/ -/b/s/1", "+/b/ -/a/"},
		{"a folder renamed, then what is in it removed", "mv /f/a /f/b\nrm /f/b/s", "+/b/ -/a/ -/b/s/", "+/b/ -/a/"},
		{"moved in", "mv /o /f/o", "+/o/ +/o/y", "+/o/"},
		{"moved out", "mv /f/a /o/a\nmv /f/x /x", "-/a/ -/x", "-/a/ -/x"},
		{"out and back in", "mv /f/a /o/a\nput /o/a/s/2 1\nrm /o/a/s/1\nmv /o/a /f/a", "+/a/ +/a/s/ +/a/s/2 -/a/s/1", "+/a/"},
		{"moved inside", "mv /f/a/s /f/s", "+/s/ +/s/1 -/a/s/", "+/s/"},
		{"the folder itself moved", "mv /f /g\nput /g/n 1\nmv /g /f", "+/n", "+/n"},
		{"removed", "rm /f/a\nrm /f/x", "-/a/ -/x", "-/a/ -/x"},
		{"removed with what is in it", "rm /f/a/s/1\nrm /f/a/s\nrm /f/a", "-/a/", "-/a/"},
		{"removed and restored", "rm /f/a\nrestore /f/a", "+/a/ +/a/s/ +/a/s/1", "+/a/"},
		{"restored under another name", "rm /f/x\nput /f/x new\nrestore /f/x", "+/x +/x (1)", "+/x +/x (1)"},
		{"made and removed", "put /f/n 1\nmkdir /f/m\nput /f/m/1 1\nrm /f/m\nrm /f/n", "-/m/ -/n", "-/m/ -/n"},
		{"removed for good", "rm /f/a\nrm /f/x\nempty-trash /", "-/a/ -/x", "-/a/ -/x"},
		{"a file's name taken by another", "rm /f/x\nput /f/x new", "+/x", "+/x"},
		{"a file saved by moving another over it", "put /f/tmp new\nmv! /f/tmp /f/x", "+/x -/tmp", "+/x -/tmp"},
		{"moved over from elsewhere", "mv! /o/y /f/x", "+/x", "+/x"},
		{"a folder's name taken by another", "put /o/1 1\nmkdir /o/s\nput /o/s/2 2\nmv! /o /f/a", "+/a/ +/a/1 +/a/s/ +/a/s/2 +/a/y -/a/s/1", "+/a/"},
		{"a folder's name taken by a file", "rm /f/a\nput /f/a 1", "+/a -/a/s/", "+/a"},
		{"a file's name taken by a folder", "rm /f/x\nmkdir /f/x\nput /f/x/1 1", "+/x/ +/x/1", "+/x/"},
		{"names exchanged", "mkdir /f/b\nput /f/b/2 2\nmv /f/a /f/t\nmv /f/b /f/a\nmv /f/t /f/b", "+/a/ +/a/2 +/b/ +/b/s/ +/b/s/1 -/a/s/ -/b/2 -/t/", "+/a/ +/b/ -/t/"},
		{"a name taken from what is gone for good", "rm /f/a\nempty-trash /\nmkdir /f/a", "-/a/ | +/a/", "+/a/"},
		{"copied", "cp /o /f/c\ncp /f/a /f/d\ncp! /o/y /f/x", "+/c/ +/c/y +/d/ +/d/s/ +/d/s/1 +/x", "+/c/ +/d/ +/x"},
		{"what desktops scatter", "put /f/._x 1\nrm /f/._x", "-/._x", "-/._x"},
	}
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				f.t = t
				f.alice = f.user(c.name) // a drive of its own
				f.run(tree)
				deep, flat := f.mirror("/f", true, 1000), f.mirror("/f", false, 1000)
				if got := deep.sync(); got != "+/a/ +/a/s/ +/a/s/1 +/x" {
					t.Errorf("all: %s", got)
				}
				if got := flat.sync(); got != "+/a/ +/x" {
					t.Errorf("all, at level 1: %s", got)
				}
				f.run(c.script)
				if got := deep.sync(); got != c.deep {
					t.Errorf("\n got %s\nwant %s", got, c.deep)
				}
				if got := flat.sync(); got != c.flat {
					t.Errorf("at level 1\n got %s\nwant %s", got, c.flat)
				}
				if deep.full+flat.full > 0 {
					t.Error("a point was refused")
				}
			})
		}
		f.t = t
	})
}

// However little is told at once, and whatever happens in between, a client that keeps asking knows in the end what is there.
func TestSyncConverges(t *testing.T) {
	steps := 400 // as many as SATCHEL_TEST_SYNCS says in `make soak`
	if setting := os.Getenv("SATCHEL_TEST_SYNCS"); setting != "" {
		var err error
		if steps, err = strconv.Atoi(setting); err != nil {
			t.Fatalf("SATCHEL_TEST_SYNCS=%q is not a count", setting)
		}
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			each(t, Options{}, func(t *testing.T, f *fixture) {
				f.t = t
				random := rand.New(rand.NewPCG(seed, 1))
				mirrors := []*mirror{
					f.mirror(Root, true, 1000), f.mirror(Root, true, 1), f.mirror(Root, true, 2), f.mirror(Root, true, 5), f.mirror(Root, false, 1), f.mirror(Root, false, 3),
					f.mirror("/a", true, 1), f.mirror("/a", true, 4), f.mirror("/a", false, 2), f.mirror("/a/b", true, 3),
				}
				moments := []Instant{f.present()}
				for range steps {
					f.randomStep(random)
					if random.IntN(20) == 0 {
						moments = append(moments[max(0, len(moments)-3):], f.present())
					}
					if random.IntN(60) == 0 {
						if _, err := f.Rewind(t.Context(), f.alice, Root, moments[random.IntN(len(moments))], nil); err != nil {
							t.Fatal(err)
						}
					}
					m := mirrors[random.IntN(len(mirrors))]
					if n, err := f.Stat(t.Context(), f.alice, m.folder); err != nil || !n.Folder {
						continue
					}
					switch random.IntN(6) {
					case 0:
						m.sync()
					case 1, 2:
						m.step()
					}
				}
				for _, m := range mirrors {
					if n, err := f.Stat(t.Context(), f.alice, m.folder); err == nil && n.Folder {
						m.sync()
					}
				}
			})
		})
	}
}

// randomStep does something to a small tree, in which paths meet again and again. What is refused is refused.
func (f *fixture) randomStep(random *rand.Rand) {
	path := func() string {
		var p strings.Builder
		for range 1 + random.IntN(4) {
			p.WriteString("/" + string(rune('a'+random.IntN(3))))
		}
		return p.String()
	}
	var err error
	switch random.IntN(14) {
	case 0, 1, 2:
		err = f.step([]string{"mkdir", path()})
	case 3, 4, 5:
		err = f.step([]string{"put", path(), fmt.Sprint(random.IntN(1000))})
	case 6, 7:
		err = f.step([]string{"mv", path(), path()})
	case 8:
		err = f.step([]string{"mv!", path(), path()})
	case 9:
		err = f.step([]string{"cp!", path(), path()})
	case 10:
		err = f.step([]string{"rm", path()})
	case 11:
		err = f.step([]string{"touch", path()})
	case 12:
		all, _, e := f.TrashList(f.t.Context(), f.alice, "", 100)
		if err = e; err == nil && len(all) > 0 {
			_, err = f.Restore(f.t.Context(), f.alice, all[random.IntN(len(all))].Node.ID)
		}
	case 13:
		if random.IntN(4) == 0 {
			err = f.step([]string{"empty-trash", "/"})
		}
	}
	if k := fault.KindOf(err); err != nil && (k == fault.Internal || k == fault.Busy) {
		f.t.Fatal(err)
	}
}

func TestSyncRefused(t *testing.T) {
	each(t, Options{MaxChanges: 20, ChangesExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /a\nmkdir /b\nput /x 1")
		folder, _ := f.Stat(ctx, f.alice, "/a")
		now, err := f.Head(ctx, f.alice)
		if err != nil {
			t.Fatal(err)
		}
		now.Folder = folder.ID
		ask := func(path Path, p Point) error {
			_, err := f.Sync(ctx, f.alice, path, p, true, 10)
			return err
		}
		with := func(change func(p *Point)) Point { p := now; change(&p); return p }
		wantKind(t, "as it was given", ask("/a", now), "")
		wantKind(t, "of another folder", ask("/b", now), "forbidden")
		wantKind(t, "on a file", ask("/x", Point{}), "invalid")
		wantKind(t, "on nothing", ask("/none", Point{}), "not_found")
		wantKind(t, "not yet", ask("/a", with(func(p *Point) { p.Sequence++ })), "forbidden")
		wantKind(t, "negative", ask("/a", with(func(p *Point) { p.Sequence = -1 })), "forbidden")
		wantKind(t, "of another history", ask("/a", with(func(p *Point) { p.At++ })), "forbidden")
		wantKind(t, "of another history, before", ask("/a", with(func(p *Point) { p.Sequence--; p.At-- })), "forbidden")
		wantKind(t, "below nothing", ask("/a", with(func(p *Point) { p.Below, p.After = sqldb.NewID(), "/q" })), "")
		wantKind(t, "below what is no id", ask("/a", with(func(p *Point) { p.Below = "\"" })), "forbidden")
		wantKind(t, "after what is no text", ask("/a", with(func(p *Point) { p.Below, p.After = folder.ID, "/\xff" })), "forbidden")
		if _, err := f.Sync(ctx, f.bob, "/a", now, true, 10); !fault.Is(err, fault.NotFound) {
			t.Errorf("bob syncs alice's folder: %v", err)
		}
		if s, err := f.Sync(ctx, f.bob, Root, with(func(p *Point) { p.Folder = "" }), true, 10); err == nil {
			t.Errorf("bob syncs by alice's point: %v", s)
		}
		f.forward(2 * time.Hour)
		if err := f.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "old, but nothing happened since", ask("/a", now), "")
		f.run("mkdir /c")
		wantKind(t, "old, and known", ask("/a", now), "")
		if err := f.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "forgotten", ask("/a", now), "forbidden")
		if now, err = f.Head(ctx, f.alice); err != nil {
			t.Fatal(err)
		}
		now.Folder = folder.ID
		for i := range 21 {
			f.put(fmt.Sprintf("/b/%d", i), "1")
		}
		wantKind(t, "too many, which the sweep has not seen yet", ask("/a", now), "forbidden")
	})
}

// counted counts what is asked of a database, and looks at how it is answered.
type counted struct {
	sqldb.Querier
	statements, rows int
	texts            map[string][]any
}

func (c *counted) Row(ctx context.Context, query string, args []any, dest ...any) error {
	c.statements++
	c.rows++
	c.texts[query] = args
	return c.Querier.Row(ctx, query, args, dest...)
}

func (c *counted) Each(ctx context.Context, query string, args []any, fn func(scan sqldb.Scan) error) error {
	c.statements++
	c.texts[query] = args
	return c.Querier.Each(ctx, query, args, func(scan sqldb.Scan) error { c.rows++; return fn(scan) })
}

// What is read for the changes of a folder grows with the changes and not with the files: one change among many files takes as many
// statements and rows as among few, and no statement goes through a table.
func TestSyncReads(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		type reads struct{ statements, rows int }
		first := map[string]reads{}
		f.run("mkdir /d\nmkdir /d/s\nmkdir /d/s/s\nput /d/s/s/f 1\nmkdir /m\nput /m/1 1\nput /m/2 2\nmkdir /copies\nput /elsewhere 0")
		for round := range 2 {
			if round == 1 {
				for i := range 40 {
					f.put(fmt.Sprintf("/copies/%d", i), "1")
				}
				for i := range 60 { // 2,400 files, where there were a few
					f.run(fmt.Sprintf("cp /copies /d/%d\ncp /copies /d/s/s/%d", i, i))
				}
			}
			for _, step := range []string{"put /d/s/s/f 2", "mv /d/s/s/f /d/g", "mv /d/g /d/s/s/f", "mv /m /d/m", "mv /d/m /m", "touch /d", "put /elsewhere 1", "rm /d/s/s/f", "put /d/s/s/f 1"} {
				since, err := f.Head(ctx, f.alice)
				if err != nil {
					t.Fatal(err)
				}
				folder, _ := f.Stat(ctx, f.alice, "/d")
				since.Folder = folder.ID
				f.run(step)
				c := &counted{Querier: f.db, texts: map[string][]any{}}
				if _, err := f.sync(ctx, c, f.alice, "/d", since, true, 1000); err != nil {
					t.Fatal(err)
				}
				got := reads{c.statements, c.rows}
				if round == 0 {
					first[step] = got
				} else if got != first[step] {
					t.Errorf("%s: %+v, and %+v among few files", step, got, first[step])
				}
				if got.statements > 20 || got.rows > 30 {
					t.Errorf("%s takes %+v", step, got)
				}
				if f.db.Engine() == sqldb.SQLite {
					f.noScan(c.texts)
				}
			}
		}
	})
}

// noScan looks at SQLite's plan for each statement.
func (f *fixture) noScan(texts map[string][]any) {
	f.t.Helper()
	for text, args := range texts {
		err := f.db.Each(f.t.Context(), "EXPLAIN QUERY PLAN "+text, args, func(scan sqldb.Scan) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			if strings.HasPrefix(detail, "SCAN") && !strings.HasPrefix(detail, "SCAN json_each") {
				f.t.Errorf("%s: %s", detail, text)
			}
			return err
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// What a condition on a sync token comes down to.
func TestUnchanged(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /a\nmkdir /a/s\nput /a/s/1 1\nmkdir /b\nput /b/1 1\nmkdir /b/t")
		folder, _ := f.Stat(ctx, f.alice, "/a")
		for _, c := range []struct {
			script string
			want   bool
		}{
			{"put /b/2 1\nmv /b/1 /b/3\nrm /b/2", true},
			{"mv /a /c\nmv /c /a", true}, // itself
			{"put /a/s/1 2", false}, {"touch /a/s", false}, {"put /a/n 1", false}, {"rm /a/n", false}, {"mv /b/3 /a/3", false}, {"mv /a/3 /b/4", false},
			{"mv /a/s /b/s", false}, {"put /b/s/2 2", true}, {"put /b/s/3 2\nmv /b/s /a/s", false}, {"rm /a/s/2\nmv /a/s /b/t/s\nrm /b/t\nempty-trash /", false},
		} {
			p, err := f.Head(ctx, f.alice)
			if err != nil {
				t.Fatal(err)
			}
			p.Folder = folder.ID
			f.run(c.script)
			if got, err := f.Unchanged(ctx, f.alice, "/a", p); err != nil || got != c.want {
				t.Errorf("after %q: %v, %v; want %v", c.script, got, err, c.want)
			}
			_, err = f.MakeFolder(ctx, f.alice, "/q", Guard{Unchanged: []Point{p}})
			wantKind(t, "guarded after "+c.script, err, map[bool]string{false: "precondition_failed"}[c.want])
			if c.want {
				f.run("rm /q")
			}
		}
		p := Point{Folder: folder.ID, Sequence: 1 << 40}
		if got, err := f.Unchanged(ctx, f.alice, "/a", p); got || err != nil {
			t.Errorf("a point that never was: %v, %v", got, err)
		}
		if got, err := f.Unchanged(ctx, f.alice, "/none", p); got || err != nil {
			t.Errorf("nothing there: %v, %v", got, err)
		}
	})
}
