package tus

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
)

// Each limit has a status of its own, and a body that says which it was.
func TestLimits(t *testing.T) {
	var ahead atomic.Int64 // how far the clock was moved
	o := drive.Options{
		MaxFile: 1000, Quota: 1500, MaxOpenUploads: 2, UploadExpiry: time.Hour, UploadMaxAge: 90 * time.Minute,
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	}
	each(t, o, func(t *testing.T, s *site) {
		ahead.Store(0)
		says := func(what, body string, words ...string) {
			t.Helper()
			for _, word := range words {
				if !strings.Contains(body, word) {
					t.Errorf("%s: the body does not say %q: %s", what, word, body)
				}
			}
		}
		create := func(headers string) string {
			t.Helper()
			answer := s.do("POST", "/files/", headers, "")
			s.want("create", answer, 201)
			return answer.Header.Get("Location")
		}
		s.want("a file over the limit", s.do("POST", "/files/", "Upload-Length: 1001", ""), 413)
		first := create("Upload-Length: 1000\n" + meta("filename", "a"))
		says("over the quota", s.want("over the quota", s.do("POST", "/files/", "Upload-Length: 501", ""), 507), "quota_exceeded")
		growing := create("Upload-Defer-Length: 1\n" + meta("filename", "b"))
		says("a third", s.want("a third", s.do("POST", "/files/", "Upload-Length: 1", ""), 429), "too_many_uploads", "Too many uploads are open")
		s.want("bob's first", s.do("POST", "/files/", "As: bob\nUpload-Length: 1", ""), 201)

		// What has no length yet may take what is left, and no byte more.
		s.want("it grows", s.do("PATCH", growing, "Upload-Offset: 0", strings.Repeat("b", 400)), 204, "Upload-Offset: 400")
		says("it grows too far", s.want("it grows too far", s.do("PATCH", growing, "Upload-Offset: 400", strings.Repeat("b", 101)), 507), "quota_exceeded")
		s.want("its length over the quota", s.do("PATCH", growing, "Upload-Offset: 400\nUpload-Length: 501", ""), 507)
		s.want("its length over the limit", s.do("PATCH", growing, "Upload-Offset: 400\nUpload-Length: 1001", ""), 413)
		s.want("it is as it was", s.do("HEAD", growing, "", ""), 200, "Upload-Offset: 400")
		s.want("it ends", s.do("DELETE", growing, "", ""), 204)
		second := create("Upload-Length: 500\n" + meta("filename", "c"))

		ahead.Store(int64(50 * time.Minute))
		s.want("a byte within the hour", s.do("PATCH", first, "Upload-Offset: 0", "a"), 204)
		ahead.Store(int64(70 * time.Minute))
		says("idle for too long", s.want("idle for too long", s.do("PATCH", second, "Upload-Offset: 0", "c"), 410), "upload_expired")
		s.want("idle for too long", s.do("HEAD", second, "", ""), 410)
		answer := s.do("PATCH", first, "Upload-Offset: 1", "a")
		s.want("the other goes on", answer, 204)
		until, err := time.Parse(time.RFC1123, answer.Header.Get("Upload-Expires"))
		if left := time.Until(until); err != nil || left > 90*time.Minute || left < 85*time.Minute {
			t.Errorf("it expires in %v (%v), want its greatest age", left, err)
		}
		ahead.Store(int64(91 * time.Minute))
		says("too old", s.want("too old", s.do("PATCH", first, "Upload-Offset: 2", "a"), 410), "upload_expired", "Begin it again")
		if err := s.drives.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.want("too old and swept", s.do("HEAD", first, "", ""), 410)
		create("Upload-Length: 1000") // all of its space is free again
	})
}
