package drive

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// quiet are the options of a test that damages content.
var quiet = Options{Log: slog.New(slog.DiscardHandler), ScrubPause: time.Nanosecond}

// arrivals are the ways by which the bytes of text come to bob's drive.
var arrivals = map[string]func(f *fixture, text string) error{
	"a whole body": func(f *fixture, text string) error {
		_, _, err := f.Put(f.t.Context(), f.bob, "/f", strings.NewReader(text), PutOptions{Size: -1})
		return err
	},
	"an upload": func(f *fixture, text string) error {
		u, err := f.BeginUpload(f.t.Context(), f.bob, NewUpload{Name: "f", Length: int64(len(text)), Conflict: Replace})
		if err == nil {
			u, err = f.send(u, 0, strings.NewReader(text[:3]))
		}
		if err == nil {
			_, err = f.send(u, 3, strings.NewReader(text[3:]))
		}
		return err
	},
	"parts that are joined": func(f *fixture, text string) error {
		var parts []string
		for _, part := range []string{text[:len(text)-2], text[len(text)-2:]} {
			u, err := f.BeginUpload(f.t.Context(), f.bob, NewUpload{Kind: Partial, Length: int64(len(part))})
			if err == nil {
				_, err = f.send(u, 0, strings.NewReader(part))
			}
			if err != nil {
				return err
			}
			parts = append(parts, u.ID)
		}
		_, err := f.BeginUpload(f.t.Context(), f.bob, NewUpload{Kind: Joined, Name: "f", Parts: parts, Length: -1, Conflict: Replace})
		return err
	},
	"a part written into a file": func(f *fixture, text string) error {
		_, _, err := f.Put(f.t.Context(), f.bob, "/f", strings.NewReader(text[:2]+strings.Repeat("?", len(text)-2)), PutOptions{Size: -1})
		if err == nil {
			_, err = f.Patch(f.t.Context(), f.bob, "/f", strings.NewReader(text[2:]), PatchOptions{Offset: 2, Size: int64(len(text)) - 2})
		}
		return err
	},
}

// Content that is damaged, in a row or in the store, is right again for all that hold it, in every drive, when the same bytes come once more by any way in.
func TestWhatComesOnceMoreMends(t *testing.T) {
	for way, arrives := range arrivals {
		t.Run(way, func(t *testing.T) {
			each(t, quiet, func(t *testing.T, f *fixture) {
				for i, text := range []string{"in its row", "content that is in the store"} {
					file, copied, trashed, old := fmt.Sprintf("/file%d", i), fmt.Sprintf("/copy%d", i), fmt.Sprintf("/trashed%d", i), fmt.Sprintf("/old%d", i)
					n := f.put(file, text)
					f.run(fmt.Sprintf("cp %s %s\ncp %s %s\nrm %s\ncp %s %s\nput %s other content, which is longer", file, copied, file, trashed, trashed, file, old, old))
					f.flip(n, 5)
					f.scrub()
					f.wantRot("it is damaged", "changed "+copied, "changed "+file, "changed "+old+" (version)", "changed "+trashed+" (trash)")
					if err := arrives(f, text); err != nil {
						t.Fatal(err)
					}
					f.wantRot("it came once more")
					f.wantText(f.bob, "/f", text)
					f.wantText(f.alice, Path(file), text)
					f.wantText(f.alice, Path(copied), text)
					f.run("restore " + trashed)
					f.wantText(f.alice, Path(trashed), text)
					versions, err := f.Versions(t.Context(), f.alice, Path(old))
					if err != nil || len(versions) != 1 {
						t.Fatal(versions, err)
					}
					if _, err := f.RestoreVersion(t.Context(), f.alice, versions[0].ID, Guard{}); err != nil {
						t.Fatal(err)
					}
					f.wantText(f.alice, Path(old), text)
					if got := f.Counts().ContentsMended; got != int64(i+1) {
						t.Errorf("%d contents were counted", got)
					}
					f.forward(2 * time.Hour)
					if _, err := f.GC(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got := f.scrub(); got.Damaged != 0 {
						t.Errorf("%+v", got)
					}
					f.clean()
				}
			})
		})
	}
}

func (f *fixture) wantText(driveID string, path Path, want string) {
	f.t.Helper()
	if got, err := f.read(driveID, path); err != nil || got != want {
		f.t.Errorf("%s: %q, %v; want %q", path, got, err, want)
	}
}

// What is damaged is not given away by its hash: whoever has it is asked for its bytes. A copy brings none, and mends nothing.
func TestWhatIsDamagedIsAskedFor(t *testing.T) {
	o := quiet
	o.Proof = true
	each(t, o, func(t *testing.T, f *fixture) {
		text := strings.Repeat("content ", proofSmall/8)
		f.flip(f.put("/file", text), 77)
		wanted := Wanted{SHA256: digest(text), Size: int64(len(text)), Name: "again"}
		if found, err := f.Lookup(t.Context(), f.bob, wanted); err != nil || found.Challenge == nil {
			t.Errorf("before it is known: %+v, %v", found, err)
		}
		f.scrub()
		for _, who := range []string{f.alice, f.bob} {
			if found, err := f.Lookup(t.Context(), who, wanted); err != nil || found != (Found{}) {
				t.Errorf("what is damaged was found: %+v, %v", found, err)
			}
		}
		f.run("cp /file /copy")
		f.wantRot("it was copied", "changed /copy", "changed /file")
		f.put("/again", text)
		f.wantRot("it was sent")
		if found, err := f.Lookup(t.Context(), f.alice, wanted); err != nil || found.Node == nil {
			t.Errorf("what is right again was not found: %+v, %v", found, err)
		}
	})
}

// Checksums of bytes that were damaged are not those of the right ones, which came once more or were put back by hand.
func TestWhatIsMendedHasItsOwnChecksums(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		sums := func() string {
			t.Helper()
			_, sums, err := f.FileChecksums(t.Context(), f.alice, "/file")
			if err != nil {
				t.Fatal(err)
			}
			return hex.EncodeToString(sums.MD5)
		}
		const text = "content that is in the store"
		right := md5.Sum([]byte(text))
		want := hex.EncodeToString(right[:])
		back := f.flip(f.put("/file", text), 5)
		f.scrub()
		if sums() == want {
			t.Error("the test does not damage it")
		}
		back()
		f.scrub()
		if got := sums(); got != want {
			t.Errorf("it was put back: %s, want %s", got, want)
		}
		node, err := f.Stat(t.Context(), f.alice, "/file")
		if err != nil {
			t.Fatal(err)
		}
		f.flip(node, 5)
		f.scrub()
		f.put("/another", text)
		if got := sums(); got != want {
			t.Errorf("it came once more: %s, want %s", got, want)
		}
	})
}

// A file that is refused in the transaction that mends mends nothing, and leaves nothing.
func TestARefusedFileMendsNothing(t *testing.T) {
	o := quiet
	o.Quota = 100
	each(t, o, func(t *testing.T, f *fixture) {
		text := strings.Repeat("x", 60)
		f.flip(f.put("/file", text), 3)
		f.scrub()
		stored := f.stored()
		u, err := f.BeginUpload(t.Context(), f.bob, NewUpload{Name: "f", Length: -1})
		if err == nil {
			u, err = f.send(u, 0, strings.NewReader(text))
		}
		if err == nil {
			_, _, err = f.Put(t.Context(), f.bob, "/big", strings.NewReader(strings.Repeat("y", 40)), PutOptions{Size: 40})
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(t.Context(), `UPDATE drives SET quota = 50 WHERE id = $1`, f.bob); err != nil {
			t.Fatal(err)
		}
		_, err = f.setLength(u, 60)
		wantKind(t, "it is full now", err, "full")
		f.wantRot("it was refused", "changed /file")
		if _, err := f.db.Exec(t.Context(), `UPDATE drives SET quota = 100 WHERE id = $1`, f.bob); err != nil {
			t.Fatal(err)
		}
		if u, err = f.finishHeld(t.Context(), u); err != nil || u.NodeID == "" {
			t.Fatalf("%+v, %v", u, err)
		}
		f.wantRot("there is room again")
		f.wantText(f.alice, "/file", text)
		f.wantText(f.bob, "/f", text)
		if got := f.stored(); got != stored+2 { // bob's two, and what gc will take
			t.Errorf("%d stages and blobs, %d before", got, stored)
		}
	})
}

// Many send the same bytes at once, while others who hold it change their drives: each gets what it asked for, and it is mended.
func TestManyMendAtOnce(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		text := "content that many have and that is damaged"
		n := f.put("/file", text)
		var users []string
		for i := range 6 {
			users = append(users, f.user(fmt.Sprint("user", i)))
			if _, _, err := f.Put(t.Context(), users[i], "/mine", strings.NewReader(text), PutOptions{Size: -1}); err != nil {
				t.Fatal(err)
			}
		}
		f.flip(n, 9)
		f.scrub()
		var all sync.WaitGroup
		for _, id := range users {
			all.Go(func() {
				for _, path := range []Path{"/mine", "/another"} {
					if _, _, err := f.Put(t.Context(), id, path, bytes.NewReader([]byte(text)), PutOptions{Size: -1}); err != nil {
						t.Error(err)
					}
				}
			})
			all.Go(func() {
				for i := range 5 {
					if _, _, err := f.Copy(t.Context(), id, "/mine", Path(fmt.Sprintf("/copy%d", i)), false, true, Guard{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		f.wantRot("it was sent")
		for _, id := range users {
			for _, path := range []Path{"/mine", "/another", "/copy0", "/copy4"} {
				f.wantText(id, path, text)
			}
		}
		if got := f.Counts().ContentsMended; got != 1 {
			t.Errorf("mended %d times", got)
		}
	})
}
