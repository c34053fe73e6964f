package web_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// asWorkshop is the first argument that makes the test binary a workshop.
const asWorkshop = "preview-workshop"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == asWorkshop {
		memory, err := strconv.ParseInt(os.Args[2], 10, 64)
		if err == nil {
			err = preview.Serve(os.Stdin, os.Stdout, memory)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func newPreviews(db *sqldb.DB, drives *drive.Drives) *preview.Previews {
	return preview.New(db, drives, preview.NewQueue(), preview.Options{Workers: 1, Command: []string{os.Args[0], asWorkshop}})
}

// work makes previews until the test ends.
func (h *house) work() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.previews.Run(ctx) }()
	h.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			h.Error(err)
		}
	})
}

func square(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 600, 600))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestThumb(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouseOn(t, db)
		h.work()
		mia, id := h.user("mia")
		h.put(id, "/a b.png", square(t), drive.PutOptions{})
		h.put(id, "/f.txt", "text", drive.PutOptions{})
		tag := strings.Trim(mia.get("/raw/a%20b.png").Header.Get("ETag"), `"`)
		for address, want := range map[string]struct {
			status int
			cache  string
		}{
			"/thumb/a%20b.png":                   {200, "private, no-cache"},
			"/thumb/a%20b.png?size=480":          {200, "private, no-cache"},
			"/thumb/a%20b.png?size=480&v=" + tag: {200, "private, max-age=31536000, immutable"},
			"/thumb/a%20b.png?size=161":          {400, "no-store"},
			"/thumb/f.txt":                       {404, "no-store"},
			"/thumb/none.png":                    {404, "no-store"},
			"/thumb/":                            {404, "no-store"},
			"/thumb/%00":                         {400, "no-store"},
		} {
			response := mia.get(address)
			if response.StatusCode != want.status || response.Header.Get("Cache-Control") != want.cache || response.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %s %v", address, response.Status, response.Header)
			}
			if want.status == 200 && (response.Header.Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(response.Header.Get("Content-Security-Policy"), "sandbox")) {
				t.Errorf("%s: %v", address, response.Header)
			}
		}
		h.browser().leadsTo(h.browser().get("/thumb/a%20b.png"), "/login")
	})
}

func TestView(t *testing.T) {
	h := newHouse(t)
	h.work()
	mia, id := h.user("mia")
	put := func(name, media, content string) {
		h.put(id, "/"+name, content, drive.PutOptions{MediaType: media})
	}
	for _, c := range []struct {
		name, media, content string
		viewer               string // of the page
		has                  string // selector of what shows it
	}{
		{"1.png", "image/png", "x", "image", `.stage img[src="/raw/1.png"][alt="1.png"]`},
		{"2 ?.svg", "image/svg+xml", "<svg/>", "image", `.stage img[src="/raw/2%20%3F.svg"]`},
		{"3.tiff", "image/tiff", "x", "thumbnail", `.stage img[src^="/thumb/3.tiff?size=480&v="]`},
		{"4.mp4", "video/mp4", "x", "video", `video[src="/raw/4.mp4"][controls]`},
		{"5.mp3", "audio/mpeg", "x", "audio", `audio[src="/raw/5.mp3"][controls]`},
		{"6.pdf", "application/pdf", "%PDF-1.7", "pdf", `a[href="/raw/6.pdf"]`},
		{"7.txt", "text/plain", "<b>bold</b>", "text", `pre code`},
		{"8.html", "text/html", "<script>alert(1)</script>", "text", `pre code`},
		{"9.xml", "application/xml", "<a/>", "text", `pre code`},
		{"10.go", "application/octet-stream", "package main", "text", `pre code`},
		{"11.md", "application/octet-stream", "# Title", "markdown", `article h1`},
		{"12.txt", "text/plain", "a\x00b", "nothing", `.known a[download]`},
		{"13.bin", "application/octet-stream", "x", "nothing", `.known a[href="/raw/13.bin?download"]`},
		{"14.js", "text/javascript", "alert(1)", "text", `pre code`},
		{"15.txt", "not a type at all", "still text", "text", `pre code`},
	} {
		put(c.name, c.media, c.content)
		doc := mia.page(mia.get("/view/"+url.PathEscape(c.name)), http.StatusOK)
		if got := doc.Find("main").AttrOr("data-viewer", ""); got != c.viewer {
			t.Errorf("%s is shown as %q, want %q", c.name, got, c.viewer)
		}
		if doc.Find(c.has).Length() != 1 {
			html, _ := doc.Find("main").Html()
			t.Errorf("%s: there is no %s in\n%s", c.name, c.has, html)
		}
		if c.viewer == "text" && doc.Find("pre code").Text() != c.content {
			t.Errorf("%s: %q", c.name, doc.Find("pre code").Text())
		}
		if doc.Find("main script, main iframe, main object, main embed, main style").Length() > 0 {
			t.Errorf("%s: something in the page runs or frames", c.name)
		}
	}
	mia.leadsTo(mia.get("/view/"), "/drive/")
	if response := mia.get("/view/none"); response.StatusCode != http.StatusNotFound {
		t.Error(response.Status)
	}
}

// A long text shows its beginning; other ways of writing than UTF-8 are read, and what is cut within a character stays whole in front of it.
func TestTextOnAPage(t *testing.T) {
	h := newHouse(t)
	h.work()
	mia, id := h.user("mia")
	long := strings.Repeat("熊", preview.MaxText/3+5) // 512 KiB is no multiple of 3
	for _, c := range []struct{ name, content, want string }{
		{"utf8.txt", "\xef\xbb\xbfgrün 熊", "grün 熊"},
		{"utf16.txt", "\xff\xfeg\x00\xfc\x00n\x00", "gün"},
		{"gb.txt", "\xd0\xdc\xc3\xa8", "熊猫"},
		{"latin.txt", "gr\xfcn \xff\xff", "gr\ufffdn \ufffd"},
		{"long.txt", long, strings.Repeat("熊", preview.MaxText/3)},
		{"long.md", "# " + long, "# " + strings.Repeat("熊", (preview.MaxText-2)/3)},
		{"empty.txt", "", ""},
	} {
		h.put(id, "/"+c.name, c.content, drive.PutOptions{})
		doc := mia.page(mia.get("/view/"+c.name), http.StatusOK)
		if got := doc.Find("pre code").Text(); got != c.want {
			t.Errorf("%s: %d bytes %.60q, want %d bytes %.60q", c.name, len(got), got, len(c.want), c.want)
		}
		if partly := doc.Find(".notice").Length() == 1; partly != strings.HasPrefix(c.name, "long") {
			t.Errorf("%s: it goes on: %v", c.name, partly)
		}
	}
}

func TestImagesBeside(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	for _, name := range []string{"a?.png", "b.txt", "c.webp", "d.svg"} {
		h.put(id, "/"+name, "x", drive.PutOptions{MediaType: map[string]string{"b.txt": "text/plain", "d.svg": "image/svg+xml"}[name]})
	}
	for _, c := range []struct{ at, before, after string }{
		{"/view/a%3F.png", "", "/view/c.webp"}, {"/view/c.webp", "/view/a%3F.png", "/view/d.svg"}, {"/view/d.svg", "/view/c.webp", ""},
	} {
		doc := mia.page(mia.get(c.at), http.StatusOK)
		if before, after := doc.Find("a[rel=prev]").AttrOr("href", ""), doc.Find("a[rel=next]").AttrOr("href", ""); before != c.before || after != c.after {
			t.Errorf("%s is between %q and %q", c.at, before, after)
		}
	}
}
