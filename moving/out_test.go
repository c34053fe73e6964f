package moving

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// What is in the way stays as it is, and no link leads out of the folder.
func TestWhatIsInTheWayOfAnExport(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for _, folder := range []string{"/linked", "/file", "/folder"} {
			f.mkdir(f.ann, folder)
			f.put(f.ann, folder+"/inside", "of "+folder)
		}
		f.put(f.ann, "/aim", "must not be written")
		f.put(f.ann, "/differs", "on the drive")
		f.put(f.ann, "/tricked", "sixteen bytes  !")
		f.put(f.ann, "/fine", "this one comes")
		outside := t.TempDir()
		write(t, outside, "aim=untouched", "folder/")
		folder := t.TempDir()
		write(t, folder, "file=a file", "differs=here", "tricked=sixteen bytes  ?")
		for link, to := range map[string]string{"linked": "folder", "aim": "aim"} {
			if err := os.Symlink(filepath.Join(outside, to), filepath.Join(folder, link)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(filepath.Join(folder, "tricked"), past("/tricked"), past("/tricked")); err != nil {
			t.Fatal(err)
		}
		manifest := ManifestOf(folder)
		sum, err := f.out(f.ann).Run(t.Context(), folder, manifest)
		wantSum(t, "out", sum, err, Sum{Moved: 2, Same: 1, Failed: 4})
		f.wantTold("failed /linked: Something that is no folder", "failed /file: Something that is no folder",
			"failed /aim: Something that is no regular file", "failed /differs: Another file has its name here. With --replace")
		for file, want := range map[string]string{"fine": "this one comes", "differs": "here", "tricked": "sixteen bytes  ?"} {
			if got, err := os.ReadFile(filepath.Join(folder, file)); err != nil || string(got) != want {
				t.Errorf("%s holds %q, %v", file, got, err)
			}
		}

		o := f.out(f.ann)
		o.Verify, o.Replace = true, true
		sum, err = o.Run(t.Context(), folder, manifest)
		wantSum(t, "out again, hashed and replaced", sum, err, Sum{Moved: 2, Same: 2, Failed: 3})
		f.wantTold("/linked", "/file", "/aim")
		for file, want := range map[string]string{"differs": "on the drive", "tricked": "sixteen bytes  !"} {
			if got, err := os.ReadFile(filepath.Join(folder, file)); err != nil || string(got) != want {
				t.Errorf("%s holds %q, %v", file, got, err)
			}
		}
		if got := here(t, outside, false); got != "aim=untouched folder/" {
			t.Errorf("outside is %s", got)
		}
	})
}

// Content that is not what it was gets no name; the files are named, and all others come.
func TestDamagedContentIsNamed(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.put(f.ann, "/right", "a content that is right and goes to the store")
		f.put(f.ann, "/flipped", "a content of which one bit will be another....")
		f.put(f.ann, "/missing", "a content that will not be there any more.......")
		spoil := func(size int64, how func(path string) error) {
			t.Helper()
			found := 0
			err := filepath.WalkDir(f.blobs, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				info, err := d.Info()
				if err != nil || info.Size() != size {
					return err
				}
				found++
				return how(path)
			})
			if err != nil || found != 1 {
				t.Fatalf("%d files of %d bytes, %v", found, size, err)
			}
		}
		spoil(46, func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 46)), 0o600) })
		spoil(48, os.Remove)
		folder := filepath.Join(t.TempDir(), "out")
		sum, err := f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder))
		wantSum(t, "out", sum, err, Sum{Moved: 1, Damaged: 2})
		f.wantTold("damaged /flipped: its content is not what it was", "damaged /missing: its content is missing")
		if got := here(t, folder, false); got != "right=a content that is right and goes to the store" {
			t.Errorf("here is %s", got)
		}
		for _, path := range []drive.Path{"/missing"} { // so that the check at the end finds nothing else
			n, err := f.Stat(t.Context(), f.ann, path)
			if err == nil {
				err = f.Trash(t.Context(), f.ann, path, drive.Guard{})
			}
			if err == nil {
				err = f.Purge(t.Context(), f.ann, n.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.db.Exec(t.Context(), `DELETE FROM blobs WHERE size = 48`); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatAnExportRefusesFromTheBeginning(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		folder := t.TempDir()
		if _, err := f.out(f.ann).Run(t.Context(), folder, filepath.Join(folder, "manifest")); err == nil || !strings.Contains(err.Error(), "must not be in the folder") {
			t.Errorf("a manifest in the folder: %v", err)
		}
		held, err := newManifest(ManifestOf(folder), "ann")
		if err != nil {
			t.Fatal(err)
		}
		defer held.close()
		if _, err := f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder)); err == nil || !strings.Contains(err.Error(), "another satchel export is at work") {
			t.Errorf("two at once: %v", err)
		}

		// Beside the folder is a place where others may write, such as somebody's home.
		beside := t.TempDir()
		write(t, beside, "precious=of another", "out/")
		manifest := filepath.Join(beside, "m")
		for what, put := range map[string]func(at string) error{
			"a link":       func(at string) error { return os.Symlink(filepath.Join(beside, "precious"), at) },
			"a pipe":       func(at string) error { return syscall.Mkfifo(at, 0o600) },
			"a dead link":  func(at string) error { return os.Symlink(filepath.Join(beside, "made"), at) },
			"a whole file": func(at string) error { return os.WriteFile(at, []byte(strings.Repeat("old\n", 1000)), 0o644) },
		} {
			if err := put(manifest + ".half"); err != nil {
				t.Fatal(err)
			}
			_, err := f.out(f.ann).Run(t.Context(), filepath.Join(beside, "out"), manifest)
			if (err == nil) != (what == "a whole file") {
				t.Errorf("%s where the manifest is written: %v", what, err)
			}
			if err != nil {
				if err := os.Remove(manifest + ".half"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if m, err := OpenManifest(manifest); err != nil {
			t.Errorf("written over what was left: %v", err)
		} else if info, err := m.file.Stat(); err != nil || info.Mode() != 0o600 {
			t.Errorf("others may read the manifest: %v, %v", info.Mode(), err)
		}
		if got := here(t, beside, false); !strings.HasSuffix(got, "out/ precious=of another") {
			t.Errorf("beside the folder is %q", got)
		}
	})
}

// Whatever names a drive holds, no file is lost to the names that an export needs for itself.
func TestNamesLikeThoseOfAnExport(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		left := sha256.Sum256([]byte("x")) // a name for what is not finished that says nothing but the name
		for _, name := range []string{"x", partPrefix + hex.EncodeToString(left[:12]) + partSuffix, ".satchel-case.part", ".SATCHEL-CASE.PART", "a", "A"} {
			f.put(f.ann, "/"+name, "content of "+name)
		}
		folder, want := filepath.Join(t.TempDir(), "out"), f.tree(f.ann, "/", true)
		o := f.out(f.ann)
		o.AtOnce = 1
		for run, sum := range []Sum{{Moved: 6}, {Same: 6}} {
			got, err := o.Run(t.Context(), folder, ManifestOf(folder))
			wantSum(t, fmt.Sprint("run ", run), got, err, sum)
			if got := here(t, folder, true); got != want {
				t.Errorf("run %d: here is\n%s\nand on the drive\n%s", run, got, want)
			}
		}
		f.wantTold()
	})
}

// Two files that come to one name at once, as where the file system takes their names for one, are not written over each other.
func TestOneNameOfTwoFiles(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "first=1", "second=2")
	p, err := openPlace(folder)
	if err != nil {
		t.Fatal(err)
	}
	first, second := p.take("first", "name", false), p.take("second", "name", false)
	if got := here(t, folder, false); first != nil || !fault.Is(second, fault.Exists) || got != "name=1 second=2" {
		t.Errorf("%v, %v: %s", first, second, got)
	}
	if err := p.take("second", "name", true); err != nil || here(t, folder, false) != "name=2" {
		t.Errorf("replacing: %v, %s", err, here(t, folder, false))
	}
	if err := p.release(); err != nil {
		t.Error(err)
	}
}

// A file whose bytes are there is there, whatever its time is: a copy has lost it, or the file system cannot hold one of another century.
func TestAFileWithAnotherTimeIsThere(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.put(f.ann, "/touched", "the same bytes")
		f.put(f.ann, "/changed", "others than here")
		folder := filepath.Join(t.TempDir(), "out")
		if _, err := f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder)); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"touched": "the same bytes", "changed": "OTHERS THAN HERE"} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder))
		wantSum(t, "again", sum, err, Sum{Same: 1, Failed: 1})
		f.wantTold("failed /changed: Another file")
		if info, err := os.Stat(filepath.Join(folder, "touched")); err != nil || !sameTime(info.ModTime(), past("/touched")) {
			t.Errorf("it was given the time %v, %v", info.ModTime(), err)
		}
	})
}

// A drive that changes while it is read says so.
func TestADriveThatChangesMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.put(f.ann, "/a", "first")
		f.put(f.ann, "/b", "second")
		folder := filepath.Join(t.TempDir(), "out")
		o := f.out(f.ann)
		o.AtOnce = 1
		o.Tell = func(told Told) {
			f.tell(told)
			if told.Path == "/a" && told.Outcome == Moved {
				f.put(f.ann, "/new", "made meanwhile")
			}
		}
		sum, err := o.Run(t.Context(), folder, ManifestOf(folder))
		wantSum(t, "out", sum, err, Sum{Moved: 2, Changed: true})
		o.Tell = f.tell
		sum, err = o.Run(t.Context(), folder, ManifestOf(folder))
		wantSum(t, "out again", sum, err, Sum{Moved: 1, Same: 2})
		f.wantTold()
	})
}

// Where the file system takes two names for one, the second file is named and does not take the place of the first.
func TestNamesThatAreOneHere(t *testing.T) {
	for _, folds := range []bool{false, true} {
		w, names := &outing{folds: folds}, map[string]string{}
		for _, name := range []string{"Straße", "a", "b"} {
			if err := w.nameHere(name, names); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		for _, name := range []string{"A", "STRASSE"} {
			if err := w.nameHere(name, names); (err != nil) != folds {
				t.Errorf("%q, where names fold is %v: %v", name, folds, err)
			}
		}
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	folds, err := folding(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := root.WriteFile("Probe", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := root.Lstat("pROBE"); (err == nil) != folds {
		t.Errorf("it is said that names fold: %v; and looked up in the other case there is %v", folds, err)
	}
}
