package drive

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/blob"
)

// What was found a moment ago is not what is answered after a change.
func TestWhatIsRememberedIsNeverOld(t *testing.T) {
	each(t, Options{InlineMax: 1 << 10}, func(t *testing.T, f *fixture) {
		f.put("/f", "one")
		want := func(path Path, body string) {
			t.Helper()
			for range 2 {
				if got, err := f.read(f.alice, path); err != nil || got != body {
					t.Errorf("%s holds %q (%v), want %q", path, got, err, body)
				}
			}
		}
		want("/f", "one")
		f.put("/f", "two")
		want("/f", "two")
		f.run(`mv /f /g`)
		if _, err := f.Stat(t.Context(), f.alice, "/f"); err == nil {
			t.Error("what was moved away is found")
		}
		want("/g", "two")
		if _, err := f.Stat(t.Context(), f.bob, "/g"); err == nil {
			t.Error("another drive's file is found")
		}
		if err := f.Trash(t.Context(), f.alice, "/g", Guard{}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.read(f.alice, "/g"); err == nil {
			t.Error("what was removed is found")
		}
	})
}

func TestSmallContentIsBounded(t *testing.T) {
	c := newSmallContent()
	piece := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 2 * maxSmallContent / len(piece) {
		key := blob.Key(fmt.Sprint("key", i))
		c.keep(key, piece)
		c.keep(key, piece) // twice is once
		total := 0
		for _, b := range c.byKey {
			total += len(b)
		}
		if total != c.bytes || total > maxSmallContent {
			t.Fatalf("it holds %d bytes and counts %d", total, c.bytes)
		}
	}
	if len(c.byKey) != maxSmallContent/len(piece) {
		t.Errorf("it holds %d pieces", len(c.byKey))
	}
	if _, ok := c.find(blob.Key(strings.Repeat("k", 9))); ok {
		t.Error("it finds what was never there")
	}
}
