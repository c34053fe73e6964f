package web_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/web"
)

// A person chooses a moment, sees what would change, goes back to it, and takes that back: all of it by links and forms.
func TestGoingBackInTime(t *testing.T) {
	h := newHouse(t)
	mia, id := h.user("mia")
	tom, _ := h.user("tom")
	h.makeFolder(id, "/d")
	h.put(id, "/d/<b>", "what it held", drive.PutOptions{})
	h.put(id, "/x", "removed later", drive.PutOptions{})
	then, err := h.drives.Present(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	wreck := func() {
		t.Helper()
		h.put(id, "/d/<b>", "spoiled", drive.PutOptions{Conflict: drive.Replace})
		if err := h.drives.Trash(t.Context(), id, "/x", drive.Guard{}); err != nil {
			t.Fatal(err)
		}
	}
	wreck()

	doc := mia.page(mia.get("/trash"), 200)
	if doc.Find("a[href='/rewind']").Length() != 1 || mia.page(mia.get("/drive/d?details"), 200).Find("a[href='/rewind?path=%2Fd']").Length() != 1 {
		t.Error("nothing leads to the page")
	}
	doc = mia.page(mia.get("/rewind"), 200)
	if doc.Find("#moment input[name=at]").Length() != 1 || doc.Find(".presets li").Length() != 0 { // the drive is younger than that
		t.Errorf("the page asks for no moment")
	}

	doc = mia.page(mia.get("/rewind?to="+then.String()), 200)
	told := strings.Join(strings.Fields(doc.Find(".happens").Text()), " ")
	if want := "1 file or folder comes back /x 1 file gets back what it held /d/<b>"; told != want {
		t.Errorf("it would do %q; want %q", told, want)
	}
	form := doc.Find("form[method=post][action='/rewind']")
	h.put(id, "/later", "nobody has seen that it would go", drive.PutOptions{})
	doc = mia.page(mia.submit(form, ""), 412)
	if !strings.Contains(doc.Find("#problem").Text(), "has changed since you looked") || !strings.Contains(doc.Find(".happens").Text(), "/later") {
		t.Error("it does not say what has changed")
	}
	tom.page(tom.submit(form, ""), 410) // tom's drive has no such moment
	if h.names(id, "/") != "d|later" {
		t.Errorf("somebody rewound it: %s", h.names(id, "/"))
	}

	response := mia.submit(doc.Find("form[method=post][action='/rewind']"), "")
	doc = mia.page(mia.get(response.Header.Get("Location")), 200)
	if h.names(id, "/") != "d|x" || !strings.Contains(doc.Find(".notice.good").Text(), "3 files and folders were put back") {
		t.Errorf("there is %s; told: %s", h.names(id, "/"), doc.Find(".notice").Text())
	}
	undo := doc.Find("a[rel=nofollow]").AttrOr("href", "")
	doc = mia.page(mia.get(undo), 200)
	mia.submit(doc.Find("form[method=post][action='/rewind']"), "")
	if h.names(id, "/") != "d|later" {
		t.Errorf("taken back: %s", h.names(id, "/"))
	}

	// Moments as people type them are UTC where no script says otherwise.
	soon := time.Now().UTC().Add(time.Minute).Format("2006-01-02T15:04")
	if doc = mia.page(mia.get("/rewind?at="+soon), 200); doc.Find(".rewind button").Length() != 0 {
		t.Error("nothing has happened since, and it offers a rewind")
	}
	for address, status := range map[string]int{
		"/rewind?at=2001-01-01T00:00": 410, "/rewind?at=x": 400, "/rewind?to=": 400, "/rewind?path=..": 400, "/rewind?to=0.0&path=/none": 404,
		"/rewind?to=" + then.String() + "&path=/later": 400, "/rewind?done=x": 400, "/rewind?done=0.0&count=-1&left=0": 400,
	} {
		mia.page(mia.get(address), status)
	}
	mia.page(mia.post("/rewind", "to", "0.0"), 400)
	mia.page(mia.post("/rewind", "to", "x", "seen", "0.0"), 400)
	tom.page(tom.get("/rewind?to=0.0&path=/d"), 404)
	tom.page(tom.post("/rewind", "to", "0.0", "seen", "0.0", "path", "/d"), 404)
}

// A rewind is in the audit log also if who asked for it is gone before it says so.
func TestARewindIsToldWhoeverLeaves(t *testing.T) {
	leave := func() {}
	h := newHouse(t, func(_ *house, _ *web.Options, _ *authn.Options, d *drive.Options) {
		d.Changed = func([]drive.Change) { leave() }
	})
	mia, id := h.user("mia")
	h.put(id, "/x", "made since", drive.PutOptions{})
	seen, err := h.drives.Present(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	leave = cancel
	form := url.Values{"to": {"0.0"}, "seen": {seen.String()}}
	r := httptest.NewRequest("POST", "/rewind", strings.NewReader(form.Encode())).WithContext(ctx)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	mia.send(r)
	lines, _, err := h.accounts.AuditLog(t.Context(), authn.AuditFilter{UserID: id, Event: authn.AuditRewound})
	if err != nil || len(lines) != 1 || h.names(id, "/") != "" {
		t.Errorf("told %v, %v; there is %q", lines, err, h.names(id, "/"))
	}
}
