package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

const boundary = "frontier"

// filePart is a file of a form as a browser writes it.
func filePart(name, media, content string) string {
	part := fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n", boundary, name)
	if media != "" {
		part += "Content-Type: " + media + "\r\n"
	}
	return part + "\r\n" + content + "\r\n"
}

func inputPart(name, value string) string {
	return fmt.Sprintf("--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, name, value)
}

// multipart posts a whole form.
func (b *browser) multipart(address string, parts ...string) *http.Response {
	b.Helper()
	return b.rawForm(address, strings.Join(parts, "")+"--"+boundary+"--\r\n")
}

func (b *browser) rawForm(address, body string) *http.Response {
	b.Helper()
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	return b.send(r)
}

func TestUpload(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	h.makeFolder(id, "/in ü")
	large := strings.Repeat("0123456789abcdef", 20_000) // beyond what is kept in a row

	mia.leadsTo(mia.multipart("/drive/in%20%C3%BC",
		inputPart("note", "not a file"),
		filePart("a.txt", "text/plain", "hello"),
		filePart("large.bin", "application/octet-stream", large),
	), "/drive/in%20%C3%BC")
	if got, _ := h.content(id, "/in ü/a.txt"); got != "hello" {
		t.Errorf("a.txt holds %q", got)
	}
	if got, _ := h.content(id, "/in ü/large.bin"); got != large {
		t.Errorf("large.bin holds %d bytes, want %d", len(got), len(large))
	}

	// What is there stays.
	mia.multipart("/drive/in%20%C3%BC", filePart("a.txt", "text/plain", "other"))
	if got := h.names(id, "/in ü"); got != "a (1).txt|a.txt|large.bin" {
		t.Errorf("names: %q", got)
	}
	if got, _ := h.content(id, "/in ü/a.txt"); got != "hello" {
		t.Errorf("a.txt was overwritten with %q", got)
	}
}

func TestUploadNames(t *testing.T) {
	for sent, want := range map[string]string{
		"plain.txt":          "plain.txt",
		"with %22quotes%22":  `with "quotes"`,
		"../../etc/passwd":   "passwd",
		"/abs.txt":           "abs.txt",
		"日本語 100%.txt":       "日本語 100%.txt",
		"<b>.html":           "<b>.html",
		"empty.txt":          "empty.txt",
		"semi;colon=x, y.md": "semi;colon=x, y.md",
	} {
		h := newHouse(t)
		mia, id := h.user("mia")
		mia.leadsTo(mia.multipart("/drive/", filePart(sent, "", "")), "/drive/")
		if got := h.names(id, "/"); got != want {
			t.Errorf("%q was stored as %q, want %q", sent, got, want)
		}
	}
}

func TestUploadRefused(t *testing.T) {
	h := newHouse(t, quota(100))
	mia, id := h.user("mia")
	h.put(id, "/file", "x", drive.PutOptions{})
	for _, c := range []struct {
		name, address string
		parts         []string
		status        int
		says          string
	}{
		{"no file chosen", "/drive/", []string{filePart("", "application/octet-stream", "")}, 400, "Choose a file first."},
		{"an empty form", "/drive/", nil, 400, ""},
		{"a name that is none", "/drive/", []string{filePart("..", "", "x")}, 400, "not names"},
		{"over the quota", "/drive/", []string{filePart("big", "", strings.Repeat("x", 200))}, 507, "full"},
		{"the second over the quota", "/drive/", []string{filePart("small", "", "x"), filePart("big", "", strings.Repeat("x", 200))}, 507, "The first 1 file is stored."},
		{"a folder that is not there", "/drive/nope", []string{filePart("a", "", "x")}, 409, "does not exist"},
		{"a file is no folder", "/drive/file", []string{filePart("a", "", "x")}, 409, ""},
		{"too much beside files", "/drive/", []string{inputPart("junk", strings.Repeat("x", 100_000))}, 413, ""},
		{"too many parts", "/drive/", []string{strings.Repeat(inputPart("junk", ""), 1001)}, 413, "at most 1000"},
	} {
		doc := mia.page(mia.multipart(c.address, c.parts...), c.status)
		if got := doc.Find("main").Text(); !strings.Contains(got, c.says) {
			t.Errorf("%s: the page lacks %q: %q", c.name, c.says, got)
		}
	}
	if got := h.names(id, "/"); got != "file|small" {
		t.Errorf("left behind: %q", got)
	}
}

// A body that breaks off leaves nothing of the file that it broke off in.
func TestUploadBreaksOff(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	whole := filePart("a", "", strings.Repeat("x", 300_000)) + "--" + boundary + "--\r\n"
	for _, length := range []int{20, 100, 1000, 200_000, len(whole) - 20, len(whole) - 6} {
		response := mia.rawForm("/drive/", whole[:length])
		if response.StatusCode != 400 {
			t.Errorf("cut at %d of %d: status %d", length, len(whole), response.StatusCode)
		}
		if got := h.names(id, "/"); got != "" {
			t.Fatalf("cut at %d of %d: %q is there", length, len(whole), got)
		}
	}
	mia.rawForm("/drive/", filePart("first", "", "1")+strings.TrimSuffix(filePart("second", "", "2"), "\r\n"))
	if got := h.names(id, "/"); got != "first" {
		t.Errorf("of two files: %q", got)
	}
	response := mia.send(badForm())
	if body := read(t, response); response.StatusCode != 400 || !bytes.Contains(body, []byte(`id="problem"`)) {
		t.Errorf("a form without a boundary: %d %s", response.StatusCode, body)
	}
}

func badForm() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/drive/", strings.NewReader("x"))
	r.Header.Set("Content-Type", "multipart/form-data")
	return r
}

// What a browser says about a file is kept; what it does not know is told from the name.
func TestUploadMediaType(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	for _, c := range []struct{ name, sent, want string }{
		{"a.png", "image/png", "image/png"},
		{"b.png", "application/octet-stream", "image/png"},
		{"c.png", "", "image/png"},
		{"d.png", "not a type", "image/png"},
	} {
		mia.multipart("/drive/", filePart(c.name, c.sent, "x"))
		node, err := h.drives.Stat(t.Context(), id, drive.Path("/"+c.name))
		if err != nil || node.MediaType != c.want {
			t.Errorf("%s sent as %q: %q, %v", c.name, c.sent, node.MediaType, err)
		}
	}
}
