package api

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg" // what thumbnails are
	"image/png"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// asWorkshop is the first argument that makes the test binary a workshop.
const asWorkshop = "preview-workshop"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == asWorkshop {
		memory, err := strconv.ParseInt(os.Args[2], 10, 64)
		if err == nil {
			err = preview.Serve(os.Stdin, os.Stdout, memory)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func newPreviews(db *sqldb.DB, drives *drive.Drives, images *preview.Queue) *preview.Previews {
	return preview.New(db, drives, images, preview.Options{Workers: 1, Command: []string{os.Args[0], asWorkshop}})
}

// work makes thumbnails until the test ends.
func (s *site) work() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.previews.Run(ctx) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
}

func (s *site) store(driveID, path string, content []byte) drive.Node {
	s.t.Helper()
	n, _, err := s.drives.Put(s.t.Context(), driveID, drive.Path(path), bytes.NewReader(content), drive.PutOptions{Size: int64(len(content))})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func wideImage(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1000, 500))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestThumbnail(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSite(t, db)
		s.work()
		ann, bob := s.register("ann"), s.register("bob")
		node := s.store(ann.User.ID, "/wide.png", wideImage(t))
		s.store(ann.User.ID, "/notes.txt", []byte("notes"))
		s.store(ann.User.ID, "/lie.png", []byte("<svg onload=alert(1)>"))
		for _, c := range []struct {
			query string
			width int
		}{{"", 160}, {"?size=160", 160}, {"?size=480", 480}} {
			got := s.call("GET", "/api/v1/thumbnails/wide.png"+c.query, ann.AccessToken, "").want(200, "")
			decoded, _, err := image.DecodeConfig(bytes.NewReader(got.Body.Bytes()))
			if err != nil || decoded.Width != c.width || decoded.Height != c.width/2 {
				t.Errorf("%q: %d by %d (%v)", c.query, decoded.Width, decoded.Height, err)
			}
			if got.Header().Get("Content-Type") != "image/jpeg" || got.Header().Get("Cache-Control") != "private, no-cache" {
				t.Errorf("%q: %s", c.query, got.Header())
			}
			s.call("GET", "/api/v1/thumbnails/wide.png"+c.query, ann.AccessToken, "", "If-None-Match", got.Header().Get("ETag")).want(304, "")
		}
		got := s.call("GET", "/api/v1/thumbnails/wide.png?v="+strings.Trim(node.ETag(), `"`), ann.AccessToken, "").want(200, "")
		if cache := got.Header().Get("Cache-Control"); cache != "private, max-age=31536000, immutable" || !strings.Contains(got.Header().Get("Vary"), "Authorization") {
			t.Errorf("by its version: %s", got.Header())
		}
		got = s.call("GET", "/api/v1/thumbnails/wide.png?v=0123", ann.AccessToken, "").want(200, "")
		if cache := got.Header().Get("Cache-Control"); cache != "private, no-cache" {
			t.Errorf("by another version: %s", cache)
		}
		s.call("HEAD", "/api/v1/thumbnails/wide.png", ann.AccessToken, "")
		s.call("GET", "/api/v1/thumbnails/notes.txt", ann.AccessToken, "").want(404, "no_thumbnail")
		s.call("GET", "/api/v1/thumbnails/lie.png", ann.AccessToken, "").want(404, "no_thumbnail")
		s.call("GET", "/api/v1/thumbnails/", ann.AccessToken, "").want(404, "no_thumbnail")
		s.call("GET", "/api/v1/thumbnails/wide.png?size=161", ann.AccessToken, "").want(400, "invalid_fields")
		s.call("GET", "/api/v1/thumbnails/wide.png", bob.AccessToken, "").want(404, "not_found")
		s.call("GET", "/api/v1/thumbnails/wide.png", "", "").want(401, "unauthenticated")
	})
}
