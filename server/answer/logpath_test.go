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
		"//s/abc":              "/s/…",
		"/s//abc/x":            "/s/…/x",
		"/s/./abc":             "/s/…",
		"/x/../drop/abc/id":    "/drop/…/id",
		"/drive//a/./b":        "/drive//a/./b",
		"/s/abc/..":            "/s",
		"/s/abc/../../x":       "/x",
		"/s/abc/../":           "/s/",
	} {
		if got := LogPath(path); got != want {
			t.Errorf("%s is logged as %s; want %s", path, got, want)
		}
	}
}

func TestLogReferer(t *testing.T) {
	for referer, want := range map[string]string{
		"https://files.example.org/drive/a?ticket=secret#secret": "https://files.example.org/drive/a",
		"https://ann:secret@files.example.org/s/secret/a":        "https://files.example.org/s/%E2%80%A6/a",
		"http://127.0.0.1:8080/":                                 "http://127.0.0.1:8080/",
		"":                                                       "",
		"javascript:alert(1)":                                    "",
		"https:///s/secret":                                      "",
		"\nhttps://files.example.org/":                           "",
	} {
		if got := LogReferer(referer); got != want {
			t.Errorf("%s is logged as %s; want %s", referer, got, want)
		}
	}
}
