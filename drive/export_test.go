package drive

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// exported is what an export of alice's drive has, as "path=content" with a slash behind folders; while is called for each.
func (f *fixture) exported(all bool, while func(x Exported)) (told []string) {
	f.t.Helper()
	err := f.Export(f.t.Context(), f.alice, all, func(x Exported, content blob.Content) error {
		line := x.Path + "/"
		switch {
		case x.Gone:
			line = x.Path + " is gone"
		case !x.Folder:
			body, err := io.ReadAll(content)
			if err != nil || int64(len(body)) != x.Size {
				f.t.Errorf("%s: %d bytes of %d, %v", x.Path, len(body), x.Size, err)
			}
			line = x.Path + "=" + string(body)
		}
		told = append(told, line)
		if while != nil {
			while(x)
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return told
}

func TestExportOfADrive(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run(`
			mkdir /b
			mkdir /b/empty
			put /b/file one
			put /b/file two, which goes to the store
			put /a first
			put /z/no want parent_missing
			put /thrown away
			rm /thrown
			mkdir /bin
			put /bin/inside it
			rm /bin`)
		want := []string{"files/", "files/a=first", "files/b/", "files/b/empty/", "files/b/file=two, which goes to the store"}
		if got := f.exported(false, nil); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		all := f.exported(true, nil)
		if len(all) != len(want)+4 {
			t.Errorf("all: %q", all)
		}
		versions := 0
		for _, line := range all {
			parts := strings.Split(line, "/")
			switch {
			case parts[0] == ExportVersions:
				versions++
				if !strings.HasPrefix(line, "versions/files/b/file/2026-03-01T12") || !strings.HasSuffix(line, "=one") {
					t.Error(line)
				}
			case parts[0] == ExportTrash && !slices.Contains([]string{"thrown=away", "bin/", "bin/inside=it"}, strings.Join(parts[2:], "/")):
				t.Error(line)
			}
		}
		if versions != 1 {
			t.Errorf("all: %q", all)
		}
		_, err := f.Stat(t.Context(), f.bob, Root)
		wantKind(t, "bob", err, "")
		wantKind(t, "no drive", f.Export(t.Context(), "x", true, nil), "not_found")
	})
}

// A folder of more files than are read at a time, and folders in folders to the greatest depth, are there whole, once and in order.
func TestExportOfManyFiles(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		deep := Path("")
		for range MaxDepth - 1 {
			deep += "/d"
			f.run("mkdir " + string(deep))
		}
		f.run("put " + string(deep) + "/bottom reached")
		const files = 2*exportBatch + 3
		for i := range files {
			f.put(fmt.Sprintf("/f%04d", i), "x")
		}
		told := f.exported(true, nil)
		if len(told) != 1+MaxDepth-1+1+files {
			t.Errorf("%d are told", len(told))
		}
		if !slices.Contains(told, "files"+string(deep)+"/bottom=reached") {
			t.Error("the bottom was not reached")
		}
		slices.Sort(told)
		if n := len(slices.Compact(told)); n != 1+MaxDepth-1+1+files {
			t.Errorf("%d are different", n)
		}
	})
}

// What changes while an export runs: nothing that stays is missing, and each file is whole.
func TestExportWhileTheDriveChanges(t *testing.T) {
	each(t, Options{Versions: -1, GCGrace: time.Minute}, func(t *testing.T, f *fixture) {
		for i := range exportBatch + 10 { // so that what is behind them is read later
			f.put(fmt.Sprintf("/m%04d", i), "x")
		}
		f.run(`
			put /z-changes the old content, in the store
			put /z-goes for good, in the store
			put /z-moves to the front, in the store
			mkdir /z-folder
			put /z-folder/in along with its folder
			put /m0100 what is replaced while its part is read
			put /a-first stays`)
		began := false
		told := f.exported(true, func(x Exported) {
			if x.Path != "files/a-first" {
				return
			}
			began = true
			f.run(`
				put /z-changes the new content, in the store
				rm /z-goes
				empty-trash /
				mv /z-moves /0-moved
				mv /z-folder /0-folder
				put /0-folder/new made meanwhile
				put /m0100 and this is what took its place`)
			f.forward(time.Hour)
			if _, err := f.GC(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if !began {
			t.Fatal("nothing changed")
		}
		for _, want := range []string{"files/a-first=stays", "files/z-changes=the new content, in the store", "meanwhile/0-moved=to the front, in the store",
			"meanwhile/0-folder/in=along with its folder", "meanwhile/0-folder/new=made meanwhile", "files/m0100=and this is what took its place",
			fmt.Sprintf("files/m%04d=x", exportBatch+9)} {
			if !slices.Contains(told, want) {
				t.Errorf("%q is missing", want)
			}
		}
		for _, line := range told {
			if strings.HasPrefix(line, "files/z-") && strings.Contains(line, "=") && !strings.HasPrefix(line, "files/z-changes=") {
				t.Errorf("%s was told where it was not any more", line)
			}
		}
		slices.Sort(told)
		if n := len(told); n != len(slices.Compact(told)) {
			t.Error("something is told twice at one place")
		}
	})
}

// A file that is removed for good between the listing and its turn is told as gone.
func TestExportTellsWhatIsGone(t *testing.T) {
	each(t, Options{GCGrace: time.Minute}, func(t *testing.T, f *fixture) {
		f.run(`
			put /a stays
			put /b goes, and its content with it`)
		told := f.exported(true, func(x Exported) {
			if x.Path == "files/a" {
				f.run(`
					rm /b
					empty-trash /`)
				f.forward(time.Hour)
				if _, err := f.GC(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
		if want := []string{"files/", "files/a=stays", "files/b is gone"}; !slices.Equal(told, want) {
			t.Errorf("%q, want %q", told, want)
		}
	})
}
