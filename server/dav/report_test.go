package dav_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/dav"
)

// syncBody asks for changes; more is what follows the level.
func syncBody(token, level, more string) string {
	return `<D:sync-collection xmlns:D="DAV:" xmlns:x="urn:x"><D:sync-token>` + token + `</D:sync-token><D:sync-level>` + level + `</D:sync-level>` + more +
		`<D:prop><D:getetag/><x:colour/></D:prop></D:sync-collection>`
}

func limit(n int) string { return fmt.Sprintf("<D:limit><D:nresults>%d</D:nresults></D:limit>", n) }

// synced is an answer to a sync, as a client reads it.
type synced struct {
	Responses []struct {
		Href   string `xml:"DAV: href"`
		Status string `xml:"DAV: status"`
		Error  *struct {
			Limit *struct{} `xml:"DAV: number-of-matches-within-limits"`
		} `xml:"DAV: error"`
		Propstats []struct {
			Status string `xml:"DAV: status"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
	Token string `xml:"DAV: sync-token"`
}

// sync asks for changes of path and answers them as "+href", "-href" and, if there is more, "…", with the new token.
func (s *server) sync(path, token, level, more string) (changes []string, next string) {
	s.t.Helper()
	a := s.want(207, "REPORT", path, "", syncBody(token, level, more))
	var answer synced
	if err := xml.Unmarshal([]byte(a.body), &answer); err != nil {
		s.t.Fatalf("%v\n%s", err, a.body)
	}
	seen := map[string]bool{}
	for _, r := range answer.Responses {
		if seen[r.Href] {
			s.t.Errorf("%s is in the answer twice", r.Href)
		}
		seen[r.Href] = true
		switch {
		case r.Status == "HTTP/1.1 404 Not Found" && r.Propstats == nil:
			changes = append(changes, "-"+r.Href)
		case r.Status == "HTTP/1.1 507 Insufficient Storage" && r.Propstats == nil && r.Error != nil && r.Error.Limit != nil && strings.TrimSuffix(r.Href, "/") == strings.TrimSuffix(path, "/"):
			changes = append(changes, "…")
		case r.Status == "" && len(r.Propstats) > 0:
			changes = append(changes, "+"+r.Href)
		default:
			s.t.Errorf("a response that means nothing: %+v", r)
		}
	}
	if !strings.HasPrefix(answer.Token, "https://") {
		s.t.Errorf("the token is %q", answer.Token)
	}
	slices.Sort(changes)
	return changes, answer.Token
}

func TestSyncCollection(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/sub%20folder want 201
			PUT /d/sub%20folder/deep [] body 1 want 201
			PUT /d/f [] body 1 want 201
			PUT /elsewhere [] body 1 want 201`)
		expect := func(what string, got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("%s\n got %q\nwant %q", what, got, want)
			}
		}
		all, token := s.sync("/dav/d", "", "infinite", "")
		expect("all", all, "+/dav/d/f", "+/dav/d/sub%20folder/", "+/dav/d/sub%20folder/deep")
		flat, same := s.sync("/dav/d/", "", "1", "")
		expect("all at level 1", flat, "+/dav/d/f", "+/dav/d/sub%20folder/")
		if same != token {
			t.Errorf("the tokens of one state are %q and %q", token, same)
		}
		if a := s.want(207, "PROPFIND", "/dav/d", "Depth: 0", `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`); !strings.Contains(a.body, "<D:sync-token>"+token+"</D:sync-token>") {
			t.Errorf("the property is not the token of the report:\n%s", a.body)
		}
		none, same := s.sync("/dav/d", token, "infinite", "")
		if expect("nothing", none); same != token {
			t.Errorf("the token changed from %q to %q though nothing did", token, same)
		}
		s.play(`
			PUT /d/f [] body 2 want 204
			MOVE /d/sub%20folder [Destination: /dav/d/other] want 201
			PUT /d/new [] body 1 want 201
			PUT /elsewhere [] body 2 want 204
			DELETE /d/f want 204`)
		changes, next := s.sync("/dav/d", token, "infinite", "")
		expect("changes", changes, "+/dav/d/new", "+/dav/d/other/", "+/dav/d/other/deep", "-/dav/d/f", "-/dav/d/sub%20folder/")
		if next == token {
			t.Error("the token did not change")
		}
		changes, _ = s.sync("/dav/", rootToken(s), "infinite", "")
		expect("nothing above", changes)
		// The spelling of the address that was asked for is kept.
		s.play(`
			MKCOL /%C3%A4 want 201
			PUT /%C3%A4/f [] body 1 want 201`)
		changes, _ = s.sync("/dav/a%CC%88", "", "1", "")
		expect("decomposed", changes, "+/dav/a%CC%88/f")
	})
}

func rootToken(s *server) string {
	_, token := s.sync("/dav", "", "1", limit(1_000_000))
	return token
}

// The whole of an answer: properties as PROPFIND has them, removed members, what is left to tell, and the token.
func TestSyncCollectionAnswer(t *testing.T) {
	onBoth(t, setup{drive: drive.Options{Now: noon}, dav: dav.Options{Now: noon}}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			PUT /d/gone [] body 1 want 201`)
		_, token := s.sync("/dav/d", "", "infinite", "")
		s.play(`
			DELETE /d/gone want 204
			PUT /d/a%20%26%20b [] body hello want 201
			MKCOL /d/e want 201
			PUT /d/e/later [] body 1 want 201`)
		s.want(207, "PROPPATCH", "/dav/d/a%20%26%20b", "", `<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop><x:colour>red</x:colour></D:prop></D:set></D:propertyupdate>`)
		a := s.want(207, "REPORT", "/dav/d", "Depth: 0", syncBody(token, "infinite", limit(3)))
		golden(t, "sync-collection", regexp.MustCompile(`/sync/[0-9a-v]{26}/`).ReplaceAllString(a.body, "/sync/FOLDER/"))
	})
}

// Whatever is told at once, in the end all is told.
func TestSyncCollectionInParts(t *testing.T) {
	onBoth(t, setup{dav: dav.Options{MaxNodes: 7}}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/a want 201`)
		for i := range 10 {
			s.want(http.StatusCreated, "PUT", fmt.Sprintf("/dav/d/a/f%d", i), "", "1")
		}
		rounds := func(token, more string, want int) (all []string, next string) {
			t.Helper()
			for n := 1; ; n++ {
				var changes []string
				changes, token = s.sync("/dav/d", token, "infinite", more)
				if !slices.Contains(changes, "…") {
					if all = append(all, changes...); n != want {
						t.Errorf("told in %d answers, want %d", n, want)
					}
					return all, token
				}
				all = append(all, slices.DeleteFunc(changes, func(c string) bool { return c == "…" })...)
			}
		}
		all, _ := rounds("", "", 2)
		if len(all) != 11 {
			t.Errorf("the server's own limit: %q", all)
		}
		all, token := rounds("", limit(1), 11)
		if len(all) != 11 {
			t.Errorf("one at a time: %q", all)
		}
		s.want(http.StatusCreated, "MOVE", "/dav/d/a", "Destination: /dav/d/b")
		all, _ = rounds(token, limit(5), 3) // one change, of which one path went and eleven came
		if len(all) != 12 {
			t.Errorf("five at a time: %q", all)
		}
		// Sizes that are no sizes.
		s.want(http.StatusInsufficientStorage, "REPORT", "/dav/d", "", syncBody(token, "infinite", limit(0)))
		s.want(http.StatusBadRequest, "REPORT", "/dav/d", "", syncBody(token, "infinite", limit(-1)))
		s.want(http.StatusBadRequest, "REPORT", "/dav/d", "", syncBody(token, "infinite", "<D:limit><D:nresults>x</D:nresults></D:limit>"))
		s.want(207, "REPORT", "/dav/d", "", syncBody(token, "infinite", "<D:limit><D:nresults>99999999999999999999</D:nresults></D:limit>"))
		s.want(207, "REPORT", "/dav/d", "", syncBody(token, "infinite", "<D:limit/>"))
	})
}

func TestReportRefused(t *testing.T) {
	clock := noon()
	s := onSQLite(t, setup{drive: drive.Options{Now: func() time.Time { clock = clock.Add(time.Second); return clock }, ChangesExpiry: time.Hour}})
	s.play(`
		MKCOL /d want 201
		MKCOL /e want 201
		PUT /f [] body 1 want 201`)
	_, ofD := s.sync("/dav/d", "", "1", "")
	good := syncBody("", "1", "")
	for _, c := range []struct {
		what, path, headers, body string
		status                    int
		says                      string
	}{
		{"nothing there", "/dav/none", "", good, 404, ""},
		{"a file", "/dav/f", "", good, 403, "<D:supported-report/>"},
		{"another report", "/dav/d", "", `<D:expand-property xmlns:D="DAV:"/>`, 403, "<D:supported-report/>"},
		{"another report on nothing", "/dav/none", "", `<D:expand-property xmlns:D="DAV:"/>`, 404, ""},
		{"Depth: 1", "/dav/d", "Depth: 1", good, 400, ""},
		{"Depth: infinity", "/dav/d", "Depth: infinity", good, 400, ""},
		{"no body", "/dav/d", "", "", 400, ""},
		{"no XML", "/dav/d", "", "sync", 400, ""},
		{"no token", "/dav/d", "", strings.Replace(good, "<D:sync-token></D:sync-token>", "", 1), 400, ""},
		{"no level", "/dav/d", "", strings.Replace(good, "<D:sync-level>1</D:sync-level>", "", 1), 400, ""},
		{"no prop", "/dav/d", "", strings.Replace(good, "D:prop>", "D:other>", 2), 400, ""},
		{"another level", "/dav/d", "", syncBody("", "2", ""), 400, ""},
		{"a token of nobody's", "/dav/d", "", syncBody("http://example.org/sync/1", "1", ""), 403, "<D:valid-sync-token/>"},
		{"a token that is cut", "/dav/d", "", syncBody(ofD[:len(ofD)-4], "1", ""), 403, "<D:valid-sync-token/>"},
		{"a token with more", "/dav/d", "", syncBody(ofD+"/x", "1", ""), 403, "<D:valid-sync-token/>"},
		{"a token with a part", "/dav/d", "", syncBody(ofD+"/x/!", "1", ""), 403, "<D:valid-sync-token/>"},
		{"a part of nothing", "/dav/d", "", syncBody(ofD+"/x/Lw", "1", ""), 403, "<D:valid-sync-token/>"},
		{"another folder's", "/dav/e", "", syncBody(ofD, "1", ""), 403, "<D:valid-sync-token/>"},
		{"a false condition", "/dav/d", "If: (<urn:nothing>)", good, 412, ""},
		{"as it should be", "/dav/d", "Depth: 0", syncBody(ofD, "1", ""), 207, ""},
	} {
		a := s.do("REPORT", c.path, c.headers, c.body)
		if a.status != c.status || !strings.Contains(a.body, c.says) {
			t.Errorf("%s: %d, want %d with %s\n%s", c.what, a.status, c.status, c.says, a.body)
		}
	}
	clock = clock.Add(2 * time.Hour)
	s.want(http.StatusCreated, "MKCOL", "/dav/x", "")
	if err := s.drives.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := s.want(http.StatusForbidden, "REPORT", "/dav/d", "", syncBody(ofD, "1", "")); !strings.Contains(a.body, "<D:valid-sync-token/>") {
		t.Errorf("a token that is too old:\n%s", a.body)
	}
}

// TestSyncToken: what the properties say, and that nobody is told who did not ask.
func TestSyncProperties(t *testing.T) {
	s := onSQLite(t, setup{})
	s.play(`
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201`)
	for _, headers := range []string{"Depth: 0", "Depth: 1", ""} {
		if a := s.want(207, "PROPFIND", "/dav/d", headers, `<propfind xmlns="DAV:"><allprop/></propfind>`); strings.Contains(a.body, "sync") || strings.Contains(a.body, "report") {
			t.Errorf("allprop answers them:\n%s", a.body)
		}
	}
	a := s.want(207, "PROPFIND", "/dav/d", "Depth: 1", `<propfind xmlns="DAV:"><prop><supported-report-set/><sync-token/></prop></propfind>`)
	for _, part := range []string{
		"<D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report></D:supported-report-set><D:sync-token>https://",
		"<D:supported-report-set/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat><D:prop><D:sync-token/></D:prop><D:status>HTTP/1.1 404 Not Found",
	} {
		if !strings.Contains(a.body, part) {
			t.Errorf("the answer lacks %s\n%s", part, a.body)
		}
	}
	for _, property := range []string{"sync-token", "supported-report-set"} {
		a := s.want(207, "PROPPATCH", "/dav/d", "", updateOpen+set(`<D:`+property+`>1</D:`+property+`>`)+updateClose)
		if !strings.Contains(a.body, "cannot-modify-protected-property") {
			t.Errorf("%s can be set:\n%s", property, a.body)
		}
	}
}

// TestIfSyncToken is RFC 6578, section 5: a request that is carried out only if nothing has changed in a folder.
func TestIfSyncToken(t *testing.T) {
	onBoth(t, setup{}, func(t *testing.T, s *server) {
		s.play(`
			MKCOL /d want 201
			MKCOL /d/s want 201
			MKCOL /e want 201`)
		_, token := s.sync("/dav/d", "", "infinite", "")
		here := "If: </dav/d/> (<" + token + ">)"
		s.want(http.StatusCreated, "PUT", "/dav/e/x", here, "elsewhere")
		s.want(http.StatusCreated, "PUT", "/dav/d/x", here, "the first")
		s.want(http.StatusPreconditionFailed, "PUT", "/dav/d/y", here, "too late")
		s.want(http.StatusPreconditionFailed, "MKCOL", "/dav/d/y", here)
		s.want(http.StatusPreconditionFailed, "DELETE", "/dav/d/x", here)
		s.want(http.StatusPreconditionFailed, "MOVE", "/dav/d/x", here+"\nDestination: /dav/d/z")
		s.want(http.StatusPreconditionFailed, "PROPFIND", "/dav/d", here+"\nDepth: 0")
		s.want(http.StatusCreated, "MKCOL", "/dav/d/y", "If: </dav/d/> (Not <"+token+">)")
		_, token = s.sync("/dav/d", token, "1", "")
		s.want(http.StatusPreconditionFailed, "MKCOL", "/dav/d/z", "If: (<"+token+">)")           // of another resource
		s.want(http.StatusPreconditionFailed, "MKCOL", "/dav/d/z", "If: </dav/e/> (<"+token+">)") // of another folder
		s.want(http.StatusNoContent, "DELETE", "/dav/d", "If: (<"+token+">)")
		s.want(http.StatusCreated, "MKCOL", "/dav/d", "")
		s.want(http.StatusPreconditionFailed, "MKCOL", "/dav/d/z", "If: </dav/d/> (<"+token+">)") // another one with that name
		many := strings.Repeat("(<"+token+">)", 5)
		s.want(http.StatusRequestEntityTooLarge, "MKCOL", "/dav/d/z", "If: </dav/d/> "+many)
	})
}
