package web_test

import (
	"strings"
	"testing"

	"github.com/satchelhq/satchel/authn"
)

// The page has the addresses as this server is reached, and opens the steps of the system that asks.
func TestConnect(t *testing.T) {
	b, _ := newHouse(t, onHTTPS).user("mia")
	for agent, open := range map[string]string{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15": "Finder (macOS)",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36":         "Explorer (Windows)",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101":             "Files (GNOME)",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36":          "Phones and tablets",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)":               "Phones and tablets",
		"curl/8": "",
	} {
		doc := b.page(b.get("/account/connect", "User-Agent: "+agent), 200)
		if got := doc.Find("details[open] summary").Text(); got != open {
			t.Errorf("%s: the steps for %q are open; want %q", agent, got, open)
		}
		for id, want := range map[string]string{
			"webdav": "https://files.example.org/dav/", "tus": "https://files.example.org/files/", "address-gnome": "davs://files.example.org/dav/",
			"address-kde": "webdavs://files.example.org/dav/",
		} {
			if got := doc.Find("#"+id).AttrOr("value", ""); got != want {
				t.Errorf("%s is %q; want %q", id, got, want)
			}
		}
	}
}

// A device gets a password of its own, shown this once, with a code to scan.
func TestConnectADevice(t *testing.T) {
	h := newHouse(t)
	b, _ := h.user("mia")
	doc := b.page(b.post("/account/connect", "name", "phone"), 200)
	password := doc.Find("#made-password").AttrOr("value", "")
	if _, err := h.accounts.Basic(t.Context(), "mia", password, authn.Client{}); err != nil {
		t.Errorf("the password %q opens nothing: %v", password, err)
	}
	if doc.Find("img.qr").Length() != 1 || !strings.Contains(doc.Find("#rclone-commands").Text(), "pass="+password) {
		t.Error("there is no code to scan, or rclone's commands lack the password")
	}
	if doc := b.page(b.get("/account/connect"), 200); strings.Contains(doc.Text(), password) {
		t.Error("the password is shown again")
	}
	if doc := b.page(b.post("/account/connect", "name", ""), 400); doc.Find(".field-problem").Length() == 0 {
		t.Error("a missing name is not told beside its input")
	}
}

func TestWindowsSettings(t *testing.T) {
	b, _ := newHouse(t).user("mia")
	response := b.get("/account/connect/webclient.reg")
	body := string(read(t, response))
	if !strings.HasPrefix(body, "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE") || !strings.HasSuffix(body, "\r\n") ||
		!strings.HasPrefix(response.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v %q", response.Header, body)
	}
}
