package drive

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
)

func (f *fixture) patch(path Path, offset int64, fromEnd bool, body string) error {
	_, err := f.Patch(f.t.Context(), f.alice, path, strings.NewReader(body), PatchOptions{Offset: offset, FromEnd: fromEnd, Size: int64(len(body))})
	return err
}

func TestPatch(t *testing.T) {
	const long = "0123456789abcdefghijklmnopqrstuvwxyz" // 36 bytes: in the store
	big := strings.Repeat("x", 100)
	cases := []struct {
		name    string
		old     string
		offset  int64
		fromEnd bool
		body    string
		want    string // content, or the kind and code of a refusal
	}{
		{"in the middle", long, 3, false, "---", "012---6789abcdefghijklmnopqrstuvwxyz"},
		{"at the beginning", long, 0, false, "---", "---3456789abcdefghijklmnopqrstuvwxyz"},
		{"over the end", long, 35, false, "---", long[:35] + "---"},
		{"at the end", long, 36, false, "---", long + "---"},
		{"append", long, 0, true, "---", long + "---"},
		{"from the end", long, 2, true, "-", long[:34] + "-z"},
		{"from the end, all of it", long, 36, true, "-", "-" + long[1:]},
		{"all of it", long, 0, false, big, big},
		{"a large part in the middle", big, 10, false, long, big[:10] + long + big[46:]},
		{"a short file grows", "short", 5, false, "er", "shorter"},
		{"a short file outgrows its row", "short", 0, true, big, "short" + big},
		{"a short file", "short", 1, false, "-", "s-ort"},
		{"an empty file", "", 0, true, "now", "now"},
		{"beyond the end", long, 37, false, "-", "invalid range_not_satisfiable"},
		{"before the beginning", long, 37, true, "-", "invalid range_not_satisfiable"},
		{"far beyond the end", long, 1<<63 - 1, false, "-", "invalid range_not_satisfiable"},
	}
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for i, c := range cases {
			path, want := Path(fmt.Sprintf("/f%d", i)), c.want
			before := f.put(string(path), c.old)
			err := f.patch(path, c.offset, c.fromEnd, c.body)
			if err != nil {
				code, _, _ := fault.Public(err)
				if got := fault.KindOf(err).String() + " " + code; got != c.want {
					t.Errorf("%s: refused: %v", c.name, err)
				}
				want = c.old
			}
			if got, err := f.read(f.alice, path); err != nil || got != want {
				t.Errorf("%s: the file holds %q (%v), want %q", c.name, got, err, want)
			}
			after, _ := f.Stat(t.Context(), f.alice, path)
			if (after.ETag() != before.ETag()) != (want != c.old) || after.ID != before.ID || after.MediaType != before.MediaType {
				t.Errorf("%s: it was %+v and is %+v", c.name, before, after)
			}
			versions, err := f.Versions(t.Context(), f.alice, path)
			if kept := c.old != "" && want != c.old; err != nil || (len(versions) == 1) != kept || len(versions) > 1 {
				t.Errorf("%s: %d versions, %v", c.name, len(versions), err)
			}
		}
	})
}

// What refuses a part leaves the file and the store as they were.
func TestPatchRefused(t *testing.T) {
	const old = "the old content is longer than a row"
	each(t, Options{Quota: 100, MaxFile: 60}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d")
		f.put("/f", old)
		stored := f.stored()
		lock, _, err := f.LockNode(t.Context(), f.alice, Lock{Path: "/f", UserID: f.alice}, Guard{})
		if err != nil {
			t.Fatal(err)
		}
		token := Guard{Tokens: []string{lock.Token}}
		never := Guard{Tokens: token.Tokens, Check: func(*Node) error { return fault.New(fault.Precondition, "test", "") }}
		for _, c := range []struct {
			name, want string
			path       Path
			o          PatchOptions
			body       io.Reader
		}{
			{"nothing there", "not_found", "/none", PatchOptions{Size: 1}, strings.NewReader("x")},
			{"nothing there, and a precondition", "precondition_failed", "/none", PatchOptions{Size: 1, Guard: never}, strings.NewReader("x")},
			{"no folder there", "not_found", "/none/f", PatchOptions{Size: 1}, strings.NewReader("x")},
			{"a folder", "invalid", "/d", PatchOptions{Size: 1}, strings.NewReader("x")},
			{"locked", "locked", "/f", PatchOptions{Size: 1}, strings.NewReader("x")},
			{"a precondition", "precondition_failed", "/f", PatchOptions{Size: 1, Guard: never}, strings.NewReader("x")},
			{"a precondition comes before the range", "precondition_failed", "/f", PatchOptions{Size: 1, Offset: 99, Guard: never}, strings.NewReader("x")},
			{"too large", "too_large", "/f", PatchOptions{Size: 25, FromEnd: true, Guard: token}, strings.NewReader(strings.Repeat("x", 25))},
			{"too large for any count", "too_large", "/f", PatchOptions{Size: 1<<63 - 1, Offset: 5, Guard: token}, strings.NewReader("x")},
			{"a short body", "invalid", "/f", PatchOptions{Size: 5, Guard: token}, strings.NewReader("1234")},
			{"a short body, long", "invalid", "/f", PatchOptions{Size: 20, Guard: token}, strings.NewReader("123456789012345678")},
			{"a body that breaks off", "invalid", "/f", PatchOptions{Size: 20, Guard: token}, io.MultiReader(strings.NewReader("123456789012345678"), broken{})},
		} {
			_, err := f.Patch(t.Context(), f.alice, c.path, c.body, c.o)
			wantKind(t, c.name, err, c.want)
		}
		_, err = f.Patch(t.Context(), f.bob, "/f", strings.NewReader("x"), PatchOptions{Size: 1})
		wantKind(t, "another drive's", err, "not_found")
		f.run("tree /d/ /f=" + old)
		if n := f.stored(); n != stored {
			t.Errorf("%d stages and blobs in the store, want %d", n, stored)
		}
		if _, err := f.Patch(t.Context(), f.alice, "/f", strings.NewReader("THE"), PatchOptions{Size: 3, Guard: token}); err != nil {
			t.Fatal(err)
		}
		_, err = f.Patch(t.Context(), f.alice, "/f", strings.NewReader("x"), PatchOptions{Size: 1, Guard: token})
		wantKind(t, "the old content, twice as a version, fills the drive", err, "full")
		f.run("tree /d/ /f=THE" + old[3:])
	})
	each(t, Options{Quota: 60, Versions: -1}, func(t *testing.T, f *fixture) {
		f.put("/f", old)
		if err := f.patch("/f", 0, true, " and more"); err != nil { // nothing is kept of it, so it does not count twice
			t.Error(err)
		}
	})
}

// Parts that come at the same time are all there in the end, also when something else writes between.
func TestPatchesAtTheSameTime(t *testing.T) {
	const writers, lines = 5, 8
	each(t, Options{Versions: -1}, func(t *testing.T, f *fixture) {
		f.put("/f", "")
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range lines {
					if err := f.patch("/f", 0, true, fmt.Sprintf("[writer %d, line %d]", w, i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		content, err := f.read(f.alice, "/f")
		if err != nil || len(content) != writers*lines*len("[writer 0, line 0]") {
			t.Errorf("%d bytes, %v", len(content), err)
		}
		for w := range writers {
			at := -1
			for i := range lines {
				next := strings.Index(content, fmt.Sprintf("[writer %d, line %d]", w, i))
				if next <= at {
					t.Errorf("line %d of writer %d is at %d, the one before at %d", i, w, next, at)
				}
				at = next
			}
		}
	})
}

// A PUT that comes while a part arrives is not undone: the part goes into what the PUT wrote.
func TestPatchMeetsAPut(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.put("/f", "the first content, longer than a row")
		body := io.MultiReader(strings.NewReader("AB"), &meanwhile{do: func() { f.put("/f", "the second content, longer than a row") }}, strings.NewReader("CD"))
		if _, err := f.Patch(t.Context(), f.alice, "/f", body, PatchOptions{Size: 4}); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=ABCDsecond content, longer than a row")

		// And if the content never stands still, the client is told.
		f.Drives.blobs = changing{f.blobs, func() { f.put("/f", f.now.String()+" and so on") }}
		err := f.patch("/f", 0, false, "x")
		wantKind(t, "a file that changes all the time", err, "offset_mismatch")
		wantCode(t, "a file that changes all the time", err, codeChanged)
		f.Drives.blobs = f.blobs
		if got, _ := f.read(f.alice, "/f"); strings.HasPrefix(got, "x") {
			t.Errorf("the refused part is in %q", got)
		}
	})
}

// meanwhile does something when it is read, and holds nothing.
type meanwhile struct{ do func() }

func (m *meanwhile) Read([]byte) (int, error) {
	m.do()
	return 0, io.EOF
}

// changing is a store whose content somebody replaces as soon as it is read.
type changing struct {
	blob.Store
	do func()
}

func (c changing) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	content, err := c.Store.Open(ctx, key)
	c.do()
	return content, err
}

// What a patch takes the place of is removed at once where nobody holds it any more. It costs a request of one byte to
// make the server write a file of any size again: until garbage collection there could be a thousand of them, which no quota counts.
func TestPatchLeavesNothingBehind(t *testing.T) {
	const text = "a text that is longer than what is kept in a row"
	each(t, Options{Versions: 2}, func(t *testing.T, f *fixture) {
		for _, path := range []string{"/f", "/._f", "/same"} {
			f.put(path, text)
		}
		for i := range 8 {
			for _, path := range []Path{"/f", "/._f"} {
				if _, err := f.Patch(t.Context(), f.alice, path, strings.NewReader("!"), PatchOptions{FromEnd: true, Size: 1}); err != nil {
					t.Fatal(i, path, err)
				}
			}
		}
		long := text + "!!!!!!!!"
		f.run("tree /._f=" + long + " /f=" + long + " /same=" + text)
		if n := f.stored(); n != 4 {
			t.Errorf("%d blobs are in the store, want what the files have in common, two versions and what is left of the beginning", n)
		}
	})
}

// Another process removes what it took the place of, too: a patch that has seen it, and a reader, look again.
func TestPatchMeetsAnothers(t *testing.T) {
	each(t, Options{Versions: -1}, func(t *testing.T, f *fixture) {
		other := New(f.db, f.blobs, f.o)
		f.put("/f", "a text that is longer than what is kept in a row")
		meanwhile := func(i int) func() {
			return sync.OnceFunc(func() {
				if _, err := other.Patch(t.Context(), f.alice, "/f", strings.NewReader(fmt.Sprint(i)), PatchOptions{FromEnd: true, Size: 1}); err != nil {
					t.Error(err)
				}
			})
		}
		f.Drives.blobs = opening{f.blobs, meanwhile(1)}
		if err := f.patch("/f", 0, true, "2"); err != nil {
			t.Error(err)
		}
		f.Drives.blobs = opening{f.blobs, meanwhile(3)}
		if got, _ := f.read(f.alice, "/f"); got != "a text that is longer than what is kept in a row123" {
			t.Errorf("read %q", got)
		}
		f.Drives.blobs = f.blobs
		if n := f.stored(); n != 1 {
			t.Errorf("%d blobs are in the store, want one", n)
		}
	})
}

// opening is a store that does something before a blob is opened.
type opening struct {
	blob.Store
	do func()
}

func (s opening) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	s.do()
	return s.Store.Open(ctx, key)
}
