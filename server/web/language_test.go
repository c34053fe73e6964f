package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The pages are in the language that the browser asks for, until another one is chosen.
func TestLanguage(t *testing.T) {
	h := newHouse(t)
	b, _ := h.user("mia")
	title := func(accept string) string {
		return b.page(b.get("/account", "Accept-Language: "+accept), 200).Find("h1").Text()
	}
	if en, zh := title("en-GB,zh;q=0.5"), title("zh-CN,zh;q=0.9,en;q=0.8"); en != "Account" || zh != "账户" {
		t.Errorf("the page is %q for who reads English, and %q for who reads Chinese", en, zh)
	}
	if lang := b.page(b.get("/account", "Accept-Language: zh"), 200).Find("html").AttrOr("lang", ""); lang != "zh-CN" {
		t.Errorf("the page says that it is in %q", lang)
	}
	b.leadsTo(b.post("/language", "language", "zh-CN"), "/")
	if got := title("en"); got != "账户" {
		t.Errorf("after Chinese was chosen the page is %q", got)
	}
	if doc := b.page(b.get("/account"), 200); doc.Find(".languages [aria-current]").AttrOr("value", "") != "zh-CN" {
		t.Error("the page does not say which language was chosen")
	}
	b.page(b.post("/language", "language", "tlh"), 400)
	stranger := h.browser()
	if doc := stranger.page(stranger.get("/login", "Accept-Language: zh-CN"), 200); doc.Find("h1").Text() != "登录" || doc.Find(".languages button").Length() != 2 {
		t.Error("who is not signed in reads no Chinese, or cannot choose a language")
	}
	if doc := stranger.page(stranger.post("/login", "login", "mia", "password", "wrong-wrong", "next", ""), 401); doc.Find("#problem").Length() != 1 {
		t.Error("no problem is shown")
	}
}

// What was refused is told in the language of the page.
func TestProblemsInTheLanguage(t *testing.T) {
	h := newHouse(t)
	h.user("mia")
	b := h.browser()
	b.leadsTo(b.post("/language", "language", "zh-CN"), "/")
	doc := b.page(b.post("/login", "login", "mia", "password", "not-the-password"), 401)
	if got := doc.Find("#problem p").Text(); got != "用户名或密码不正确。" {
		t.Errorf("the problem is %q", got)
	}
	if got := b.page(b.get("/nothing/here"), 404).Find("h1").Text(); got != "找不到页面" {
		t.Errorf("the error page is %q", got)
	}
}

// The form goes back to the page that it was on, and to no other site.
func TestChoosingALanguageStaysOnThePage(t *testing.T) {
	b, _ := newHouse(t).user("mia")
	const here = "http://example.com" // httptest's
	for from, want := range map[string]string{
		here + "/drive/a%20b?sort=name":    "/drive/a%20b?sort=name",
		here + "/login?next=%2Fdrive%2F":   "/login?next=%2Fdrive%2F",
		here + "/s/abc#fragment":           "/s/abc",
		here + "/drive/%E7%86%8A?details":  "/drive/%E7%86%8A?details",
		here + "//other.example.org/x":     "/",
		here + "/\\other.example.org":      "/%5Cother.example.org",
		"https://other.example.org/drive/": "/",
		"https://example.com/drive/":       "/", // not this scheme
		"http://example.com:8080/drive/":   "/",
		"":                                 "/", "::": "/", "/drive/": "/",
	} {
		r := httptest.NewRequest(http.MethodPost, "/language", strings.NewReader("language=en"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", from)
		b.leadsTo(b.send(r), want)
	}
}
