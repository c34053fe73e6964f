package drive

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// underway are the unfinished uploads of all drives as "kind offset/length", a page of two at a time.
func (f *fixture) underway() (all []string, ids []string) {
	f.t.Helper()
	for after := ""; ; {
		page, err := f.Transfers(f.t.Context(), after, 2)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, t := range page {
			all, ids, after = append(all, fmt.Sprintf("%s %d/%d", t.Kind, t.Offset, t.Length)), append(ids, t.ID), t.ID
		}
		if len(page) < 2 {
			return all, ids
		}
	}
}

// Uploads of everybody are told once each, whatever they are made of, until they end.
func TestTransfersOfEverybody(t *testing.T) {
	each(t, Options{Quota: 1000, UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		whole := f.begin(NewUpload{Name: "a", Length: 100, MediaType: "video/mp4"})
		if _, err := f.BeginUpload(t.Context(), f.bob, NewUpload{Name: "b", Length: AnnouncedLength(70)}); err != nil {
			t.Fatal(err)
		}
		f.begin(NewUpload{Name: "c", Length: -1})
		f.begin(NewUpload{Kind: Partial, Length: 5})
		one, two := f.begin(NewUpload{Kind: Partial, Length: 30}), f.begin(NewUpload{Kind: Partial, Length: 20})
		joined := f.begin(NewUpload{Kind: Joined, Name: "d", Parts: []string{one.ID, two.ID}, Length: -1})
		for u, text := range map[string]string{whole.ID: "0123456789", one.ID: "a text too long for a row", two.ID: "short"} {
			if _, err := f.send(Upload{ID: u}, 0, strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.BeginChunked(t.Context(), f.alice, "e"); err != nil {
			t.Fatal(err)
		}
		for chunk, body := range map[string]string{"1": "the first chunk, too long for a row", "2": "short"} {
			if err := f.chunk("e", chunk, body); err != nil {
				t.Fatal(err)
			}
		}
		f.put("/done", "not under way")
		all, ids := f.underway()
		if want := []string{"chunked 40/-1", "joined 30/50", "partial 0/5", "whole 0/-1", "whole 0/70", "whole 10/100"}; !slices.Equal(all, want) {
			t.Fatalf("under way are %q, want %q", all, want)
		}
		last, err := f.Transfer(t.Context(), whole.ID)
		if err != nil || last.DriveID != f.alice || last.MediaType != "video/mp4" || !last.Active.After(last.Created) || last.Expires.Before(last.Active) || last.Offset != 10 {
			t.Errorf("%+v, %v", last, err)
		}

		for _, part := range []string{one.ID, "x", "", sqldb.NewID()} {
			if err := f.EndTransfer(t.Context(), part); !fault.Is(err, fault.NotFound) {
				t.Errorf("a part by itself, or nothing: %v", err)
			}
		}
		if err := f.EndTransfer(t.Context(), joined.ID); err != nil {
			t.Fatal(err)
		}
		for _, u := range []Upload{joined, one, two} {
			if _, err := f.SeeUpload(t.Context(), f.alice, u.ID); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s is still there: %v", u.Kind, err)
			}
		}
		for _, id := range ids {
			if id != joined.ID {
				if err := f.EndTransfer(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		}
		if all, _ := f.underway(); len(all) != 0 {
			t.Errorf("left are %q", all)
		}
		for _, id := range []string{f.alice, f.bob} {
			if u, err := f.Usage(t.Context(), id); err != nil || u.Reserved != 0 || u.Uploads != 0 {
				t.Errorf("set aside is %+v, %v", u, err)
			}
		}
		if n := f.stored(); n != 0 {
			t.Errorf("%d stages are left", n)
		}
	})
}

// Who writes to an upload that is ended has to let go, and gets no further.
func TestEndingATransferThatIsWrittenTo(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Name: "a", Length: 100})
		asked := make(chan struct{})
		hold, err := f.HoldUpload(t.Context(), u.ID, func() { close(asked) })
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- f.EndTransfer(t.Context(), u.ID) }()
		<-asked
		hold.Release()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if _, err := f.send(u, 0, strings.NewReader("more")); !fault.Is(err, fault.NotFound) {
			t.Errorf("it goes on: %v", err)
		}
	})
}

// What has become a file is nothing to end any more: the file stays, and so does the upload's row.
func TestEndingATransferThatHasEnded(t *testing.T) {
	each(t, Options{UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Name: "a", Length: 4})
		if _, err := f.send(u, 0, strings.NewReader("done")); err != nil {
			t.Fatal(err)
		}
		if err := f.EndTransfer(t.Context(), u.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
		if text, err := f.read(f.alice, "/a"); text != "done" {
			t.Errorf("%q, %v", text, err)
		}
		if _, err := f.SeeUpload(t.Context(), f.alice, u.ID); err != nil {
			t.Error(err)
		}
		f.begin(NewUpload{Name: "b", Length: 4})
		f.forward(2 * time.Hour)
		if all, _ := f.underway(); len(all) != 0 {
			t.Errorf("one that has expired is told: %q", all)
		}
	})
}

// A page costs what is open, not what was uploaded today.
func TestTransfersReadAnIndexOfWhatIsOpen(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	var plan strings.Builder
	err := db.Each(t.Context(), `EXPLAIN QUERY PLAN `+transfersQuery, []any{"~", 0, 10}, func(scan sqldb.Scan) error {
		var id, parent, unused int64
		var detail string
		err := scan(&id, &parent, &unused, &detail)
		plan.WriteString(detail + "\n")
		return err
	})
	if err != nil || !strings.Contains(plan.String(), "USING INDEX uploads_now (id<?)") || strings.Contains(plan.String(), "TEMP B-TREE") {
		t.Errorf("%v\n%s", err, plan.String())
	}
}
