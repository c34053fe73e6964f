package drive

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

func TestUploadJoined(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		texts := []string{"the first part, too long for a row. ", "short. ", "", "and the last part of them all, a long one again"}
		var parts []string
		for _, text := range texts {
			u := f.begin(NewUpload{Kind: Partial, Length: int64(len(text))})
			if text != "" {
				if _, err := f.send(u, 0, strings.NewReader(text)); err != nil {
					t.Fatal(err)
				}
			}
			parts = append(parts, u.ID)
		}
		f.run("tree")
		whole := f.begin(NewUpload{Name: "whole", Length: 5})
		for _, c := range []struct {
			drive string
			parts []string
			want  string
		}{
			{f.alice, []string{whole.ID}, "invalid"},
			{f.alice, []string{"nonsense"}, "not_found"},
			{f.alice, nil, "invalid"},
			{f.bob, parts, "not_found"},
			{f.alice, parts, ""},
			{f.alice, parts[:2], "gone"}, // they were used
		} {
			_, err := f.BeginUpload(t.Context(), c.drive, NewUpload{Kind: Joined, Name: "f", Parts: c.parts, Length: -1})
			wantKind(t, fmt.Sprint(c.parts), err, c.want)
		}
		f.run("tree /f=" + strings.Join(texts, ""))
		if n := f.stored(); n != 1 {
			t.Errorf("%d stages and blobs in the store, want the file's", n)
		}
	})
}

// The joined upload may begin before its parts are there; the last byte of the last part makes the file.
func TestUploadJoinedBeforeItsParts(t *testing.T) {
	each(t, Options{Quota: 200, UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		texts := []string{"the first part, too long for a row. ", "short."}
		one := f.begin(NewUpload{Kind: Partial, Length: int64(len(texts[0]))})
		two := f.begin(NewUpload{Kind: Partial, Length: -1})
		joined := f.begin(NewUpload{Kind: Joined, Name: "f", Parts: []string{one.ID, two.ID}})
		steps := []func() error{
			func() error { _, err := f.send(two, 0, strings.NewReader(texts[1])); return err },
			func() error {
				_, err := f.send(one, 0, io.MultiReader(strings.NewReader(texts[0][:9]), broken{}))
				if !fault.Is(err, fault.Invalid) {
					return err
				}
				return nil
			},
			func() error { _, err := f.setLength(two, int64(len(texts[1]))); return err },
			func() error { _, err := f.send(one, 9, strings.NewReader(texts[0][9:])); return err },
		}
		for i, step := range steps {
			if now, err := f.look(joined); err != nil || !now.Ended.IsZero() || now.Full() {
				t.Errorf("before step %d: %+v, %v", i, now, err)
			}
			f.forward(25 * time.Minute) // one part's bytes keep the others alive
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		f.run("tree /f=" + texts[0] + texts[1])
		if now, err := f.look(joined); err != nil || !now.Full() || now.Length != int64(len(texts[0]+texts[1])) {
			t.Errorf("in the end: %+v, %v", now, err)
		}

		lost := f.begin(NewUpload{Kind: Partial, Length: 5})
		never := f.begin(NewUpload{Kind: Joined, Name: "g", Parts: []string{lost.ID}})
		if err := f.DropUpload(t.Context(), f.alice, lost.ID); err != nil {
			t.Fatal(err)
		}
		_, err := f.look(never)
		wantKind(t, "with a part that was removed", err, "gone")
	})
}

func (f *fixture) bytesStored() (n int64) {
	f.t.Helper()
	if err := f.blobs.List(context.Background(), func(e blob.Entry) error { n += e.Size; return nil }); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// A concatenation that is refused leaves nothing behind: its client was told no address, so nobody can end it. Else a
// request of some bytes stores a copy of the parts each time, beside the quota, and each sweep joins all of them again.
func TestRefusedJoinLeavesNothing(t *testing.T) {
	each(t, Options{Quota: 1000}, func(t *testing.T, f *fixture) {
		part := f.begin(NewUpload{Kind: Partial, Length: 500})
		if _, err := f.send(part, 0, strings.NewReader(strings.Repeat("p", 500))); err != nil {
			t.Fatal(err)
		}
		lock, _, err := f.LockNode(t.Context(), f.alice, Lock{Path: Root, Deep: true, UserID: f.alice}, Guard{})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			_, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Folder: "/a/b", Name: "f", Kind: Joined, Parts: []string{part.ID}})
			if !fault.Is(err, fault.Locked) {
				t.Fatal(err)
			}
		}
		if n := f.bytesStored(); n > 500 {
			t.Errorf("%d bytes are stored for a drive with a quota of 1000 and one part of 500", n)
		}
		if err := f.Unlock(t.Context(), f.alice, f.alice, Root, lock.Token); err != nil {
			t.Fatal(err)
		}
		// The client tries again, and gets one file.
		if _, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Folder: "/a/b", Name: "f", Kind: Joined, Parts: []string{part.ID}}); err != nil {
			t.Fatal(err)
		}
		if err := f.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if children := f.children("/a/b"); len(children) != 1 {
			t.Errorf("%d files", len(children))
		}
	})
}

// A sweep looks at a joined upload again when the part that it was seen to wait for is full or gone.
func TestASweepLooksAtWhatWaitsForNothing(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		due := func(when string, before, after int) {
			t.Helper()
			for _, want := range []int{before, after} {
				n := f.rows(`SELECT COUNT(*) FROM uploads WHERE kind = 'joined' AND completed_at = 0 AND gone_at = 0 AND waits_for = ''`)
				if n != want {
					t.Errorf("%s: a sweep has %d to look at, want %d", when, n, want)
				}
				f.clean()
				if err := f.Recover(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		var parts []Upload
		for range 3 {
			part := f.begin(NewUpload{Kind: Partial, Length: -1})
			if _, err := f.send(part, 0, strings.NewReader("part")); err != nil {
				t.Fatal(err)
			}
			parts = append(parts, part)
		}
		f.begin(NewUpload{Kind: Joined, Name: "f", Parts: []string{parts[0].ID, parts[1].ID}, Length: -1})
		f.begin(NewUpload{Kind: Joined, Name: "lost", Parts: []string{parts[2].ID, parts[1].ID}, Length: -1})
		due("both have just begun", 2, 0)
		if _, err := f.setLength(parts[0], 4); err != nil {
			t.Fatal(err)
		}
		if err := f.drop(parts[2]); err != nil {
			t.Fatal(err)
		}
		due("a part of each is full or gone", 2, 0)
		lock, _, err := f.LockNode(t.Context(), f.alice, Lock{Path: Root, Deep: true, UserID: f.alice}, Guard{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.setLength(parts[1], 8); err != nil {
			t.Fatal(err)
		}
		due("a part has its length", 0, 0)
		if _, err := f.send(parts[1], 4, strings.NewReader("last")); err != nil {
			t.Fatal(err)
		}
		due("one is refused for now, and the other for ever", 2, 2)
		if err := f.Unlock(t.Context(), f.alice, f.alice, Root, lock.Token); err != nil {
			t.Fatal(err)
		}
		due("it is not refused any more", 2, 1)
		f.run("tree /f=partpartlast")
	})
}

// A joined upload needs no room besides its parts', which theirs becomes: not in the quota, and not among the open uploads.
func TestJoinNeedsNoFurtherRoom(t *testing.T) {
	each(t, Options{Quota: 1000, MaxOpenUploads: 3}, func(t *testing.T, f *fixture) {
		usage := func(what string, want Usage) {
			t.Helper()
			if got, err := f.Usage(t.Context(), f.alice); err != nil || got != want {
				t.Errorf("%s: %+v (%v), want %+v", what, got, err, want)
			}
		}
		var parts []string
		for range 3 {
			part := f.begin(NewUpload{Kind: Partial, Length: 300})
			if _, err := f.send(part, 0, strings.NewReader(strings.Repeat("p", 300))); err != nil {
				t.Fatal(err)
			}
			parts = append(parts, part.ID)
		}
		usage("before", Usage{Reserved: 900, Uploads: 3, Quota: 1000})
		// Named twice, a part takes its space twice.
		_, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "g", Kind: Joined, Parts: append(parts, parts[0])})
		wantKind(t, "one named twice", err, "full")
		usage("refused", Usage{Reserved: 900, Uploads: 3, Quota: 1000})
		if _, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "f", Kind: Joined, Parts: parts}); err != nil {
			t.Fatal(err)
		}
		usage("joined", Usage{Used: 900, Quota: 1000})
		if n := f.bytesStored(); n != 900 {
			t.Errorf("%d bytes are stored", n)
		}
	})
}

// part makes a partial upload that is full.
func (f *fixture) part(text string) Upload {
	f.t.Helper()
	part := f.begin(NewUpload{Kind: Partial, Length: int64(len(text))})
	if text != "" {
		if _, err := f.send(part, 0, strings.NewReader(text)); err != nil {
			f.t.Fatal(err)
		}
	}
	return part
}

// join begins a joined upload of parts.
func (f *fixture) join(name string, parts ...Upload) (Upload, error) {
	f.t.Helper()
	n := NewUpload{Kind: Joined, Name: name}
	for _, part := range parts {
		n.Parts = append(n.Parts, part.ID)
	}
	return f.BeginUpload(f.t.Context(), f.alice, n)
}

// keys are what the store holds: "ID(stage)" or "ID(blob)" with the size, in the order of ids.
func (f *fixture) keys() string {
	f.t.Helper()
	var all []string
	err := f.blobs.List(f.t.Context(), func(e blob.Entry) error {
		kind := "stage"
		if e.Sealed {
			kind = "blob"
		}
		all = append(all, fmt.Sprintf("%s(%s of %d)", e.Key, kind, e.Size))
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const (
	longOne   = "<the first part, too long for a row>"
	longTwo   = "<the second part is too long for a row as well>"
	longThree = "<and the third one of them, again too long for a row>"
)

// The first part's stage becomes the file, without a copy, when nothing else wants that part and it has one. Else the parts are copied.
func TestJoinCopiesNoMoreThanItMust(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, c := range []struct {
			name    string
			parts   func() []Upload
			inPlace bool
			text    string
		}{
			{"one", func() []Upload { return []Upload{f.part(longOne)} }, true, longOne},
			{"two", func() []Upload { return []Upload{f.part(longTwo), f.part("small"), f.part(""), f.part(longOne)} }, true, longTwo + "small" + longOne},
			{"a small one first", func() []Upload { return []Upload{f.part("small"), f.part(longThree)} }, false, "small" + longThree},
			{"an empty one first", func() []Upload { return []Upload{f.part(""), f.part(longThree), f.part(longOne)} }, false, longThree + longOne},
			{"named twice", func() []Upload { one := f.part(longThree); return []Upload{one, f.part("small"), one} }, false, longThree + "small" + longThree},
			{"another waits for it", func() []Upload {
				one := f.part(longOne)
				if _, err := f.join("waits", one, f.begin(NewUpload{Kind: Partial, Length: 100})); err != nil {
					t.Fatal(err)
				}
				return []Upload{one, f.part(longThree)}
			}, false, longOne + longThree},
		} {
			parts := c.parts()
			u, err := f.join(c.name, parts...)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if body, err := f.read(f.alice, Path("/"+c.name)); err != nil || body != c.text {
				t.Errorf("%s: %q, %v", c.name, body, err)
			}
			key := u.ID
			if c.inPlace {
				key = parts[0].ID
			}
			if want := fmt.Sprintf("%s(blob of %d)", key, len(c.text)); !strings.Contains(f.keys(), want) {
				t.Errorf("%s: the store holds %s; want %s", c.name, f.keys(), want)
			}
			if strings.Contains(f.keys(), "stage") {
				t.Errorf("%s: parts are left: %s", c.name, f.keys())
			}
		}
	})
}

// The same content is stored once, also where a part's stage has become it.
func TestJoinOfContentThatIsThere(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.put("/f", longOne+longTwo)
		before := f.keys()
		if _, err := f.join("g", f.part(longOne), f.part(longTwo)); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=" + longOne + longTwo + " /g=" + longOne + longTwo)
		if got := f.keys(); got != before {
			t.Errorf("the store holds %s; before the join %s", got, before)
		}
	})
}

// A sweep looks at a joined upload while the last byte of a part is being recorded: it does not write down that it waits for that part, of which nothing more would come.
func TestASweepDoesNotWaitForAPartThatIsFull(t *testing.T) {
	f, _ := nodes(t, Options{InlineMax: 16})
	ctx := t.Context()
	part := f.begin(NewUpload{Kind: Partial, Length: 2})
	if _, err := f.send(part, 0, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	joined := f.begin(NewUpload{Kind: Joined, Name: "f", Parts: []string{part.ID}})
	swept := make(chan error, 1)
	err := f.db.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE uploads SET received = length WHERE id = $1`, part.ID); err != nil {
			return err
		}
		go func() { swept <- f.Recover(ctx) }()
		for blocked := 0; blocked == 0; { // until the sweep has looked at the part, or waits to
			if err := f.db.Row(ctx, `SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`, nil, &blocked); err != nil {
				return err
			}
			var waits string
			if err := f.db.Row(ctx, `SELECT waits_for FROM uploads WHERE id = $1`, []any{joined.ID}, &waits); err != nil || waits != "" {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-swept; err != nil {
		t.Error(err)
	}
	f.clean()
}
