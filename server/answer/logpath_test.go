package answer

import "testing"

func TestLogPath(t *testing.T) {
	for path, want := range map[string]string{
		"/s/abc":               "/s/…",
		"/s/abc/":              "/s/…/",
		"/s/abc/a/b.txt":       "/s/…/a/b.txt",
		"/d/code/cat.jpg":      "/d/…/cat.jpg",
		"/drop/token/id":       "/drop/…/id",
		"/drop/":               "/drop/",
		"/s/":                  "/s/",
		"/drive/s/abc":         "/drive/s/abc",
		"/dav/d/x":             "/dav/d/x",
		"/":                    "/",
		"/api/v1/shares/abc":   "/api/v1/shares/abc",
		"/sessions":            "/sessions",
		"/s/\u718a\u718a/x/y/": "/s/…/x/y/",
	} {
		if got := LogPath(path); got != want {
			t.Errorf("%s is logged as %s; want %s", path, got, want)
		}
	}
}
