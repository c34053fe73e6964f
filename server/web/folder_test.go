package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/satchelhq/satchel/drive"
)

// names that would be something else if they were not escaped: for HTML, for a URL, or for a path.
var awkward = []string{
	`<img src=x onerror=alert(1)>`, `"><script>alert(1)<`, `'onmouseover='alert(1)`, "{{.User}}", "javascript:alert(1)",
	"a?b", "a#b", "100%", "%2e%2e", "a%2Fb", "%00", "a+b", "a&b=c", "a;b", "a:b", "C:", "~", "...", ".hidden",
	`a\b`, " lead", "trail ", "line\nbreak", "tab\there", "ü", "日本語", "👩‍👩‍👧", "\u202egpj.exe", "*", "-rf", "index.html",
}

// Every name shows as it is, and the links on the page lead to what they name.
func TestAwkwardNames(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.makeFolder(id, "/in")
	for _, name := range awkward {
		h.makeFolder(id, "/"+name)
		h.put(id, "/in/"+name, "content of "+name, drive.PutOptions{})
	}

	folders := mia.page(mia.get("/drive/"), 200)
	if n := folders.Find("main img, main script, main [onerror], main [onmouseover]").Length(); n > 0 {
		t.Errorf("%d elements came out of names", n)
	}
	links := map[string]string{}
	folders.Find("tr.folder .name a").Each(func(_ int, a *goquery.Selection) { links[a.Find("bdi").Text()] = a.AttrOr("href", "") })
	files := map[string]string{}
	mia.page(mia.get("/drive/in"), 200).Find("tr.file .name a").Each(func(_ int, a *goquery.Selection) {
		files[a.Find("bdi").Text()] = a.AttrOr("href", "")
	})
	for _, name := range awkward {
		doc := mia.page(mia.get(links[name]), 200)
		if got := doc.Find("h1").Text(); got != name {
			t.Errorf("the link of folder %q leads to %q", name, got)
		}
		if got := doc.Find("#upload").AttrOr("data-folder", ""); got != "/"+name {
			t.Errorf("uploads to %q go to %q", name, got)
		}
		doc = mia.page(mia.get(files[name]), 200)
		if got := doc.Find("h1").Text(); got != name {
			t.Errorf("the link of file %q leads to %q", name, got)
		}
		if got := string(read(t, mia.get(doc.Find(".view-head a[download]").AttrOr("href", "")))); got != "content of "+name {
			t.Errorf("the download of file %q is %q", name, got)
		}
	}
}

func TestListing(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.put(id, "/a.txt", strings.Repeat("x", 1400), drive.PutOptions{})
	h.makeFolder(id, "/z")
	h.makeFolder(id, "/z/deep")
	h.put(id, "/z/m.bin", "", drive.PutOptions{})

	doc := mia.page(mia.get("/drive/"), 200)
	if got := doc.Find("tbody bdi").FilterFunction(func(_ int, s *goquery.Selection) bool { return s.Closest("td.name").Length() > 0 }).Text(); got != "za.txt" {
		t.Errorf("folders come first: %q", got)
	}
	if got := doc.Find("tr.file .size").Text(); got != "1.4 kB" {
		t.Errorf("size %q", got)
	}
	if got := strings.TrimSpace(doc.Find("#usage").Text()); got != "1.4 kB used" {
		t.Errorf("usage %q", got)
	}
	if got := doc.Find(".mount a").AttrOr("href", ""); got != "/account/connect" {
		t.Errorf("how to mount it is at %q", got)
	}
	doc = mia.page(mia.get("/drive/z/deep/"), 200)
	var way []string
	doc.Find(".crumbs a").Each(func(_ int, a *goquery.Selection) { way = append(way, a.AttrOr("href", "")) })
	if got := strings.Join(way, " "); got != "/drive/ /drive/z" {
		t.Errorf("the way back is %q", got)
	}
	mia.leadsTo(mia.get("/drive/a.txt"), "/raw/a.txt")
	mia.leadsTo(mia.get("/raw/z"), "/drive/z")
}

// A long folder comes in parts, and every name is in one of them.
func TestLongFolder(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.makeFolder(id, "/long")
	const total = 1003
	for i := range total {
		h.makeFolder(id, fmt.Sprintf("/long/%04d &?%%", i))
	}
	seen := map[string]bool{}
	address, parts := "/drive/long", 0
	for address != "" {
		doc := mia.page(mia.get(address), 200)
		rows := doc.Find("tr.folder")
		rows.Each(func(_ int, s *goquery.Selection) { seen[s.Find(".name bdi").Text()] = true })
		if parts++; rows.Length() > 100 || parts > 11 {
			t.Fatalf("part %d holds %d rows", parts, rows.Length())
		}
		if first := doc.Find(".parts a:not([rel])"); parts > 1 && first.AttrOr("href", "") != "/drive/long" {
			t.Error("no way back to the start")
		}
		address = doc.Find(".parts a[rel=next]").AttrOr("href", "")
	}
	if len(seen) != total {
		t.Errorf("%d names were shown, want %d", len(seen), total)
	}
	// A place of another order, or of none, shows the beginning.
	for _, after := range []string{strings.Repeat("a", 300), "zzz", "%00"} {
		if got := mia.page(mia.get("/drive/long?after="+after), 200).Find("tr.folder").Length(); got != 100 {
			t.Errorf("after %.9s: %d rows", after, got)
		}
	}
}

func TestNewFolder(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	mia.leadsTo(mia.post("/drive/", "action", "new-folder", "name", " a?b "), "/drive/")
	mia.leadsTo(mia.post("/drive/a%3Fb", "action", "new-folder", "name", "c"), "/drive/a%3Fb")
	if got := h.names(id, "/a?b"); got != "c" {
		t.Errorf("in it: %q", got)
	}
	for _, c := range []struct {
		name   string
		status int
	}{{"a?b", 409}, {"", 400}, {"..", 400}, {"a/b", 400}, {strings.Repeat("x", 256), 400}, {"nul\x00", 400}} {
		doc := mia.page(mia.post("/drive/", "action", "new-folder", "name", c.name), c.status)
		if doc.Find("#problem").Length() != 1 || doc.Find("#folder-name").AttrOr("value", "") != strings.ReplaceAll(c.name, "\x00", "\ufffd") || doc.Find("tr.folder").Length() != 1 {
			t.Errorf("%q: the page lacks the problem, the name that was typed or the listing", c.name)
		}
	}
	mia.page(mia.post("/drive/missing", "action", "new-folder", "name", "x"), 409)
	mia.page(mia.post("/drive/", "action", "explode"), 400)
	mia.page(mia.post("/drive/"), 400)
}

// A removal is asked about first, on a page that needs no script.
func TestDelete(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.makeFolder(id, "/a?b")
	h.put(id, "/a?b/c#d.txt", "x", drive.PutOptions{})

	question := mia.page(mia.get("/drive/a%3Fb"), 200).Find("tr.file [data-delete]").AttrOr("href", "")
	doc := mia.page(mia.get(question), 200)
	if got := doc.Find(".subject bdi").Text(); got != "c#d.txt" {
		t.Errorf("asked about %q", got)
	}
	if got := h.names(id, "/a?b"); got != "c#d.txt" {
		t.Errorf("asking alone changed the folder: %q", got)
	}
	form := doc.Find("form.choice")
	mia.removed(mia.post(form.AttrOr("action", ""), "action", form.Find("input").AttrOr("value", "")), "/drive/a%3Fb")
	if got := h.names(id, "/a?b"); got != "" {
		t.Errorf("still there: %q", got)
	}
	if got := mia.page(mia.post(form.AttrOr("action", ""), "action", "delete"), 404).Find("#problem").Length(); got != 1 {
		t.Error("deleting it again says nothing")
	}
	mia.removed(mia.post("/drive/a%3Fb", "action", "delete"), "/drive/")
	mia.page(mia.get("/drive/?delete"), 403)
	mia.page(mia.post("/drive/", "action", "delete"), 403)
	mia.page(mia.get("/drive/nope?delete"), 404)
}

// removed checks that an answer leads to a folder with the notice of a removal, and answers the page.
func (b *browser) removed(response *http.Response, folder string) *goquery.Document {
	b.Helper()
	to := response.Header.Get("Location")
	if path, _, found := strings.Cut(to, "?removed="); response.StatusCode != http.StatusSeeOther || path != folder || !found {
		b.Fatalf("answer is %d to %q, want 303 to %q", response.StatusCode, to, folder)
	}
	doc := b.page(b.get(to), 200)
	if doc.Find("#removed form").Length() != 1 {
		b.Error("the removal cannot be undone")
	}
	return doc
}

// Nobody sees or changes what is another user's: the same addresses lead into the own drive.
func TestOtherUsersDrive(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.makeFolder(id, "/secret")
	h.put(id, "/secret/a.txt", "mine", drive.PutOptions{})
	tom, _ := h.user("tom")

	for _, address := range []string{"/drive/secret", "/drive/secret/a.txt", "/raw/secret/a.txt", "/drive/secret?delete", "/drive/" + id, "/raw/" + id} {
		tom.page(tom.get(address), 404)
	}
	tom.page(tom.post("/drive/secret/a.txt", "action", "delete"), 404)
	tom.page(tom.post("/drive/secret", "action", "delete"), 404)
	tom.page(tom.post("/drive/secret", "action", "new-folder", "name", "x"), 409)
	if response := tom.multipart("/drive/secret", filePart("a.txt", "", "his")); response.StatusCode != 409 {
		t.Errorf("uploading into it: %d", response.StatusCode)
	}
	if doc := tom.page(tom.get("/drive/"), 200); doc.Find("tr.folder, tr.file").Length() != 0 {
		t.Error("the other's files are listed")
	}
	if got, _ := h.content(id, "/secret/a.txt"); got != "mine" || h.names(id, "/secret") != "a.txt" {
		t.Errorf("changed to %q", got)
	}
}

func TestBadPaths(t *testing.T) {
	h := newHouse(t)
	mia, _ := h.user("mia")
	deep := strings.Repeat("/a", 70)
	for address, status := range map[string]int{
		"/drive/%00":                          400,
		"/drive/%ff":                          400,
		"/drive/" + strings.Repeat("a", 300):  400,
		"/drive" + deep:                       413,
		"/raw/%00":                            400,
		"/raw/nope":                           404,
		"/drive/" + url.PathEscape("no such"): 404,
	} {
		mia.page(mia.get(address), status)
	}
}
