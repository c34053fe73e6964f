package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

// Compressed is what repeats nothing of the request and holds no secret, for who takes it.
func TestCompression(t *testing.T) {
	b, _ := newHouse(t).user("ann")
	b.post("/drive/", "action", "new-folder", "name", "Trips")
	style, _ := b.page(b.get("/drive/"), 200).Find("link[rel=stylesheet]").Attr("href")
	for _, test := range []struct {
		address, accept string
		want            bool
	}{
		{style, "gzip, deflate, br, zstd", true},
		{style, "gzip;q=0.5", true},
		{style, "gzip;q=0", false},
		{style, "br", false},
		{style, "", false},
		{"/drive/", "gzip, deflate", true},
		{"/drive/", "", false},
		{"/drive/Trips?details", "gzip", false},
		{"/search?q=trips", "gzip", false},
		{"/account", "gzip", false},
		{"/account/app-passwords", "gzip", false},
	} {
		t.Run(test.address+" "+test.accept, func(t *testing.T) {
			plain := b.get(test.address)
			content := read(t, plain)
			response := b.get(test.address, "Accept-Encoding: "+test.accept)
			got := read(t, response)
			if response.StatusCode != 200 {
				t.Fatalf("status %d", response.StatusCode)
			}
			if coding := response.Header.Get("Content-Encoding"); (coding == "gzip") != test.want || coding != "gzip" && coding != "" {
				t.Fatalf("Content-Encoding is %q; want gzip: %t", coding, test.want)
			}
			if !test.want {
				return
			}
			for _, r := range []string{plain.Header.Get("Vary"), response.Header.Get("Vary")} {
				if r != "Accept-Encoding" {
					t.Errorf("Vary is %q: a cache would mix up the two", r)
				}
			}
			if length := response.Header.Get("Content-Length"); length != "" {
				t.Errorf("Content-Length is %s, which is the plain answer's", length)
			}
			unpacked, err := gzip.NewReader(bytes.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}
			if all, err := io.ReadAll(unpacked); err != nil || !bytes.Equal(all, content) {
				t.Errorf("unpacked it is another answer (%v)", err)
			}
		})
	}
}
