package dav_test

import (
	"context"
	"encoding/xml"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares an XML answer, one element a line, with testdata/NAME.xml.
func golden(t *testing.T, name, body string) {
	t.Helper()
	if err := xml.Unmarshal([]byte(body), &struct{}{}); err != nil {
		t.Errorf("the answer is not XML: %v\n%s", err, body)
	}
	body = regexp.MustCompile(`opaquelocktoken:[0-9a-f-]{36}`).ReplaceAllString(body, "opaquelocktoken:TOKEN")
	body = strings.NewReplacer("<D:response>", "\n<D:response>\n", "</D:response>", "\n</D:response>", "<D:propstat>", "\n<D:propstat>\n  ",
		"</D:prop><D:status>", "\n</D:prop><D:status>", "><D:prop>", ">\n<D:prop>\n  ", "</D:multistatus>", "\n</D:multistatus>",
		"<D:getlastmodified>", "\n  <D:getlastmodified>", "<D:lockdiscovery>", "\n  <D:lockdiscovery>", "<D:supportedlock>", "\n  <D:supportedlock>").Replace(body)
	file := filepath.Join("testdata", name+".xml")
	if *update {
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if body != string(want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", file, body)
	}
}

func noon() time.Time { return time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC) }

func TestPropfindAnswers(t *testing.T) {
	onBoth(t, setup{drive: drive.Options{Now: noon, Quota: 1_000_000}, dav: dav.Options{Now: noon}}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/e%20%26%20%3Cf%3E want 201
			PUT /d/a.txt [] body hello want 201`)
		s.want(207, "PROPPATCH", "/dav/d/a.txt", "", `<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop>
			<x:colour xml:lang="en">red &amp; <x:b>green</x:b></x:colour><none/></D:prop></D:set></D:propertyupdate>`)
		s.lock("/dav/d", "Timeout: Second-600")
		for _, c := range []struct{ name, path, headers, body string }{
			{"allprop-file", "/dav/d/a.txt", "Depth: 0", ""},
			{"allprop-folder", "/dav/d", "Depth: 1", `<propfind xmlns="DAV:"><allprop/></propfind>`},
			{"allprop-include", "/dav/", "Depth: 0", `<propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/><displayname/><missing/></include></propfind>`},
			{"allprop-explorer", "/dav/d", "Depth: 0\nUser-Agent: Microsoft-WebDAV-MiniRedir/10.0.19045", ""},
			{"propname", "/dav/d", "Depth: 1", `<propfind xmlns="DAV:"><propname/></propfind>`},
			{"prop", "/dav/d", "Depth: 1", `<D:propfind xmlns:D="DAV:" xmlns:x="urn:x" xmlns:m="urn:schemas-microsoft-com:"><D:prop>
				<D:resourcetype/><D:getetag/><D:getcontentlength/><D:getlastmodified/><x:colour/><x:missing/><none/><nothing/><m:Win32LastModifiedTime/></D:prop></D:propfind>`},
			{"quota", "/dav", "Depth: 0", `<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>`},
			{"prop-none", "/dav/d/a.txt", "Depth: 0", `<propfind xmlns="DAV:"><prop/></propfind>`},
			{"missing-depth", "/dav/", "", `<propfind xmlns="DAV:"><prop><getcontenttype/></prop></propfind>`},
		} {
			a := s.want(207, "PROPFIND", c.path, c.headers, c.body)
			golden(t, c.name, a.body)
		}
	})
}

func TestPropfindRefused(t *testing.T) {
	s := onSQLite(t, setup{})
	s.play(`
		PROPFIND /no [Depth: 0] want 404
		PROPFIND /no [Depth: 1] want 404
		PROPFIND /no want 404
		PROPFIND / [Depth: 2] want 400
		PROPFIND / [Depth: 0] body nonsense want 400`)
	s.want(http.StatusRequestEntityTooLarge, "PROPFIND", "/dav/", "Depth: 0", "<a>"+strings.Repeat(" ", 64<<10)+"</a>")
	var names strings.Builder
	for i := range 300 {
		fmt.Fprintf(&names, "<p%d/>", i)
	}
	s.want(http.StatusRequestEntityTooLarge, "PROPFIND", "/dav/", "Depth: 0", `<propfind xmlns="DAV:"><prop>`+names.String()+`</prop></propfind>`)
	s.want(http.StatusPreconditionFailed, "PROPFIND", "/dav/", "Depth: 0\nIf: (<urn:nothing>)")
}

// TestQuotaIsKeptFromFinder: where the settings say so, and from nobody else.
func TestQuotaIsKeptFromFinder(t *testing.T) {
	const asked = `<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/><resourcetype/></prop></propfind>`
	for _, c := range []struct {
		agent        string
		hidden, told bool
	}{
		{"WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)", true, false},
		{"WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)", false, true},
		{"gvfs/1.50.3", true, true},
	} {
		s := onSQLite(t, setup{drive: drive.Options{Quota: 1000}, dav: dav.Options{NoFinderQuota: c.hidden}})
		a := s.want(207, "PROPFIND", "/dav/", "Depth: 0\nUser-Agent: "+c.agent, asked)
		if told := strings.Contains(a.body, ">1000</D:quota-available-bytes>") && strings.Contains(a.body, ">0</D:quota-used-bytes>"); told != c.told {
			t.Errorf("%s with the setting %v:\n%s", c.agent, c.hidden, a.body)
		}
		if !strings.Contains(a.body, "<D:collection/>") {
			t.Errorf("%s is told nothing else either:\n%s", c.agent, a.body)
		}
	}
}

// TestPropfindQueries counts what a listing asks of the database: as much for 3 children as for 400, and little more for 1,300; and of a
// tree as much as of a folder.
func TestPropfindQueries(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			location := "sqlite:" + filepath.Join(t.TempDir(), "satchel.db")
			if engine == "postgres" {
				location = sqldbtest.PostgresURL(t)
			}
			var queries atomic.Int64
			db, err := sqldb.Open(t.Context(), location, sqldb.Options{Relaxed: true, Observe: func(context.Context, string, time.Time, error) { queries.Add(1) }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			if _, err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := newServer(t, db, setup{})
			asked := map[string][]int64{}
			for _, children := range []int{3, 400, 1300} {
				folder := fmt.Sprintf("/dav/d%d", children)
				s.want(http.StatusCreated, "MKCOL", folder, "")
				for i := range children {
					if _, _, err := s.drives.Put(t.Context(), s.userID, drive.Path(fmt.Sprintf("/d%d/f%d", children, i)), strings.NewReader("x"), drive.PutOptions{Size: 1}); err != nil {
						t.Fatal(err)
					}
				}
				guard := drive.Guard{Tokens: []string{s.lock(folder, "")}}
				ask := func(name, depth, body string) {
					if _, err := db.Exec(t.Context(), `UPDATE drives SET created_at = created_at + 1`); err != nil { // nothing is remembered after a commit
						t.Fatal(err)
					}
					before := queries.Load()
					a := s.want(207, "PROPFIND", folder, "Depth: "+depth, body)
					asked[name] = append(asked[name], queries.Load()-before)
					if n := strings.Count(a.body, "<D:response>"); n != children+1 {
						t.Errorf("%d responses for %d children", n, children)
					}
				}
				ask("finder", "1", `<D:propfind xmlns:D="DAV:"><D:prop><D:getlastmodified/><D:getcontentlength/><D:creationdate/><D:resourcetype/></D:prop></D:propfind>`)
				ask("allprop", "1", "")
				for i := range children / 2 { // many folders instead of files
					path := drive.Path(fmt.Sprintf("/d%d/f%d", children, i))
					if err := s.drives.Trash(t.Context(), s.userID, path, guard); err != nil {
						t.Fatal(err)
					}
					if _, err := s.drives.MakeFolder(t.Context(), s.userID, path, guard); err != nil {
						t.Fatal(err)
					}
				}
				ask("tree", "infinity", "")
			}
			for name, want := range map[string][]int64{
				"finder":  {2, 2, 4}, // the folder, and a part of its children each
				"allprop": {4, 4, 8}, // and the dead properties of each, and the locks
				"tree":    {4, 4, 5}, // the folder, all below it, locks, and the dead properties of a thousand each
			} {
				if !slices.Equal(asked[name], want) {
					t.Errorf("%s takes %d queries for 3, 400 and 1,300 children, want %d", name, asked[name], want)
				}
			}
		})
	}
}
