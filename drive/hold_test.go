package drive

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// What is known of an upload without asking the database is what the database would say, whoever changed it meanwhile.
func TestSeenUploadIsTheOneOnRecord(t *testing.T) {
	each(t, Options{UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		for name, change := range map[string]func(u Upload){
			"nothing":        func(Upload) {},
			"bytes":          func(u Upload) { f.send(u, 0, strings.NewReader("abc")) },
			"the last byte":  func(u Upload) { f.send(u, 0, strings.NewReader("abcdef")) },
			"a refused byte": func(u Upload) { f.send(u, 4, strings.NewReader("abc")) },
			"its end": func(u Upload) {
				hold, err := f.HoldUpload(t.Context(), u.ID, func() {})
				if err != nil {
					t.Fatal(err)
				}
				defer hold.Release()
				if err := f.DropUpload(t.Context(), f.alice, u.ID); err != nil {
					t.Fatal(err)
				}
			},
			"its expiry": func(Upload) {
				f.forward(2 * time.Hour)
				if err := f.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				u := f.begin(NewUpload{Folder: Root, Name: "a.txt", Length: 6, Metadata: "filename YS50eHQ=", Modified: time.Unix(1, 1)})
				change(u)
				seen, seenErr := f.SeeUpload(t.Context(), f.alice, u.ID)
				record, err := f.anyUpload(t.Context(), f.db, f.alice, u.ID)
				if fault.KindOf(seenErr) != fault.KindOf(err) || !reflect.DeepEqual(seen.Upload, record) {
					t.Errorf("seen is %+v, %v\non record is %+v, %v", seen.Upload, seenErr, record, err)
				}
				if _, err := f.SeeUpload(t.Context(), f.bob, u.ID); !fault.Is(err, fault.NotFound) {
					t.Errorf("somebody else sees it: %v", err)
				}
			})
		}
	})
}

// Who waits for an upload that nobody lets go of is refused, and counted.
func TestHoldsThatAreRefusedAreCounted(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Folder: Root, Name: "a.txt", Length: 6})
		hold, err := f.HoldUpload(t.Context(), u.ID, func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer hold.Release()
		before := f.Counts()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := f.HoldUpload(ctx, u.ID, func() {}); !fault.Is(err, fault.Locked) {
			t.Errorf("held twice: %v", err)
		}
		after := f.Counts()
		if after.HoldsRefused != before.HoldsRefused+1 || after.HoldsWaited <= before.HoldsWaited {
			t.Errorf("before %+v, after %+v", before, after)
		}
	})
}
