package drive

import (
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What is damaged when it is looked at once more is on record; what is right, removed or mended by then is not.
func TestDamageIsConfirmed(t *testing.T) {
	each(t, Options{ScrubPause: time.Millisecond}, func(t *testing.T, f *fixture) {
		text := func(what string) string { return strings.Repeat(what+" ", 20) }
		b := &between{f, mem.New()}
		keys := map[string]string{}
		for _, name := range []string{"fine", "wrong", "lost"} {
			keys[name] = string(f.put("/"+name, text(name)).blob)
		}
		b.plant(f.blobs, blob.Key(keys["wrong"]), text("other"))
		if err := f.blobs.Remove(t.Context(), blob.Key(keys["lost"])); err != nil {
			t.Fatal(err)
		}
		never := sqldb.NewID()
		confirm := func(want ...string) {
			t.Helper()
			all, err := f.Confirm(t.Context(), []string{keys["fine"], keys["lost"], keys["wrong"], never})
			if err != nil || len(all) != 4 {
				t.Fatalf("%+v, %v", all, err)
			}
			for i, found := range want {
				if all[i].Found != found {
					t.Errorf("%d: %+v, want %q", i, all[i], found)
				}
			}
			known := map[string]string{}
			if err := f.EachDamaged(t.Context(), func(d Damaged) error { known[d.Blob] = d.Found; return nil }); err != nil {
				t.Fatal(err)
			}
			if known[keys["fine"]] != want[0] || known[keys["lost"]] != want[1] || known[keys["wrong"]] != want[2] {
				t.Errorf("on record are %v, want %v", known, want)
			}
		}
		confirm("", "missing", "changed", "")
		b.plant(f.blobs, blob.Key(keys["wrong"]), text("wrong"))
		confirm("", "missing", "", "")
		b.plant(f.blobs, blob.Key(keys["lost"]), text("lost"))
		confirm("", "", "", "")
	})
}

// Content comes from drives that have it under another key, in their store or in a row, and not from where it is rotten: then what the store has stays.
func TestContentIsRegained(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		text := func(what string) string { return strings.Repeat(what+" ", 20) }
		of := func(largest int64) *fixture { // the rows of a backup are SQLite's
			e := &fixture{t: t, db: sqldbtest.OpenSQLite(t), blobs: mem.New()}
			e.Drives = New(e.db, e.blobs, Options{InlineMax: largest})
			e.alice = e.user("alice")
			return e
		}
		earlier, inRow := of(16), of(1000)
		here := f.put("/a", text("a")).blob
		other := earlier.put("/a", text("a")).blob
		inRow.put("/a", text("a"))
		b := &between{f, mem.New()}
		regain := func(from *Drives, found bool, content string) {
			t.Helper()
			if got, err := f.Regain(t.Context(), string(here), from); err != nil || got != found {
				t.Errorf("%v, %v", got, err)
			}
			b.wantFiles(map[string]string{"/a": content})
		}
		b.plant(f.blobs, here, text("?"))
		b.plant(earlier.blobs, other, text("!"))
		regain(earlier.Drives, false, text("?"))
		regain(f.Drives, false, text("?")) // where it has the same key
		b.plant(earlier.blobs, other, text("a"))
		regain(earlier.Drives, true, text("a"))
		b.plant(f.blobs, here, text("?"))
		regain(inRow.Drives, true, text("a"))
	})
}
