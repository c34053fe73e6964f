package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
)

// An app that says so once sees the pages without what stands around them, until it says otherwise.
func TestEmbedded(t *testing.T) {
	b, _ := newHouse(t).user("mia")
	framed := func(address string, headers ...string) bool {
		doc := b.page(b.get(address, headers...), 200)
		return doc.Find("header.top").Length() == 1 && !doc.Find("html").HasClass("embedded")
	}
	for _, step := range []struct {
		address string
		framed  bool
	}{
		{"/drive/", true},
		{"/drive/?embed=2", true},
		{"/drive/?embed=1", false},
		{"/drive/", false},
		{"/account", false},
		{"/drive/?embed=0", true},
		{"/drive/", true},
	} {
		if got := framed(step.address); got != step.framed {
			t.Errorf("%s has a frame: %v", step.address, got)
		}
	}
	// A link on another site changes nothing about the pages.
	if !framed("/drive/?embed=1", "Sec-Fetch-Site: cross-site") || !framed("/drive/") {
		t.Error("another site took the frame away")
	}
	b.page(b.get("/drive/?language=zh-CN", "Sec-Fetch-Site: cross-site"), 200)
	if _, ok := b.cookies["satchel-language"]; ok {
		t.Error("another site chose the language")
	}
	if lang := b.page(b.get("/drive/?language=zh-CN"), 200).Find("html").AttrOr("lang", ""); lang != "zh-CN" || b.cookies["satchel-language"] != "zh-CN" {
		t.Errorf("the language in the address was not taken: %q", lang)
	}
}

// A ticket leads to the page that the app wants, of ours only.
func TestTicketGoesOn(t *testing.T) {
	h := newHouse(t)
	h.user("mia")
	for next, want := range map[string]string{
		"":                          "/drive/",
		"/drive/Photos":             "/drive/Photos",
		"https://other.example.org": "/drive/",
		"//other.example.org":       "/drive/",
		"/logout":                   "/drive/",
	} {
		session, err := h.accounts.Login(t.Context(), authn.Credentials{Login: "mia", Password: password}, authn.Client{})
		if err != nil {
			t.Fatal(err)
		}
		b := h.browser()
		b.leadsTo(b.get("/open?ticket="+url.QueryEscape(session.Ticket)+"&embed=1&next="+url.QueryEscape(next)), want)
		if b.cookies["satchel-embed"] != "1" || b.cookies[authn.CookieName] == "" {
			t.Errorf("the app is not signed in, or its pages are not embedded: %v", b.cookies)
		}
	}
}

func TestManifest(t *testing.T) {
	b := newHouse(t).browser()
	for accept, want := range map[string]string{"en": `"lang":"en"`, "zh-CN": `"lang":"zh-CN"`} {
		response := b.get("/manifest.webmanifest", "Accept-Language: "+accept)
		body := string(read(t, response))
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/manifest+json" || !strings.Contains(body, want) {
			t.Errorf("for %s: %d %s", accept, response.StatusCode, body)
		}
	}
}

// What another app shares is stored, also by a browser without the worker; never for a stranger.
func TestShareTarget(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	share := func(b *browser, parts ...string) *http.Response {
		r := httptest.NewRequest(http.MethodPost, "/share-target", strings.NewReader(strings.Join(parts, "")+"--x--\r\n"))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		return b.send(r)
	}
	input := func(name, value string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	file := func(name, content string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n"
	}
	mia.leadsTo(share(mia, input("title", "ignored"), file("photo.jpg", "a photo"), file("photo.jpg", "another")), "/drive/")
	mia.leadsTo(share(mia, input("title", "A \"page\"/..\\ of\x00 mine"), input("text", "read this"), input("url", "https://example.org/")), "/drive/")
	mia.leadsTo(share(mia, input("title", ""), input("text", strings.Repeat("熊", 100)), input("url", "")), "/drive/")
	mia.page(share(mia, input("title", "nothing else")), 400)
	mia.page(share(mia, input("text", strings.Repeat("x", 64<<10+1))), 413)
	if got, want := h.names(id, "/"), "A page .. of mine.txt|photo (1).jpg|photo.jpg|"+strings.Repeat("熊", 60)+".txt"; got != want {
		t.Errorf("the drive holds %q; want %q", got, want)
	}
	if content, _ := h.content(id, "/A page .. of mine.txt"); content != "read this\nhttps://example.org/\n" {
		t.Errorf("the words are %q", content)
	}
	stranger := h.browser()
	stranger.leadsTo(share(stranger, file("x", "y")), "/login")
}

// What the worker put aside is named to the page only where no page of another site can have led there.
func TestWhatIsPutAsideIsNamed(t *testing.T) {
	b := newHouse(t).browser()
	for site, want := range map[string]string{
		"": "/drive/?shared=a%2Fb", "none": "/drive/?shared=a%2Fb", "same-origin": "/drive/?shared=a%2Fb",
		"same-site": "/drive/", "cross-site": "/drive/",
	} {
		b.leadsTo(b.get("/share-target?batch=a%2Fb", "Sec-Fetch-Site: "+site), want)
	}
}
