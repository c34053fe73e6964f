package client

import (
	"net/http"
	"slices"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// What was changed since it was looked at stays; what is gone already is as it was to be.
func TestRemoveUnchanged(t *testing.T) {
	for status, want := range map[int]fault.Kind{http.StatusOK: 0, http.StatusNoContent: 0, http.StatusNotFound: 0, http.StatusPreconditionFailed: fault.Precondition, http.StatusLocked: fault.Locked} {
		c := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodDelete || r.URL.Path != "/api/v1/files/a/b c" || r.Header.Get("If-Match") != `"1"` {
				t.Errorf("%s %s, if it is %s", r.Method, r.URL.Path, r.Header.Get("If-Match"))
			}
			w.WriteHeader(status)
		}))
		if err := c.RemoveUnchanged(t.Context(), Node{Path: "/a/b c", ETag: `"1"`}); (err == nil) != (want == 0) || err != nil && !fault.Is(err, want) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// Surplus is what is there and not here, in the same spelling or another, and nothing outside of the folder, whatever a server calls it.
func TestWalkTellsOfSurplus(t *testing.T) {
	c := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		children := []Node{{Name: "only there", Folder: true}, {Name: "pipe"}, {Name: "link"}, {Name: "e\u0301"}, {Name: "../other"}, {Name: ".."}, {Name: "sub", Folder: true}, {Name: "empty", Folder: true}}
		if r.URL.Path != "/api/v1/files/to" {
			children = []Node{{Name: "inner"}}
		}
		answerJSON(w, map[string]any{"folder": true, "children": children})
	}))
	var surplus []string
	local := LocalTree{Root: tree(t, "pipe|", "link -> nowhere", "\u00e9", "sub/file", "empty/", "new/file"), To: "/to", Look: true, Surplus: func(n Node) { surplus = append(surplus, n.Path) }}
	if err := c.Walk(t.Context(), local, func(Found) bool { return true }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(surplus)
	if want := []string{"/to/empty/inner", "/to/only there", "/to/sub/inner"}; !slices.Equal(surplus, want) {
		t.Errorf("%q, want %q", surplus, want)
	}
}
