package dav_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/server/dav"
)

func TestClient(t *testing.T) {
	for userAgent, want := range map[string]string{
		"WebDAVFS/3.0.0 (03008000) Darwin/23.5.0 (arm64)": "finder",
		"WebDAVLib/1.3":                                    "finder",
		"Microsoft-WebDAV-MiniRedir/10.0.19045":            "explorer",
		"Microsoft Office Word 2014":                       "office",
		"Mozilla/4.0 (compatible; ms-office; MSOffice 16)": "office",
		"gvfs/1.50.3":                                      "gvfs",
		"Mozilla/5.0 (X11; Linux x86_64) KHTML/5.103.0 (like Gecko) Konqueror/5 KIO/5.103": "kde",
		"davfs2/1.6.1 neon/0.32.2":              "davfs2",
		"cadaver/0.24 neon/0.32.2":              "cadaver",
		"rclone/v1.60.1-DEV":                    "rclone",
		"Mozilla/5.0 (Linux) mirall/3.7.3":      "owncloud",
		"Cyberduck/8.7.1.40770 (Mac OS X/14.1)": "cyberduck",
		"Joplin/1.0":                            "joplin",
		"KeePassXC/2.7.6":                       "keepass",
		"Mozilla/5.0 (Windows NT 10.0) obsidian/1.5.3 Chrome/114.0 Electron/25.8": "obsidian",
		"Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Zotero/7.0.11":  "zotero",
		"PDF%20Expert/748 CFNetwork/1494.0.7 Darwin/23.4.0":                       "pdfexpert",
		"curl/7.88.1": "curl",
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": "browser",
		"litmus/0.13":               "other",
		"":                          "other",
		strings.Repeat("x", 10_000): "other",
	} {
		if got := dav.Client(userAgent); got != want {
			t.Errorf("%.80s is %s, want %s", userAgent, got, want)
		}
	}
}

// What stands in the way is told once a request, by its status, and nothing else is.
func TestConflictsAreTold(t *testing.T) {
	var told []int
	s := onSQLite(t, setup{dav: dav.Options{Conflict: func(status int) { told = append(told, status) }}})
	s.play(`
		MKCOL /d want 201
		PUT /d/f [] body 1 want 201
		GET /none want 404
		MKCOL /d want 405
		COPY /d [Destination: http://elsewhere.example.org/dav/e] want 502`)
	if len(told) > 0 {
		t.Errorf("told %v of what is no conflict", told)
	}
	s.lock("/dav/d/f", "")
	s.play(`
		PUT /none/f [] body 1 want 409
		PUT /d/f [If-Match: "x"] body 2 want 412
		MOVE /d/f [Destination: /dav/d; Overwrite: F] want 403
		COPY /d/f [Destination: /dav/d/f; Overwrite: F] want 403
		PUT /d/f [] body 2 want 423
		DELETE /d want 207
		PROPFIND /d [Depth: 1] want 207`)
	if want := []int{http.StatusConflict, http.StatusPreconditionFailed, http.StatusLocked, http.StatusLocked}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
