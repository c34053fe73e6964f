package drive

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if got, _, _ := fault.Public(err); err == nil || got != code {
		t.Errorf("%s: %v, want code %s", what, err, code)
	}
}

// A drive has so many open uploads at once; one that ends, however it does, makes room for the next.
func TestOpenUploadsAreLimited(t *testing.T) {
	each(t, Options{MaxOpenUploads: 2, UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		full := func(what string) {
			t.Helper()
			_, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "more", Length: 5})
			wantKind(t, what, err, "too_many_requests")
			wantCode(t, what, err, "too_many_uploads")
		}
		first := f.begin(NewUpload{Name: "a", Length: 5})
		second := f.begin(NewUpload{Kind: Partial, Length: 5})
		full("a third one")
		if _, err := f.BeginUpload(t.Context(), f.bob, NewUpload{Name: "b", Length: 5}); err != nil {
			t.Errorf("another user is not concerned: %v", err)
		}
		if _, err := f.send(first, 0, strings.NewReader("whole")); err != nil {
			t.Fatal(err)
		}
		third := f.begin(NewUpload{Name: "c", Length: 5})
		full("after one was completed")
		if err := f.DropUpload(t.Context(), f.alice, third.ID); err != nil {
			t.Fatal(err)
		}
		f.begin(NewUpload{Name: "d", Length: 5})
		full("after one was ended")
		f.forward(2 * time.Hour)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.begin(NewUpload{Name: "e", Length: 5})
		_, err := f.look(second)
		wantKind(t, "the part, expired", err, "gone")
	})
}

// Every byte prolongs an upload's life, but not beyond its greatest age.
func TestUploadsAge(t *testing.T) {
	each(t, Options{UploadExpiry: time.Hour, UploadMaxAge: 150 * time.Minute}, func(t *testing.T, f *fixture) {
		text := strings.Repeat("slow and steady ", 10) // too long for a row
		u := f.begin(NewUpload{Name: "f", Length: int64(len(text))})
		short := f.begin(NewUpload{Name: "short", Length: 8})
		if left := u.Expires.Sub(u.Created); left != time.Hour {
			t.Errorf("at first it lives for %v", left)
		}
		for at, want := range []time.Duration{100 * time.Minute, 140 * time.Minute, 150 * time.Minute} { // a byte each 40 minutes
			f.forward(40 * time.Minute)
			after, err := f.send(u, int64(at*20), strings.NewReader(text[at*20:(at+1)*20]))
			if err != nil {
				t.Fatal(err)
			}
			if age := after.Expires.Sub(after.Created).Round(time.Minute); age != want {
				t.Errorf("after %d pieces it expires at the age of %v, want %v", at+1, age, want)
			}
			if _, err := f.send(short, int64(at), strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
		late := &lateReader{f: f, text: "x"} // the age is reached while the body arrives
		_, err := f.send(short, 3, late)
		wantKind(t, "a small body that ends too late", err, "gone")
		wantCode(t, "a small body that ends too late", err, "upload_expired")
		_, err = f.send(u, 60, strings.NewReader(text[60:]))
		wantKind(t, "the rest, too late", err, "gone")
		_, err = f.look(u)
		wantKind(t, "and its offset", err, "gone")
		if all, err := f.OpenUploads(t.Context(), f.alice, 10); err != nil || len(all) != 0 {
			t.Errorf("open: %+v, %v", all, err)
		}
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err = f.look(u)
		wantKind(t, "after the sweep", err, "gone")
		if usage, err := f.Usage(t.Context(), f.alice); err != nil || usage.Reserved != 0 || f.stored() != 0 {
			t.Errorf("usage %+v (%v), %d stages", usage, err, f.stored())
		}
	})
}

// lateReader lets half an hour pass before it gives its text.
type lateReader struct {
	f    *fixture
	text string
}

func (r *lateReader) Read(p []byte) (int, error) {
	r.f.forward(30 * time.Minute)
	return strings.NewReader(r.text).Read(p)
}

// What operators are shown of uploads.
func TestWhatIsSeenOfUploads(t *testing.T) {
	each(t, Options{UploadExpiry: 24 * time.Hour, UploadMaxAge: 25 * time.Hour}, func(t *testing.T, f *fixture) {
		states := func(what string, want UploadStates) {
			t.Helper()
			if got, err := f.UploadStates(t.Context()); err != nil || got != want {
				t.Errorf("%s: %+v (%v), want %+v", what, got, err, want)
			}
		}
		states("nothing", UploadStates{})
		a := f.begin(NewUpload{Name: "a", Length: 100})
		f.begin(NewUpload{Kind: Partial, Length: 100})
		f.put("/no upload", "text")
		states("two begun", UploadStates{Open: 2})
		f.forward(stalledAfter)
		states("ten minutes later", UploadStates{Open: 2, Stalled: 2})
		if _, err := f.send(a, 0, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		states("one goes on", UploadStates{Open: 2, Stalled: 1})

		// Near its greatest age an upload's expiry stands still, and it is seen all the same that bytes arrive.
		f.forward(23 * time.Hour)
		states("both wait", UploadStates{Open: 2, Stalled: 2})
		if _, err := f.send(a, 1, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		states("one goes on at last", UploadStates{Open: 2, Stalled: 1})
		f.forward(time.Hour)
		states("the other has expired", UploadStates{Open: 1, Stalled: 1, Gone: 1})
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		states("and is swept", UploadStates{Open: 1, Stalled: 1, Gone: 1})

		_, err := f.sendVerified(a, 2, "x", fault.New(fault.ChecksumMismatch, "test", ""))
		wantKind(t, "a checksum that differs", err, "checksum_mismatch")
		asked := make(chan struct{})
		hold, err := f.HoldUpload(t.Context(), a.ID, func() { close(asked) })
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-asked
			hold.Release()
		}()
		if _, err := f.send(a, 2, strings.NewReader(strings.Repeat("x", 98))); err != nil {
			t.Fatal(err)
		}
		states("completed", UploadStates{Gone: 1})
		got := f.Counts()
		if got.UploadsBegun != 2 || got.UploadsCompleted != 1 || got.UploadsExpired != 1 || got.UploadsResumed != 0 || got.ChecksumMismatches != 1 || got.UploadTakeovers != 1 {
			t.Errorf("counts %+v", got)
		}
		f.forward(2 * goneMemory)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		states("forgotten", UploadStates{})

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.UploadStates(ended); err == nil {
			t.Error("an ended context is not heeded")
		}
	})
}

// sendVerified is send with a checksum whose verdict is given.
func (f *fixture) sendVerified(u Upload, offset int64, body string, verdict error) (Upload, error) {
	f.t.Helper()
	hold, err := f.HoldUpload(f.t.Context(), u.ID, func() {})
	if err != nil {
		f.t.Fatal(err)
	}
	defer hold.Release()
	return f.Append(f.t.Context(), f.alice, u.ID, offset, strings.NewReader(body), AppendOptions{Verify: func() error { return verdict }})
}
