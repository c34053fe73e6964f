package ledger_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// A record is read as it was saved, by whoever saves it first; parts come and go with it.
func TestRecords(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		l := ledger.New(db)
		parts := []s3.Part{{Number: 1, Size: 8, ETag: "a"}, {Number: 3, Offset: 8, Size: 5, ETag: "b"}, {Number: 4, Offset: 13, Size: 6, ETag: "c"}}
		at := time.UnixMicro(1_700_000_000_000_001).UTC()
		begun := s3.Record{Version: 1, Epoch: 1, Live: true, Modified: at}
		written := s3.Record{Version: 2, Epoch: 1, Live: true, Upload: "u", UploadID: "id", Next: 5, Parts: parts, Tail: "t", TailSize: 4, Modified: at}
		cut := written
		cut.Version, cut.Parts, cut.Next = 3, append(parts[:1:1], s3.Part{Number: 5, Offset: 8, Size: 7, ETag: "d"}), 6
		sealed := s3.Record{Version: 4, Epoch: 2, Sealed: true, Object: "u", Size: 19, Modified: at}
		settling := s3.Record{Version: 5, Epoch: 3, Settling: true, Object: "o", Size: 3, Modified: at}
		want := func(r s3.Record) {
			t.Helper()
			got, err := l.Load(t.Context(), "k")
			got.Modified = got.Modified.UTC()
			if len(got.Parts) == 0 {
				got.Parts = nil
			}
			if err != nil || !reflect.DeepEqual(got, r) {
				t.Fatalf("loaded %+v, %v; want %+v", got, err, r)
			}
		}
		wantError := func(err, want error) {
			t.Helper()
			if !errors.Is(err, want) {
				t.Fatalf("%v, want %v", err, want)
			}
		}
		_, err := l.Load(t.Context(), "k")
		wantError(err, blob.ErrNotFound)
		wantError(l.Save(t.Context(), "k", begun, written), s3.ErrLost)
		wantError(l.Begin(t.Context(), "k", begun), nil)
		wantError(l.Begin(t.Context(), "k", begun), blob.ErrExists)
		for from, steps := begun, []s3.Record{written, cut, sealed, settling}; len(steps) > 0; from, steps = steps[0], steps[1:] {
			want(from)
			wantError(l.Save(t.Context(), "k", from, steps[0]), nil)
			wantError(l.Save(t.Context(), "k", from, steps[0]), s3.ErrLost)
			want(steps[0])
		}
		for range 2 {
			wantError(l.Drop(t.Context(), "k"), nil)
			_, err = l.Load(t.Context(), "k")
			wantError(err, blob.ErrNotFound)
		}
	})
}

// Pages go over all keys in their order, and tell how much each holds.
func TestPages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		l := ledger.New(db)
		for _, key := range []blob.Key{"c", "a", "d", "b"} {
			if err := l.Begin(t.Context(), key, s3.Record{Version: 1}); err != nil {
				t.Fatal(err)
			}
		}
		parts := []s3.Part{{Number: 1, Size: 8}, {Number: 2, Offset: 8, Size: 9}}
		if err := l.Save(t.Context(), "b", s3.Record{Version: 1}, s3.Record{Version: 2, UploadID: "id", Parts: parts, TailSize: 3}); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			after, last blob.Key
			limit       int
			want        string
		}{{"", "", 10, "abcd"}, {"a", "", 2, "bc"}, {"a", "b", 10, "b"}, {"c", "z", 10, "d"}, {"d", "", 10, ""}} {
			page, err := l.Page(t.Context(), test.after, test.last, test.limit)
			got := ""
			for _, e := range page {
				got += string(e.Key)
				if e.Key == "b" && (e.Body != 17 || e.TailSize != 3) {
					t.Errorf("b has %d and %d bytes, want 17 and 3", e.Body, e.TailSize)
				}
			}
			if got != test.want || err != nil {
				t.Errorf("behind %q up to %q, %d at most: %q, %v; want %q", test.after, test.last, test.limit, got, err, test.want)
			}
		}
	})
}

// What a bucket has is put on record as it is listed; of two objects of a key the longer is its content.
func TestFill(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		l := ledger.New(db)
		object := func(key blob.Key, name string, size int64) s3.Entry {
			return s3.Entry{Key: key, Body: size, Record: s3.Record{Version: 1, Epoch: 1, Sealed: true, Object: name, Size: size}}
		}
		for _, page := range [][]s3.Entry{{object("a", "a.1", 5), object("b", "b.1", 5)}, {object("b", "b.2", 7), object("a", "a.2", 3)}, {}} {
			if err := l.Fill(t.Context(), page); err != nil {
				t.Fatal(err)
			}
		}
		for key, want := range map[blob.Key]string{"a": "a.1", "b": "b.2"} {
			if r, err := l.Load(t.Context(), key); err != nil || r.Object != want || !r.Sealed {
				t.Errorf("%s: %+v, %v; want %s", key, r, err, want)
			}
		}
	})
}
