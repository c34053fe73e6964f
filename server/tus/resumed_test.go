package tus

import (
	"strings"
	"testing"

	"github.com/satchelhq/satchel/drive"
)

// A client that asks where to go on has met a break, which the server may not have seen; one that sends chunk after chunk does not ask.
func TestResumedUploadsAreCounted(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		counted := func(what string, want int64) {
			t.Helper()
			if got := s.drives.Counts().UploadsResumed; got != want {
				t.Errorf("%s: %d are counted, want %d", what, got, want)
			}
		}
		at := s.do("POST", "/files/", "Upload-Length: 12\nContent-Type: "+octetStream, "abc").Header.Get("Location")
		s.want("a chunk", s.do("PATCH", at, "Upload-Offset: 3", "def"), 204)
		counted("chunk after chunk", 0)
		s.want("HEAD", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 6")
		s.want("a chunk", s.do("PATCH", at, "Upload-Offset: 6", "ghi"), 204)
		counted("asked before", 1)
		s.want("the last chunk", s.do("PATCH", at, "Upload-Offset: 9", "jkl"), 204)
		counted("in the end", 1)

		answer, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?0", strings.NewReader("abc"))
		s.want("the draft's begin", answer, 201)
		at = answer.Header.Get("Location")
		for offset, want := range []int64{0, 1} {
			if offset == 1 {
				answer, _ = s.draft(8, "HEAD", at, "", nil)
				s.want("the draft's HEAD", answer, 204)
			}
			answer, _ = s.draft(8, "PATCH", at, "Upload-Complete: ?0\nUpload-Offset: "+[]string{"3", "6"}[offset], strings.NewReader("def"))
			s.want("the draft's append", answer, 204)
			counted("the draft", 1+want)
		}
	})
}
