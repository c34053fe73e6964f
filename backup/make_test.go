package backup

import (
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// Of backups that were named while a clock was ahead, and of what was left there, the one that is made now is the newest, and stays.
func TestABackupAfterTheClockWasAhead(t *testing.T) {
	p, err := OpenFolder(filepath.Join(t.TempDir(), "backups"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	o := Making{DB: sqldbtest.OpenSQLite(t), Blobs: mem.New(), Version: "test"}
	early, err := Make(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	const ahead, left = "29991231T235959.999Z", "29991231T235959.998Z"
	rows := p.(*folder).rows
	for _, end := range []string{contentsEnd, rowsEnd, manifestEnd} {
		if err := os.Rename(filepath.Join(rows, early.Name+end), filepath.Join(rows, ahead+end)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(rows, left+rowsEnd), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := Make(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := Forget(t.Context(), p, 1); err != nil || !slices.Equal(removed, []string{ahead}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if names, err := Names(t.Context(), p); err != nil || !slices.Equal(names, []string{made.Name}) || made.Name != "30000101T000000.000Z" {
		t.Errorf("there are %v, %v, and %s was made", names, err, made.Name)
	}
	if made.Manifest.Moment.Year() >= 2999 {
		t.Errorf("its moment is %s", made.Manifest.Moment)
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
