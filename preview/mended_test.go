package preview_test

import (
	"context"
	"sync"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// rotten is a store that gives out damaged bytes of the first content that is opened, and has something happen before that.
type rotten struct {
	blob.Store
	once *sync.Once
	then func()
}

func (r rotten) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	c, err := r.Store.Open(ctx, key)
	r.once.Do(func() {
		r.then()
		c = damaged{c}
	})
	return c, err
}

type damaged struct{ blob.Content }

func (d damaged) Read(p []byte) (int, error) {
	n, err := d.Content.Read(p)
	clear(p[:n])
	return n, err
}

func (d damaged) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.Content.ReadAt(p, off)
	clear(p[:n])
	return n, err
}

// What was made of damaged bytes is not kept of the right ones that came meanwhile.
func TestContentIsMendedMeanwhile(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db, preview.Options{Workers: 1}, asWorkshop)
		image := photo(t, 640, 480, 1)
		store := rotten{mem.New(), &sync.Once{}, func() {
			if _, err := db.Exec(t.Context(), `INSERT INTO damaged_blobs (blob_id, found, found_at) SELECT id, 'changed', 0 FROM blobs`); err != nil {
				t.Error(err)
			}
			h.put(h.bob, "/text", image)
		}}
		h.drives = drive.New(db, store, drive.Options{InlineMax: 16, Changed: h.queue.Tell})
		h.Previews = preview.New(db, h.drives, h.queue, h.o)
		h.put(h.alice, "/photo.jpg", image)
		h.run()
		h.settle()
		if got := h.took(); got != "none" || h.drives.Counts().ContentsMended != 1 {
			t.Fatalf("%s, %+v", got, h.drives.Counts())
		}
		if got := h.look(h.alice, "/photo.jpg", 160); got != "jpeg 160x120" {
			t.Error(got)
		}
	})
}
