package dav_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// TestLitmus runs the whole of litmus, the WebDAV compliance suite: no failure, no skip, no warning.
func TestLitmus(t *testing.T) {
	litmus, err := exec.LookPath("litmus")
	if err != nil {
		t.Fatal("litmus is missing: apt-get install litmus")
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		drives := drive.New(db, mem.New(), drive.Options{})
		userID := newUser(t, db, drives)
		door := dav.New(dav.Options{Drives: drives})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name, password, ok := r.BasicAuth(); ok && name == "ann" && password == "secret" {
				r = r.WithContext(authn.WithPrincipal(r.Context(), authn.Principal{UserID: userID, Username: name, Method: authn.MethodBasic}))
			}
			door.ServeHTTP(w, r)
		}))
		defer server.Close()
		for _, suite := range litmusSuites {
			t.Run(suite.name, func(t *testing.T) {
				command := exec.CommandContext(t.Context(), litmus, "--keep-going", server.URL+"/dav/", "ann", "secret")
				command.Dir = t.TempDir() // it leaves debug.log there
				command.Env = append(command.Environ(), "TESTS="+suite.name)
				out, err := command.CombinedOutput()
				checkLitmus(t, suite.name, suite.tests, string(out), err)
			})
		}
	})
}

// litmusSuites are those of litmus 0.13, and how many tests each holds.
var litmusSuites = []struct{ name, tests string }{{"basic", "16"}, {"copymove", "13"}, {"props", "30"}, {"locks", "41"}, {"http", "4"}}

// summary is litmus' last line on a suite.
var summary = regexp.MustCompile("<- summary for `(\\w+)': of (\\d+) tests run: (\\d+) passed, (\\d+) failed")

func checkLitmus(t *testing.T, suite, tests, out string, err error) {
	t.Helper()
	match := summary.FindStringSubmatch(out)
	if err != nil || match == nil || match[1] != suite || match[2] != tests || match[3] != tests || match[4] != "0" {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, word := range []string{"WARNING", "FAIL", "SKIPPED"} {
		if strings.Contains(out, word) {
			t.Errorf("litmus says %s:\n%s", word, out)
		}
	}
	t.Log(match[0])
}
