package drive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

func (f *fixture) begin(n NewUpload) Upload {
	f.t.Helper()
	u, err := f.BeginUpload(f.t.Context(), f.alice, n)
	if err != nil {
		f.t.Fatalf("begin %+v: %v", n, err)
	}
	return u
}

// send appends as a door does: it holds the upload meanwhile.
func (f *fixture) send(u Upload, offset int64, body io.Reader) (Upload, error) {
	f.t.Helper()
	hold, err := f.HoldUpload(f.t.Context(), u.ID, func() {})
	if err != nil {
		f.t.Fatal(err)
	}
	defer hold.Release()
	return f.Append(f.t.Context(), cmp.Or(u.DriveID, f.alice), u.ID, offset, body, AppendOptions{})
}

func (f *fixture) setLength(u Upload, length int64) (Upload, error) {
	f.t.Helper()
	hold, err := f.HoldUpload(f.t.Context(), u.ID, func() {})
	if err != nil {
		f.t.Fatal(err)
	}
	defer hold.Release()
	return f.SetLength(f.t.Context(), cmp.Or(u.DriveID, f.alice), u.ID, length)
}

func (f *fixture) look(u Upload) (Upload, error) {
	f.t.Helper()
	hold, err := f.HoldUpload(f.t.Context(), u.ID, func() {})
	if err != nil {
		f.t.Fatal(err)
	}
	defer hold.Release()
	return f.Upload(f.t.Context(), f.alice, u.ID)
}

// An upload arrives in pieces of every size, small ones that stay in the row and large ones that fill a stage.
func TestUploadInPieces(t *testing.T) {
	each(t, Options{InlineMax: 1000}, func(t *testing.T, f *fixture) {
		random := rand.New(rand.NewPCG(1, 2))
		for i, size := range []int{0, 1, 999, 1000, 1001, 5000, 1 << 20} {
			want := make([]byte, size)
			for j := range want {
				want[j] = byte(random.Uint32())
			}
			name := fmt.Sprintf("f%d", i)
			length := int64(size)
			if i%2 == 1 {
				length = -1 // told with the last piece
			}
			u := f.begin(NewUpload{Name: name, Length: length})
			for at := 0; at < size; {
				n := 1 + random.IntN(size-at)
				after, err := f.send(u, int64(at), bytes.NewReader(want[at:at+n]))
				if err != nil || after.Offset != int64(at+n) {
					t.Fatalf("%d bytes at %d: offset %d, %v", n, at, after.Offset, err)
				}
				at += n
			}
			if length < 0 {
				if _, err := f.setLength(u, int64(size)); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := f.read(f.alice, Path("/"+name)); err != nil || got != string(want) {
				t.Errorf("%d bytes: the file differs or is not there (%v)", size, err)
			}
			done, err := f.look(u)
			if err != nil || done.NodeID == "" || done.Offset != int64(size) {
				t.Errorf("%d bytes: after the end: %+v, %v", size, done, err)
			}
		}
	})
}

func TestUploadBrokenOff(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		text := "a text that does not fit into a row, sent in two parts of which the first breaks off"
		u := f.begin(NewUpload{Name: "f", Length: int64(len(text))})
		for _, at := range []int{5, 40} {
			now, err := f.look(u)
			if err != nil {
				t.Fatal(err)
			}
			after, err := f.send(u, now.Offset, io.MultiReader(strings.NewReader(text[now.Offset:at]), broken{}))
			if !fault.Is(err, fault.Invalid) || after.Offset != int64(at) {
				t.Errorf("broken at %d: offset %d, %v", at, after.Offset, err)
			}
		}
		if _, err := f.Stat(t.Context(), f.alice, "/f"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a file is there before the last byte: %v", err)
		}
		_, err := f.send(u, 7, strings.NewReader("x"))
		wantKind(t, "at another offset", err, "offset_mismatch")
		after, err := f.send(u, 40, strings.NewReader(text[40:]+"and more than was announced"))
		if err != nil || after.NodeID == "" {
			t.Errorf("the rest: %+v, %v", after, err)
		}
		f.run("tree /f=" + text)
		_, err = f.send(u, int64(len(text)), strings.NewReader("x"))
		wantKind(t, "after the end", err, "offset_mismatch")
	})
}

// What a server knew when it was killed is what the next one goes on from.
func TestUploadAfterKill(t *testing.T) {
	each(t, Options{InlineMax: 8}, func(t *testing.T, f *fixture) {
		text := strings.Repeat("0123456789", 5)
		u := f.begin(NewUpload{Name: "f", Length: 50})
		if _, err := f.send(u, 0, strings.NewReader(text[:20])); err != nil {
			t.Fatal(err)
		}
		// Bytes that were written and not recorded: the stage is longer than the row says.
		stage, err := f.blobs.Resume(t.Context(), u.key(), 20)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stage.Write([]byte("lost bytes")); err != nil {
			t.Fatal(err)
		}
		stage.Close()
		if _, err := f.send(u, 20, strings.NewReader(text[20:])); err != nil {
			t.Fatal(err)
		}
		f.run("tree /f=" + text)

		// Full, sealed, and killed before the transaction: the next look commits it, once.
		v := f.begin(NewUpload{Name: "g", Length: 50})
		f.fail("commit", func() { _, err = f.send(v, 0, strings.NewReader(text)) })
		if err == nil {
			t.Fatal("the commit did not fail")
		}
		if _, err := f.Stat(t.Context(), f.alice, "/g"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("there is a file although the commit failed: %v", err)
		}
		if err := f.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		done, err := f.look(v)
		if err != nil || done.NodeID == "" {
			t.Errorf("after Recover: %+v, %v", done, err)
		}
		f.run("tree /f=" + text + " /g=" + text)
	})
}

// fail makes every transaction that commits a file fail while fn runs: the quota is used up.
func (f *fixture) fail(_ string, fn func()) {
	f.t.Helper()
	u, err := f.Usage(f.t.Context(), f.alice)
	if err != nil {
		f.t.Fatal(err)
	}
	set := func(quota int64) {
		if _, err := f.db.Exec(f.t.Context(), `UPDATE drives SET quota = $2 WHERE id = $1`, f.alice, quota); err != nil {
			f.t.Fatal(err)
		}
	}
	set(u.Used)
	defer set(u.Quota)
	fn()
}

func TestUploadTarget(t *testing.T) {
	each(t, Options{Quota: 10_000, MaxFile: 5000}, func(t *testing.T, f *fixture) {
		f.put("/taken.txt", "old")
		f.run("mkdir /dir")
		for _, c := range []struct {
			n    NewUpload
			want string // the error's kind
			path Path
		}{
			{NewUpload{Name: "taken.txt"}, "", "/taken (1).txt"},
			{NewUpload{Name: "taken.txt"}, "", "/taken (2).txt"},
			{NewUpload{Name: "taken.txt", Conflict: Replace}, "", "/taken.txt"},
			{NewUpload{Name: "taken.txt", Conflict: Fail}, "exists", ""},
			{NewUpload{Name: "dir", Conflict: Replace}, "exists", ""},
			{NewUpload{Name: "dir"}, "", "/dir (1)"},
			{NewUpload{Name: "f", Folder: "/dir/new/deep"}, "", "/dir/new/deep/f"},
			{NewUpload{Name: "f", Folder: "/taken.txt"}, "parent_missing", ""},
			{NewUpload{Name: "f", Folder: "/taken.txt/x/y"}, "parent_missing", ""},
			{NewUpload{Name: ".."}, "invalid", ""},
			{NewUpload{Name: "a/b"}, "invalid", ""},
			{NewUpload{Name: "f", Conflict: "merge"}, "invalid", ""},
			{NewUpload{Name: "f", Length: 5001}, "too_large", ""},
			{NewUpload{Name: "f", Metadata: strings.Repeat("m", MaxMetadata+1)}, "too_large", ""},
		} {
			what := fmt.Sprintf("%s in %s, %s", c.n.Name, c.n.Folder, c.n.Conflict)
			if c.n.Length == 0 {
				c.n.Length = 3
			}
			u, err := f.BeginUpload(t.Context(), f.alice, c.n)
			wantKind(t, what, err, c.want)
			if err != nil {
				continue
			}
			done, err := f.send(u, 0, strings.NewReader("new"))
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			if n, err := f.StatID(t.Context(), f.alice, done.NodeID); err != nil || n.Path != c.path {
				t.Errorf("%s: the file is %s (%v), want %s", what, n.Path, err, c.path)
			}
		}
	})
}

// The folder of an upload may move or go while bytes arrive; the file is never lost.
func TestUploadFolderMoves(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /a\nmkdir /b")
		u := f.begin(NewUpload{Name: "f", Folder: "/a", Length: 3})
		v := f.begin(NewUpload{Name: "g", Folder: "/b", Length: 3})
		w := f.begin(NewUpload{Name: "h", Conflict: Fail, Length: 3})
		f.run("mv /a /moved\nrm /b\nput /h taken meanwhile")
		for _, up := range []Upload{u, v, w} {
			if _, err := f.send(up, 0, strings.NewReader("new")); err != nil {
				t.Error(err)
			}
		}
		f.run("tree /b/ /b/g=new /h (1)=new /h=taken meanwhile /moved/ /moved/f=new")
	})
}

func TestUploadIsItsOwners(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Name: "f", Length: 10})
		ctx := t.Context()
		_, err := f.Upload(ctx, f.bob, u.ID)
		wantKind(t, "look", err, "not_found")
		_, err = f.Append(ctx, f.bob, u.ID, 0, strings.NewReader("x"), AppendOptions{})
		wantKind(t, "append", err, "not_found")
		_, err = f.SetLength(ctx, f.bob, u.ID, 1)
		wantKind(t, "length", err, "not_found")
		wantKind(t, "drop", f.DropUpload(ctx, f.bob, u.ID), "not_found")
		_, err = f.OwnedUpload(ctx, f.bob, u.ID)
		wantKind(t, "owns", err, "not_found")
		_, err = f.OwnedUpload(ctx, f.bob, "'; DROP TABLE uploads")
		wantKind(t, "owns nonsense", err, "not_found")
		kind, err := f.OwnedUpload(ctx, f.alice, u.ID)
		if err != nil || kind != Whole {
			t.Errorf("its owner: %q, %v", kind, err)
		}
	})
}

// Open uploads have their space set aside, so that none is refused at its last byte.
func TestUploadReserves(t *testing.T) {
	each(t, Options{Quota: 100}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Name: "f", Length: 60})
		_, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "g", Length: 50})
		wantKind(t, "a second one", err, "full")
		_, _, err = f.Put(t.Context(), f.alice, "/h", strings.NewReader(strings.Repeat("x", 50)), PutOptions{Size: -1})
		wantKind(t, "a file beside it", err, "full")
		deferred := f.begin(NewUpload{Name: "d", Length: -1})
		if _, err := f.send(deferred, 0, strings.NewReader(strings.Repeat("x", 30))); err != nil {
			t.Fatal(err)
		}
		_, err = f.send(deferred, 30, strings.NewReader(strings.Repeat("x", 11)))
		wantKind(t, "one that grows", err, "full")
		if _, err := f.send(u, 0, strings.NewReader(strings.Repeat("x", 60))); err != nil {
			t.Fatal(err)
		}
		if err := f.DropUpload(t.Context(), f.alice, deferred.ID); err != nil {
			t.Fatal(err)
		}
		usage, err := f.Usage(t.Context(), f.alice)
		if err != nil || usage != (Usage{Used: 60, Quota: 100}) {
			t.Errorf("in the end: %+v, %v", usage, err)
		}
	})
}

// What is not verified does not count.
func TestUploadVerified(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		bad := AppendOptions{Verify: func() error { return fault.New(fault.ChecksumMismatch, "test", "") }}
		good := AppendOptions{Verify: func() error { return nil }}
		long := strings.Repeat("0123456789", 5)
		u := f.begin(NewUpload{Name: "f", Length: 60})
		for _, c := range []struct {
			body   io.Reader
			o      AppendOptions
			want   string
			offset int64
		}{
			{strings.NewReader("short"), bad, "checksum_mismatch", 0},
			{strings.NewReader(long), bad, "checksum_mismatch", 0},
			{io.MultiReader(strings.NewReader("sho"), broken{}), good, "invalid", 0},
			{io.MultiReader(strings.NewReader(long), broken{}), good, "invalid", 0},
			{strings.NewReader("0123456789"), good, "", 10},
			{strings.NewReader(long), bad, "checksum_mismatch", 10},
			{strings.NewReader(long), good, "", 60},
		} {
			hold, err := f.HoldUpload(t.Context(), u.ID, func() {})
			if err != nil {
				t.Fatal(err)
			}
			now, err := f.Upload(t.Context(), f.alice, u.ID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Append(t.Context(), f.alice, u.ID, now.Offset, c.body, c.o)
			wantKind(t, "append", err, c.want)
			now, err = f.Upload(t.Context(), f.alice, u.ID)
			if err != nil || now.Offset != c.offset {
				t.Errorf("after it: offset %d, %v; want %d", now.Offset, err, c.offset)
			}
			hold.Release()
		}
		f.run("tree /f=0123456789" + long)
	})
}

func TestUploadEnds(t *testing.T) {
	each(t, Options{UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		long := strings.Repeat("x", 100)
		dropped := f.begin(NewUpload{Name: "dropped", Length: 200})
		idle := f.begin(NewUpload{Name: "idle", Length: 200})
		fresh := f.begin(NewUpload{Name: "fresh", Length: 200})
		for _, u := range []Upload{dropped, idle, fresh} {
			if _, err := f.send(u, 0, strings.NewReader(long)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.DropUpload(t.Context(), f.alice, dropped.ID); err != nil {
			t.Fatal(err)
		}
		f.forward(50 * time.Minute)
		if _, err := f.send(fresh, 100, strings.NewReader("y")); err != nil {
			t.Fatal(err)
		}
		f.forward(20 * time.Minute)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			u    Upload
			want string
		}{{dropped, "not_found"}, {idle, "gone"}, {fresh, ""}} {
			_, err := f.look(c.u)
			wantKind(t, c.u.Name, err, c.want)
		}
		if n := f.stored(); n != 1 {
			t.Errorf("%d stages are left, want 1", n)
		}
		if c := f.Counts(); c.UploadsBegun != 3 || c.UploadsDropped != 1 || c.UploadsExpired != 1 || c.UploadsCompleted != 0 {
			t.Errorf("counts %+v", c)
		}
	})
}

// A deferred length does not pass the limits.
func TestUploadDeferredIsBounded(t *testing.T) {
	each(t, Options{Quota: 100, MaxFile: 60}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Name: "f", Length: -1})
		_, err := f.send(u, 0, strings.NewReader(strings.Repeat("x", 61)))
		wantKind(t, "over the file limit", err, "too_large")
		now, err := f.look(u)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.send(u, now.Offset, strings.NewReader(strings.Repeat("x", 60-int(now.Offset)))); err != nil {
			t.Fatal(err)
		}
		_, _, err = f.Put(t.Context(), f.alice, "/other", strings.NewReader(strings.Repeat("y", 50)), PutOptions{Size: 50})
		wantKind(t, "a file in its space", err, "full")
		f.put("/other", strings.Repeat("y", 40))
		_, err = f.setLength(u, 61)
		wantKind(t, "a length over the file limit", err, "too_large")
		_, err = f.setLength(u, 60)
		wantKind(t, "its length", err, "")
	})
}

// Whoever resumes makes the request that still writes let go, and takes over.
func TestHoldTakenOver(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Name: "f", Length: 100})
		reader, writer := io.Pipe()
		first, err := f.HoldUpload(t.Context(), u.ID, func() { writer.CloseWithError(errors.New("asked to let go")) })
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan Upload)
		go func() {
			defer first.Release()
			after, _ := f.Append(context.Background(), f.alice, u.ID, 0, reader, AppendOptions{})
			ended <- after
		}()
		if _, err := writer.Write([]byte(strings.Repeat("a", 30))); err != nil {
			t.Fatal(err)
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			second, err := f.HoldUpload(t.Context(), u.ID, func() {})
			if err != nil {
				t.Error(err)
				return
			}
			defer second.Release()
			if _, err := f.Append(t.Context(), f.alice, u.ID, 30, strings.NewReader(strings.Repeat("b", 70)), AppendOptions{}); err != nil {
				t.Error(err)
			}
		})
		if after := <-ended; after.Offset != 30 {
			t.Errorf("the first request ended at %d, want 30", after.Offset)
		}
		waiting.Wait()
		f.run("tree /f=" + strings.Repeat("a", 30) + strings.Repeat("b", 70))

		impatient, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer stop()
		v := f.begin(NewUpload{Name: "g", Length: 1})
		stubborn, err := f.HoldUpload(t.Context(), v.ID, func() {})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.HoldUpload(impatient, v.ID, func() {})
		wantKind(t, "held by one who does not let go", err, "locked")
		stubborn.Release()
	})
}

// What a lock will refuse at the end is refused before the first byte, where folders are missing too.
func TestBeginBelowALock(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		if _, _, err := f.LockNode(t.Context(), f.alice, Lock{Path: Root, Deep: true, UserID: f.alice}, Guard{}); err != nil {
			t.Fatal(err)
		}
		for _, folder := range []Path{Root, "/a", "/a/b"} {
			if _, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Folder: folder, Name: "f", Length: 10}); !fault.Is(err, fault.Locked) {
				t.Errorf("into %s: %v", folder, err)
			}
		}
	})
}

// What a client sends as metadata is text that both engines can store, or it is refused by name: it is never a 500.
func TestUploadTextsAreText(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for what, n := range map[string]NewUpload{
			"media type, not UTF-8":  {Name: "a", MediaType: "text/\xff", Length: 3},
			"media type, NUL":        {Name: "a", MediaType: "text/\x00", Length: 3},
			"metadata, not UTF-8":    {Name: "a", Metadata: "k\xff YQ==", Length: 3},
			"name of a part":         {Name: "a\xff\x00/", Kind: Partial, Length: 3},
			"media type of a part":   {Name: "a", MediaType: "\x00", Kind: Partial, Length: 3},
			"folder with NUL (part)": {Name: "a", Folder: "/a\x00", Kind: Partial, Length: 3},
		} {
			_, err := f.BeginUpload(t.Context(), f.alice, n)
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, _, err := f.Put(t.Context(), f.alice, "/b", strings.NewReader("abc"), PutOptions{Size: 3, MediaType: "text/\xff"})
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("put: %v", err)
		}
	})
}

// A name whose extension fills it gets a number all the same: an upload that was admitted can be committed.
func TestRenameLongExtension(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for _, name := range []string{"a." + strings.Repeat("b", MaxName-2), "ab." + strings.Repeat("b", 249), "." + strings.Repeat("c", MaxName-1)} {
			for range 3 {
				u := f.begin(NewUpload{Name: name, Length: 3})
				if _, err := f.send(u, 0, strings.NewReader("abc")); err != nil {
					t.Fatalf("%.10s…: %v", name, err)
				}
			}
		}
	})
}
