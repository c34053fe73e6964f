package web_test

import (
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

// What a chat shows of a link: it asks for the page and the picture without cookies.
func TestThePictureOfALink(t *testing.T) {
	h := newHouse(t, onHTTPS)
	h.work()
	_, id := h.user("mia")
	for _, folder := range []string{"/photos", "/photos/older", "/texts", "/broken"} {
		h.makeFolder(id, folder)
	}
	h.put(id, "/photos/a lie.png", "no image", drive.PutOptions{MediaType: "image/png"})
	h.put(id, `/photos/b "quoted".png`, square(t), drive.PutOptions{MediaType: "image/png"})
	h.put(id, "/texts/a.txt", "text", drive.PutOptions{})
	for _, name := range []string{"1.png", "2.png", "3.png", "4.png", "5.png"} {
		h.put(id, "/broken/"+name, "no image: "+name, drive.PutOptions{})
	}
	for name, of := range map[string]struct {
		path  string
		share drive.NewShare
		below string
		want  bool
	}{
		"an image":                    {`/photos/b "quoted".png`, drive.NewShare{}, "", true},
		"a folder":                    {"/photos", drive.NewShare{}, "", true},
		"an image in a folder":        {"/photos", drive.NewShare{}, "/b%20%22quoted%22.png", true},
		"a folder without images":     {"/photos", drive.NewShare{}, "/older", false},
		"a text":                      {"/texts/a.txt", drive.NewShare{}, "", false},
		"with a password":             {"/photos", drive.NewShare{Password: "sesame"}, "", false},
		"where downloads are counted": {"/photos", drive.NewShare{Most: 3}, "", false},
		"a drop box":                  {"/photos", drive.NewShare{Kind: drive.ShareDrop}, "", false},
		"images that are none":        {"/broken", drive.NewShare{}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			at := h.share(id, of.path, of.share) + of.below
			crawler := h.browser()
			if of.path == "/broken" || of.path == "/photos" && of.share.Most == 0 { // who looked before has them tried
				for _, img := range crawler.page(crawler.get(at), 200).Find(".rows img").EachIter() {
					crawler.get(img.AttrOr("src", ""))
				}
			}
			doc := crawler.page(crawler.get(at), 200)
			meta := func(name string) string { return doc.Find(`meta[property="`+name+`"]`).AttrOr("content", "") }
			card := doc.Find(`meta[name="twitter:card"]`).AttrOr("content", "")
			address := meta("og:image")
			if !of.want {
				if address != "" || card == "summary_large_image" || doc.Find(`meta[property^="og:image"]`).Length() > 0 {
					t.Errorf("%q, %q", address, card)
				}
				return
			}
			local, ok := strings.CutPrefix(address, "https://files.example.org/s/")
			if !ok || card != "summary_large_image" || meta("og:image:alt") != `b "quoted".png` {
				t.Fatalf("%q, %q, %q", address, card, meta("og:image:alt"))
			}
			picture := h.browser().get("/s/" + local)
			if picture.StatusCode != 200 || picture.Header.Get("Content-Type") != "image/jpeg" && picture.Header.Get("Content-Type") != "image/png" ||
				picture.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || !strings.HasPrefix(picture.Header.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%d %v", picture.StatusCode, picture.Header)
			}
			doc = crawler.page(crawler.get(at), 200) // its measures are known by now
			if meta("og:image:type") != picture.Header.Get("Content-Type") || meta("og:image:width") != "480" || meta("og:image:height") != "480" {
				t.Errorf("%s of %s by %s", meta("og:image:type"), meta("og:image:width"), meta("og:image:height"))
			}
		})
	}
}

func TestThumbnailsOfAShare(t *testing.T) {
	h := newHouse(t)
	h.work()
	_, id := h.user("mia")
	h.makeFolder(id, "/d")
	h.put(id, "/d/a.png", square(t), drive.PutOptions{})
	h.put(id, "/d/f.txt", "text", drive.PutOptions{})
	h.put(id, "/secret.png", square(t), drive.PutOptions{})
	open, visitor := h.share(id, "/d", drive.NewShare{}), h.browser()
	if src := visitor.page(visitor.get(open), 200).Find(".rows img").AttrOr("src", ""); !strings.HasPrefix(src, open+"/a.png?thumb=160&v=") {
		t.Errorf("the list shows %q", src)
	}
	for address, want := range map[string]int{
		open + "/a.png?thumb=480": 200, open + "/a.png?thumb": 200, open + "/a.png?thumb=7": 404, open + "/f.txt?thumb": 404, open + "?thumb": 404,
		open + "/%2e%2e%2fsecret.png?thumb": 404, open + "/secret.png?thumb": 404,
		h.share(id, "/d", drive.NewShare{Most: 1}) + "/a.png?thumb": 404, h.share(id, "/d", drive.NewShare{Kind: drive.ShareDrop}) + "/a.png?thumb": 404,
		h.share(id, "/d", drive.NewShare{Kind: drive.ShareDrop}) + "?thumb": 404,
	} {
		if answer := visitor.get(address); answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", address, answer.StatusCode, want)
		}
	}
	locked := h.share(id, "/d", drive.NewShare{Password: "sesame"})
	if answer := visitor.get(locked + "/a.png?thumb"); !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		t.Errorf("without the password: %v", answer.Header)
	}
	visitor.post(locked, "password", "sesame")
	answer := visitor.get(locked + "/a.png?thumb")
	if answer.StatusCode != 200 || answer.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("with it: %d %v", answer.StatusCode, answer.Header)
	}
}

// What visitors see of a file on its page; where downloads are counted, nothing.
func TestLookingAtWhatALinkOpens(t *testing.T) {
	h := newHouse(t)
	_, id := h.user("mia")
	h.makeFolder(id, "/d")
	for name, file := range map[string]struct{ media, content, shows string }{
		"a.txt":    {"text/plain", "<b>bold</b> 熊", "pre.text"},
		"a.md":     {"text/markdown", "# <b>bold</b> 熊", "pre.text"},
		"a.html":   {"text/html", "<b>bold</b> 熊", "pre.text"},
		"a.tiff":   {"image/tiff", "x", `.stage img[src*="/a.tiff?thumb=480&v="]`},
		"a.jpg":    {"image/jpeg", "x", `.stage img[src$="/a.jpg?raw"]`},
		"a.mp4":    {"video/mp4", "x", `video[src$="/a.mp4?raw"]`},
		"a.ogg":    {"audio/ogg", "x", `audio[src$="/a.ogg?raw"]`},
		"zero.txt": {"text/plain", "\x00\x01", ""},
		"a.bin":    {"application/octet-stream", "x", ""},
	} {
		h.put(id, "/d/"+name, file.content, drive.PutOptions{MediaType: file.media})
		for _, most := range []int64{0, 3} {
			at, visitor := h.share(id, "/d", drive.NewShare{Most: most}), h.browser()
			doc := visitor.page(visitor.get(at+"/"+name), 200)
			shown := doc.Find("main .text, main .stage, main .sound")
			switch {
			case most > 0 || file.shows == "":
				if shown.Length() > 0 {
					t.Errorf("%s, %d downloads: %s", name, most, shown.Text())
				}
			case doc.Find("main "+file.shows).Length() != 1:
				t.Errorf("%s is not shown", name)
			case file.shows == "pre.text" && shown.Text() != file.content:
				t.Errorf("%s: %q", name, shown.Text())
			}
		}
	}
}
