package moving

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// fixture is a server's drives, with ann's and mia's.
type fixture struct {
	*drive.Drives
	t        *testing.T
	db       *sqldb.DB
	accounts *authn.Accounts
	blobs    string // the folder of the store
	ann, mia string // their drives

	mu   sync.Mutex
	told []string
}

// each runs fn on both engines. Content above 16 bytes goes to the blob store.
func each(t *testing.T, fn func(t *testing.T, f *fixture)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) { fn(t, newFixture(t, db)) })
}

func newFixture(t *testing.T, db *sqldb.DB) *fixture {
	t.Helper()
	f := &fixture{t: t, db: db, blobs: t.TempDir()}
	store, err := disk.Open(f.blobs, disk.Options{Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	f.Drives = drive.New(db, store, drive.Options{InlineMax: 16, Log: quiet, Admit: func(p drive.Proposal) error {
		if p.Name == "forbidden.exe" {
			return fault.New(fault.Forbidden, "test", "Files of this kind are not taken.")
		}
		return nil
	}})
	f.accounts = authn.New(db, authn.Options{CreateDrive: f.Create, SetQuota: f.SetQuota, RemoveDrive: f.Remove, Log: quiet})
	f.ann, f.mia = f.user("ann"), f.user("mia")
	t.Cleanup(func() {
		problems, err := f.Check(context.Background())
		if err != nil {
			t.Error(err)
		}
		for _, p := range problems {
			t.Errorf("check: %s", p)
		}
	})
	return f
}

func (f *fixture) user(name string) string {
	f.t.Helper()
	u, err := f.accounts.Administer(authn.Principal{}, authn.Client{}).CreateUser(f.t.Context(), authn.NewUser{
		Registration: authn.Registration{Username: name}, Role: authn.RoleUser, Hash: new("")})
	if err != nil {
		f.t.Fatal(err)
	}
	return u.ID
}

func (f *fixture) put(driveID, path, body string) drive.Node {
	f.t.Helper()
	n, _, err := f.Put(f.t.Context(), driveID, drive.Path(path), strings.NewReader(body), drive.PutOptions{Size: int64(len(body)), Modified: past(path)})
	if err != nil {
		f.t.Fatalf("put %s: %v", path, err)
	}
	return n
}

func (f *fixture) mkdir(driveID, path string) {
	f.t.Helper()
	if _, err := f.MakeFolder(f.t.Context(), driveID, drive.Path(path), drive.Guard{}); err != nil {
		f.t.Fatalf("mkdir %s: %v", path, err)
	}
}

// past is a time of last change that is a path's own.
func past(path string) time.Time {
	return time.Date(2021, 5, 6, 7, len(path)%60, 0, 123_456_000+len(path)*1000, time.UTC)
}

// tree is what a folder of a drive holds: "a/ a/f=hello", with times if asked for.
func (f *fixture) tree(driveID, top string, times bool) string {
	f.t.Helper()
	var lines []string
	err := f.Walk(f.t.Context(), driveID, drive.Path(top), 10_000, func(n drive.Node) error {
		below := strings.TrimPrefix(strings.TrimPrefix(string(n.Path), top), "/")
		if below == "" {
			return nil
		}
		line := below + "/"
		if !n.Folder {
			_, c, err := f.OpenNode(f.t.Context(), driveID, n.ID)
			if err != nil {
				return err
			}
			defer c.Close()
			b, err := io.ReadAll(c)
			if err != nil {
				return err
			}
			line = below + "=" + string(b)
		}
		if times {
			line += "@" + n.Modified.UTC().Format(time.RFC3339Nano)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// here is what a folder here holds, spelled as tree does it.
func here(t *testing.T, folder string, times bool) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line, _ := filepath.Rel(folder, path)
		switch {
		case d.IsDir():
			line += "/"
		case d.Type() == 0:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += "=" + string(b)
		default:
			line += " " + d.Type().String()
		}
		if times {
			line += "@" + info.ModTime().UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// write makes files here, "name=content" each, and folders, "name/", with times of the past.
func write(t *testing.T, folder string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		name, body, file := strings.Cut(line, "=")
		path := filepath.Join(folder, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil && file {
			err = os.WriteFile(path, []byte(body), 0o600)
		} else if err == nil {
			err = os.MkdirAll(path, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(folder, path)
		return os.Chtimes(path, time.Time{}, past(rel))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tell remembers what was told of anything that did not move.
func (f *fixture) tell(t Told) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.Why != nil {
		f.told = append(f.told, fmt.Sprintf("%s %s: %v", t.Outcome, strings.TrimPrefix(t.User+" "+t.Path, " "), publicly(t.Why)))
	}
}

func publicly(err error) string {
	if fault.KindOf(err) == fault.Internal {
		return err.Error()
	}
	_, sentence, _ := fault.Public(err)
	return sentence
}

// wantTold holds what was told since the last time against parts of lines; nothing else may have been told.
func (f *fixture) wantTold(want ...string) {
	f.t.Helper()
	slices.Sort(f.told)
	told := f.told
	f.told = nil
	for _, w := range want {
		at := slices.IndexFunc(told, func(line string) bool { return strings.Contains(line, w) })
		if at < 0 {
			f.t.Errorf("nothing says %q: %q", w, told)
			continue
		}
		told = slices.Delete(told, at, at+1)
	}
	if len(told) > 0 {
		f.t.Errorf("also told: %q", told)
	}
}

func (f *fixture) out(driveID string) Out {
	return Out{Drives: f.Drives, Drive: driveID, User: "ann", AtOnce: 3, Tell: f.tell}
}

func (f *fixture) in(driveID string) In {
	return In{Drives: f.Drives, Drive: driveID, To: drive.Root, AtOnce: 3, Tell: f.tell}
}

// wantSum compares counts, and bytes where they are given.
func wantSum(t *testing.T, what string, got Sum, err error, want Sum) {
	t.Helper()
	if want.Bytes == 0 {
		got.Bytes = 0
	}
	if err != nil || got != want {
		t.Errorf("%s: %+v, %v; want %+v", what, got, err, want)
	}
}
