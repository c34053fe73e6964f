package drive

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// fixture is a server's drives with two users, and a clock that the test moves.
type fixture struct {
	*Drives
	t     *testing.T
	db    *sqldb.DB
	blobs *mem.Store
	now   time.Time
	mu    sync.Mutex

	alice, bob string // their drives
}

// each runs fn on both engines. Content above 16 bytes goes to the blob store, so that short texts test both ways.
func each(t *testing.T, o Options, fn func(t *testing.T, f *fixture)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := &fixture{t: t, db: db, blobs: mem.New(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		o := o
		if o.InlineMax == 0 {
			o.InlineMax = 16
		}
		o.Now = func() time.Time {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.now = f.now.Add(time.Millisecond)
			return f.now
		}
		f.Drives = New(db, f.blobs, o)
		f.alice, f.bob = f.user("alice"), f.user("bob")
		fn(t, f)
		f.clean()
	})
}

func (f *fixture) user(name string) (id string) {
	f.t.Helper()
	id = sqldb.NewID()
	err := f.db.Update(f.t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(f.t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $2, $2, '', 0)`, id, name); err != nil {
			return err
		}
		return f.Create(f.t.Context(), tx, id)
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func (f *fixture) forward(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// clean ends every test: rows, usage and bytes agree.
func (f *fixture) clean() {
	f.t.Helper()
	problems, err := f.Check(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, p := range problems {
		f.t.Errorf("check: %s", p)
	}
}

func (f *fixture) put(path, body string) Node {
	f.t.Helper()
	n, _, err := f.Put(f.t.Context(), f.alice, Path(path), strings.NewReader(body), PutOptions{Size: int64(len(body))})
	if err != nil {
		f.t.Fatalf("put %s: %v", path, err)
	}
	return n
}

func (f *fixture) read(driveID string, path Path) (string, error) {
	_, c, err := f.Open(f.t.Context(), driveID, path)
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	return string(b), err
}

// children are what is in a folder of alice's, by name.
func (f *fixture) children(folder Path) []Node {
	f.t.Helper()
	l, err := f.List(f.t.Context(), f.alice, folder, Order{}, "", MaxList)
	if err != nil {
		f.t.Fatal(err)
	}
	return l.Children
}

// stored is how many stages and blobs the store holds.
func (f *fixture) stored() (n int) {
	f.t.Helper()
	if err := f.blobs.List(f.t.Context(), func(blob.Entry) error { n++; return nil }); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// tree is every path of alice's drive with its content: "/a/ /a/f=hello".
func (f *fixture) tree() string {
	f.t.Helper()
	var lines []string
	err := f.Walk(f.t.Context(), f.alice, Root, 1000, func(n Node) error {
		switch {
		case n.Path == Root:
		case n.Folder:
			lines = append(lines, string(n.Path)+"/")
		default:
			body, err := f.read(f.alice, n.Path)
			if err != nil {
				return err
			}
			lines = append(lines, string(n.Path)+"="+body)
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// wantKind fails unless err is of the kind that want names; "" wants none.
func wantKind(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = fault.KindOf(err).String()
	}
	if got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

// run plays a script, a line a step: "VERB PATH [ARGUMENT] [want KIND]"; "tree …" compares the whole drive.
func (f *fixture) run(script string) {
	f.t.Helper()
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		step, want, _ := strings.Cut(line, " want ")
		words := strings.Fields(step)
		if words[0] == "tree" {
			if got, want := f.tree(), strings.TrimSpace(strings.TrimPrefix(step, "tree")); got != want {
				f.t.Errorf("tree\n got %s\nwant %s", got, want)
			}
			continue
		}
		wantKind(f.t, line, f.step(words), want)
	}
}

func (f *fixture) step(words []string) error {
	ctx, path := f.t.Context(), Path(words[1])
	switch words[0] {
	case "mkdir":
		_, err := f.MakeFolder(ctx, f.alice, path, Guard{})
		return err
	case "put":
		body := strings.Join(words[2:], " ")
		_, _, err := f.Put(ctx, f.alice, path, strings.NewReader(body), PutOptions{Size: int64(len(body))})
		return err
	case "touch":
		return f.PatchProperties(ctx, f.alice, path, nil, nil, f.now.Add(-time.Hour), Guard{})
	case "rm":
		return f.Trash(ctx, f.alice, path, Guard{})
	case "mv", "mv!":
		_, _, err := f.Move(ctx, f.alice, path, Path(words[2]), words[0] == "mv!", Guard{})
		return err
	case "cp", "cp!", "cp0":
		_, _, err := f.Copy(ctx, f.alice, path, Path(words[2]), words[0] == "cp!", words[0] != "cp0", Guard{})
		return err
	case "restore":
		all, _, err := f.TrashList(ctx, f.alice, "", 100)
		if err != nil {
			return err
		}
		for _, t := range all {
			if t.Node.Path == path {
				_, err := f.Restore(ctx, f.alice, t.Node.ID)
				return err
			}
		}
		return fault.New(fault.NotFound, "restore", "")
	case "empty-trash":
		return f.Purge(ctx, f.alice, "")
	}
	return fmt.Errorf("no such step: %v", words)
}
