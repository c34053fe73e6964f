package main

import (
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
)

// stored are the files in a folder of blobs.
func stored(t *testing.T, folder string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != ".claim" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Old backups go, and the content that only they had. Content that is not what its row says makes no backup.
func TestBackupsAreKept(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	environ := []string{"SATCHEL_DATA=" + data, "SATCHEL_DURABILITY=relaxed"}
	if got := satchel(t, "correct horse battery\n", environ, "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	c, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{nil, os.Stdout, os.Stderr, environ}
	in, err := openRooms(t.Context(), c, p.commandLog(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	var id string
	if err := in.db.Row(t.Context(), `SELECT id FROM users`, nil, &id); err != nil {
		t.Fatal(err)
	}
	put := func(path drive.Path) drive.Node {
		t.Helper()
		body := strings.Repeat(string(path), 50_000)
		node, _, err := in.drives.Put(t.Context(), id, path, strings.NewReader(body), drive.PutOptions{Size: int64(len(body))})
		if err != nil {
			t.Fatal(err)
		}
		return node
	}
	backup := func(args ...string) result {
		return satchel(t, "", environ, append([]string{"backup", folder}, args...)...)
	}
	want := func(got result, says string, rows, content int) {
		t.Helper()
		if !strings.Contains(got.stdout+got.stderr, says) {
			t.Errorf("want %q: %+v", says, got)
		}
		if r, b := stored(t, filepath.Join(folder, "rows")), stored(t, filepath.Join(folder, "content")); len(r) != rows || len(b) != content {
			t.Errorf("%q: there are %v and %v, want %d and %d", says, r, b, rows, content)
		}
	}
	put("/stays")
	gone := put("/goes")
	want(backup(), "2 blobs copied", 1, 2)

	err = in.drives.Trash(t.Context(), id, "/goes", drive.Guard{})
	if err == nil {
		err = in.drives.Purge(t.Context(), id, gone.ID)
	}
	if err == nil {
		_, err = in.db.Exec(t.Context(), `UPDATE loose_blobs SET created_at = 1`)
	}
	if err == nil {
		_, err = in.drives.GC(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	put("/new")
	want(backup("--keep", "2"), "1 blobs copied, 195 KiB; 1 were there", 2, 3)
	want(backup("--keep", "2"), "removed.", 2, 2)

	wrong := put("/wrong")
	files := stored(t, filepath.Join(data, "blobs", "blob"))
	newest := files[0]
	for _, file := range files {
		if filepath.Base(file) > filepath.Base(newest) { // keys begin with the time
			newest = file
		}
	}
	if err := os.WriteFile(newest, make([]byte, wrong.Size), 0o600); err != nil {
		t.Fatal(err)
	}
	want(backup(), "blobs do not hold what their rows say", 2, 2)
	if err := os.Remove(newest); err != nil {
		t.Fatal(err)
	}
	want(backup(), "satchel fsck tells", 2, 2)
	if got := satchel(t, "", environ, "restore", folder, "--backup", "20200101T000000.000Z"); got.code != 1 || !strings.Contains(got.stderr, "there is no backup") {
		t.Errorf("%+v", got)
	}
}

// A backup of rows that were not right comes back all the same, and says what is wrong with it.
func TestWhatWasWrongBeforeIsRestored(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	settings := func(data string) []string { return []string{"SATCHEL_DATA=" + data, "SATCHEL_DURABILITY=relaxed"} }
	if got := satchel(t, "correct horse battery\n", settings(data), "user", "add", "ann"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	c, err := config.Load(config.Sources{Environ: settings(data)})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), c.Database, sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `UPDATE drives SET used = 17`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := satchel(t, "", settings(data), "backup", folder); got.code != 0 {
		t.Fatal(got.stderr)
	}
	restored := settings(filepath.Join(t.TempDir(), "restored"))
	if got := satchel(t, "", restored, "restore", folder); got.code != 1 || !strings.Contains(got.stdout, "its usage is not the sum") || !strings.Contains(got.stderr, "is restored. It had 1 problem") {
		t.Errorf("%+v", got)
	}
	if got := satchel(t, "", restored, "user", "list"); got.code != 0 || !strings.Contains(got.stdout, "ann") {
		t.Errorf("what was restored cannot be used: %+v", got)
	}
}

// Rows that SQLite could not move into the file, since that cannot grow, are no backup, though closing it says nothing.
func TestABackupOnAFullDisk(t *testing.T) {
	fill := func(most uint64) error {
		file := filepath.Join(t.TempDir(), "rows.db")
		db, err := sqldb.Open(t.Context(), "sqlite:"+file, sqldb.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(t.Context(), `CREATE TABLE rows (text TEXT)`); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(t.Context(), `INSERT INTO rows (text) VALUES ($1)`, strings.Repeat("x", 200_000)); err != nil {
			t.Fatal(err)
		}
		signal.Ignore(syscall.SIGXFSZ)
		defer signal.Reset(syscall.SIGXFSZ)
		var before syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		full := before
		full.Cur = min(full.Cur, most)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
			t.Fatal(err)
		}
		err = db.Close()
		if after := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); after != nil || err != nil {
			t.Fatal(after, err)
		}
		return holdsItsLog(file)
	}
	if err := fill(1 << 30); err != nil {
		t.Errorf("with room: %v", err)
	}
	if err := fill(100_000); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("without: %v", err)
	}
}
