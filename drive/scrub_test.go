package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
)

// rot are alice's damaged files, as "found path", by name.
func (f *fixture) rot() (all []string) {
	f.t.Helper()
	err := f.EachDamaged(f.t.Context(), func(d Damaged) error {
		for _, h := range d.Holders {
			line := d.Found + " " + string(h.Path)
			if h.Trashed {
				line += " (trash)"
			}
			if h.Version {
				line += " (version)"
			}
			all = append(all, line)
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func (f *fixture) wantRot(when string, want ...string) {
	f.t.Helper()
	if got := f.rot(); !slices.Equal(got, want) {
		f.t.Errorf("%s:\n got %q\nwant %q", when, got, want)
	}
}

func (f *fixture) scrub() Scrubbed {
	f.t.Helper()
	all, err := f.ScrubAll(f.t.Context(), Scrubbing{})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// flip changes a bit of a file's content, where it lives, and answers how to change it back.
func (f *fixture) flip(n Node, bit int) (back func()) {
	f.t.Helper()
	var small []byte
	if err := f.db.Row(f.t.Context(), `SELECT content FROM blobs WHERE id = $1`, []any{string(n.blob)}, &small); err != nil {
		f.t.Fatal(err)
	}
	change := func(to func([]byte) []byte) {
		f.t.Helper()
		var err error
		if small != nil {
			_, err = f.db.Exec(f.t.Context(), `UPDATE blobs SET content = $2 WHERE id = $1`, string(n.blob), to(bytes.Clone(small)))
		} else {
			var was string
			if was, err = f.bytesOf(n.blob); err == nil {
				err = f.store(n.blob, string(to([]byte(was))))
			}
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	flipped := func(b []byte) []byte {
		bit %= len(b) * 8
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
	change(flipped)
	return func() {
		if small != nil {
			change(func(b []byte) []byte { return b })
		} else {
			change(flipped)
		}
	}
}

func (f *fixture) bytesOf(key blob.Key) (string, error) {
	c, err := f.blobs.Open(f.t.Context(), key)
	if err != nil {
		return "", err
	}
	defer c.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(c)
	return b.String(), err
}

// store writes a blob anew.
func (f *fixture) store(key blob.Key, content string) error {
	ctx := f.t.Context()
	if err := f.blobs.Remove(ctx, key); err != nil {
		return err
	}
	g, err := f.blobs.Stage(ctx, key)
	if err == nil {
		_, err = g.Write([]byte(content))
	}
	if err == nil {
		err = g.Seal(ctx)
	}
	return err
}

// A bit flipped in each of 50 contents, in rows and in the store: the scrub names all 50 and nothing else, each where it is now, and takes it back when the content is right again.
func TestScrubNamesEachFlippedBit(t *testing.T) {
	each(t, Options{Log: slog.New(slog.DiscardHandler), ScrubPause: time.Nanosecond}, func(t *testing.T, f *fixture) {
		var want []string
		var back []func()
		for i := range 250 { // more than are read at a time
			path := fmt.Sprintf("/file %d", i)
			n := f.put(path, strings.Repeat("content ", i%5)+path)
			if i%5 == 2 {
				back = append(back, f.flip(n, i*37))
				want = append(want, "changed "+path)
			}
		}
		slices.Sort(want)
		f.wantRot("nothing was read")
		if got := f.scrub(); got.Blobs != 250 || got.Damaged != 50 {
			t.Errorf("%+v", got)
		}
		f.wantRot("all was read", want...)
		if got := f.scrub(); got.Damaged != 50 || got.Healed != 0 {
			t.Errorf("once more: %+v", got)
		}
		f.wantRot("once more", want...)
		if got := f.Counts().BytesScrubbed; got == 0 {
			t.Error("nothing was counted")
		}
		for _, b := range back {
			b()
		}
		if got := f.scrub(); got.Damaged != 0 || got.Healed != 50 {
			t.Errorf("%+v", got)
		}
		f.wantRot("it was put back")
	})
}

// What is gone or too short is told as well, for versions and the trash too, and forgotten with the content.
func TestScrubNamesWhereContentIs(t *testing.T) {
	each(t, Options{Log: slog.New(slog.DiscardHandler), ScrubPause: time.Nanosecond}, func(t *testing.T, f *fixture) {
		f.run(`mkdir /folder
			mkdir /folder/below`)
		missing := f.put("/folder/below/missing", "content that is not there")
		short := f.put("/short", "content that was cut off")
		old := f.put("/rewritten", "content that was replaced")
		f.put("/rewritten", "content that replaces it")
		f.put("/fine", "content that is what it was")
		f.run(`cp /short /copy
			rm /folder`)
		was, err := f.bytesOf(missing.blob)
		err = errors.Join(err, f.blobs.Remove(t.Context(), missing.blob), f.store(short.blob, "content that"))
		if err != nil {
			t.Fatal(err)
		}
		back := f.flip(old, 5)
		f.scrub()
		f.wantRot("each in its way", "changed /copy", "changed /rewritten (version)", "changed /short", "missing /folder/below/missing (trash)")
		back()
		if err := f.store(missing.blob, was); err != nil {
			t.Fatal(err)
		}
		f.scrub()
		f.wantRot("two are there again", "changed /copy", "changed /short")
		f.run(`rm /short
			rm /copy
			empty-trash /`)
		f.wantRot("nobody holds it")
		f.forward(2 * time.Hour)
		if _, err := f.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		if st, err := f.ScrubStanding(t.Context()); err != nil || st.Damaged != 0 {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// What is removed or moved while it is read is no damage, and neither is what a store does not give out now.
func TestScrubIsNotMisled(t *testing.T) {
	each(t, Options{Log: slog.New(slog.DiscardHandler)}, func(t *testing.T, f *fixture) {
		for i := range 5 {
			f.put(fmt.Sprintf("/file%d", i), strings.Repeat("content ", 5+i))
		}
		opened := 0
		o := f.o
		o.ScrubPause = time.Nanosecond
		scrubAs := func(ask func(op string) error) error {
			opened = 0
			_, err := New(f.db, watched{f.blobs, ask}, o).ScrubAll(t.Context(), Scrubbing{})
			return err
		}
		err := scrubAs(func(op string) error {
			if opened++; opened == 3 {
				return fmt.Errorf("%w: broken pipe", blob.ErrAway)
			}
			return nil
		})
		if !errors.Is(err, blob.ErrAway) {
			t.Errorf("the store is away: %v", err)
		}
		away := mem.New()
		if _, err := New(f.db, unready{away}, o).ScrubAll(t.Context(), Scrubbing{}); err == nil || !strings.Contains(err.Error(), "unplugged") {
			t.Errorf("the disk is unplugged: %v", err)
		}
		f.wantRot("nothing is known")
		err = scrubAs(func(op string) error { // one moment not there, as what is being moved may be
			if opened++; opened == 2 {
				return blob.ErrNotFound
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		f.wantRot("it was there the second time")
		err = scrubAs(func(op string) error {
			if opened++; opened == 2 {
				f.run(`rm /file0
					rm /file1
					rm /file2
					rm /file3
					rm /file4
					empty-trash /`)
				f.forward(2 * time.Hour)
				_, err := f.GC(t.Context())
				return err
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		f.wantRot("all was removed meanwhile")
		if n := f.stored(); n != 0 {
			t.Errorf("%d contents are left", n)
		}
	})
}

// unready is a store that finds nothing because it is not there.
type unready struct{ blob.Store }

func (unready) Ready(context.Context) error { return errors.New("unplugged") }

// A pass that ended in the middle goes on from where it was; the next one begins when it is due.
func TestScrubGoesOn(t *testing.T) {
	each(t, Options{Log: slog.New(slog.DiscardHandler), ScrubPause: time.Nanosecond, ScrubEvery: 24 * time.Hour}, func(t *testing.T, f *fixture) {
		nodes := map[string]Node{}
		for i := range 10 {
			n := f.put(fmt.Sprintf("/file%d", i), fmt.Sprintf("content of more than 16 bytes, %d", i))
			nodes[string(n.blob)] = n
		}
		var ids []string
		for id := range nodes {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		at := scrubPlace{underWay: true, after: ids[5], begun: sqldb.Micros(f.now)}
		if err := f.keepScrubPlace(t.Context(), at); err != nil { // as a process that was killed left it
			t.Fatal(err)
		}
		f.flip(nodes[ids[5]], 1)
		f.flip(nodes[ids[6]], 1)
		scrub := func() {
			t.Helper()
			if err := f.Scrub(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		scrub()
		f.wantRot("the rest was read", "changed "+string(nodes[ids[6]].Path))
		scrub()
		f.wantRot("it is not due", "changed "+string(nodes[ids[6]].Path))
		f.forward(25 * time.Hour)
		if st, err := f.ScrubStanding(t.Context()); err != nil || st.Age < 24*time.Hour || st.Damaged != 1 {
			t.Errorf("%+v, %v", st, err)
		}
		scrub()
		both := []string{"changed " + string(nodes[ids[5]].Path), "changed " + string(nodes[ids[6]].Path)}
		slices.Sort(both)
		f.wantRot("it was due", both...)
		if st, err := f.ScrubStanding(t.Context()); err != nil || st.Age > time.Hour || st.Every != 24*time.Hour {
			t.Errorf("%+v, %v", st, err)
		}
	})
}
