package drive

import (
	"fmt"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// Neighbours steps over what is of another class, over folders, and never into another folder, drive or the trash.
func TestNeighbours(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, name := range []string{"/a.jpg", "/b.txt", "/d.PNG", "/f.jpg", "/p/aa.jpg"} {
			if name == "/p/aa.jpg" {
				makeFolder(f, "/p")
			}
			f.put(name, name)
		}
		makeFolder(f, "/c.jpg")
		f.put("/e.jpg", "thrown away")
		if err := f.Trash(t.Context(), f.alice, "/e.jpg", Guard{}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ at, before, after string }{
			{"/a.jpg", "", "/d.PNG"},
			{"/b.txt", "/a.jpg", "/d.PNG"},
			{"/d.PNG", "/a.jpg", "/f.jpg"},
			{"/f.jpg", "/d.PNG", ""},
			{"/p/aa.jpg", "", ""},
		} {
			node, err := f.Stat(t.Context(), f.alice, Path(c.at))
			if err != nil {
				t.Fatal(err)
			}
			before, after, err := f.Neighbours(t.Context(), node, "image")
			if err != nil {
				t.Fatal(err)
			}
			path := func(n *Node) string {
				if n == nil {
					return ""
				}
				return string(n.Path)
			}
			if path(before) != c.before || path(after) != c.after {
				t.Errorf("%s is between %q and %q, want %q and %q", c.at, path(before), path(after), c.before, c.after)
			}
		}
	})
}

// A folder of whatever size costs a bounded look.
func TestNeighboursLookSoFar(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		first := f.put("/0.jpg", "x")
		for i := range neighbourReach {
			f.put(fmt.Sprintf("/1%04d.txt", i), "x")
		}
		last := f.put("/2.jpg", "x")
		if _, after, err := f.Neighbours(t.Context(), first, "image"); err != nil || after != nil {
			t.Errorf("it found %v behind %d others: %v", after, neighbourReach, err)
		}
		if err := f.Trash(t.Context(), f.alice, "/10000.txt", Guard{}); err != nil {
			t.Fatal(err)
		}
		if _, after, err := f.Neighbours(t.Context(), first, "image"); err != nil || after == nil || after.ID != last.ID {
			t.Errorf("found %v, %v", after, err)
		}
	})
}

func TestOpenNode(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		makeFolder(f, "/p")
		file := f.put("/p/f.txt", "hello, this is content")
		folder, err := f.Stat(t.Context(), f.alice, "/p")
		if err != nil {
			t.Fatal(err)
		}
		node, content, err := f.OpenNode(t.Context(), f.alice, file.ID)
		if err != nil || node.Path != "/p/f.txt" {
			t.Fatalf("%v, %v", node, err)
		}
		content.Close()
		if _, _, err := f.OpenNode(t.Context(), f.bob, file.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("bob opens alice's file: %v", err)
		}
		if _, _, err := f.OpenNode(t.Context(), f.alice, folder.ID); !fault.Is(err, fault.Invalid) {
			t.Errorf("a folder is opened: %v", err)
		}
		if err := f.Trash(t.Context(), f.alice, "/p", Guard{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.OpenNode(t.Context(), f.alice, file.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("what is in the trash is opened: %v", err)
		}
	})
}

func makeFolder(f *fixture, path Path) {
	f.t.Helper()
	if _, err := f.MakeFolder(f.t.Context(), f.alice, path, Guard{}); err != nil {
		f.t.Fatal(err)
	}
}
