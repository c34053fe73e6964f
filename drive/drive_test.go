package drive

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

func TestTree(t *testing.T) {
	long := "this text is longer than what is kept in a row"
	for _, c := range []struct{ name, script string }{
		{"put and overwrite", `
			put /a hello
			put /a hello, longer than sixteen bytes
			put /a bye
			put /none/a x want parent_missing
			put /a/b x want parent_missing
			mkdir /d
			put /d x want exists
			tree /a=bye /d/`},
		{"folders", `
			mkdir /a
			mkdir /a want exists
			mkdir /b/c want parent_missing
			put /f x
			mkdir /f want exists
			mkdir /f/g want parent_missing
			mkdir / want exists
			tree /a/ /f=x`},
		{"one name in two spellings", "put /caf\u00e9 composed\nput /cafe\u0301 decomposed\ntree /caf\u00e9=decomposed\nmkdir /cafe\u0301 want exists\nmv /caf\u00e9 /cafe\u0301\ntree /cafe\u0301=decomposed"},
		{"rename and move", `
			mkdir /a
			put /a/f one
			mv /a/f /a/g
			mkdir /b
			mv /a /b/a
			mv /none /x want not_found
			mv /b/a/g /none/g want parent_missing
			mv / /x want forbidden
			tree /b/ /b/a/ /b/a/g=one`},
		{"moving never destroys what it cannot replace", `
			mkdir /b
			put /b/f keep
			put /x other
			mv /none /x want not_found
			mv! /none /x want not_found
			mv! /b /b want forbidden
			mv! /b /b/c want forbidden
			mv! /b/f /b want forbidden
			cp! /b/f /b want forbidden
			cp! /b /b want forbidden
			cp! /b /b/c want forbidden
			mv /b/f /x want exists
			cp /b/f /x want exists
			tree /b/ /b/f=keep /x=other`},
		{"over what is there", `
			put /a one
			put /b two
			mv! /a /b
			tree /b=one
			mkdir /d
			put /d/old x
			mkdir /e
			put /e/new y
			mv! /e /d
			tree /b=one /d/ /d/new=y
			restore /d
			tree /b=one /d (1)/ /d (1)/old=x /d/ /d/new=y`},
		{"copies", `
			mkdir /a
			mkdir /a/sub
			put /a/sub/f ` + long + `
			cp /a /b
			put /a/sub/f changed
			tree /a/ /a/sub/ /a/sub/f=changed /b/ /b/sub/ /b/sub/f=` + long + `
			cp0 /a /c
			tree /a/ /a/sub/ /a/sub/f=changed /b/ /b/sub/ /b/sub/f=` + long + ` /c/`},
		{"trash", `
			mkdir /a
			put /a/f one
			rm /a
			tree
			rm /a want not_found
			rm / want forbidden
			restore /a
			tree /a/ /a/f=one
			rm /a/f
			rm /a
			restore /a/f
			tree /f=one
			empty-trash /
			restore /a want not_found
			tree /f=one`},
		{"what desktops scatter leaves nothing behind", `
			put /.DS_Store one
			put /.DS_Store two
			put /._x y
			rm /.DS_Store
			rm /._x
			restore /.DS_Store want not_found
			tree`},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, Options{}, func(t *testing.T, f *fixture) { f.t = t; f.run(c.script) })
		})
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/a b/ü/日本/%2F?#", ""}, {"/" + strings.Repeat("n", MaxName), ""}, {"a//b/", ""},
		{"/.", "invalid"}, {"/a/../b", "invalid"}, {"/a\x00", "invalid"}, {"/\xff", "invalid"},
		{"/" + strings.Repeat("n", MaxName+1), "invalid"},
		{strings.Repeat("/d", MaxDepth), ""}, {strings.Repeat("/d", MaxDepth+1), "too_large"},
		{strings.Repeat("/"+strings.Repeat("n", 250), 17), "too_large"},
	} {
		_, err := ParsePath(c.path)
		wantKind(t, fmt.Sprintf("%.40q", c.path), err, c.want)
	}
}

// A path is at most MaxDepth names long, by whatever way it comes about.
func TestDepth(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		var deep Path = Root
		for range MaxDepth - 1 {
			deep = deep.Join("d")
			if _, err := f.MakeFolder(t.Context(), f.alice, deep, Guard{}); err != nil {
				t.Fatal(err)
			}
		}
		f.put(string(deep.Join("f")), "at the end")
		if body, err := f.read(f.alice, deep.Join("f")); err != nil || body != "at the end" {
			t.Fatalf("read at depth %d: %q, %v", MaxDepth, body, err)
		}
		f.run("mkdir /e\nmv /d /e/d want too_large\ncp /d /e/d want too_large\nmv /d /q\nmkdir /r")
		n, err := f.Stat(t.Context(), f.alice, Path("/q"+string(deep[2:])).Join("f"))
		if err != nil {
			t.Fatal(err)
		}
		found, err := f.StatID(t.Context(), f.alice, n.ID)
		if err != nil || found.Path != n.Path {
			t.Errorf("by id: %q, %v; want %q", found.Path, err, n.Path)
		}
	})
}

func TestPut(t *testing.T) {
	each(t, Options{Quota: 1000, MaxFile: 500}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.put("/f", "what was there before")
		for _, c := range []struct {
			name string
			body io.Reader
			size int64
			want string
		}{
			{"short body", strings.NewReader("four"), 10, "invalid"},
			{"short long body", strings.NewReader(strings.Repeat("x", 100)), 200, "invalid"},
			{"long body", strings.NewReader(strings.Repeat("x", 100)), 50, "invalid"},
			{"broken at once", io.MultiReader(strings.NewReader("ab"), broken{}), -1, "invalid"},
			{"broken later", io.MultiReader(strings.NewReader(strings.Repeat("x", 100)), broken{}), -1, "invalid"},
			{"announced over the limit", broken{}, 501, "too_large"},
			{"over the limit", strings.NewReader(strings.Repeat("x", 501)), -1, "too_large"},
		} {
			_, _, err := f.Put(ctx, f.alice, "/f", c.body, PutOptions{Size: c.size})
			wantKind(t, c.name, err, c.want)
			if body, err := f.read(f.alice, "/f"); err != nil || body != "what was there before" {
				t.Errorf("%s: the file holds %q, %v", c.name, body, err)
			}
		}
		if left := f.stored(); left != 1 {
			t.Errorf("%d blobs are in the store after refused bodies, want the 1 of the file", left)
		}
		f.put("/big1", strings.Repeat("1", 480))
		f.put("/big2", strings.Repeat("2", 480))
		for _, size := range []int64{-1, 100} {
			_, _, err := f.Put(ctx, f.alice, "/f", strings.NewReader(strings.Repeat("x", 100)), PutOptions{Size: size})
			wantKind(t, fmt.Sprintf("over quota, size %d", size), err, "full")
		}
		if _, _, err := f.Put(ctx, f.bob, "/f", strings.NewReader("bob's"), PutOptions{Size: 5}); err != nil {
			t.Errorf("another user's drive is full too: %v", err)
		}
		u, _ := f.Usage(ctx, f.alice)
		if want := int64(960 + 21); u.Used != want {
			t.Errorf("used %d, want %d", u.Used, want)
		}
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestGuard(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.put("/f", "one")
		refuse := Guard{Check: func(n *Node) error {
			if n == nil || n.Path != "/f" {
				t.Errorf("the check saw %v, want the node at /f", n)
			}
			return fault.New(fault.Precondition, "test", "")
		}}
		ctx := t.Context()
		_, _, err := f.Put(ctx, f.alice, "/f", strings.NewReader("two"), PutOptions{Size: 3, Guard: refuse})
		wantKind(t, "put", err, "precondition_failed")
		wantKind(t, "trash", f.Trash(ctx, f.alice, "/f", refuse), "precondition_failed")
		_, _, err = f.Copy(ctx, f.alice, "/f", "/f", true, true, refuse)
		wantKind(t, "copy onto itself", err, "forbidden")
		f.put("/g", "two")
		_, _, err = f.Move(ctx, f.alice, "/g", "/f", true, refuse)
		wantKind(t, "move", err, "precondition_failed")
		f.run("tree /f=one /g=two")
	})
}

// Content is shared by all that hold it, and removed by gc when nothing does.
func TestBlobs(t *testing.T) {
	each(t, Options{Versions: -1}, func(t *testing.T, f *fixture) {
		long := strings.Repeat("the same content ", 10)
		f.put("/a", long)
		f.put("/b", long)
		f.put("/empty", "")
		f.run("cp /a /c")
		if _, _, err := f.Put(t.Context(), f.bob, "/x", strings.NewReader(long), PutOptions{Size: -1}); err != nil {
			t.Fatal(err)
		}
		if n := f.stored(); n != 1 {
			t.Errorf("%d blobs in the store, want 1 for four files", n)
		}
		if body, err := f.read(f.alice, "/empty"); err != nil || body != "" {
			t.Errorf("the empty file holds %q, %v", body, err)
		}
		f.run("rm /a\nrm /b\nrm /c\nempty-trash /")
		f.forward(2 * time.Hour)
		if _, err := f.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		if body, err := f.read(f.bob, "/x"); err != nil || body != long {
			t.Errorf("bob's file is gone with alice's: %q, %v", body, err)
		}
		if err := f.Trash(t.Context(), f.bob, "/x", Guard{}); err != nil {
			t.Fatal(err)
		}
		if err := f.Purge(t.Context(), f.bob, ""); err != nil {
			t.Fatal(err)
		}
		c, err := f.GC(t.Context())
		if err != nil || c.Blobs != 1 || f.stored() != 0 {
			t.Errorf("gc: %+v, %v, %d left in the store", c, err, f.stored())
		}
	})
}

func TestVersions(t *testing.T) {
	each(t, Options{Versions: 3}, func(t *testing.T, f *fixture) {
		f.put("/f", "")
		for i := range 6 {
			f.put("/f", fmt.Sprintf("content number %d, long enough", i))
		}
		f.put("/f", "content number 5, long enough") // the same again is no new version
		f.put("/tmp", "saved by writing beside and moving over")
		f.run("mv! /tmp /f")
		all, err := f.Versions(t.Context(), f.alice, "/f")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range all {
			_, _, c, err := f.OpenVersion(t.Context(), f.alice, v.ID)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(c)
			c.Close()
			got = append(got, string(b[15:16]))
		}
		if s := strings.Join(got, ""); s != "543" {
			t.Errorf("versions %s, want 543", s)
		}
		f.run("rm /f\nempty-trash /")
		if u, _ := f.Usage(t.Context(), f.alice); u.Used != 0 {
			t.Errorf("used %d after everything was removed", u.Used)
		}
	})
}

func TestList(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nput /d/b 1\nput /d/a 2\nmkdir /d/c\nput /d/c/x 3\nput /e 4")
		var names []string
		for _, c := range f.children("/d") {
			names = append(names, string(c.Path))
		}
		if got := strings.Join(names, " "); got != "/d/c /d/a /d/b" {
			t.Errorf("list: %s", got)
		}
		err := f.Walk(t.Context(), f.alice, "/d", 4, func(Node) error { t.Error("called although the limit is passed"); return nil })
		wantKind(t, "walk over its limit", err, "too_large")
		if _, err := f.List(t.Context(), f.bob, "/d", Order{}, "", 10); !fault.Is(err, fault.NotFound) {
			t.Errorf("bob lists alice's folder: %v", err)
		}
		node, _ := f.Stat(t.Context(), f.alice, "/d/a")
		if _, err := f.StatID(t.Context(), f.bob, node.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("bob finds alice's node by its id: %v", err)
		}
		_, err = f.Restore(t.Context(), f.bob, node.ID)
		wantKind(t, "bob restores", err, "not_found")
		wantKind(t, "bob purges", f.Purge(t.Context(), f.bob, node.ID), "not_found")
	})
}

// Every transaction that changes a drive leaves a change, numbered without gaps.
func TestChanges(t *testing.T) {
	var told []Change
	var mu sync.Mutex
	o := Options{Changed: func(c []Change) { mu.Lock(); told = append(told, c...); mu.Unlock() }}
	each(t, o, func(t *testing.T, f *fixture) {
		told = nil
		f.run("mkdir /d\nput /d/a 1\nput /d/a 2\nmv /d/a /b\nrm /b\nrestore /b\nput /none/x 1 want parent_missing\nrm /b\nempty-trash /")
		all, err := f.Changes(t.Context(), f.alice, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, c := range all {
			if c.Sequence != int64(i+1) {
				t.Errorf("change %d has number %d", i+1, c.Sequence)
			}
			got = append(got, fmt.Sprintf("%s %s", c.Kind, c.Path))
		}
		want := "created /d, created /d/a, written /d/a, moved /b, trashed /b, restored /b, trashed /b, purged /b"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("changes\n got %s\nwant %s", s, want)
		}
		if len(told) != len(all) {
			t.Errorf("%d changes were told, %d are on record", len(told), len(all))
		}
	})
}

// With versions switched off, saving by "write a new file, move it over the old one" works all the same.
func TestMoveOntoWithoutVersions(t *testing.T) {
	each(t, Options{Versions: -1}, func(t *testing.T, f *fixture) {
		f.put("/old", strings.Repeat("o", 100))
		f.put("/new", strings.Repeat("n", 50))
		if _, _, err := f.Move(t.Context(), f.alice, "/new", "/old", true, Guard{}); err != nil {
			t.Fatal(err)
		}
		if got, err := f.read(f.alice, "/old"); err != nil || got != strings.Repeat("n", 50) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// A file comes back from the trash only to where a path can reach it.
func TestRestoreTooDeep(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		deep := Root
		for range MaxDepth - 1 {
			deep = deep.Join("d")
			if _, err := f.MakeFolder(t.Context(), f.alice, deep, Guard{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.MakeFolder(t.Context(), f.alice, "/f", Guard{}); err != nil {
			t.Fatal(err)
		}
		file := f.put("/f/file", "abc")
		if err := f.Trash(t.Context(), f.alice, "/f/file", Guard{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.Move(t.Context(), f.alice, "/f", deep.Join("f"), false, Guard{}); err != nil {
			t.Fatal(err)
		}
		node, err := f.Restore(t.Context(), f.alice, file.ID)
		if err == nil {
			_, parsed := ParsePath(string(node.Path))
			t.Errorf("restored to depth %d, which no path reaches: %v", len(node.Path.Names()), parsed)
		} else if !fault.Is(err, fault.TooLarge) {
			t.Error(err)
		}
	})
}

// The settings' rules hold for every way by which a file gets its name.
func TestAdmit(t *testing.T) {
	o := Options{Admit: func(p Proposal) error {
		if strings.HasSuffix(p.Name, ".exe") {
			return fault.New(fault.Forbidden, "test", "")
		}
		return nil
	}}
	each(t, o, func(t *testing.T, f *fixture) {
		f.run(`
			mkdir /d
			put /f one
			put /x.exe one want forbidden
			mv /f /d/x.exe want forbidden
			cp /f /d/x.exe want forbidden
			mkdir /folder.exe
			tree /d/ /f=one /folder.exe/`)
		for _, folder := range []Path{Root, "/new/folder"} {
			_, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "x.exe", Folder: folder, Length: 5})
			wantKind(t, "an upload into "+string(folder), err, "forbidden")
		}
		_, err := f.Lookup(t.Context(), f.alice, Wanted{SHA256: digest("one"), Size: 3, Name: "x.exe"})
		wantKind(t, "content that is there", err, "forbidden")
		_, _, err = f.LockNode(t.Context(), f.alice, Lock{Path: "/x.exe", UserID: f.alice}, Guard{})
		wantKind(t, "a lock on what is not there", err, "forbidden")
	})
}
