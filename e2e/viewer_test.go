package e2e

import (
	"bytes"
	byteorder "encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// hostile are files that try to run a script on the server's origin, or to tell somebody elsewhere that they were looked at. ELSEWHERE is that
// somebody; whatever runs asks for /pwned.
var hostile = []struct{ name, mediaType, content string }{
	{"script.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" width="9" height="9" onload="fetch('/pwned')">
		<script>fetch('/pwned');console.log('pwned')</script><image x:href="ELSEWHERE/svg" width="9" height="9"/><use href="ELSEWHERE/svg#x"/>
		<style>@import url(ELSEWHERE/css);</style><foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:fetch('/pwned')"/></foreignObject></svg>`},
	{"page.html", "text/html", `<!doctype html><script>fetch('/pwned');console.log('pwned')</script><img src=x onerror="fetch('/pwned')"><img src="ELSEWHERE/html"><iframe src="/drive/"></iframe>`},
	{"page.xhtml", "application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"><script>fetch('/pwned')</script></html>`},
	{"style.xml", "application/xml", `<?xml version="1.0"?><?xml-stylesheet href="ELSEWHERE/xsl" type="text/xsl"?><a xmlns="http://www.w3.org/1999/xhtml"><script>fetch('/pwned')</script></a>`},
	{"script.js", "text/javascript", `fetch('/pwned');console.log('pwned')`},
	{"notes.md", "text/markdown", "# Notes\n<script>fetch('/pwned')</script>\n\n<img src=x onerror=\"fetch('/pwned')\">\n\n![beacon](ELSEWHERE/md)\n\n[click](javascript:fetch('/pwned')) <javascript:fetch('/pwned')>\n\n<iframe src=\"javascript:fetch('/pwned')\"></iframe>\n\n<style>@import url(ELSEWHERE/md);</style>\n\n[x]: javascript:fetch('/pwned')\n[x]\n"},
	{"text.txt", "text/plain", `</code></pre><script>fetch('/pwned')</script><img src=x onerror="fetch('/pwned')"><img src="ELSEWHERE/txt">`},
	{"is html.png", "image/png", `<!doctype html><script>fetch('/pwned');console.log('pwned')</script>`},
	{"is html.mp4", "video/mp4", `<!doctype html><script>fetch('/pwned')</script>`},
	{"is svg.jpg", "image/jpeg", `<svg xmlns="http://www.w3.org/2000/svg" onload="fetch('/pwned')"/>`},
	{"is gif and js.gif", "image/gif", `GIF89a=1;fetch('/pwned')//`},
	{"is html.pdf", "application/pdf", `<!doctype html><script>fetch('/pwned')</script>`},
	{"is html.txt", "text/plain", `<!doctype html><script>fetch('/pwned')</script>`},
	{"two types.png", "text/html;image/png", `<script>fetch('/pwned')</script>`},
	{"mixed", "multipart/x-mixed-replace; boundary=x", "--x\r\nContent-Type: text/html\r\n\r\n<script>fetch('/pwned')</script>\r\n--x--"},
	{"sheet.css", "text/css", `@import url(ELSEWHERE/css); body { background: url(ELSEWHERE/css) }`},
	{`"><script>fetch('.pwned')<.pdf`, "application/pdf", scriptedPDF},
	{`<img src=x onerror=fetch('pwned')>.md`, "text/markdown", "[a](b.md \"><script>fetch('/pwned')</script>\")"},
	{`javascript:fetch('pwned')`, "text/plain", "a name"},
}

// scriptedPDF runs JavaScript when it is opened, and asks a server elsewhere.
const scriptedPDF = `%PDF-1.7
1 0 obj <</Type /Catalog /Pages 2 0 R /OpenAction <</S /JavaScript /JS (app.launchURL\("ELSEWHERE/pdf"\); fetch\('/pwned'\))>> /Names <</JavaScript <</Names [(a) <</S /JavaScript /JS (this.getURL\("ELSEWHERE/pdf"\))>>]>>>>>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /AA <</O <</S /URI /URI (ELSEWHERE/pdf)>>>>>> endobj
trailer <</Root 1 0 R>>
%%EOF
`

// Stored XSS, tried by every page and address that shows a file, in a real browser: nothing runs, and nobody elsewhere is asked.
func TestHostileFilesInABrowser(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		t.Errorf("somebody elsewhere was asked for %s", r.URL)
	}))
	defer elsewhere.Close()
	s := start(t)
	ann := s.Register(t, "ann")
	var names []string
	for _, file := range hostile {
		content := strings.ReplaceAll(file.content, "ELSEWHERE", elsewhere.URL)
		answer := send(t, ann.Basic, http.MethodPut, s.URL+"/dav/"+escape(file.name), headers(map[string]string{"Content-Type": file.mediaType}), strings.NewReader(content))
		if answer.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s", file.name, answer.Status)
		}
		names = append(names, file.name)
	}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	looked := scene(t, "viewer.mjs", "hostile", s.URL, t.TempDir(), string(list))
	if len(looked) != len(hostile) || asked.Load() > 0 {
		t.Errorf("%d of %d files were looked at", len(looked), len(hostile))
	}
}

// What people see: images with keys and fingers, sound with seeking, text, Markdown and the rest, light and dark.
func TestLookingAtFiles(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	for i, name := range []string{"1 beach.jpg", "2 forest.jpg", "4 glass.png"} {
		ann.Put(t, name, scenery(t, i, strings.HasSuffix(name, "png")))
	}
	ann.Put(t, "3 notes between.txt", "Plain text.\n\n"+strings.Repeat("A line that is rather long, so that it has to be scrolled sideways on a phone and not wrapped.\n", 40))
	ann.Put(t, "drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"><rect width="100" height="50" fill="#8a4b2a"/></svg>`)
	ann.Put(t, "readme.md", "# A title\n\nSome *text* with a [link](3%20notes%20between.txt), `code` and 熊.\n\n- one\n- two\n\n> quoted\n\n| Name | Size |\n|---|---:|\n| a | 1 |\n\n```go\nfunc main() { println(\"a line of code that is longer than a phone is wide, or so one hopes\") }\n```\n")
	ann.Put(t, "main.go", "package main\n\nfunc main() {\n\tprintln(\"<b>hello</b>\")\n}\n")
	ann.Put(t, "song.wav", sound())
	ann.Put(t, "paper.pdf", strings.ReplaceAll(scriptedPDF, "ELSEWHERE", s.URL))
	ann.Put(t, "archive.zip", "PK\x05\x06"+strings.Repeat("\x00", 18))
	eachView(t, chinese, func(t *testing.T, size, language string) {
		folder := t.TempDir()
		scene(t, "viewer.mjs", "look", s.URL, folder, size, language)
		if pictures, err := filepath.Glob(filepath.Join(folder, "*.png")); err != nil || len(pictures) < 10 {
			t.Errorf("%d screenshots (%v)", len(pictures), err)
		}
	})
}

// scenery is an image that is as large as a photo.
func scenery(t *testing.T, kind int, glass bool) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 1600, 1000+kind*400))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			c := color.NRGBA{uint8(200 - y/8), uint8(120 + 40*kind), uint8(x / 8), 255}
			if glass && (x/200+y/200)%2 == 0 {
				c.A = 0
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	var err error
	if glass {
		err = png.Encode(&b, m)
	} else {
		err = jpeg.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sound is a minute of silence as a WAV file of 10 MB.
func sound() string {
	const rate, frame, seconds = 44100, 4, 60
	order := byteorder.LittleEndian
	b := order.AppendUint32([]byte("RIFF"), 36+rate*frame*seconds)
	b = order.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = order.AppendUint16(order.AppendUint16(b, 1), 2)
	b = order.AppendUint32(order.AppendUint32(b, rate), rate*frame)
	b = order.AppendUint16(order.AppendUint16(b, frame), 16)
	b = order.AppendUint32(append(b, "data"...), rate*frame*seconds)
	return string(b) + strings.Repeat("\x00", rate*frame*seconds)
}
