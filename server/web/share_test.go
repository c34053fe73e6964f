package web_test

import (
	"archive/zip"
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
)

// share is the address of a share.
func (h *house) share(driveID, path string, n drive.NewShare) string {
	h.Helper()
	s, err := h.drives.MakeShare(h.Context(), driveID, drive.Path(path), n)
	if err != nil {
		h.Fatal(err)
	}
	return "/s/" + s.Token
}

// is404 checks that an answer is the page of what is not there, and says nothing of what there is.
func (b *browser) is404(what string, response *http.Response) {
	b.Helper()
	body := string(read(b.T, response))
	if response.StatusCode != http.StatusNotFound || !strings.Contains(body, "<h1>Not found</h1>") || strings.Contains(body, "secret") {
		b.Errorf("%s: %d %s", what, response.StatusCode, body)
	}
}

// send files as a form does.
func (b *browser) files(address string, namesAndContents ...string) *http.Response {
	b.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(namesAndContents); i += 2 {
		part, err := form.CreateFormFile("file", namesAndContents[i])
		if err != nil {
			b.Fatal(err)
		}
		_, _ = part.Write([]byte(namesAndContents[i+1]))
	}
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, address, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return b.send(r)
}

func TestSharingAFileOnThePages(t *testing.T) {
	h := newHouse(t, onHTTPS)
	mia, id := h.user("mia")
	h.put(id, "/a file.txt", "content", drive.PutOptions{})
	doc := mia.page(mia.get("/drive/a%20file.txt?details"), 200)
	if doc.Find(`form[action="/account/shares"] input[name=path]`).AttrOr("value", "") != "/a file.txt" || doc.Find("select[name=kind]").Length() != 0 {
		t.Error("the details do not offer to share the file")
	}
	made := mia.post("/account/shares", "action", "make", "path", "/a file.txt", "name", "For you", "days", "7", "most", "3")
	doc = mia.page(mia.get(made.Header.Get("Location")), 200)
	link := doc.Find("#made-link").AttrOr("value", "")
	if !strings.HasPrefix(link, "https://files.example.org/s/") || !strings.HasPrefix(doc.Find("img.qr").AttrOr("src", ""), "data:image/png;base64,") {
		t.Fatalf("the link is %q", link)
	}
	at := strings.TrimPrefix(link, "https://files.example.org")
	visitor := h.browser()
	page := visitor.get(at)
	if page.Header.Get("Cache-Control") != "no-store" || !strings.Contains(page.Header.Get("X-Robots-Tag"), "noindex") {
		t.Errorf("%v", page.Header)
	}
	doc = visitor.page(page, 200)
	og := func(name string) string { return doc.Find(`meta[property="og:`+name+`"]`).AttrOr("content", "") }
	if doc.Find("h1").Text() != "For you" || og("title") != "For you" || og("url") != link || !strings.Contains(og("description"), "7 B") {
		t.Errorf("%s, %s, %s, %s", doc.Find("h1").Text(), og("title"), og("url"), og("description"))
	}
	file := visitor.get(at + "?download")
	if string(read(t, file)) != "content" || !strings.HasPrefix(file.Header.Get("Content-Disposition"), `attachment; filename="a file.txt"`) {
		t.Errorf("%v", file.Header)
	}
	if text := mia.page(mia.get("/account/shares"), 200).Find(".rows").Text(); !strings.Contains(text, "Downloads: 1 of 3") {
		t.Errorf("the owner is told %s", text)
	}
	shares, _ := h.drives.Shares(t.Context(), id)
	mia.leadsTo(mia.post("/account/shares", "action", "remove", "id", shares[0].ID), "/account/shares?removed")
	visitor.is404("ended", visitor.get(at))

	doc = mia.page(mia.post("/account/shares", "action", "make", "path", "/a file.txt", "most", "many"), 400)
	if doc.Find(".field-problem").Length() != 1 || doc.Find("#share-most").AttrOr("value", "") != "many" {
		t.Error("a number that is none is not shown as wrong")
	}
	if mia.post("/account/shares", "action", "make", "path", "/nowhere").StatusCode != 404 {
		t.Error("what is not there was shared")
	}
}

func TestASharedFolderAndItsZIP(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	for _, folder := range []string{"/Fotos", "/Fotos/été", "/secret"} {
		h.makeFolder(id, folder)
	}
	h.put(id, "/Fotos/été/a&b.txt", "one", drive.PutOptions{})
	h.put(id, `/Fotos/..\..\evil`, "two", drive.PutOptions{})
	h.put(id, "/secret/plan", "outside", drive.PutOptions{})
	at, visitor := h.share(id, "/Fotos", drive.NewShare{}), h.browser()
	doc := visitor.page(visitor.get(at), 200)
	if names := doc.Find(".rows bdi").Text(); !strings.Contains(names, "été") || strings.Contains(names, "secret") {
		t.Errorf("%s", names)
	}
	doc = visitor.page(visitor.get(at+"/%C3%A9t%C3%A9/a&b.txt"), 200)
	if doc.Find("h1").Text() != "a&b.txt" || doc.Find(".crumbs").Text() != "Fotosété" {
		t.Errorf("%s below %s", doc.Find("h1").Text(), doc.Find(".crumbs").Text())
	}
	answer := visitor.get(at + "?zip")
	if d := answer.Header.Get("Content-Disposition"); !strings.Contains(d, `"Fotos.zip"`) {
		t.Error(d)
	}
	all := read(t, answer)
	archive, err := zip.NewReader(bytes.NewReader(all), int64(len(all)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range archive.File {
		names = append(names, f.Name)
		if strings.Contains(f.Name, `\`) || strings.Contains(f.Name, "secret") || !strings.HasPrefix(f.Name, "Fotos/") {
			t.Errorf("the ZIP has %q", f.Name)
		}
	}
	if len(names) != 4 || names[0] != "Fotos/" {
		t.Errorf("%q", names)
	}
}

func TestNoPathLeadsOutOfAShare(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	for _, folder := range []string{"/open", "/open/sub", "/secret", "/openly"} {
		h.makeFolder(id, folder)
	}
	h.put(id, "/open/f", "fine", drive.PutOptions{})
	h.put(id, "/secret/plan", "secret", drive.PutOptions{})
	h.put(id, "/openly/plan", "secret", drive.PutOptions{})
	folder, file := h.share(id, "/open", drive.NewShare{}), h.share(id, "/open/f", drive.NewShare{})
	other := h.share(id, "/secret", drive.NewShare{})
	visitor := h.browser()
	for _, path := range []string{"/%2e%2e%2fsecret", "/..%2fsecret%2fplan", "/sub%2f..%2f..%2fsecret", "/%252e%252e/secret", "/secret/plan", "/open/f", "/ly/plan", `/..%5csecret`, "/f%00", "/%c0%ae%c0%ae/secret", "/f/f"} {
		for _, query := range []string{"", "?download", "?raw", "?zip"} {
			visitor.is404(path+query, visitor.get(folder+path+query))
		}
	}
	for _, path := range []string{"/f", "/sub", "/secret"} {
		visitor.is404("of a file: "+path, visitor.get(file+path+"?download"))
	}
	visitor.is404("ZIP of a file", visitor.get(file+"?zip"))
	visitor.is404("the id of one and the MAC of another", visitor.get(folder[:strings.IndexByte(folder, '.')]+other[strings.IndexByte(other, '.'):]))
	visitor.is404("files into what is to be read", visitor.files(folder, "x", "x"))
	if _, there := h.content(id, "/open/x"); there {
		t.Error("it was written to")
	}
	if err := h.drives.Trash(t.Context(), id, "/open", drive.Guard{}); err != nil {
		t.Fatal(err)
	}
	visitor.is404("in the trash", visitor.get(folder))
	visitor.is404("a file in a folder in the trash", visitor.get(file+"?download"))
}

func TestTheLinksOfADisabledOwnerOpenNothing(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.put(id, "/f", "secret", drive.PutOptions{})
	at, visitor := h.share(id, "/f", drive.NewShare{}), h.browser()
	visitor.page(visitor.get(at), 200)
	if err := h.accounts.SetDisabled(t.Context(), "mia", true); err != nil {
		t.Fatal(err)
	}
	visitor.is404("disabled", visitor.get(at))
	visitor.is404("disabled", visitor.get(at+"?download"))
}

func TestRangesAndHEADAndTheCount(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.put(id, "/f", "0123456789", drive.PutOptions{})
	uses := func() int64 {
		all, err := h.drives.Shares(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Uses
	}
	at := h.share(id, "/f", drive.NewShare{Most: 2})
	one, two := h.browser(), h.browser()
	step := func(what string, answer *http.Response, status int, counted int64) {
		t.Helper()
		if answer.StatusCode != status || uses() != counted {
			t.Errorf("%s: %d and %d counted, want %d and %d", what, answer.StatusCode, uses(), status, counted)
		}
	}
	step("the page", one.get(at), 200, 0)
	step("HEAD", one.do(http.MethodHead, at+"?download"), 200, 0)
	step("the first bytes", one.get(at+"?download", "Range: bytes=0-3"), 206, 1)
	step("going on", one.get(at+"?download", "Range: bytes=4-"), 206, 1)
	step("going on somewhere else", two.get(at+"?download", "Range: bytes=4-"), 206, 2)
	step("the page of what is used up", one.get(at), 404, 2)
	step("HEAD of what is used up", one.do(http.MethodHead, at+"?download"), 404, 2)
	step("going on with what was counted", one.get(at+"?download", "Range: bytes=7-"), 206, 2)
	for what, header := range map[string]string{"all of it": "X: x", "from the first byte": "Range: bytes=0-", "its end": "Range: bytes=-10", "two ranges": "Range: bytes=1-2,0-9", "no range": "Range: lines=1-2"} {
		step(what, one.get(at+"?download", header), 404, 2)
	}
	step("all of it by a condition that does not hold", one.get(at+"?download", "Range: bytes=1-", `If-Range: "other"`), 404, 2)
	h.put(id, "/f", "other content", drive.PutOptions{})
	step("other content", one.get(at+"?download", "Range: bytes=4-"), 404, 2)
}

func TestRacingVisitorsNeverExceedTheCount(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.put(id, "/f", "content", drive.PutOptions{})
	at := h.share(id, "/f", drive.NewShare{Most: 3})
	var wait sync.WaitGroup
	var sent atomic.Int64
	for range 20 {
		wait.Go(func() {
			w := httptest.NewRecorder()
			h.door.ServeHTTP(w, httptest.NewRequest("GET", at+"?download", nil).WithContext(context.Background()))
			if w.Code == 200 {
				sent.Add(1)
			}
		})
	}
	wait.Wait()
	if sent.Load() != 3 {
		t.Errorf("%d were sent", sent.Load())
	}
}

func TestTheShareOfAPasswordTellsNothingBefore(t *testing.T) {
	h := newHouse(t, onHTTPS)
	_, id := h.user("mia")
	h.makeFolder(id, "/secret")
	h.put(id, "/secret/f", "secret", drive.PutOptions{})
	at, other := h.share(id, "/secret", drive.NewShare{Password: "open sesame"}), h.share(id, "/secret", drive.NewShare{Password: "open sesame"})
	visitor := h.browser()
	for _, address := range []string{at, at + "/f", at + "/f?download", at + "/f?raw", at + "?zip", at + "/nothing"} {
		answer := visitor.get(address)
		body := strings.ReplaceAll(string(read(t, answer)), address, "")
		if answer.StatusCode != 200 || strings.Contains(body, "secret") || !strings.Contains(body, `type="password"`) || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", address, answer.StatusCode, body)
		}
	}
	visitor.page(visitor.post(at, "password", "wrong"), 403)
	right := visitor.post(at+"/f", "password", "open sesame")
	visitor.leadsTo(right, at+"/f")
	if c := right.Cookies()[0]; c.Path != at || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || strings.Contains(c.Value, "sesame") {
		t.Errorf("%+v", c)
	}
	if got := string(read(t, visitor.get(at+"/f?download"))); got != "secret" {
		t.Error(got)
	}
	if body := string(read(t, visitor.get(other))); !strings.Contains(body, `type="password"`) {
		t.Error("the cookie of one share opens another")
	}
	guesser := h.browser()
	status := 0
	for range 20 {
		if status = guesser.post(at, "password", "guess").StatusCode; status == 429 {
			break
		}
	}
	if answer := guesser.post(at, "password", "open sesame"); status != 429 || answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("guesses go on: %d", status)
	}
	visitor.page(visitor.get(at+"/f"), 200) // who was let in stays
}

func TestADropBoxIsNeitherReadNorOverwritten(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.makeFolder(id, "/in")
	h.put(id, "/in/secret.txt", "mine", drive.PutOptions{})
	at, visitor := h.share(id, "/in", drive.NewShare{Kind: drive.ShareDrop, Name: "For me", Most: 3, MaxSize: 10}), h.browser()
	doc := visitor.page(visitor.get(at), 200)
	if doc.Find("h1").Text() != "For me" || doc.Find("form input[type=file]").Length() != 1 || strings.Contains(doc.Text(), "secret") {
		t.Error(doc.Text())
	}
	for _, rest := range []string{"?zip", "?download", "?raw", "/secret.txt", "/secret.txt?download", "/secret.txt?raw"} {
		visitor.is404(rest, visitor.get(at+rest))
	}
	visitor.is404("a file into a path", visitor.files(at+"/sub", "x", "x"))
	visitor.leadsTo(visitor.files(at, "secret.txt", "theirs", "../../up", "up"), at+"?sent=2")
	for path, want := range map[string]string{"/in/secret.txt": "mine", "/in/secret (1).txt": "theirs", "/in/up": "up"} {
		if got, _ := h.content(id, path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if text := visitor.page(visitor.get(at+"?sent=2"), 200).Find("[role=status]").Text(); text != "2 files were sent." {
		t.Error(text)
	}
	visitor.page(visitor.files(at, "large", "more than ten bytes"), 413)
	visitor.page(visitor.files(at), 400)
	doc = visitor.page(visitor.files(at, "c", "c", "d", "d"), 429)
	if text := doc.Find("#problem").Text(); !strings.Contains(text, "first 1 file is stored") {
		t.Error(text)
	}
	if _, there := h.content(id, "/in/d"); there {
		t.Error("more files than there may be")
	}
	visitor.is404("full", visitor.get(at))
	visitor.is404("full", visitor.files(at, "e", "e"))
	if doc := visitor.page(visitor.get(at+"?sent=1"), 200); doc.Find("form[enctype]").Length() != 0 {
		t.Error("it takes more")
	}
}

func TestNamesAndFilesRunNothingOnASharePage(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	const evil = `<img src=x onerror=alert(1)>"'&.html`
	h.makeFolder(id, "/d")
	h.put(id, "/d/"+evil, "<script>alert(1)</script>", drive.PutOptions{MediaType: "text/html"})
	h.put(id, "/d/x.svg", "<svg onload='alert(1)'/>", drive.PutOptions{MediaType: "image/svg+xml"})
	h.put(id, "/d/p.png", "<script>alert(1)</script>", drive.PutOptions{MediaType: "image/png"})
	at, visitor := h.share(id, "/d", drive.NewShare{Name: evil}), h.browser()
	for _, b := range []*browser{visitor, mia} {
		for _, address := range []string{at, at + "/" + strings.ReplaceAll(strings.ReplaceAll(evil, "<", "%3C"), " ", "%20"), at + "/x.svg", at + "/p.png"} {
			r := b.get(address)
			if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: %s", address, policy)
			}
			doc := b.page(r, 200)
			if doc.Find("[onerror], [onload], img[src=x]").Length() != 0 || doc.Find("script:not([src])").Length() != 0 {
				t.Errorf("%s: a name became part of the page", address)
			}
		}
	}
	if doc := mia.page(mia.get("/account/shares"), 200); doc.Find("[onerror]").Length() != 0 || !strings.Contains(doc.Text(), evil) {
		t.Error("the owner's page")
	}
	for name, inline := range map[string]bool{"/x.svg": false, "/p.png": true} {
		header := visitor.get(at + name + "?raw").Header
		if strings.HasPrefix(header.Get("Content-Disposition"), "inline") != inline || !strings.HasPrefix(header.Get("Content-Security-Policy"), "sandbox") || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", name, header)
		}
	}
	if visitor.page(visitor.get(at+"/x.svg"), 200).Find("main img").Length() != 0 {
		t.Error("SVG is shown")
	}
}

func TestALongSharedFolderIsInParts(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.makeFolder(id, "/d")
	for i := range 120 {
		h.put(id, "/d/f"+strconv.Itoa(i), "x", drive.PutOptions{})
	}
	at, visitor := h.share(id, "/d", drive.NewShare{Expires: time.Now().Add(time.Hour)}), h.browser()
	doc := visitor.page(visitor.get(at), 200)
	next := doc.Find("a[rel=next]").AttrOr("href", "")
	if n := doc.Find(".rows > li").Length(); n != 100 || next == "" {
		t.Fatalf("%d, then %q", n, next)
	}
	if n := visitor.page(visitor.get(next), 200).Find(".rows > li").Length(); n != 20 {
		t.Errorf("%d on the last part", n)
	}
	visitor.is404("a place that is none", visitor.get(at+"?after=nonsense"))
}

// Those who take a ZIP slowly keep four turns of a share and none of another, and one address six of all.
func TestStrangersHaveSoManyTurns(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.makeFolder(id, "/d")
	h.put(id, "/d/f", strings.Repeat("x", 1<<20), drive.PutOptions{})
	at, other := h.share(id, "/d", drive.NewShare{}), h.share(id, "/d", drive.NewShare{})
	hold := make(chan struct{})
	var wait sync.WaitGroup
	slow := func(at string) {
		began := make(chan struct{})
		wait.Go(func() {
			h.door.ServeHTTP(&slowWriter{ResponseRecorder: httptest.NewRecorder(), began: began, hold: hold}, httptest.NewRequest("GET", at+"?zip", nil))
		})
		<-began
	}
	for range 4 {
		slow(at)
	}
	visitor := h.browser()
	if answer := visitor.get(at + "?zip"); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a fifth one: %d", answer.StatusCode)
	}
	if answer := visitor.get(other + "?zip"); answer.StatusCode != 200 {
		t.Errorf("of another share: %d", answer.StatusCode)
	}
	slow(other)
	slow(other)
	if answer := visitor.get(other + "?zip"); answer.StatusCode != 503 {
		t.Errorf("a seventh one of one address: %d", answer.StatusCode)
	}
	elsewhere := httptest.NewRequest("GET", other+"?zip", nil)
	elsewhere.RemoteAddr = "198.51.100.7:1"
	if answer := visitor.send(elsewhere); answer.StatusCode != 200 {
		t.Errorf("of another address: %d", answer.StatusCode)
	}
	close(hold)
	wait.Wait()
	if answer := visitor.get(at + "?zip"); answer.StatusCode != 200 {
		t.Errorf("when they have ended: %d", answer.StatusCode)
	}
}

// slowWriter is a client that takes nothing until it may.
type slowWriter struct {
	*httptest.ResponseRecorder
	began, hold chan struct{}
	once        sync.Once
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.once.Do(func() { close(w.began) })
	<-w.hold
	return w.ResponseRecorder.Write(p)
}
