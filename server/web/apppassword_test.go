package web_test

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
)

func TestAppPasswordsPage(t *testing.T) {
	h := newHouse(t, onHTTPS)
	ann, id := h.user("ann")
	h.put(id, "/Photos.txt", "a file", drive.PutOptions{})
	photos, err := h.drives.MakeFolder(t.Context(), id, "/Photos", drive.Guard{})
	if err != nil {
		t.Fatal(err)
	}
	const address = "https://files.example.org/account/app-passwords"
	page := ann.page(ann.get(address), http.StatusOK)
	if page.Find(".rows li").Length() != 0 || page.Find("#password").Length() != 0 || page.Find(`#folders option[value="/Photos"]`).Length() != 1 {
		t.Error("the page of a fresh session without app passwords is another")
	}

	made := ann.page(ann.post(address, "action", "make", "name", "camera", "folder", "/Photos", "read_only", "yes", "days", "30"), http.StatusOK)
	secret, _ := made.Find("#made-password").Attr("value")
	if mount, _ := made.Find("#made-address").Attr("value"); mount != "https://files.example.org/dav/" {
		t.Errorf("the address is %q", mount)
	}
	source, _ := made.Find("img.qr").Attr("src")
	image, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(source, "data:image/png;base64,"))
	if err == nil {
		_, err = png.Decode(bytes.NewReader(image))
	}
	if err != nil {
		t.Errorf("the QR code: %v: %.60s", err, source)
	}
	who, err := h.accounts.Basic(t.Context(), "ann", secret, authn.Client{})
	if err != nil || who.Folder != photos.ID || !who.ReadOnly {
		t.Errorf("%+v, %v", who, err)
	}
	list := ann.page(ann.get(address), http.StatusOK)
	if text := list.Find(".rows li").Text(); !strings.Contains(text, "Opens /Photos, for reading only.") || !strings.Contains(text, "Last used") || !strings.Contains(text, "Expires") {
		t.Errorf("it is listed as %q", text)
	}
	if html, _ := list.Html(); strings.Contains(html, secret) {
		t.Error("the secret is shown again")
	}

	for input, form := range map[string][]string{
		"name": {"name", ""}, "folder": {"name", "x", "folder", "/nowhere"},
	} {
		status := http.StatusBadRequest
		if input == "folder" {
			status = http.StatusNotFound
		}
		refused := ann.page(ann.post(address, append([]string{"action", "make"}, form...)...), status)
		if refused.Find(".field-problem").Length() != 1 {
			t.Errorf("%s: nothing is said at the input", input)
		}
	}
	if file := ann.post(address, "action", "make", "name", "x", "folder", "/Photos.txt"); file.StatusCode != http.StatusBadRequest {
		t.Errorf("for a file: %d", file.StatusCode)
	}
	if days := ann.post(address, "action", "make", "name", "x", "days", "-1"); days.StatusCode != http.StatusBadRequest {
		t.Errorf("that ended yesterday: %d", days.StatusCode)
	}

	bob, _ := h.user("bob")
	row, _ := list.Find(`.rows input[name="id"]`).Attr("value")
	bob.post(address, "action", "revoke", "id", row)
	if _, err := h.accounts.Basic(t.Context(), "ann", secret, authn.Client{}); err != nil {
		t.Error("bob removed ann's app password")
	}
	gone := ann.page(ann.post(address, "action", "revoke", "id", row), http.StatusOK)
	if _, err := h.accounts.Basic(t.Context(), "ann", secret, authn.Client{}); err == nil || gone.Find(".rows li").Length() != 0 {
		t.Errorf("it is still there: %v", err)
	}

	h.now = time.Now().Add(11 * time.Minute) // the session is not fresh any more
	if ann.page(ann.get(address), http.StatusOK).Find("#password").Length() != 1 {
		t.Error("the password is not asked for")
	}
	ann.page(ann.post(address, "action", "make", "name", "x"), http.StatusForbidden)
	ann.page(ann.post(address, "action", "make", "name", "x", "password", "wrong password"), http.StatusForbidden)
	ann.page(ann.post(address, "action", "make", "name", "x", "password", password), http.StatusOK)
	if ann.page(ann.get(address), http.StatusOK).Find("#otp").Length() != 0 {
		t.Error("a code is asked for without a second factor")
	}
	begun, err := h.accounts.BeginTOTP(t.Context(), authn.Principal{UserID: id, Username: "ann"}, authn.Proof{Password: password}, "files.example.org", authn.Client{})
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := h.accounts.ConfirmTOTP(t.Context(), authn.Principal{UserID: id}, h.code(begun.Secret), authn.Client{})
	if err != nil {
		t.Fatal(err)
	}
	if ann.page(ann.get(address), http.StatusOK).Find("#otp").Length() != 1 {
		t.Error("the code is not asked for")
	}
	ann.page(ann.post(address, "action", "make", "name", "x", "password", password), http.StatusUnauthorized)
	ann.page(ann.post(address, "action", "make", "name", "x", "password", password, "otp", recovery[0]), http.StatusOK)
	h.browser().leadsTo(h.browser().get("/account/app-passwords"), "/login?next=%2Faccount%2Fapp-passwords")
}
