package backup

import (
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
)

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
