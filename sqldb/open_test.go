package sqldb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func TestOpen(t *testing.T) {
	for _, test := range []struct{ name, location, wantErr string }{
		{"an unknown engine", "mysql://u:secret@h/n", "want sqlite:PATH or postgres://USER@HOST/NAME"},
		{"nothing", "", "want sqlite:PATH"},
		{"SQLite without a path", "sqlite:", "the path is empty"},
		{"Postgres that is not there", "postgres://u:secret@127.0.0.1:1/n?sslmode=disable", "refused"},
		{"a password behind the address", "postgres://u@127.0.0.1:1/n?password=secret&sslmode=disable&sslpassword=secret", "refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db, err := sqldb.Open(t.Context(), test.location, sqldb.Options{})
			if err == nil {
				db.Close()
				t.Fatal("opened; want an error")
			}
			if !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error %q; want it to say %q", err, test.wantErr)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error %q shows the password", err)
			}
		})
	}
}

func TestOpenExclusive(t *testing.T) {
	location := "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
	exclusive := sqldb.Options{Exclusive: true}
	server, err := sqldb.Open(t.Context(), location, exclusive)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := sqldb.Open(t.Context(), location, exclusive); err == nil {
		second.Close()
		t.Fatal("a second server opened the same file")
	} else if !strings.Contains(err.Error(), "another Satchel is running on this data") {
		t.Errorf("error %q does not tell what is wrong", err)
	}
	tool, err := sqldb.Open(t.Context(), location, sqldb.Options{})
	if err != nil {
		t.Fatalf("a command-line tool beside the server: %v", err)
	}
	if err := tool.Close(); err != nil {
		t.Error(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := sqldb.Open(t.Context(), location, exclusive)
	if err != nil {
		t.Fatalf("after the server stopped: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// The file holds password hashes and signing keys.
func TestSQLiteFilesAreTheOwnersAlone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data with spaces & ?marks#")
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(folder, "satchel.db"), sqldb.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		seen[entry.Name()] = true
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v; want 0600", entry.Name(), info.Mode().Perm())
		}
	}
	if !seen["satchel.db"] || !seen["satchel.db-wal"] {
		t.Errorf("found %v; want satchel.db and its write-ahead log", seen)
	}
}

func TestMigrate(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ran, err := db.Migrate(t.Context())
		if err != nil || len(ran) != 0 {
			t.Errorf("a second Migrate ran %v, %v; want nothing to do", ran, err)
		}
		if _, err := db.Exec(t.Context(), `INSERT INTO schema_steps (number, name) VALUES ($1, $2)`, 9999, "from the future"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("Migrate on a newer database: %v; want an error that says so", err)
		}
	})
}

// Nodes that start together migrate once.
func TestMigrateTogether(t *testing.T) {
	locations := map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "satchel.db"),
		"postgres": sqldbtest.PostgresURL(t),
	}
	for name, location := range locations {
		t.Run(name, func(t *testing.T) {
			const nodes = 4
			type outcome struct {
				ran []string
				err error
			}
			outcomes := make(chan outcome, nodes)
			for range nodes {
				go func() {
					db, err := sqldb.Open(t.Context(), location, sqldb.Options{})
					if err != nil {
						outcomes <- outcome{err: err}
						return
					}
					defer db.Close()
					ran, err := db.Migrate(t.Context())
					outcomes <- outcome{ran, err}
				}()
			}
			var failed int
			for range nodes {
				o := <-outcomes
				if o.err != nil {
					failed++
					t.Errorf("Migrate: %v", o.err)
				}
			}
			if failed > 0 {
				return
			}
			db, err := sqldb.Open(t.Context(), location, sqldb.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if ran, err := db.Migrate(t.Context()); err != nil || len(ran) != 0 {
				t.Errorf("Migrate afterwards ran %v, %v; want nothing to do", ran, err)
			}
		})
	}
}

func TestCloseTwice(t *testing.T) {
	db, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"), sqldb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := db.Update(t.Context(), func(*sqldb.Tx) error { return nil }); err == nil {
		t.Error("an update on a closed database succeeded")
	}
}
