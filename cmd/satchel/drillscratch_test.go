package main

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// The database of a drill is the one that was made for it, wherever the URL of the server names another.
func TestScratchURLNamesTheScratchDatabase(t *testing.T) {
	server, err := url.Parse(sqldbtest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	query := server.Query()
	query.Set("dbname", server.Path[1:])
	server.RawQuery = query.Encode()
	at, err := scratchURL(server.String(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), at, sqldb.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var name string
	if err := db.Row(t.Context(), `SELECT current_database()`, nil, &name); err != nil || name != "postgres" {
		t.Errorf("%s is database %q, %v", at, name, err)
	}
	for _, server := range []string{"postgres:served", "sqlite:served.db", "host=localhost dbname=served", "postgres://%zz/served"} {
		if at, err := scratchURL(server, "scratch"); err == nil {
			t.Errorf("%s becomes %s", server, at)
		}
	}
}

// What is called like a drill's scratch folder and is another's, or leads elsewhere, stays, and keeps no drill from its work.
func TestOnlyOwnScratchIsRemoved(t *testing.T) {
	parent, elsewhere := t.TempDir(), t.TempDir()
	link, claimed := filepath.Join(parent, scratchName+"link"), filepath.Join(parent, scratchName+"claim")
	made := filepath.Join(elsewhere, "made")
	for _, err := range []error{
		os.WriteFile(filepath.Join(elsewhere, ".claim"), nil, 0o600),
		os.Symlink(elsewhere, link),
		os.Mkdir(claimed, 0o700),
		os.Symlink(made, filepath.Join(claimed, ".claim")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	foreign := filepath.Join(parent, scratchName+"foreign")
	if os.Geteuid() == 0 {
		if err := os.Mkdir(foreign, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(foreign, ".claim"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeDeadScratch(parent); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(made); err == nil {
		t.Error("a link of another made a file elsewhere")
	}
	stays := []string{link, claimed, filepath.Join(elsewhere, ".claim")}
	if os.Geteuid() == 0 {
		stays = append(stays, foreign)
	}
	for _, path := range stays {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}
