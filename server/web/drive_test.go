package web_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/answer"
)

// submit sends a form of a page by one of its buttons, with boxes ticked, as a browser without script does.
func (b *browser) submit(form *goquery.Selection, button string, ticked ...string) *http.Response {
	b.Helper()
	if form.Length() != 1 {
		b.Fatalf("%d forms", form.Length())
	}
	values := url.Values{}
	form.Find("input[type=hidden], input:not([type])").Each(func(_ int, s *goquery.Selection) { values.Add(s.AttrOr("name", ""), s.AttrOr("value", "")) })
	if button != "" {
		name, value, _ := strings.Cut(button, "=")
		values.Add(name, value)
		if form.Find(`button[name="`+name+`"]`).FilterFunction(func(_ int, s *goquery.Selection) bool { return s.AttrOr("value", "") == value }).Length() == 0 {
			b.Fatalf("there is no button %s", button)
		}
	}
	values["item"] = append(values["item"], ticked...)
	r := httptest.NewRequest(http.MethodPost, form.AttrOr("action", ""), strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

func rows(doc *goquery.Document) string {
	return strings.Join(doc.Find("tr .name bdi").Map(func(_ int, s *goquery.Selection) string { return s.Text() }), " ")
}

// Several are chosen, taken through folders and put down, by forms alone.
func TestMovingAndCopyingByAPicker(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.makeFolder(id, "/to")
	h.makeFolder(id, "/to/deep &")
	h.makeFolder(id, "/a?b")
	h.put(id, "/x.txt", "x", drive.PutOptions{})
	h.put(id, "/to/deep &/x.txt", "other", drive.PutOptions{})

	top := mia.page(mia.get("/drive/"), 200)
	pick := mia.page(mia.submit(top.Find("#chosen"), "action=choose-move", "x.txt", "a?b"), 200)
	if got := pick.Find(".folders bdi").Text(); got != "to" {
		t.Errorf("folders to pick: %q: what moves is none of them", got)
	}
	if pick.Find(".stay button[disabled]").Length() != 1 {
		t.Error("they are here already")
	}
	walk := `form:has(.folders)`
	pick = mia.page(mia.submit(pick.Find(walk), "at=/to"), 200)
	pick = mia.page(mia.submit(pick.Find(walk), "at=/to/deep &"), 200)
	mia.leadsTo(mia.submit(pick.Find("form.stay"), ""), "/drive/to/deep%20&")
	if got := h.names(id, "/to/deep &"); got != "a?b|x (1).txt|x.txt" {
		t.Errorf("moved: %s", got)
	}
	pick = mia.page(mia.submit(mia.page(mia.get("/drive/to/deep%20&"), 200).Find("#chosen"), "action=choose-copy", "x.txt"), 200)
	mia.leadsTo(mia.submit(pick.Find("form.stay"), ""), "/drive/to/deep%20&")
	if got := h.names(id, "/to/deep &"); got != "a?b|x (1).txt|x (2).txt|x.txt" {
		t.Errorf("copied: %s", got)
	}
	// Into itself, to nowhere, and nothing.
	mia.page(mia.post("/drive/", "action", "move", "item", "to", "to", "/to/deep &"), 403)
	mia.page(mia.post("/drive/", "action", "move", "item", "to", "to", "/none"), 409)
	mia.page(mia.post("/drive/", "action", "move", "item", "to", "to", "../x"), 400)
	mia.page(mia.post("/drive/", "action", "move", "to", "/"), 400)
	mia.page(mia.post("/drive/", "action", "delete-chosen", "item", "to/deep &"), 400)
	mia.page(mia.post("/drive/", "action", "choose-move", "item", "to", "at", "/none"), 404)
	tom, _ := h.user("tom")
	tom.page(tom.post("/drive/to", "action", "choose-copy", "item", "deep &"), 404)
	if r := tom.post("/drive/to", "action", "copy", "item", "deep &", "to", "/"); r.StatusCode != 404 {
		t.Errorf("tom copies: %d", r.StatusCode)
	}
}

func TestDeletingSeveralAndUndo(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	tom, _ := h.user("tom")
	h.makeFolder(id, "/d")
	for _, name := range []string{"a", "b", "c"} {
		h.put(id, "/d/"+name, name, drive.PutOptions{})
	}
	response := mia.submit(mia.page(mia.get("/drive/d"), 200).Find("#chosen"), "action=delete-chosen", "a", "b")
	doc := mia.removed(response, "/drive/d")
	if rows(doc) != "c" || !strings.Contains(doc.Find("#removed").Text(), "2 files and folders") {
		t.Errorf("left: %s; told: %s", rows(doc), doc.Find("#removed").Text())
	}
	undo := doc.Find("#removed form")
	tom.leadsTo(tom.submit(undo, ""), "/trash")
	if h.names(id, "/d") != "c" {
		t.Error("tom undid it")
	}
	mia.leadsTo(mia.submit(undo, ""), "/drive/d")
	if got := h.names(id, "/d"); got != "a|b|c" {
		t.Errorf("after undo: %s", got)
	}
	if mia.page(mia.get(response.Header.Get("Location")), 200).Find("#removed").Length() != 0 {
		t.Error("the notice is still there")
	}
	mia.page(mia.post("/trash", "action", "undo", "at", "x"), 400)
}

func TestDetailsAndRename(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.put(id, "/<b>.txt", "hello", drive.PutOptions{})
	h.put(id, "/other", "x", drive.PutOptions{})
	address := "/drive/%3Cb%3E.txt"
	doc := mia.page(mia.get(address+"?details"), 200)
	for _, want := range []string{"5 B (5 bytes)", "text/plain", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"} {
		if !strings.Contains(doc.Find(".facts").Text(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if got := doc.Find("h1 bdi").Text(); got != "<b>.txt" {
		t.Errorf("it is about %q", got)
	}
	for name, status := range map[string]int{"other": 409, "": 400, "a/b": 400} {
		if got := mia.page(mia.post(address, "action", "rename", "name", name), status).Find("#problem").Length(); got != 1 {
			t.Errorf("%q: no problem is told", name)
		}
	}
	mia.leadsTo(mia.post(address, "action", "rename", "name", "new & old.txt"), "/drive/")
	mia.leadsTo(mia.post("/drive/new%20&%20old.txt", "action", "rename", "name", "NEW.txt"), "/drive/")
	if got := h.names(id, "/"); got != "NEW.txt|other" {
		t.Errorf("names: %s", got)
	}
	mia.page(mia.post("/drive/none", "action", "rename", "name", "x"), 404)
	mia.page(mia.get("/drive/?details"), 200)
	mia.page(mia.get("/drive/none?details"), 404)
	tom, _ := h.user("tom")
	tom.page(tom.get("/drive/NEW.txt?details"), 404)
	tom.page(tom.post("/drive/NEW.txt", "action", "rename", "name", "his"), 404)
}

func TestVersionsPage(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	tom, _ := h.user("tom")
	for _, content := range []string{"first", "<script>second</script>", "third"} {
		h.put(id, "/f.html", content, drive.PutOptions{})
	}
	doc := mia.page(mia.get("/drive/f.html?versions"), 200)
	if n := doc.Find(".rows li").Length(); n != 2 {
		t.Fatalf("%d versions", n)
	}
	newest := doc.Find(".rows li").First()
	address := newest.Find(".what a").AttrOr("href", "")
	response := mia.get(address)
	if got := string(read(t, response)); got != "<script>second</script>" {
		t.Errorf("the version holds %q", got)
	}
	if header := response.Header; !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("it may run: %v", header)
	}
	tom.page(tom.get(address), 404)
	tom.page(tom.get("/drive/f.html?versions"), 404)
	tom.put(tom.drive("tom"), "/f.html", "his", drive.PutOptions{})
	tom.page(tom.get(address), 404)
	version := newest.Find("input[name=version]").AttrOr("value", "")
	tom.page(tom.post("/drive/f.html", "action", "restore-version", "version", version), 404)
	tom.page(tom.post("/drive/f.html", "action", "remove-version", "version", version), 404)
	mia.page(mia.get("/raw/other.html?version="+version), 404)

	mia.leadsTo(mia.submit(newest.Find("form"), "action=restore-version"), "/drive/f.html?versions")
	if got, _ := h.content(id, "/f.html"); got != "<script>second</script>" {
		t.Errorf("restored %q", got)
	}
	doc = mia.page(mia.get("/drive/f.html?versions"), 200)
	mia.leadsTo(mia.submit(doc.Find(".rows li").First().Find("form"), "action=remove-version"), "/drive/f.html?versions")
	if n := mia.page(mia.get("/drive/f.html?versions"), 200).Find(".rows li").Length(); n != 1 {
		t.Errorf("%d versions are left", n)
	}
}

// drive is the drive of a user.
func (h *house) drive(name string) string {
	h.Helper()
	session, err := h.accounts.LoginPage(h.Context(), name, password, authn.Client{})
	if err != nil {
		h.Fatal(err)
	}
	return session.User.ID
}

func TestTrashPage(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	tom, _ := h.user("tom")
	h.makeFolder(id, "/<i>d")
	for _, name := range []string{"a", "b", "c"} {
		h.put(id, "/<i>d/"+name, name, drive.PutOptions{})
		mia.post("/drive/%3Ci%3Ed/"+name, "action", "delete")
	}
	doc := mia.page(mia.get("/trash"), 200)
	if got := doc.Find(".trashed .to bdi").Text(); got != "cba" || doc.Find(".trashed i").Length() != 0 {
		t.Errorf("in the trash: %q", got)
	}
	if got := doc.Find(".hint bdi").First().Text(); got != "/<i>d" {
		t.Errorf("from %q", got)
	}
	ids := doc.Find("input[name=item]").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("value", "") })
	if tom.page(tom.get("/trash"), 200).Find("input[name=item]").Length() != 0 {
		t.Error("tom sees it")
	}
	for _, action := range []string{"restore", "purge"} {
		tom.page(tom.post("/trash", "action", action, "item", ids[0]), 404)
	}
	for _, item := range []string{"", "x", "../.."} { // no id may stand for everything
		mia.page(mia.post("/trash", "action", "purge", "item", item), 404)
	}
	mia.page(mia.post("/trash", "action", "purge"), 400)
	mia.page(mia.post("/trash", "action", "explode"), 400)

	form := doc.Find("form[action='/trash']")
	mia.leadsTo(mia.submit(form, "action=restore", ids[0]), "/drive/%3Ci%3Ed")
	question := mia.page(mia.submit(form, "action=ask-purge", ids[1]), 200)
	if h.names(id, "/<i>d") != "c" || mia.page(mia.get("/trash"), 200).Find("input[name=item]").Length() != 2 {
		t.Error("asking alone changed something")
	}
	mia.leadsTo(mia.submit(question.Find("form.choice"), ""), "/trash")
	if got := mia.page(mia.get("/trash"), 200).Find(".to bdi").Text(); got != "a" {
		t.Errorf("left: %q", got)
	}
	mia.leadsTo(mia.submit(mia.page(mia.get("/trash?empty"), 200).Find("form.choice"), ""), "/trash")
	if mia.page(mia.get("/trash"), 200).Find(".empty").Length() != 1 {
		t.Error("the trash is not empty")
	}
}

func TestSearchPage(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	tom, _ := h.user("tom")
	h.makeFolder(id, `/"><script>x`)
	h.put(id, `/"><script>x/Plan <img src=x>.txt`, "x", drive.PutOptions{})
	doc := mia.page(mia.get("/search?q="+url.QueryEscape("pLAN <img")), 200)
	if got := doc.Find(".hits .to bdi").Text(); got != "Plan <img src=x>.txt" {
		t.Errorf("found %q", got)
	}
	if got := doc.Find(".hits .hint a").Text(); got != `/"><script>x` || doc.Find("main img, main script").Length() != 0 {
		t.Errorf("in %q", got)
	}
	if got := mia.page(mia.get(doc.Find(".hits .to").AttrOr("href", "")), 200).Find("main pre.text").Text(); got != "x" {
		t.Errorf("the link leads to %q", got)
	}
	if got := doc.Find("#q").AttrOr("value", ""); got != "pLAN <img" {
		t.Errorf("the box holds %q", got)
	}
	if got := mia.page(mia.get("/search?q=nothing"), 200).Find(".empty").Text(); !strings.Contains(got, "nothing") {
		t.Error(got)
	}
	mia.page(mia.get("/search"), 200)
	mia.page(mia.get("/search?q="+strings.Repeat("x", 300)), 400)
	mia.page(mia.get("/search?q=x&after=y"), 400)
	if tom.page(tom.get("/search?q=plan"), 200).Find(".hits").Length() != 0 {
		t.Error("tom finds it")
	}
}

// What is chosen once, order and tiles, stays for every folder.
func TestLookIsRemembered(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.put(id, "/b", "1", drive.PutOptions{})
	h.put(id, "/a", "22", drive.PutOptions{})
	h.put(id, "/c", "333", drive.PutOptions{})
	h.makeFolder(id, "/d")
	doc := mia.page(mia.get("/drive/"), 200)
	if rows(doc) != "d a b c" || doc.Find("th[aria-sort=ascending]").Text() != "Name" {
		t.Errorf("at first: %s", rows(doc))
	}
	doc = mia.page(mia.get(doc.Find("th.size a").AttrOr("href", "")), 200)
	doc = mia.page(mia.get(doc.Find("th.size a").AttrOr("href", "")), 200)
	if rows(doc) != "d c a b" || doc.Find("th[aria-sort=descending]").Text() != "Size" {
		t.Errorf("the largest first: %s", rows(doc))
	}
	mia.page(mia.get("/drive/?view=grid"), 200)
	doc = mia.page(mia.get("/drive/"), 200)
	if rows(doc) != "d c a b" || doc.Find(".listing.grid").Length() != 1 {
		t.Errorf("it was forgotten: %s", rows(doc))
	}
	for _, nonsense := range []string{"x", "grid.x.y", "..", `list."><b>.desc`} {
		mia.cookies["satchel-look"] = nonsense
		if doc := mia.page(mia.get("/drive/"), 200); rows(doc) != "d a b c" {
			t.Errorf("%s: %s", nonsense, rows(doc))
		}
	}
}

// A link opens one file to strangers, as safely as the pages do, until its owner may not sign in any more.
func TestDownloadLinkOpensOneFile(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.put(id, "/a b.html", "<script>alert(1)</script>", drive.PutOptions{})
	h.put(id, "/secret", "no", drive.PutOptions{})
	_, code, _, err := h.drives.DownloadLink(h.Context(), id, "/a b.html", 0)
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser()
	response := b.get("/d/"+code+"/a%20b.html", "Range: bytes=8-12")
	if got := string(read(t, response)); response.StatusCode != 206 || got != "alert" {
		t.Errorf("%d %q", response.StatusCode, got)
	}
	for name, want := range map[string]string{"Content-Disposition": "attachment", "Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff",
		"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer"} {
		if got := response.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if head := b.do("HEAD", "/d/"+code+"/a%20b.html"); head.StatusCode != 200 || head.Header.Get("Content-Length") != "25" {
		t.Errorf("HEAD: %d %v", head.StatusCode, head.Header)
	}
	for _, address := range []string{"/d/" + code + "/secret", "/d/" + code + "/", "/d/" + code, "/d/x/secret", "/d//secret"} {
		if got := b.get(address).StatusCode; got != 404 && got != 307 && got != 301 {
			t.Errorf("%s: %d", address, got)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		b.page(b.do(method, "/d/"+code+"/a%20b.html"), 404)
	}
	if err := h.accounts.SetDisabled(h.Context(), "mia", true); err != nil {
		t.Fatal(err)
	}
	b.page(b.get("/d/"+code+"/a%20b.html"), 404)
}

// A page hears of changes as they happen, from where it was, and of nobody else's; the stream ends with the session.
func TestEvents(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	_, other := h.user("tom")
	h.makeFolder(id, "/d")
	folder, err := h.drives.Stat(h.Context(), id, "/d")
	if err != nil {
		t.Fatal(err)
	}
	since := mia.page(mia.get("/drive/d"), 200).Find("#listing").AttrOr("data-since", "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who, err := h.accounts.Cookie(r.Context(), mia.cookies["satchel"]); err == nil {
			r = r.WithContext(authn.WithPrincipal(answer.WithRequestID(r.Context(), "r"), who))
		}
		h.door.ServeHTTP(w, r)
	}))
	defer server.Close()
	open := func(lastEventID string) (*http.Response, *bufio.Scanner) {
		t.Helper()
		r, err := http.NewRequestWithContext(h.Context(), "GET", server.URL+"/events?since="+since, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: "satchel", Value: mia.cookies["satchel"]})
		if lastEventID != "" {
			r.Header.Set("Last-Event-ID", lastEventID)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return response, bufio.NewScanner(response.Body)
	}
	next := func(lines *bufio.Scanner, field string) string {
		t.Helper()
		for lines.Scan() {
			if value, ok := strings.CutPrefix(lines.Text(), field+": "); ok {
				return value
			}
		}
		return "the end"
	}
	response, lines := open("")
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("%d %s", response.StatusCode, got)
	}
	h.put(other, "/x", "tom's", drive.PutOptions{})
	h.put(id, "/d/f", "x", drive.PutOptions{})
	last := next(lines, "id")
	if got := next(lines, "data"); !strings.Contains(got, `"folders":["`+folder.ID+`"]`) {
		t.Errorf("told: %s", got)
	}
	h.put(id, "/d/f", "new", drive.PutOptions{})
	if got := next(lines, "data"); !strings.Contains(got, `"paths":["/d"]`) {
		t.Errorf("told: %s", got)
	}
	again, resumed := open(last)
	if got := next(resumed, "data"); !strings.Contains(got, `"paths":["/d"]`) || strings.Contains(got, "folders") {
		t.Errorf("resumed with %s", got)
	}
	again.Body.Close()
	lost, begun := open("zz.zz")
	if got := next(begun, "data"); got != `{"all":true}` {
		t.Errorf("of a moment that is not known: %s", got)
	}
	lost.Body.Close()
	if err := h.accounts.SetDisabled(h.Context(), "mia", true); err != nil {
		t.Fatal(err)
	}
	if got := next(lines, "data"); got != "the end" {
		t.Errorf("after the session ended: %s", got)
	}
	mia.leadsTo(mia.get("/events"), "/login")
}

// One user's open pages take no more than their share, and the server's stop ends them.
func TestEventsAreBoundedAndEndWithTheServer(t *testing.T) {
	h := newHouse(t)
	mia, _ := h.user("mia")
	done := make(chan int)
	const streams = 12
	begun := make(chan struct{}, streams)
	for range streams {
		go func() {
			r := httptest.NewRequest("GET", "/events", nil)
			who, err := h.accounts.Cookie(r.Context(), mia.cookies["satchel"])
			if err != nil {
				done <- 0
				return
			}
			w := &beginning{ResponseRecorder: httptest.NewRecorder(), begun: begun}
			h.door.ServeHTTP(w, r.WithContext(authn.WithPrincipal(r.Context(), who)))
			done <- w.Code
		}()
	}
	for range streams {
		<-begun
	}
	mia.page(mia.get("/events"), 429)
	h.door.EndStreams()
	for range streams {
		if code := <-done; code != 200 {
			t.Errorf("a stream ended with %d", code)
		}
	}
}

// beginning tells when the first bytes were written.
type beginning struct {
	*httptest.ResponseRecorder
	begun chan struct{}
	once  bool
}

func (b *beginning) Write(p []byte) (int, error) {
	if !b.once {
		b.once = true
		b.begun <- struct{}{}
	}
	return b.ResponseRecorder.Write(p)
}

// In the grid an image is seen; in the list its kind is.
func TestTheGridShowsThumbnails(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.put(id, "/sea.jpg", "no image, but named like one", drive.PutOptions{})
	h.put(id, "/plan.txt", "x", drive.PutOptions{})
	for view, want := range map[string]int{"grid": 1, "list": 0} {
		found := mia.page(mia.get("/drive/?view="+view), 200).Find("#listing img.thumb")
		if found.Length() != want {
			t.Errorf("%s: %d thumbnails", view, found.Length())
		}
		if want == 1 && !strings.HasPrefix(found.AttrOr("src", ""), "/thumb/sea.jpg?") {
			t.Errorf("%s: %q", view, found.AttrOr("src", ""))
		}
	}
}
