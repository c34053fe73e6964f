package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/blob/s3/s3test"
)

// unfollowed is a client like c that stays where it is sent away from.
func unfollowed(c *http.Client) *http.Client {
	stays := *c
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &stays
}

// With s3_redirect, what browsers save comes from the bucket, and nothing else does: not what is shown, whatever is in it; not what is counted, has a password
// or conditions; and no client that brings credentials or speaks WebDAV.
func TestDownloadsFromTheBucket(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *s3test.Server{"versitygw": s3test.Start, "MinIO": s3test.StartMinIO} {
		t.Run(name, func(t *testing.T) { downloads(t, start(t)) })
	}
}

func downloads(t *testing.T, bucket *s3test.Server) {
	s := start(t, append(inBucket(t, bucket.Endpoint, true), "SATCHEL_S3_REDIRECT="+bucket.Endpoint)...)
	ann := s.Register(t, "ann")
	film, page := string(seeded(1, 20<<20)), "<script>alert(1)</script>"+strings.Repeat(" ", 2<<20)
	ann.Put(t, "Bär.mkv", film)
	ann.Put(t, "page.html", page)
	ann.Put(t, "photo.jpg", page)
	ann.Put(t, "small.bin", strings.Repeat("s", 300_000))
	asJSON := headers(map[string]string{"Content-Type": jsonType})
	ask := func(path, body string) (address string) {
		t.Helper()
		var made struct{ URL string }
		decode(t, send(t, ann.Bearer, http.MethodPost, s.URL+path, asJSON, strings.NewReader(body)), http.StatusCreated, &made)
		u, err := url.Parse(made.URL)
		if err != nil {
			t.Fatal(err)
		}
		return u.EscapedPath()
	}
	share := func(more string) string { return ask("/api/v1/shares", `{"path": "/Bär.mkv"`+more+`}`) }
	link := ask("/api/v1/links/download", `{"path": "/Bär.mkv"}`)
	open, counted := share(""), share(`, "max_uses": 9`)
	browser, stranger := unfollowed(ann.Browser(t)), unfollowed(http.DefaultClient)
	const bear = "/B%C3%A4r.mkv"
	for _, c := range []struct {
		what    string
		who     *http.Client
		method  string
		path    string
		header  map[string]string
		goes    bool
		content string
	}{
		{"a file that is saved", browser, "GET", "/raw" + bear + "?download", nil, true, film},
		{"a range of it", browser, "GET", "/raw" + bear + "?download", map[string]string{"Range": "bytes=100-200"}, true, film[100:201]},
		{"a page that is saved", browser, "GET", "/raw/page.html?download", nil, true, page},
		{"a download link", stranger, "GET", link + "?download", nil, true, film},
		{"a share", stranger, "GET", open + "?download", nil, true, film},
		{"what is shown", browser, "GET", "/raw" + bear, nil, false, film},
		{"what no browser shows by itself, but a page may", browser, "GET", "/raw/page.html", nil, false, page},
		{"what says that it is a picture", browser, "GET", "/raw/photo.jpg", nil, false, page},
		{"a download link that shows", stranger, "GET", link, nil, false, film},
		{"a share that counts", stranger, "GET", counted + "?download", nil, false, film},
		{"what a page embeds", browser, "GET", "/raw" + bear + "?download", map[string]string{"Sec-Fetch-Dest": "image"}, false, film},
		{"HEAD", browser, "HEAD", "/raw" + bear + "?download", nil, false, ""},
		{"a condition", browser, "GET", "/raw" + bear + "?download", map[string]string{"If-None-Match": `"x"`}, false, film},
		{"a download that goes on", browser, "GET", "/raw" + bear + "?download", map[string]string{"Range": "bytes=100-", "If-Range": `"x"`}, false, film},
		{"a token", unfollowed(ann.Bearer), "GET", "/raw" + bear + "?download", nil, false, film},
		{"what is small", browser, "GET", "/raw/small.bin?download", nil, false, strings.Repeat("s", 300_000)},
		{"WebDAV", unfollowed(ann.Basic), "GET", "/dav" + bear, nil, false, film},
	} {
		answer := send(t, c.who, c.method, s.URL+c.path, headers(c.header), nil)
		to := answer.Header.Get("Location")
		if !c.goes {
			if answer.StatusCode != http.StatusOK || to != "" || answer.text != c.content {
				t.Errorf("%s: %s to %q, %d bytes", c.what, answer.Status, to, len(answer.text))
			}
			continue
		}
		if answer.StatusCode != http.StatusFound || !strings.HasPrefix(to, bucket.Endpoint+"/"+s3test.Bucket+"/files/") || answer.Header.Get("Cache-Control") != "no-store" || answer.text != "" {
			t.Errorf("%s: %s %v", c.what, answer.Status, answer.Header)
			continue
		}
		there := send(t, http.DefaultClient, "GET", to, headers(c.header), nil)
		if disposition := there.Header.Get("Content-Disposition"); there.StatusCode/100 != 2 || there.text != c.content || !strings.HasPrefix(disposition, "attachment; filename=") {
			t.Errorf("%s: the bucket answers %s with %d bytes, %q", c.what, there.Status, len(there.text), disposition)
		}
	}
	if told := scene(t, "redirect.mjs", "save", s.URL, t.TempDir(), bucket.Endpoint); len(told) != 1 || !strings.Contains(told[0], fmt.Sprintf("%x", sha256.Sum256([]byte(film)))) {
		t.Errorf("Chromium tells %q", told)
	}
	wantSigned(t, send(t, browser, "GET", s.URL+"/raw"+bear+"?download", nil, nil).Header.Get("Location"))
	if settings := run(t, s.Command("config", "check")); !strings.Contains(settings, bucket.Endpoint) {
		t.Error(settings)
	}
}

// wantSigned fails if a signed address opens anything but what it says: another method, a name, a type, a time, or nothing that is signed.
func wantSigned(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("X-Amz-Expires") != "300" || q.Get("response-content-type") != "video/x-matroska" || !strings.Contains(q.Get("response-content-disposition"), "UTF-8''B%C3%A4r.mkv") {
		t.Errorf("signed is %v", q)
	}
	with := func(name, value string) string {
		q, other := u.Query(), *u
		q.Set(name, value)
		other.RawQuery = q.Encode()
		return other.String()
	}
	elsewhere := *u
	elsewhere.Path += "x"
	for what, try := range map[string][2]string{
		"the address":            {"GET", address},
		"another type":           {"GET", with("response-content-type", "text/html")},
		"shown":                  {"GET", with("response-content-disposition", "inline")},
		"a longer life":          {"GET", with("X-Amz-Expires", "600000")},
		"another signature":      {"GET", with("X-Amz-Signature", strings.Repeat("0", 64))},
		"another object":         {"GET", elsewhere.String()},
		"a removal":              {"DELETE", address},
		"other content":          {"PUT", address},
		"nothing that is signed": {"GET", strings.TrimSuffix(address, "?"+u.RawQuery)},
	} {
		answer := send(t, http.DefaultClient, try[0], try[1], nil, strings.NewReader(""))
		if good := what == "the address"; (answer.StatusCode == http.StatusOK) != good || !good && answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", what, answer.Status)
		}
	}
}
