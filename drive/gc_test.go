package drive

import (
	"testing"
	"time"
)

// Content goes with the last file or version that holds it, whatever gc looked at in between, and nothing is looked at twice.
func TestGCLooksAtWhatWasLetGoOf(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		loose := func() (n int) {
			t.Helper()
			if err := f.db.Row(t.Context(), `SELECT COUNT(*) FROM loose_blobs`, nil, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		gc := func(when string, blobs, left int) {
			t.Helper()
			c, err := f.GC(t.Context())
			if err != nil || c.Blobs != blobs || loose() != left {
				t.Errorf("%s: %+v, %v and %d rows to look at; want %d contents and %d rows", when, c, err, loose(), blobs, left)
			}
			f.clean()
		}
		f.put("/a", "the same content, of more than 16 bytes")
		f.put("/b", "the same content, of more than 16 bytes")
		f.put("/small", "short")
		gc("all is held", 0, 0)
		f.run(`rm /a
			empty-trash /`)
		gc("it may be on its way to another file yet", 0, 1)
		f.forward(2 * time.Hour)
		gc("another file holds it", 0, 0)
		f.put("/b", "other content, also of more than 16")
		f.put("/small", "brief")
		gc("versions hold it", 0, 0)
		f.run(`rm /b
			rm /small
			empty-trash /`)
		f.forward(2 * time.Hour)
		gc("nobody holds anything", 4, 0)
		if n := f.stored(); n != 0 {
			t.Errorf("%d contents are left in the store", n)
		}
	})
}
