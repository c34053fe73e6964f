package moving

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

// A drive goes out to a folder and comes back to another drive as it was: names, bytes, times and types. Doing it again changes nothing.
func TestADriveGoesOutAndComesBack(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		long := strings.Repeat("é", 127) + "x" // 255 bytes
		f.mkdir(f.ann, "/photos")
		f.mkdir(f.ann, "/photos/empty")
		f.mkdir(f.ann, "/Ünïcode \u4f60\u597d")
		f.put(f.ann, "/top", "")
		f.put(f.ann, "/photos/a.jpg", strings.Repeat("a large one, which goes to the store. ", 20_000))
		f.put(f.ann, "/photos/"+long, "small")
		f.put(f.ann, "/Ünïcode \u4f60\u597d/ -rf *\n", "a name that a shell would stumble over")
		typed := strings.NewReader("#!/bin/sh")
		if _, _, err := f.Put(t.Context(), f.ann, "/script", typed, drive.PutOptions{Size: typed.Size(), MediaType: "text/x-own", Modified: past("")}); err != nil {
			t.Fatal(err)
		}
		f.put(f.ann, "/removed", "it stays in the trash")
		if err := f.Trash(t.Context(), f.ann, "/removed", drive.Guard{}); err != nil {
			t.Fatal(err)
		}

		folder := filepath.Join(t.TempDir(), "ann")
		want := f.tree(f.ann, "/", true)
		sum, err := f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder))
		wantSum(t, "out", sum, err, Sum{Moved: 5})
		if got := here(t, folder, true); got != want {
			t.Errorf("here is\n%.600s\nand on the drive\n%.600s", got, want)
		}
		sum, err = f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder))
		wantSum(t, "out again", sum, err, Sum{Same: 5})

		m, err := OpenManifest(ManifestOf(folder))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		in := f.in(f.mia)
		in.To = "/from/ann"
		sum, err = in.Folder(t.Context(), folder, m)
		wantSum(t, "in", sum, err, Sum{Moved: 5})
		if got := f.tree(f.mia, "/from/ann", true); got != want {
			t.Errorf("ann had\n%.600s\nand mia has\n%.600s", want, got)
		}
		if n, err := f.Stat(t.Context(), f.mia, "/from/ann/script"); err != nil || n.MediaType != "text/x-own" {
			t.Errorf("the type is %q, %v", n.MediaType, err)
		}
		before, err := f.Present(t.Context(), f.mia)
		if err != nil {
			t.Fatal(err)
		}
		sum, err = in.Folder(t.Context(), folder, nil)
		wantSum(t, "in again", sum, err, Sum{Same: 5})
		if after, err := f.Present(t.Context(), f.mia); err != nil || after != before {
			t.Errorf("coming again changed the drive: %v, %v, %v", before, after, err)
		}
		f.wantTold()
	})
}

// Whatever file is the one at which all of it is stopped: the next run ends with what one run would have made.
func TestStoppedAndGoneOnWith(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		source := t.TempDir()
		write(t, source, "a=one", "b/c=two, which is long enough to go to the store", "b/d/e=three", "f/", "z=four, a long one as well as the other")
		want := here(t, source, true)
		stopAfter := func(n int, run func(ctx context.Context, tell func(Told)) error) {
			t.Helper()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			done := 0
			err := run(ctx, func(told Told) {
				if done++; done == n {
					stop()
				}
			})
			if err == nil && n < 4 {
				t.Errorf("it was not stopped after %d files", n)
			}
		}
		for n := 1; n <= 5; n++ {
			in := f.in(f.ann)
			in.AtOnce, in.To = 1, drive.Root.Join(string(rune('0'+n)))
			stopAfter(n, func(ctx context.Context, tell func(Told)) error {
				in.Tell = tell
				_, err := in.Folder(ctx, source, nil)
				return err
			})
			in.Tell = f.tell
			if _, err := in.Folder(t.Context(), source, nil); err != nil {
				t.Error(err)
			}
			if got := f.tree(f.ann, string(in.To), true); got != want {
				t.Errorf("stopped after %d files and gone on with, the drive has\n%s\nand not\n%s", n, got, want)
			}

			folder := filepath.Join(t.TempDir(), "out")
			out := f.out(f.ann)
			whole := f.tree(f.ann, "/", true)
			out.AtOnce = 1
			ctx, stop := context.WithCancel(t.Context())
			files := 0
			out.Tell = func(Told) {
				if files++; files == n {
					stop()
				}
			}
			if _, err := out.Run(ctx, folder, ManifestOf(folder)); err == nil && n < 4 {
				t.Errorf("it was not stopped after %d files", n)
			}
			stop()
			if _, err := os.Stat(ManifestOf(folder)); n < 4 && !os.IsNotExist(err) {
				t.Errorf("half an export has a manifest: %v", err)
			}
			out.Tell = f.tell
			if _, err := out.Run(t.Context(), folder, ManifestOf(folder)); err != nil {
				t.Error(err)
			}
			if got := here(t, folder, true); got != whole {
				t.Errorf("stopped after %d files and gone on with, the folder has\n%s\nand not\n%s", n, got, whole)
			}
		}
		f.wantTold()
	})
}
