package satchel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/satchelhq/satchel"

// floors is the house of docs/design.md. Imports go down, never up and never across.
var floors = map[string]int{
	"cmd/satchel": 5,

	"server":     4,
	"server/tus": 4, "server/dav": 4, "server/api": 4, "server/web": 4,
	"server/answer": 4, "server/origin": 4, "server/form": 4, "server/archive": 4, "server/overview": 4,

	"hooks": 3, "pages": 3, "preview": 3, "backup": 3, "moving": 3, "moving/tusd": 3, "moving/filebrowser": 3, "moving/sftpgo": 3,

	"drive": 2, "authn": 2, "authn/sender": 2, "blob/s3/ledger": 2, "sqldb/rowcopy": 2, "certificate": 2, "turn": 2,

	"sqldb": 1, "openid": 1, "webhook": 1, "client": 1, "doctor": 1,
	"blob": 1, "blob/disk": 1, "blob/mem": 1, "blob/s3": 1, "blob/both": 1,

	"fault": 0, "config": 0, "crash": 0, "picture": 0, "logfile": 0, "traces": 0, "pages/catalogue": 0,
}

// across is what may be imported on one's own floor.
var across = map[string][]string{
	"server":         {"server/tus", "server/dav", "server/api", "server/web", "server/answer", "server/origin", "server/overview"},
	"server/tus":     {"server/answer", "server/origin"},
	"server/dav":     {"server/answer", "server/origin"},
	"server/api":     {"server/answer", "server/origin", "server/form", "server/archive", "server/overview"},
	"server/web":     {"server/answer", "server/origin", "server/form", "server/archive", "server/overview"},
	"server/archive": {"server/answer"},
	"authn/sender":   {"authn"},

	"moving/tusd": {"moving"}, "moving/filebrowser": {"moving"}, "moving/sftpgo": {"moving"},

	"blob/disk": {"blob"},
	"blob/mem":  {"blob"},
	"blob/s3":   {"blob"},
	"blob/both": {"blob"},
}

// only names who may import a room that its floor alone would leave open to more.
var only = map[string][]string{
	"config":  {"cmd/satchel"},
	"logfile": {"cmd/satchel"},
	"doctor":  {"cmd/satchel"},
	"client":  {"cmd/satchel"}, // the other side: it knows the server by HTTP
	"picture": {"preview"},     // which decodes in a process that may die

	"blob/s3":        {"cmd/satchel", "blob/s3/ledger", "backup"}, // all others know package blob
	"blob/s3/ledger": {"cmd/satchel", "backup"},
	"backup":         {"cmd/satchel"},
}

// outside are rooms beside the house: tests may import them, the program may not.
var outside = []string{"sqldb/sqldbtest", "openid/openidtest", "blob/blobtest", "blob/s3/s3test", "traces/tracestest", "certificate/certificatetest", "e2e", "bench", "bench/crowd"}

// noNames are names that say nothing about what a package holds.
var noNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "model", "models"}

// goPackage is what the tests need of go list's answer.
type goPackage struct {
	ImportPath, Name, Dir string
	Imports               []string
	room                  string // ImportPath below the module
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json", "./...")
	list.Stderr = os.Stderr
	out, err := list.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Start(); err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	decoder := json.NewDecoder(out)
	for {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p.room = inside(p.ImportPath)
		if strings.Contains(p.Dir, "/node_modules/") {
			continue
		}
		all = append(all, p)
	}
	if err := list.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

// inside is an import path below the module, or "" for one of another module and for the module's root.
func inside(importPath string) string {
	room, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return room
}

func TestImportsGoDown(t *testing.T) {
	for _, p := range packages(t) {
		if p.room == "" || slices.Contains(outside, p.room) {
			continue
		}
		if _, ok := floors[p.room]; !ok {
			t.Errorf("%s is on no floor: give it one in arch_test.go and in docs/design.md", p.room)
			continue
		}
		for _, imported := range p.Imports {
			if why := refuse(p.room, inside(imported)); why != "" {
				t.Errorf("%s imports %s: %s", p.room, inside(imported), why)
			}
		}
	}
}

// refuse says why a room may not import another; "" means that it may.
func refuse(from, to string) string {
	if to == "" {
		return ""
	}
	if slices.Contains(outside, to) {
		return "it is no part of the program"
	}
	if who, ok := only[to]; ok && !slices.Contains(who, from) {
		return "only " + strings.Join(who, ", ") + " may"
	}
	up, ok := floors[to]
	switch {
	case !ok:
		return "it is on no floor"
	case up > floors[from]:
		return fmt.Sprintf("that is up, from floor %d to %d", floors[from], up)
	case up == floors[from] && !slices.Contains(across[from], to):
		return fmt.Sprintf("both are on floor %d", up)
	}
	return ""
}

// The table itself, tried on imports that must not happen.
func TestTheTableRefuses(t *testing.T) {
	for _, test := range []struct {
		from, to string
		want     bool // refused
	}{
		{"drive", "authn", true},
		{"authn", "drive", true},
		{"server/tus", "server/dav", true},
		{"server/answer", "server/origin", true},
		{"server/web", "server", true},
		{"drive", "server/answer", true},
		{"sqldb", "blob", true},
		{"blob", "blob/disk", true},
		{"server", "config", true},
		{"client", "drive", true},
		{"client", "authn", true},
		{"server/api", "client", true},
		{"drive", "sqldb/sqldbtest", true},
		{"server", "somewhere/new", true},
		{"server", "server/tus", false},
		{"server/tus", "server/answer", false},
		{"server/api", "authn", false},
		{"cmd/satchel", "config", false},
		{"blob/disk", "blob", false},
		{"drive", "fault", false},
	} {
		if why := refuse(test.from, test.to); (why != "") != test.want {
			t.Errorf("%s imports %s: %q; want it refused: %v", test.from, test.to, why, test.want)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	var seen []string
	for _, p := range packages(t) {
		if p.room == "" {
			continue
		}
		seen = append(seen, p.room)
		if slices.Contains(noNames, p.Name) || slices.Contains(noNames, path.Base(p.room)) {
			t.Errorf("%s: the name says nothing about what is in it", p.room)
		}
		if _, err := os.Stat(filepath.Join(p.Dir, "doc.go")); err != nil {
			t.Errorf("%s has no doc.go", p.room)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(floors)) {
		if !slices.Contains(seen, room) {
			t.Errorf("%s has a floor and does not exist", room)
		}
	}
}
