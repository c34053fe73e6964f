package web_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

// One file downloads as it is, all else as a ZIP with the names as they are.
func TestDownloadingWhatIsChosen(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	bob, _ := h.user("bob")
	h.put(id, "/a b", "1", drive.PutOptions{})
	h.put(id, "/\u718a.txt", "2", drive.PutOptions{})
	h.makeFolder(id, "/d")
	h.makeFolder(id, "/d/empty")
	h.put(id, "/d/x\"y", "3", drive.PutOptions{})
	form := mia.page(mia.get("/drive/"), 200).Find("#chosen")
	mia.leadsTo(mia.submit(form, "action=download", "a b"), "/raw/a%20b?download")
	mia.leadsTo(mia.submit(form, "action=download", "d"), "/drive/d?zip")
	mia.leadsTo(mia.submit(form, "action=download", "a b", "d"), "/drive/?zip&item=a+b&item=d")
	mia.leadsTo(mia.get("/drive/?zip&item=a+b"), "/raw/a%20b?download")
	for address, want := range map[string]map[string]string{
		"/drive/d?zip": {"d/": "", "d/empty/": "", "d/x\"y": "3"},
		"/drive/?zip&item=a+b&item=d&item=%E7%86%8A.txt": {"a b": "1", "d/": "", "d/empty/": "", "d/x\"y": "3", "\u718a.txt": "2"},
		"/drive/?zip": {"files/": "", "files/a b": "1", "files/d/": "", "files/d/empty/": "", "files/d/x\"y": "3", "files/\u718a.txt": "2"},
	} {
		response := mia.get(address)
		if got := unzipped(t, read(t, response)); !maps.Equal(got, want) {
			t.Errorf("%s holds %q; want %q", address, got, want)
		}
		if head := mia.do(http.MethodHead, address); head.StatusCode != 200 || head.Header.Get("Content-Type") != "application/zip" {
			t.Errorf("HEAD %s: %d", address, head.StatusCode)
		}
	}
	if got := mia.get("/drive/d?zip").Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") || !strings.Contains(got, "d.zip") {
		t.Errorf("it is called %s", got)
	}
	mia.page(mia.submit(form, "action=download"), 400)
	mia.page(mia.get("/drive/?zip&item=none&item=d"), 404)
	mia.page(mia.get("/drive/?zip&item=..&item=d"), 400)
	bob.page(bob.get("/drive/d?zip"), 404)
	h.browser().leadsTo(h.browser().get("/drive/d?zip"), "/login?next=%2Fdrive%2Fd%3Fzip")
}

// So much that its address would be too long is the answer itself.
func TestDownloadingVeryMuch(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	want := map[string]string{}
	form := []string{"action", "download"}
	for i := range 60 {
		name := strings.Repeat("n", 100) + strconv.Itoa(i)
		h.put(id, "/"+name, name, drive.PutOptions{})
		want[name], form = name, append(form, "item", name)
	}
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/drive/", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := unzipped(t, read(t, mia.send(r))); !maps.Equal(got, want) {
		t.Errorf("the ZIP holds %d files", len(got))
	}
}

// unzipped is what a ZIP holds, by name.
func unzipped(t *testing.T, content []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range archive.File {
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(content)
	}
	return all
}
