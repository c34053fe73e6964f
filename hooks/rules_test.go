package hooks_test

import (
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
)

func TestRules(t *testing.T) {
	for _, c := range []struct {
		what         string
		deny, allow  []string
		name, mtype  string
		want         fault.Kind
		wanted, code bool // want counts; code tells name_not_allowed from type_not_allowed
	}{
		{what: "no rules", name: "x.exe"},
		{what: "a name", deny: []string{"*.exe"}, name: "x.exe", want: fault.Forbidden, wanted: true, code: true},
		{what: "another case", deny: []string{"*.EXE"}, name: "X.Exe", want: fault.Forbidden, wanted: true, code: true},
		{what: "another name", deny: []string{"*.exe"}, name: "x.exe.txt"},
		{what: "a type", allow: []string{"image/*"}, name: "x", mtype: "image/png"},
		{what: "a type with a parameter", allow: []string{"text/plain"}, name: "x", mtype: "text/plain; charset=utf-8"},
		{what: "another type", allow: []string{"image/*"}, name: "x.png", mtype: "text/html", want: fault.Forbidden, wanted: true},
		{what: "a type by its extension", allow: []string{"image/*"}, name: "X.PNG"},
		{what: "no type at all", allow: []string{"image/*"}, name: "x", want: fault.Forbidden, wanted: true},
		{what: "a name that Windows shortens", deny: []string{"*.exe"}, name: "x.exe . ", want: fault.Forbidden, wanted: true, code: true},
		{what: "a pattern with the dot that it drops", deny: []string{"*."}, name: "x.", want: fault.Forbidden, wanted: true, code: true},
		{what: "a name in another normalisation", deny: []string{"*.Caf\u00e9"}, name: "x.cafe\u0301", want: fault.Forbidden, wanted: true, code: true},
		{what: "a type that says nothing, by the extension", allow: []string{"image/*"}, name: "x.png", mtype: "application/octet-stream"},
		{what: "a type that says nothing, of another extension", allow: []string{"image/*"}, name: "x.pdf", mtype: "application/octet-stream", want: fault.Forbidden, wanted: true},
		{what: "a type that says nothing, where it is allowed", allow: []string{"application/octet-stream"}, name: "x.png", mtype: "application/octet-stream"},
		{what: "no type at all, where what is unknown is allowed", allow: []string{"application/octet-stream"}, name: "x"},
		{what: "a type that is none", allow: []string{"image/*"}, name: "x.png", mtype: "/", want: fault.Forbidden, wanted: true},
	} {
		t.Run(c.what, func(t *testing.T) {
			rules, err := hooks.NewRules(c.deny, c.allow)
			if err != nil {
				t.Fatal(err)
			}
			err = rules.Admit(drive.Proposal{Name: c.name, MediaType: c.mtype})
			if !c.wanted {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			code, _, _ := fault.Public(err)
			if want := map[bool]string{true: "name_not_allowed", false: "type_not_allowed"}[c.code]; !fault.Is(err, c.want) || code != want {
				t.Errorf("%v, code %s; want %s", err, code, want)
			}
		})
	}
	for _, bad := range [][2][]string{{{"[x"}, nil}, {nil, {"image"}}, {nil, {"/png"}}} {
		if _, err := hooks.NewRules(bad[0], bad[1]); err == nil {
			t.Errorf("NewRules(%q, %q) took what it cannot read", bad[0], bad[1])
		}
	}
}

// counter is a sink that counts.
type counter struct{ changes []drive.Change }

func (c *counter) Tell(changes []drive.Change) { c.changes = append(c.changes, changes...) }

func TestFeedTellsEverySink(t *testing.T) {
	var one, two counter
	hooks.Feed{&one, &two}.Tell([]drive.Change{{NodeID: "a"}, {NodeID: "b"}})
	if len(one.changes) != 2 || len(two.changes) != 2 || one.changes[1].NodeID != "b" {
		t.Errorf("told %v and %v", one.changes, two.changes)
	}
}
