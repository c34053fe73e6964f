package moving

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// What cannot come, or is not meant to, is named, and all else comes.
func TestWhatAnImportLeaves(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		source := t.TempDir()
		write(t, source, "fine=comes", "deep/fine=comes, too", "forbidden.exe=program", "locked/in=refused", "\xff=no text",
			"cafe\u0301=decomposed", "café=composed", "folder=a file", "file/in=not gone into", ".satchel-00.part=half", "taken=of the folder")
		if err := os.Symlink("/etc/passwd", filepath.Join(source, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("deep", filepath.Join(source, "deep", "round")); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(filepath.Join(source, "pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Chdir(source) // addresses of sockets are short
		socket, err := net.Listen("unix", "socket")
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()

		f.mkdir(f.ann, "/folder")
		f.mkdir(f.ann, "/locked")
		f.put(f.ann, "/file", "a file of ann's")
		f.put(f.ann, "/taken", "of the drive")
		if _, _, err := f.LockNode(t.Context(), f.ann, drive.Lock{Path: "/locked", UserID: f.ann, Deep: true}, drive.Guard{}); err != nil {
			t.Fatal(err)
		}
		sum, err := f.in(f.ann).Folder(t.Context(), source, nil)
		wantSum(t, "in", sum, err, Sum{Moved: 3, Left: 5, Failed: 8})
		f.wantTold("left out link: a symbolic link", "left out deep/round: a symbolic link", "left out pipe: a pipe", "left out socket: a socket", "left out .satchel-00.part: a file that",
			"failed forbidden.exe: Files of this kind", "failed locked/in: ", "failed locked: Its time of last change was not kept. It is locked", "failed \xff: Its name is not UTF-8", "failed café: On the drive it has the same name as \"cafe\u0301\"",
			"failed folder: A folder has its name", "failed file: A file has its name", "failed taken: The drive has another file of this name. With --replace")
		if got := f.tree(f.ann, "/", false); got != "cafe\u0301=decomposed deep/ deep/fine=comes, too file=a file of ann's fine=comes folder/ locked/ taken=of the drive" {
			t.Errorf("the drive has %s", got)
		}

		in := f.in(f.ann)
		in.Replace = true
		sum, err = in.Folder(t.Context(), source, nil)
		wantSum(t, "in again, replacing", sum, err, Sum{Moved: 1, Same: 3, Left: 5, Failed: 7})
		f.told = nil
		if n, versions := f.node("/taken"), f.versions("/taken"); n.Size != 13 || len(versions) != 1 || versions[0].Size != 12 {
			t.Errorf("replaced: %d bytes, and before %+v", n.Size, versions)
		}
	})
}

func (f *fixture) node(path drive.Path) drive.Node {
	f.t.Helper()
	n, err := f.Stat(f.t.Context(), f.ann, path)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

func (f *fixture) versions(path drive.Path) []drive.Version {
	f.t.Helper()
	all, err := f.Versions(f.t.Context(), f.ann, path)
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// With a manifest comes what it names, as it names it.
func TestAManifestIsHeldAgainstTheFolder(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for _, name := range []string{"/fine", "/.satchel-looks like.part", "/changed", "/gone", "/linked", "/sub/gone"} {
			if strings.HasPrefix(name, "/sub") {
				f.mkdir(f.ann, "/sub")
			}
			f.put(f.ann, name, "content of "+name)
		}
		f.put(f.ann, "/was a file", "which is missing, then")
		f.mkdir(f.ann, "/was a folder")
		folder := filepath.Join(t.TempDir(), "out")
		if _, err := f.out(f.ann).Run(t.Context(), folder, ManifestOf(folder)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"gone", "linked", "sub/gone", "was a file", "was a folder"} {
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				t.Fatal(err)
			}
		}
		write(t, folder, "changed=CONTENT OF /changed", "added=not there before", "more/added=not there before", "was a file/", "was a folder=a file")
		if err := os.Symlink("fine", filepath.Join(folder, "linked")); err != nil {
			t.Fatal(err)
		}
		m, err := OpenManifest(ManifestOf(folder))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		sum, err := f.in(f.mia).Folder(t.Context(), folder, m)
		wantSum(t, "in", sum, err, Sum{Moved: 2, Failed: 8})
		f.wantTold("failed more: it is not in the manifest", "failed was a file: it is a folder here and a file in", "failed was a folder: it is a file here and a folder in", "failed linked: Something else has taken its place", "failed changed: It is not what the manifest says", "failed added: it is not in the manifest",
			"failed gone: it is in the manifest and not in the folder", "failed sub/gone: it is in the manifest and not in the folder")
		if got := f.tree(f.mia, "/", false); got != ".satchel-looks like.part=content of /.satchel-looks like.part fine=content of /fine sub/" {
			t.Errorf("the drive has %s", got)
		}
	})
}

func TestManifestsThatAreNotWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "m.jsonl")
	w, err := newManifest(name, "ann")
	if err == nil {
		err = w.add(Entry{Path: "a"})
	}
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	for text, want := range map[string]string{
		"":                  "it is no manifest",
		"a photo":           "it is no manifest",
		lines[0]:            "it has no end",
		lines[0] + lines[1]: "it has no end",
		lines[0] + lines[2]: "0 entries of 1",
		strings.Replace(string(whole), `"version":1`, `"version":2`, 1): "version 2",
		lines[0] + "{" + lines[1] + lines[2]:                            "at byte",
		string(whole):                                                   "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := OpenManifest(name)
		if err == nil {
			m.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// A full drive ends it, with what came being there; with more room the same call goes on.
func TestAQuotaEndsAnImport(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		source := t.TempDir()
		write(t, source, "a=1234567890", "b=1234567890", "c=1234567890")
		quota := func(bytes int64) {
			t.Helper()
			if _, err := f.accounts.Administer(authn.Principal{}, authn.Client{}).Change(t.Context(), f.ann, authn.UserChange{Quota: &bytes}); err != nil {
				t.Fatal(err)
			}
		}
		quota(25)
		in := f.in(f.ann)
		in.AtOnce = 1
		sum, err := in.Folder(t.Context(), source, nil)
		if !fault.Is(err, fault.Full) || sum.Moved != 2 {
			t.Errorf("into 25 bytes: %+v, %v", sum, err)
		}
		quota(30)
		sum, err = in.Folder(t.Context(), source, nil)
		wantSum(t, "into 30 bytes", sum, err, Sum{Moved: 1, Same: 2})
		f.wantTold()
	})
}

// A dry run says what would come, and changes nothing; also for a drive that is not there.
func TestADryRun(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		source := t.TempDir()
		write(t, source, "a=one", "b/c=two", "differs=here", "same=same")
		f.put(f.ann, "/differs", "there")
		f.put(f.ann, "/same", "same")
		before, err := f.Present(t.Context(), f.ann)
		if err != nil {
			t.Fatal(err)
		}
		in := f.in(f.ann)
		in.DryRun = true
		sum, err := in.Folder(t.Context(), source, nil)
		wantSum(t, "in", sum, err, Sum{Moved: 2, Same: 1, Failed: 1, Bytes: 6})
		f.wantTold("failed differs")
		if after, err := f.Present(t.Context(), f.ann); err != nil || after != before {
			t.Errorf("a dry run changed the drive: %v, %v, %v", before, after, err)
		}
		in.Drive, in.To = "", "/where/ever"
		sum, err = in.Folder(t.Context(), source, nil)
		wantSum(t, "into no drive", sum, err, Sum{Moved: 4, Bytes: 14})
	})
}

// A file that changes while it is read is not stored, and neither is one whose place something else takes.
func TestAFileThatChangesWhileItIsRead(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for name, change := range map[string]func(path string) error{
			"grows":   func(path string) error { return os.WriteFile(path, []byte("0123456789+"), 0o600) },
			"shrinks": func(path string) error { return os.WriteFile(path, []byte("012345678"), 0o600) },
			"written": func(path string) error { return os.WriteFile(path, []byte("9876543210"), 0o600) },
		} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			src, err := newSource(file, "")
			if err == nil {
				err = change(path)
			}
			if err == nil {
				err = os.Chtimes(path, past(name), past(name)) // whatever the file system's clock knows
			}
			if err != nil {
				t.Fatal(err)
			}
			c := &coming{In: f.in(f.ann)}
			_, err = c.store(context.Background(), arrival{from: name, src: src, to: drive.Root.Join(name)})
			if err == nil {
				t.Errorf("%s: it was stored", name)
			}
		}
		if got := f.tree(f.ann, "/", false); got != "" {
			t.Errorf("the drive has %s", got)
		}
	})
}

// What the server keeps its own data in comes to nobody's drive, whoever says that it is a home directory.
func TestTheServersOwnDataStays(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		source := t.TempDir()
		write(t, source, "fine=comes", "data/satchel.db=all accounts", "data/fine=comes, too", "data/blobs/ab/c=anybody's")
		if err := os.Symlink(filepath.Join(source, "data", "blobs"), filepath.Join(source, "link")); err != nil {
			t.Fatal(err)
		}
		in := f.in(f.ann)
		in.Own = []string{filepath.Join(source, "data", "satchel.db"), filepath.Join(source, "data", "satchel.db-wal"), filepath.Join(source, "link")}
		sum, err := in.Folder(t.Context(), source, nil)
		wantSum(t, "in", sum, err, Sum{Moved: 2, Left: 3})
		f.wantTold("left out link: a symbolic link", "left out data/satchel.db: this server keeps", "left out data/blobs: this server keeps")
		if got := f.tree(f.ann, "/", false); got != "data/ data/fine=comes, too fine=comes" {
			t.Errorf("the drive has %s", got)
		}
		h := Households{In: f.in(""), Accounts: f.accounts}
		h.Own = in.Own
		for i, folder := range []string{"data/blobs", "data/blobs/ab", "link"} {
			name := fmt.Sprint("user", i)
			sum, err := h.Take(t.Context(), Household{Name: name, Folders: []Belonging{{filepath.Join(source, folder), drive.Root}}})
			wantSum(t, folder, sum, err, Sum{Failed: 1})
			f.wantTold("noted "+name+" : has no password", "noted "+name+" : has an account", "failed "+name+" : import "+filepath.Join(source, folder)+": this server keeps")
		}
	})
}
