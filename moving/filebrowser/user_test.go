package filebrowser_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asdine/storm/v3"
	"golang.org/x/crypto/bcrypt"

	"github.com/satchelhq/satchel/moving/filebrowser"
)

// These are File Browser's own types, with the tags that say how storm keeps them: User of its package users, Link of share, Server of settings.
type (
	User struct {
		ID           uint            `storm:"id,increment" json:"id"`
		Username     string          `storm:"unique" json:"username"`
		Password     string          `json:"password"`
		Scope        string          `json:"scope"`
		Locale       string          `json:"locale"`
		LockPassword bool            `json:"lockPassword"`
		Perm         map[string]bool `json:"perm"`
		Commands     []string        `json:"commands"`
		Rules        []Rule          `json:"rules"`
	}
	Rule struct {
		Regex bool   `json:"regex"`
		Allow bool   `json:"allow"`
		Path  string `json:"path"`
	}
	Link struct {
		Hash   string `json:"hash" storm:"id,index"`
		Path   string `json:"path" storm:"index"`
		UserID uint   `json:"userID"`
		Expire int64  `json:"expire"`
	}
	Server struct {
		Root string `json:"root"`
		Port string `json:"port"`
	}
)

// Settings is what matters of the settings of all users.
type Settings struct {
	Rules []Rule `json:"rules"`
}

var everything = map[string]bool{"admin": false, "execute": true, "create": true, "rename": true, "modify": true, "delete": true, "share": true, "download": true}

// database is one of File Browser's, written by the library that it uses.
func database(t *testing.T, root string, rows ...any) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "filebrowser.db")
	db, err := storm.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set("config", "server", &Server{Root: root, Port: "8080"}); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		err := error(nil)
		if s, ok := row.(*Settings); ok {
			err = db.Set("config", "settings", s)
		} else {
			err = db.Save(row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUsersOfFileBrowser(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	admin := map[string]bool{}
	for k := range everything {
		admin[k] = true
	}
	file := database(t, "/srv",
		&User{Username: "root", Password: string(hash), Scope: ".", Perm: admin},
		&User{Username: "ann", Password: string(hash), Scope: "/users/ann", Perm: everything},
		&User{Username: "mia", Password: "", Scope: "../../etc", Perm: map[string]bool{"download": true}, Rules: []Rule{{Path: "/secret"}}},
		&Link{Hash: "a", Path: "/x", UserID: 2}, &Link{Hash: "b", Path: "/y", UserID: 2})
	all, err := filebrowser.Households(file, filebrowser.Options{Here: func(folder string) string { return "/old" + folder }})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range all {
		line := h.Name + " " + h.Folders[0].From + " → " + string(h.Folders[0].To)
		if h.Hash == string(hash) {
			line += ", password"
		}
		got = append(got, strings.Join(append([]string{line}, h.Notes...), "; "))
	}
	want := []string{
		"root /old/srv → /, password; was an administrator, and is none here: satchel user role root admin",
		"ann /old/srv/users/ann → /, password; had 2 shared links, which end",
		"mia /old/srv/etc → /; was not allowed to do everything in the own folder, and is here; had 1 rules for what may be seen, which do not come along",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Rules for everybody are told of everybody.
func TestRulesForAllUsersOfFileBrowser(t *testing.T) {
	file := database(t, "/srv", &Settings{Rules: []Rule{{Path: "/hr"}}}, &User{Username: "ann", Scope: ".", Perm: everything}, &User{Username: "mia", Scope: ".", Perm: everything, Rules: []Rule{{Path: "/x"}}})
	all, err := filebrowser.Households(file, filebrowser.Options{Here: func(folder string) string { return folder }})
	if err != nil || len(all) != 2 || !strings.HasPrefix(strings.Join(all[0].Notes, ""), "had 1 rules") || !strings.HasPrefix(strings.Join(all[1].Notes, ""), "had 2 rules") {
		t.Errorf("%+v, %v", all, err)
	}
}

// A database that is cut off, or of which a page is another's or none, is refused, wherever that is; nobody is left out, and nothing ends in a crash.
func TestATornDatabaseOfFileBrowser(t *testing.T) {
	var rows []any
	for i := range 40 {
		rows = append(rows, &User{Username: fmt.Sprint("user", i), Scope: ".", Locale: strings.Repeat("x", 3000)})
	}
	file := database(t, "/srv", rows...)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(t.TempDir(), "torn.db")
	refused := 0
	read := func(what string, text []byte) {
		t.Helper()
		if err := os.WriteFile(torn, text, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := filebrowser.Households(torn, filebrowser.Options{Here: func(folder string) string { return folder }})
		switch {
		case err != nil && strings.Contains(err.Error(), "torn.db: "):
			refused++
		case err != nil || len(all) != len(rows): // a free page may hold anything
			t.Errorf("%s: %d users of %d, %v", what, len(all), len(rows), err)
		}
	}
	page := os.Getpagesize()
	for at := 2 * page; at+page <= len(whole); at += page {
		for _, with := range []byte{0, 0xff} {
			text := bytes.Clone(whole)
			copy(text[at:], bytes.Repeat([]byte{with}, page))
			read(fmt.Sprintf("page %d of %#x", at/page, with), text)
		}
	}
	for _, size := range []int{3 * page, 10 * page, len(whole) / 2, 20*page + 100} {
		read(fmt.Sprintf("the first %d bytes", size), whole[:size])
	}
	if refused < 40 {
		t.Errorf("only %d were refused", refused)
	}
}

func TestWhatIsNoDatabaseOfFileBrowser(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	held := database(t, "/srv", &User{Username: "ann", Scope: "."})
	db, err := storm.Open(held)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for file, want := range map[string]string{
		filepath.Join(folder, "missing"): "no such file",
		text:                             "invalid database",
		held:                             "is in use: stop File Browser first",
		database(t, "/srv"):              "it has no users",
		database(t, "data", &User{Username: "ann", Scope: "."}): "say where that is here, with --at data=FOLDER",
	} {
		all, err := filebrowser.Households(file, filebrowser.Options{Here: func(folder string) string { return folder }})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", filepath.Base(file), all, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "missing")); !os.IsNotExist(err) {
		t.Errorf("a database was made: %v", err)
	}
}
