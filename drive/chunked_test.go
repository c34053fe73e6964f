package drive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
)

func (f *fixture) chunk(name, chunk, body string) error {
	_, err := f.PutChunk(f.t.Context(), f.alice, name, chunk, strings.NewReader(body), PutOptions{Size: int64(len(body))})
	return err
}

func (f *fixture) finish(name string, path Path, o PutOptions) error {
	_, _, err := f.FinishChunked(f.t.Context(), f.alice, name, path, o)
	return err
}

// chunks are the chunks of an upload as it lists them: "1=5 2=7".
func (f *fixture) chunks(name string) string {
	f.t.Helper()
	u, all, err := f.Chunks(f.t.Context(), f.alice, name)
	if err != nil {
		return fault.KindOf(err).String()
	}
	var b strings.Builder
	var total int64
	for _, c := range all {
		fmt.Fprintf(&b, "%s=%d ", c.Name, c.Size)
		total += c.Size
	}
	if total != u.Size {
		f.t.Errorf("the chunks of %s are %d bytes, and it says %d", name, total, u.Size)
	}
	return strings.TrimSpace(b.String())
}

func (f *fixture) free() int64 {
	f.t.Helper()
	u, err := f.Usage(f.t.Context(), f.alice)
	if err != nil {
		f.t.Fatal(err)
	}
	free, _ := u.Free()
	return free
}

func TestChunked(t *testing.T) {
	const a, b, c = "the first chunk, too long for a row. ", "short. ", "and the last chunk of them all, long again"
	each(t, Options{Quota: 1000, UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		wantKind(t, "a chunk of nothing", f.chunk("up", "1", a), "parent_missing")
		for _, name := range []string{"up", "other"} {
			if err := f.BeginChunked(ctx, f.alice, name); err != nil {
				t.Fatal(err)
			}
		}
		wantKind(t, "the name again", f.BeginChunked(ctx, f.alice, "up"), "exists")
		wantKind(t, "a name that is none", f.BeginChunked(ctx, f.alice, ".."), "invalid")
		if err := f.BeginChunked(ctx, f.bob, "up"); err != nil {
			t.Errorf("another drive has names of its own: %v", err)
		}
		for _, name := range []string{"", ".file", "x", "-1", "1-", "1-x", "+1", "1 ", "99999999999999999999"} {
			wantKind(t, "a chunk called "+name, f.chunk("up", name, a), "invalid")
		}

		// They come in any order, and again; numbers are no texts.
		for _, step := range []struct{ chunk, body string }{{"10", c}, {"9", "to be replaced"}, {"2", a}, {"9", b}, {"3", ""}} {
			if err := f.chunk("up", step.chunk, step.body); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := f.chunks("up"), "2=37 3=0 9=7 10=42"; got != want {
			t.Errorf("the chunks are %s, want %s", got, want)
		}
		if got := f.free(); got != 1000-86 {
			t.Errorf("%d bytes are free of 1000, with 86 in chunks", got)
		}
		f.run("tree") // nothing is in the drive

		_, _, err := f.Chunks(ctx, f.bob, "other")
		wantKind(t, "another's upload", err, "not_found")
		wantKind(t, "another's upload, dropped", f.DropChunked(ctx, f.bob, "other"), "not_found")
		_, _, err = f.FinishChunked(ctx, f.bob, "other", "/f", PutOptions{Size: -1})
		wantKind(t, "another's upload, made a file", err, "not_found")

		want := a + b + c
		for _, r := range []struct {
			name string
			path Path
			o    PutOptions
			want string
		}{
			{"another size", "/f", PutOptions{Size: 85}, "invalid"},
			{"another content", "/f", PutOptions{Size: -1, Claims: []Claim{claim(MD5, want+"?")}}, "checksum_mismatch"},
			{"no such folder", "/d/f", PutOptions{Size: -1}, "parent_missing"},
			{"the drive itself", "/", PutOptions{Size: -1}, "forbidden"},
			{"a precondition", "/f", PutOptions{Size: -1, Guard: Guard{Check: func(*Node) error { return fault.New(fault.Precondition, "test", "") }}}, "precondition_failed"},
		} {
			stored := f.stored()
			wantKind(t, r.name, f.finish("up", r.path, r.o), r.want)
			if n := f.stored(); n != stored {
				t.Errorf("%s: %d stages and blobs are left, before there were %d", r.name, n, stored)
			}
		}
		modified := time.Date(2020, 2, 20, 20, 20, 20, 0, time.UTC)
		if err := f.finish("up", "/f", PutOptions{Size: int64(len(want)), Modified: modified, Claims: []Claim{claim(SHA1, want)}}); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=" + want)
		if node, err := f.Stat(ctx, f.alice, "/f"); err != nil || !node.Modified.Equal(modified) || f.checksums(Root)["/f"] != sumsOf(want) {
			t.Errorf("the file is %+v, %v", node, err)
		}
		if got := f.chunks("up"); got != "not_found" {
			t.Errorf("the upload is still there: %s", got)
		}
		wantKind(t, "made a file again", f.finish("up", "/g", PutOptions{Size: -1}), "not_found")
		if got := f.free(); got != 1000-86 {
			t.Errorf("%d bytes are free of 1000, with 86 in a file", got)
		}

		// The next one replaces the file, and the old content is a version.
		if err := f.chunk("other", "000-004", "12345"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "over what is there, not wanted", f.finish("other", "/f", PutOptions{Size: -1, Conflict: Fail}), "exists")
		if err := f.finish("other", "/f", PutOptions{Size: -1}); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=12345")
		if versions, err := f.Versions(ctx, f.alice, "/f"); err != nil || len(versions) != 1 {
			t.Errorf("%d versions, %v", len(versions), err)
		}
	})
}

func TestChunkedIncomplete(t *testing.T) {
	each(t, Options{MaxFile: 50}, func(t *testing.T, f *fixture) {
		begin := func(name string) {
			t.Helper()
			if err := f.BeginChunked(t.Context(), f.alice, name); err != nil {
				t.Fatal(err)
			}
		}
		begin("up")
		refuse := func(what, code string) {
			t.Helper()
			err := f.finish("up", "/f", PutOptions{Size: -1})
			wantKind(t, what, err, "invalid")
			wantCode(t, what, err, code)
		}
		refuse("no chunks", "incomplete_upload")
		put := func(chunk, body string) {
			t.Helper()
			if err := f.chunk("up", chunk, body); err != nil {
				t.Fatal(err)
			}
		}
		put("5-9", "56789")
		refuse("the first chunk is missing", "incomplete_upload")
		put("0-3", "0123")
		refuse("a byte is missing", "incomplete_upload")
		put("0-4", "01234")
		if err := f.DropChunk(t.Context(), f.alice, "up", "5-9"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "a chunk dropped twice", f.DropChunk(t.Context(), f.alice, "up", "5-9"), "not_found")
		wantKind(t, "a chunk that is none", f.DropChunk(t.Context(), f.alice, "up", "x"), "not_found")
		put("5-8", "5678")

		// A body that breaks off, or is too long for a file or for what was announced, leaves what was there.
		before, stalled := f.stored(), fault.New(fault.Timeout, "test", "")
		for _, c := range []struct {
			what, want string
			body       io.Reader
			size       int64
			claims     []Claim
		}{
			{"short", "invalid", strings.NewReader("123"), 5, nil},
			{"broken", "invalid", io.MultiReader(strings.NewReader("123"), broken{}), 5, nil},
			{"broken, of unknown length", "invalid", io.MultiReader(strings.NewReader("123"), broken{}), -1, nil},
			{"broken, long", "invalid", io.MultiReader(strings.NewReader("12345678901234567890"), broken{}), 30, nil},
			{"stands still", "timeout", io.MultiReader(strings.NewReader("123"), iotest.ErrReader(stalled)), 4, nil},
			{"stands still, long", "timeout", io.MultiReader(strings.NewReader("12345678901234567890"), iotest.ErrReader(stalled)), 30, nil},
			{"longer than announced", "invalid", strings.NewReader("12345"), 4, nil},
			{"longer than announced, long", "invalid", strings.NewReader("12345678901234567890"), 17, nil},
			{"longer than nothing", "invalid", strings.NewReader("1"), 0, nil},
			{"other bytes", "checksum_mismatch", strings.NewReader("1234"), 4, []Claim{claim(MD5, "5678")}},
			{"other bytes, of unknown length", "checksum_mismatch", strings.NewReader("1234"), -1, []Claim{claim(MD5, "5678")}},
			{"other bytes, none", "checksum_mismatch", strings.NewReader(""), 0, []Claim{claim(MD5, "5678")}},
			{"too long", "too_large", strings.NewReader(strings.Repeat("x", 46)), 46, nil},
			{"too long, of unknown length", "too_large", strings.NewReader(strings.Repeat("x", 51)), -1, nil},
		} {
			_, err := f.PutChunk(t.Context(), f.alice, "up", "5-8", c.body, PutOptions{Size: c.size, Claims: c.claims})
			wantKind(t, c.what, err, c.want)
			if _, told, _ := fault.Public(err); strings.Contains(told, "kept") {
				t.Errorf("%s: %s", c.what, told)
			}
		}
		if got := f.chunks("up"); got != "0-4=5 5-8=4" || f.stored() != before {
			t.Errorf("the chunks are %s, with %d stages", got, f.stored())
		}
		if _, err := f.PutChunk(t.Context(), f.alice, "up", "9-13", strings.NewReader("9abcd"), PutOptions{Size: -1, Claims: []Claim{claim(SHA1, "9abcd")}}); err != nil {
			t.Fatal(err)
		}
		if err := f.finish("up", "/f", PutOptions{Size: 14}); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=0123456789abcd")

		begin("long")
		for i := range 2 {
			if _, err := f.PutChunk(t.Context(), f.alice, "long", fmt.Sprint(i), strings.NewReader(strings.Repeat("x", 26)), PutOptions{Size: -1}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.PutChunk(t.Context(), f.alice, "long", "1", strings.NewReader(strings.Repeat("y", 24)), PutOptions{Size: 24}); err != nil {
			t.Errorf("a chunk again, with which all are as long as a file may be: %v", err)
		}
		if _, err := f.PutChunk(t.Context(), f.alice, "long", "1", strings.NewReader(strings.Repeat("y", 25)), PutOptions{Size: -1}); err != nil {
			t.Error(err)
		}
		wantKind(t, "longer than a file may be", f.finish("long", "/g", PutOptions{Size: -1}), "too_large")
		if err := f.DropChunked(t.Context(), f.alice, "long"); err != nil {
			t.Fatal(err)
		}
		if n := f.stored(); n != 0 {
			t.Errorf("%d stages and blobs are left", n)
		}
	})
}

// Space is set aside with each chunk; what is set aside becomes the file, so that a drive with just enough room takes it.
func TestChunkedQuota(t *testing.T) {
	each(t, Options{Quota: 100, MaxOpenUploads: 4}, func(t *testing.T, f *fixture) {
		if err := f.BeginChunked(t.Context(), f.alice, "up"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			chunk string
			size  int
			want  string
		}{{"1", 60, ""}, {"2", 41, "full"}, {"2", 40, ""}, {"3", 1, "full"}, {"3", 0, ""}, {"4", 0, "too_many_requests"}} {
			wantKind(t, c.chunk, f.chunk("up", c.chunk, strings.Repeat("x", c.size)), c.want)
		}
		_, _, err := f.Put(t.Context(), f.alice, "/other", strings.NewReader("x"), PutOptions{Size: 1})
		wantKind(t, "beside the chunks", err, "full")
		wantKind(t, "one more", f.BeginChunked(t.Context(), f.alice, "more"), "too_many_requests")
		if err := f.finish("up", "/f", PutOptions{Size: 100}); err != nil {
			t.Fatal(err)
		}
		if got := f.free(); got != 0 {
			t.Errorf("%d bytes are free", got)
		}
	})
}

// A client whose answer was lost sends its chunk again, also where that was the last one that an upload has room for.
func TestChunkAgainAtTheLimit(t *testing.T) {
	each(t, Options{MaxFile: 100}, func(t *testing.T, f *fixture) {
		if err := f.BeginChunked(t.Context(), f.alice, "up"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			chunk string
			size  int
			want  string
		}{{"1", 60, ""}, {"2", 40, ""}, {"2", 40, ""}, {"2", 41, "too_large"}, {"3", 1, "too_large"}} {
			wantKind(t, fmt.Sprint(c), f.chunk("up", c.chunk, strings.Repeat("x", c.size)), c.want)
		}
		if err := f.finish("up", "/f", PutOptions{Size: 100}); err != nil {
			t.Fatal(err)
		}
	})
}

// Chunks live as long as the whole does, and expire with it.
func TestChunkedExpires(t *testing.T) {
	var log bytes.Buffer
	each(t, Options{UploadExpiry: time.Hour, Quota: 1000, Log: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, f *fixture) {
		for _, name := range []string{"up", "gone"} {
			if err := f.BeginChunked(t.Context(), f.alice, name); err != nil {
				t.Fatal(err)
			}
		}
		text := "a chunk that is longer than what a row holds"
		if err := f.chunk("gone", "0", text); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if err := f.chunk("up", fmt.Sprint(i), text); err != nil {
				t.Fatal(err)
			}
			f.forward(40 * time.Minute)
			if err := f.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.chunks("gone"); got != "not_found" {
			t.Errorf("nothing came for two hours, and there is %s", got)
		}
		if err := f.BeginChunked(t.Context(), f.alice, "gone"); err != nil {
			t.Errorf("the name of an expired one: %v", err)
		}
		if err := f.finish("up", "/f", PutOptions{Size: -1}); err != nil {
			t.Error(err)
		}
		f.run("tree /f=" + strings.Repeat(text, 4))

		// One that has expired, and that no sweep has met, is not there either, and its name is free.
		if err := f.chunk("gone", "0", text); err != nil {
			t.Fatal(err)
		}
		f.forward(2 * time.Hour)
		wantKind(t, "expired", f.chunk("gone", "1", text), "parent_missing")
		wantKind(t, "expired, made a file", f.finish("gone", "/g", PutOptions{Size: -1}), "not_found")
		if err := f.BeginChunked(t.Context(), f.alice, "gone"); err != nil {
			t.Fatal(err)
		}
		if got := f.chunks("gone"); got != "" {
			t.Errorf("begun anew, it has %s", got)
		}
		f.forward(2 * time.Hour)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if u, err := f.Usage(t.Context(), f.alice); err != nil || u.Reserved != 0 || u.Uploads != 0 {
			t.Errorf("after all, %+v, %v", u, err)
		}
		if n := f.stored(); n != 1 {
			t.Errorf("%d stages and blobs in the store, want the file's", n)
		}
		if log.Len() > 0 {
			t.Errorf("the log complains: %s", &log)
		}
	})
}

// Whoever asks while the chunks are put together is told to wait, and is told that there is nothing afterwards. What was begun is
// brought to its end, also if its client leaves.
func TestChunkedIsFinishedOnce(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		if err := f.BeginChunked(t.Context(), f.alice, "up"); err != nil {
			t.Fatal(err)
		}
		if err := f.chunk("up", "0", "this is the content"); err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		asked := 0
		guard := Guard{Check: func(*Node) error {
			leave()
			if asked++; asked == 1 { // before the chunks are read
				wantKind(t, "a second request", f.finish("up", "/f", PutOptions{Size: -1}), "locked")
				wantKind(t, "to drop it", f.DropChunked(context.Background(), f.alice, "up"), "locked")
			}
			return nil
		}}
		if _, _, err := f.FinishChunked(ctx, f.alice, "up", "/f", PutOptions{Size: -1, Guard: guard}); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=this is the content")
		wantKind(t, "afterwards", f.finish("up", "/f", PutOptions{Size: -1}), "not_found")
	})
}

// A chunk that comes while the others are put together is not lost without a word.
func TestChunkMeetsItsEnd(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		if err := f.BeginChunked(t.Context(), f.alice, "up"); err != nil {
			t.Fatal(err)
		}
		if err := f.chunk("up", "0", "this is the content "); err != nil {
			t.Fatal(err)
		}
		late := false
		f.Drives.blobs = staging{f.blobs, func() {
			if !late {
				late = true
				if err := f.chunk("up", "1", "!"); err != nil {
					t.Error(err)
				}
			}
		}}
		wantKind(t, "meanwhile a chunk came", f.finish("up", "/f", PutOptions{Size: -1}), "locked")
		f.Drives.blobs = f.blobs
		f.run("tree")
		if err := f.finish("up", "/f", PutOptions{Size: -1}); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=this is the content !")
	})
}

// What is put together is put together, also if it would have expired meanwhile.
func TestChunksDoNotExpireUnderTheirEnd(t *testing.T) {
	each(t, Options{UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		if err := f.BeginChunked(t.Context(), f.alice, "up"); err != nil {
			t.Fatal(err)
		}
		for chunk, body := range map[string]string{"0": "the first chunk, too long for a row", "1": " and one more of its kind"} {
			if err := f.chunk("up", chunk, body); err != nil {
				t.Fatal(err)
			}
		}
		f.Drives.blobs = staging{f.blobs, func() {
			f.forward(2 * time.Hour)
			if err := f.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		}}
		if err := f.finish("up", "/f", PutOptions{Size: -1}); err != nil {
			t.Error(err)
		}
		f.Drives.blobs = f.blobs
		f.run("tree /f=the first chunk, too long for a row and one more of its kind")
		if u, err := f.Usage(t.Context(), f.alice); err != nil || u.Reserved != 0 || u.Uploads != 0 {
			t.Errorf("after all, %+v, %v", u, err)
		}
	})
}

// One that is replaced or dropped meanwhile must not be told as if there were no such upload: that means that the file was made.
func TestChunkGoesBeforeItIsRead(t *testing.T) {
	const first = "the first chunk is long enough for the store"
	for _, text := range []string{"short", ", and so is the second"} {
		for what, now := range map[string]string{"replaced": first + text, "dropped": first} {
			each(t, Options{}, func(t *testing.T, f *fixture) {
				ctx := t.Context()
				if err := f.BeginChunked(ctx, f.alice, "up"); err != nil {
					t.Fatal(err)
				}
				for name, body := range map[string]string{"0": first, "1": text} {
					if err := f.chunk("up", name, body); err != nil {
						t.Fatal(err)
					}
				}
				meanwhile := func() error { return f.DropChunk(ctx, f.alice, "up", "1") }
				if what == "replaced" {
					meanwhile = func() error { return f.chunk("up", "1", text) }
				}
				once := sync.OnceFunc(func() {
					if err := meanwhile(); err != nil {
						t.Error(err)
					}
				})
				f.Drives.blobs = staging{f.blobs, once}
				wantKind(t, "meanwhile one was "+what, f.finish("up", "/f", PutOptions{Size: -1}), "locked")
				f.Drives.blobs = f.blobs
				f.run("tree")
				if err := f.finish("up", "/f", PutOptions{Size: -1}); err != nil {
					t.Fatal(err)
				}
				f.run("tree /f=" + now)
			})
		}
	}
}

// A chunk that was on its way for long must not get among those of the next try, which has the same name and other content.
func TestChunkOfAnEarlierTry(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		begin := func() {
			t.Helper()
			if err := f.BeginChunked(ctx, f.alice, "up"); err != nil {
				t.Fatal(err)
			}
		}
		begin()
		again := sync.OnceFunc(func() {
			if err := f.DropChunked(ctx, f.alice, "up"); err != nil {
				t.Error(err)
			}
			begin()
			if err := f.chunk("up", "0", "new"); err != nil {
				t.Error(err)
			}
		})
		_, err := f.PutChunk(ctx, f.alice, "up", "0", beforeRead{strings.NewReader("old"), again}, PutOptions{Size: 3})
		wantKind(t, "a chunk of the earlier try", err, "parent_missing")
		if err := f.finish("up", "/f", PutOptions{Size: -1}); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=new")
		if u, err := f.Usage(ctx, f.alice); err != nil || u.Reserved != 0 || u.Uploads != 0 {
			t.Errorf("afterwards, %+v, %v", u, err)
		}
	})
}

// beforeRead is a reader that does something before it is read.
type beforeRead struct {
	io.Reader
	do func()
}

func (r beforeRead) Read(p []byte) (int, error) {
	r.do()
	return r.Reader.Read(p)
}

// An upload in chunks is no upload of tus, and not listed among them.
func TestChunkedIsHidden(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		if err := f.BeginChunked(t.Context(), f.alice, "up"); err != nil {
			t.Fatal(err)
		}
		if err := f.chunk("up", "0", "x"); err != nil {
			t.Fatal(err)
		}
		u, err := f.readChunked(t.Context(), f.db, f.alice, "up")
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.SeeUpload(t.Context(), f.alice, u.ID)
		wantKind(t, "by its id", err, "not_found")
		_, err = f.OwnedUpload(t.Context(), f.alice, u.ID)
		wantKind(t, "by its id", err, "not_found")
		_, err = f.BeginUpload(t.Context(), f.alice, NewUpload{Kind: Joined, Name: "f", Parts: []string{u.ID}})
		wantKind(t, "as a part", err, "invalid")
		if all, err := f.OpenUploads(t.Context(), f.alice, 10); err != nil || len(all) != 0 {
			t.Errorf("%d uploads are listed, %v", len(all), err)
		}
		all, err := f.ChunkedUploads(t.Context(), f.alice)
		if err != nil || len(all) != 1 || all[0].Name != "up" || all[0].Size != 1 {
			t.Errorf("those in chunks are %+v, %v", all, err)
		}
		if all, err := f.ChunkedUploads(t.Context(), f.bob); err != nil || len(all) != 0 {
			t.Errorf("another's are %+v, %v", all, err)
		}
		if err := f.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.run("tree")
	})
}

// staging is a store that does something before content is read.
type staging struct {
	blob.Store
	do func()
}

func (s staging) OpenStage(ctx context.Context, key blob.Key, size int64) (blob.Content, error) {
	s.do()
	return s.Store.OpenStage(ctx, key, size)
}
