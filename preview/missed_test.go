package preview_test

import (
	"context"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// What a process had to make and forgot as it was killed another one finds in the rows, once.
func TestThumbnailsThatWereForgotten(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db, preview.Options{Workers: 1}, asWorkshop) // which makes none: it does not run
		h.put(h.alice, "/a.jpg", photo(t, 640, 480, 1))
		h.put(h.alice, "/b.jpg", photo(t, 640, 480, 2))
		h.put(h.alice, "/text.txt", []byte("text"))
		h.put(h.alice, "/lies.png", []byte("<svg onload=alert(1)>"))
		h.put(h.bob, "/c.jpg", photo(t, 640, 480, 3))
		h.put(h.bob, "/gone.jpg", photo(t, 640, 480, 4))
		if err := h.drives.Trash(t.Context(), h.bob, "/gone.jpg", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		ahead := time.Duration(0)
		o := h.o
		o.Now = func() time.Time { return time.Now().Add(ahead) }
		other := &house{t: t, db: db, queue: preview.NewQueue(), drives: h.drives, alice: h.alice, bob: h.bob}
		o.Observe = other.observe
		other.Previews = preview.New(db, h.drives, other.queue, o)
		other.run()
		missed := func() {
			t.Helper()
			if err := other.Missed(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		missed()
		if got := other.took(); got != "" {
			t.Errorf("what is new is left to the process that took it, but came to %q", got)
		}
		ahead = time.Hour
		missed()
		if got := other.took(); got != "made made none made" {
			t.Errorf("the attempts came to %q", got)
		}
		missed()
		if got := other.took(); got != "" {
			t.Errorf("the second time it was tried again: %q", got)
		}
		h.put(h.alice, "/a.jpg", photo(t, 640, 480, 5))
		missed()
		if got := other.took(); got != "made" {
			t.Errorf("of new content was made %q", got)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		h.put(h.alice, "/d.jpg", photo(t, 640, 480, 6))
		if err := other.Missed(ctx); err == nil {
			t.Error("it goes on though its turn has ended")
		}
		missed()
		if got := other.took(); got != "made" {
			t.Errorf("after it was cut: %q", got)
		}
	})
}
