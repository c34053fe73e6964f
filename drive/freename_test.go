package drive

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// deepFolder is the path of a folder in which names have room bytes.
func deepFolder(room int) Path {
	path := Root
	for left := MaxPath - room - len("/"); left > 0; {
		n := min(len("/")+MaxName, left)
		if left-n == 1 { // no name for it
			n--
		}
		path = path.Join(strings.Repeat("d", n-1))
		left -= n
	}
	return path
}

// A name that is taken gets a number, and is shortened where that makes it or its path too long: an upload's file always appears.
func TestFreeNamesFit(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		long := strings.Repeat("n", 250)
		umlauts := strings.Repeat("\u00e4", 120) // two bytes each
		for _, c := range []struct {
			room int
			name string
			want []string // of one upload after the other
		}{
			{255, "f.txt", []string{"f.txt", "f (1).txt", "f (2).txt"}},
			{255, long + ".txt", []string{long + ".txt", long[:247] + " (1).txt", long[:247] + " (2).txt"}},
			{255, umlauts + ".longer.text", []string{umlauts + ".longer.text", umlauts + ".longe (1).text"}},
			{255, umlauts + "\u00e4\u00e4\u00e4\u00e4\u00e4.text", []string{umlauts + "\u00e4\u00e4\u00e4\u00e4\u00e4.text", umlauts + "\u00e4\u00e4\u00e4 (1).text"}},
			{246, umlauts + ".text", []string{umlauts + ".text", umlauts[:236] + " (1).text"}}, // 237 would be half a letter
			{20, "holiday picture.jpeg", []string{"holiday picture.jpeg", "holiday pic (1).jpeg", "holiday pic (2).jpeg"}},
			{9, "ab.jpeg", []string{"ab.jpeg", "ab (1)", "ab (2)"}}, // else nothing of the name would be left
			{5, "ab.c", []string{"ab.c", "a (1)", "a (2)"}},
		} {
			folder := deepFolder(c.room)
			for i, want := range c.want {
				if got := Numbered(c.name, i); c.room == MaxName && got != want {
					t.Errorf("%q numbered %d: %q, want %q", c.name, i, got, want)
				}
				u, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Folder: folder, Name: c.name, Length: 1})
				if err == nil {
					u, err = f.send(u, 0, strings.NewReader(string(rune('a'+i))))
				}
				if err != nil {
					t.Errorf("%d bytes for %q: %v", c.room, c.name, err)
					continue
				}
				node, err := f.StatID(t.Context(), f.alice, u.NodeID)
				if err != nil || node.Name != want || !utf8.ValidString(node.Name) || len(node.Path) > MaxPath {
					t.Errorf("%d bytes for %q: %q (%v), want %q", c.room, c.name, node.Name, err, want)
				}
			}
			if err := f.Trash(t.Context(), f.alice, Path("/"+folder.Names()[0]), Guard{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// More of them than one digit counts take the room that the longer numbers need.
func TestFreeNamesWithLongNumbers(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		folder := deepFolder(10)
		var last Node
		for range 12 {
			u := f.begin(NewUpload{Folder: folder, Name: "abcdef.txt", Length: 0})
			var err error
			if last, err = f.StatID(t.Context(), f.alice, u.NodeID); err != nil {
				t.Fatal(err)
			}
		}
		if last.Name != "a (11).txt" {
			t.Errorf("the twelfth is %q", last.Name)
		}
		u, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Folder: deepFolder(3), Name: "abc", Length: 0})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.BeginUpload(t.Context(), f.alice, NewUpload{Folder: u.Folder, Name: "abc", Length: 0})
		wantKind(t, "without room for a number", err, "too_large")
	})
}

// The folder of an upload may move to where its name is too long, or another file be restored there.
func TestFreeNamesWhereAFolderMoved(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, conflict := range []Conflict{Rename, Replace, Fail} {
			f.run("mkdir /short")
			u := f.begin(NewUpload{Folder: "/short", Name: "a-rather-long-name.txt", Length: 1, Conflict: conflict})
			first := f.begin(NewUpload{Folder: deepFolder(20), Name: "first", Length: 0})
			file, err := f.StatID(t.Context(), f.alice, first.NodeID)
			if err != nil {
				t.Fatal(err)
			}
			f.run("mv /short " + string(file.Path.Parent().Join("s")))
			if u, err = f.send(u, 0, strings.NewReader("x")); err != nil {
				t.Fatalf("%s: %v", conflict, err)
			}
			node, err := f.StatID(t.Context(), f.alice, u.NodeID)
			if err != nil || node.Name != "a-rather-long-.txt" {
				t.Errorf("%s: %q, %v", conflict, node.Name, err)
			}
			// What is in the trash comes back under a name that fits.
			f.run("rm " + string(node.Path))
			again := f.begin(NewUpload{Folder: node.Path.Parent(), Name: node.Name, Length: 0})
			restored, err := f.Restore(t.Context(), f.alice, u.NodeID)
			if err != nil || restored.Name != "a-rather-l (1).txt" || again.NodeID == restored.ID {
				t.Errorf("%s, restored: %q, %v", conflict, restored.Name, err)
			}
			f.run("rm /" + file.Path.Names()[0] + "\nempty-trash /")
		}
	})
}
