package moving

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
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
		for link, to := range map[string]string{"linked": "folder", "aim": "aim", ".satchel-case.part": "made"} {
			if err := os.Symlink(filepath.Join(outside, to), filepath.Join(folder, link)); err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(filepath.Join(folder, ".satchel-case.part"))
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
