package tus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
)

// draft sends a request as a client of the draft does and answers the interim responses too. Headers are as in do; a body that is
// not a *strings.Reader goes out in chunks.
func (s *site) draft(interop int, method, path, headers string, body io.Reader) (*http.Response, []http.Header) {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.url + path
	}
	var interim []http.Header
	ctx := httptrace.WithClientTrace(s.t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code != 104 {
			s.t.Errorf("%s %s: interim response %d", method, path, code)
		}
		interim = append(interim, http.Header(h))
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, method, path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("As", "alice")
	if interop > 0 {
		r.Header.Set("Upload-Draft-Interop-Version", strconv.Itoa(interop))
	}
	if method == "PATCH" {
		r.Header.Set("Content-Type", "application/partial-upload")
	}
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if value = strings.TrimSpace(value); value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer, interim
}

// chunks makes a body whose length is not told.
func chunks(text string) io.Reader { return io.MultiReader(strings.NewReader(text)) }

// problemType is the type of a problem+json body, and its whole text.
func problemType(t *testing.T, answer *http.Response) (kind, text string) {
	t.Helper()
	b, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(b))
	var p struct{ Type string }
	if err := json.Unmarshal(b, &p); err != nil || answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s is no problem: %s", answer.Header.Get("Content-Type"), b)
	}
	return strings.TrimPrefix(p.Type, problemTypes), string(b)
}

// interops are the versions of the draft, and none.
var interops = []int{0, 3, 4, 5, 6, 7, 8}

// flag is the line with which a version says whether the upload ends with a request.
func flag(interop int, complete bool) string {
	name, value := "Upload-Complete", complete
	if interop == 3 {
		name, value = "Upload-Incomplete", !complete
	}
	return fmt.Sprintf("%s: ?%d", name, map[bool]int{true: 1}[value])
}

func TestDraftWholeUpload(t *testing.T) {
	each(t, drive.Options{InlineMax: 8, MaxFile: 1 << 20}, func(t *testing.T, s *site) {
		for _, interop := range interops {
			for _, method := range []string{"POST", "PUT"} {
				name := fmt.Sprintf("%s %d.txt", method, interop)
				answer, interim := s.draft(interop, method, "/files/", flag(interop, true)+
					"\nContent-Disposition: inline; filename*=UTF-8''"+strings.ReplaceAll(name, " ", "%20")+"\nContent-Type: text/x-test", strings.NewReader("all of it, at once"))
				s.want(name, answer, 201, "Upload-Offset: 18", flag(interop, true), "Tus-Resumable: ", "Cache-Control: no-store")
				at := answer.Header.Get("Location")
				if got := s.read("/" + name); got != "all of it, at once" {
					t.Errorf("%s holds %q", name, got)
				}
				if n, _ := s.drives.Stat(t.Context(), s.alice, drive.Path("/"+name)); n.MediaType != "text/x-test" {
					t.Errorf("%s: media type %q", name, n.MediaType)
				}
				if interop == 0 {
					if len(interim) > 0 {
						t.Errorf("interim responses without a version: %v", interim)
					}
				} else if len(interim) != 1 || interim[0].Get("Location") != at || interim[0].Get(interopHeader) != strconv.Itoa(interop) ||
					interim[0].Get("Upload-Offset") != "" || (interim[0].Get("Upload-Limit") == "") != (interop < 6) {
					t.Errorf("%s: interim responses %v, Location %q", name, interim, at)
				}
				answer, _ = s.draft(max(interop, 3), "HEAD", at, "", nil)
				s.want("look, "+name, answer, 204, "Upload-Offset: 18", "Upload-Length: 18", flag(max(interop, 3), true))
			}
		}
		for what, body := range map[string]io.Reader{"empty.txt": nil, "chunked empty.txt": chunks("")} {
			length := ""
			if body != nil {
				length = "Upload-Length: 0\n"
			}
			answer, _ := s.draft(8, "POST", "/files/", length+"Upload-Complete: ?1\nContent-Disposition: inline; filename=\""+what+"\"", body)
			s.want(what, answer, 201, "Upload-Offset: 0", "Upload-Complete: ?1")
			if got := s.read("/" + what); got != "" {
				t.Errorf("%s holds %q", what, got)
			}
		}
		answer, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?1\n"+meta("filename", "named.txt", "folder", "a/b")+"Content-Disposition: inline; filename=other.txt", chunks("its length is not told"))
		s.want("metadata of tus", answer, 201, "Upload-Offset: 22")
		if got := s.read("/a/b/named.txt"); got != "its length is not told" {
			t.Errorf("the file holds %q", got)
		}
	})
}

func TestDraftInParts(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		for _, interop := range interops {
			name := fmt.Sprintf("f%d", interop)
			part := map[bool]int{true: 201, false: 204}[interop >= 3 && interop <= 6]
			made, _ := s.draft(interop, "POST", "/files/", flag(interop, false)+"\nUpload-Length: 15\nContent-Disposition: inline; filename="+name, strings.NewReader("first, "))
			s.want(name+", create", made, 201, "Upload-Offset: 7", flag(interop, false))
			at := made.Header.Get("Location")
			asked := interop
			if asked == 0 { // a request to look at an upload has nothing else that tells the draft from tus
				asked = 8
			}
			look, _ := s.draft(asked, "HEAD", at, "", nil)
			s.want(name+", look", look, 204, "Upload-Offset: 7", "Upload-Length: 15", flag(asked, false), "Cache-Control: no-store")
			answer, interim := s.draft(interop, "PATCH", at, flag(interop, false)+"\nUpload-Offset: 7", strings.NewReader("second, "))
			s.want(name+", append", answer, part, "Upload-Offset: 15", flag(interop, false), "Location: ")
			if len(interim) > 0 {
				t.Errorf("%s: interim responses to a short append: %v", name, interim)
			}
			look, _ = s.draft(asked, "HEAD", at, "", nil)
			s.want(name+", all there and not complete", look, 204, "Upload-Offset: 15", "Upload-Length: 15", flag(asked, false))
			if got := s.read("/" + name); got != "not_found" {
				t.Errorf("%s is there before it is complete: %q", name, got)
			}
			answer, _ = s.draft(interop, "PATCH", at, flag(interop, true)+"\nUpload-Offset: 15", nil)
			s.want(name+", complete", answer, 201, "Upload-Offset: 15", flag(interop, true))
			if got := s.read("/" + name); got != "first, second, " {
				t.Errorf("%s holds %q", name, got)
			}
			answer, _ = s.draft(asked, "DELETE", at, "", nil)
			s.want(name+", cancel", answer, 204)
			answer, _ = s.draft(asked, "HEAD", at, "", nil)
			s.want(name+", look after it", answer, 404)
		}
	})
}

// Each row is a demand on a server, in the words of the newest text; rows with an older version are demands that it lifted.
func TestDraftDemands(t *testing.T) {
	each(t, drive.Options{InlineMax: 8, MaxFile: 100, Quota: 250}, func(t *testing.T, s *site) {
		const part, whole = "Upload-Complete: ?0\n", "Upload-Complete: ?1\n"
		for _, c := range []struct {
			what, method, headers string
			interop               int
			body                  io.Reader
			status                int
			want                  []string
			problem               string
			after                 string // what HEAD tells then: offset, or status
		}{
			{"another Upload-Offset value is ignored", "PATCH", part + "Upload-Offset: -3", 8, strings.NewReader("x"), 400, nil, "about:blank", "3"},
			{"another Upload-Complete value is ignored", "PATCH", "Upload-Complete: true\nUpload-Offset: 3", 8, strings.NewReader("x"), 400, nil, "about:blank", "3"},
			{"another Upload-Length value is ignored", "PATCH", part + "Upload-Offset: 3\nUpload-Length: many", 8, strings.NewReader("x"), 204, nil, "", "4"},
			{"parameters of an item are allowed", "PATCH", "Upload-Complete: ?0;a\nUpload-Offset: 3;b=\"c\"", 8, strings.NewReader("x"), 204, nil, "", "4"},
			{"lengths in one request match", "PATCH", whole + "Upload-Offset: 3\nUpload-Length: 9", 8, strings.NewReader("x"), 400, nil, "inconsistent-upload-length", "3"},
			{"lengths in several requests match: Upload-Length", "PATCH", part + "Upload-Offset: 3\nUpload-Length: 9", 8, strings.NewReader("x"), 400, nil, "inconsistent-upload-length", "3"},
			{"lengths in several requests match: Content-Length", "PATCH", whole + "Upload-Offset: 3", 8, strings.NewReader("x"), 400, nil, "inconsistent-upload-length", "3"},
			{"lengths in several requests match: the end", "PATCH", whole + "Upload-Offset: 3", 8, chunks("x"), 400, nil, "inconsistent-upload-length", "4"},
			{"the offset does not exceed the length: Content-Length", "PATCH", part + "Upload-Offset: 3", 8, strings.NewReader("123456789"), 400, nil, "inconsistent-upload-length", "3"},
			{"the offset does not exceed the length, and nothing more is taken", "PATCH", part + "Upload-Offset: 3", 8, chunks("123456789"), 400, []string{"Upload-Offset: "}, "inconsistent-upload-length", "404"},
			{"the offset does not exceed the length (-04)", "PATCH", part + "Upload-Offset: 3", 6, chunks("123456789"), 400, nil, "inconsistent-upload-length", "9"},
			{"a whole that exceeds the length", "PATCH", whole + "Upload-Offset: 3", 7, chunks("123456789"), 400, nil, "inconsistent-upload-length", "404"},
			{"409 with the offset", "PATCH", part + "Upload-Offset: 2", 8, strings.NewReader("x"), 409, []string{"Upload-Offset: 3", "Upload-Complete: ?0"}, "mismatching-upload-offset", "3"},
			{"409 with the offset (-01)", "PATCH", "Upload-Incomplete: ?1\nUpload-Offset: 4", 3, strings.NewReader("x"), 409, []string{"Upload-Offset: 3", "Upload-Incomplete: ?1"}, "mismatching-upload-offset", "3"},
			{"the media type", "PATCH", part + "Upload-Offset: 3\nContent-Type: " + octetStream, 8, strings.NewReader("x"), 415, []string{"Accept-Patch: application/partial-upload"}, "about:blank", "3"},
			{"the media type (-04)", "PATCH", part + "Upload-Offset: 3\nContent-Type: ", 6, strings.NewReader("x"), 415, nil, "about:blank", "3"},
			{"no media type (-03)", "PATCH", part + "Upload-Offset: 3\nContent-Type: ", 5, strings.NewReader("x"), 201, nil, "", "4"},
			{"an append says whether it completes", "PATCH", "Upload-Offset: 3", 7, strings.NewReader("1234567"), 400, nil, "about:blank", "3"},
			{"an append completes unless it says otherwise (-04)", "PATCH", "Upload-Offset: 3", 6, strings.NewReader("1234567"), 201, []string{"Upload-Complete: ?1"}, "", "10"},
			{"a chunked body completes by its end", "PATCH", whole + "Upload-Offset: 3", 8, chunks("1234567"), 201, []string{"Upload-Complete: ?1"}, "", "10"},
			{"HEAD with Upload-Offset (-02)", "HEAD", "Upload-Offset: 3", 4, nil, 400, nil, "", "3"},
			{"HEAD with Upload-Incomplete (-01)", "HEAD", "Upload-Incomplete: ?1", 3, nil, 400, nil, "", "3"},
			{"HEAD with Upload-Length (-05)", "HEAD", "Upload-Length: 3", 6, nil, 400, nil, "", "3"},
			{"HEAD with any of them", "HEAD", "Upload-Offset: 3", 8, nil, 204, nil, "", "3"},
			{"DELETE with Upload-Complete (-03)", "DELETE", part, 5, nil, 400, nil, "about:blank", "3"},
			{"DELETE", "DELETE", "", 8, nil, 204, nil, "", "404"},
			{"another method", "GET", "", 8, nil, 405, []string{"Allow: OPTIONS, HEAD, PATCH, DELETE"}, "about:blank", "3"},
		} {
			made, _ := s.draft(8, "POST", "/files/", part+"Upload-Length: 10", strings.NewReader("abc"))
			s.want(c.what+", create", made, 201)
			at := made.Header.Get("Location")
			answer, _ := s.draft(c.interop, c.method, at, c.headers, c.body)
			if c.problem != "" {
				kind, text := problemType(t, answer)
				if kind != c.problem {
					t.Errorf("%s: problem %s", c.what, text)
				}
				if kind == "mismatching-upload-offset" && !strings.Contains(text, `"expected-offset":3,"provided-offset":`) {
					t.Errorf("%s: the offsets are missing: %s", c.what, text)
				}
			}
			s.want(c.what, answer, c.status, c.want...)
			look, _ := s.draft(8, "HEAD", at, "", nil)
			if c.after == "404" {
				s.want(c.what+", then", look, 404)
				continue
			}
			s.want(c.what+", then", look, 204, "Upload-Offset: "+c.after, "Upload-Length: 10")
			look, _ = s.draft(8, "DELETE", at, "", nil)
			s.want(c.what+", away with it", look, 204)
		}
	})
}

// A complete upload takes nothing more, whatever the append says.
func TestDraftCompleteUpload(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		made, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?1\nContent-Disposition: inline; filename=f", strings.NewReader("complete"))
		at := made.Header.Get("Location")
		for _, c := range []struct {
			what    string
			interop int
			body    io.Reader
			problem string
		}{
			{"bytes", 8, strings.NewReader("x"), "inconsistent-upload-length"},
			{"chunked bytes", 8, chunks("x"), "inconsistent-upload-length"},
			{"nothing", 8, nil, "completed-upload"},
			{"nothing in chunks", 7, chunks(""), "completed-upload"},
			{"bytes (-04)", 6, strings.NewReader("x"), "completed-upload"},
			{"bytes (-01)", 3, strings.NewReader("x"), "completed-upload"},
		} {
			answer, _ := s.draft(c.interop, "PATCH", at, flag(c.interop, true)+"\nUpload-Offset: 8", c.body)
			if kind, text := problemType(t, answer); kind != c.problem {
				t.Errorf("%s: problem %s", c.what, text)
			}
			// With Upload-Complete: ?1 the error would be that of making the file.
			s.want(c.what, answer, 400, "Upload-Complete: ", "Upload-Incomplete: ", "Upload-Offset: 8")
		}
		answer, _ := s.draft(8, "PATCH", at, "Upload-Complete: ?1\nUpload-Offset: 3", strings.NewReader("x"))
		s.want("another offset", answer, 409, "Upload-Offset: 8")
		if got := s.read("/f"); got != "complete" {
			t.Errorf("the file holds %q", got)
		}
	})
}

// What is refused at creation leaves nothing behind.
func TestDraftCreationRefused(t *testing.T) {
	each(t, drive.Options{MaxFile: 100, Quota: 150}, func(t *testing.T, s *site) {
		for _, c := range []struct {
			what, path, headers string
			body                io.Reader
			status              int
			want                []string
			problem             string
		}{
			{"nobody", "/files/", "As: nobody\nUpload-Complete: ?1", nil, 401, nil, "about:blank"},
			{"no Upload-Complete", "/files/", "", strings.NewReader("x"), 400, nil, "about:blank"},
			{"an Upload-Complete that is none", "/files/", "Upload-Complete: 1", strings.NewReader("x"), 400, nil, "about:blank"},
			{"lengths that differ", "/files/", "Upload-Complete: ?1\nUpload-Length: 5", strings.NewReader("four"), 400, nil, "inconsistent-upload-length"},
			{"a part that is longer than the whole", "/files/", "Upload-Complete: ?0\nUpload-Length: 3", strings.NewReader("four"), 400, nil, "inconsistent-upload-length"},
			{"413 has the limits", "/files/", "Upload-Complete: ?1", strings.NewReader(strings.Repeat("x", 101)), 413, []string{"Upload-Limit: max-size=100, min-size=0"}, "about:blank"},
			{"413 of an announced length has the limits", "/files/", "Upload-Complete: ?0\nUpload-Length: 101", nil, 413, []string{"Upload-Limit: max-size=100, min-size=0"}, "about:blank"},
			{"a rule", "/files/", "Upload-Complete: ?1\nContent-Disposition: inline; filename=Setup.EXE", strings.NewReader("x"), 403, nil, "about:blank"},
			{"a disposition that cannot be read", "/files/", "Upload-Complete: ?1\nContent-Disposition: ;;", strings.NewReader("x"), 400, nil, "about:blank"},
			{"a media type that is none", "/files/", "Upload-Complete: ?1\nContent-Type: text", strings.NewReader("x"), 400, nil, "about:blank"},
			{"metadata that cannot be read", "/files/", "Upload-Complete: ?1\nUpload-Metadata: filename nonsense!", strings.NewReader("x"), 400, nil, "about:blank"},
			{"a form", "/files/", "Upload-Complete: ?1\nContent-Type: multipart/form-data; boundary=b", strings.NewReader("x"), 415, nil, "about:blank"},
			{"a coded representation", "/files/", "Upload-Complete: ?1\nContent-Encoding: gzip", strings.NewReader("x"), 415, nil, "about:blank"},
			{"an upload that is not there", "/files/0000000000000000000000000a", "Upload-Complete: ?1", nil, 404, nil, "about:blank"},
		} {
			answer, interim := s.draft(8, "POST", c.path, c.headers, c.body)
			if kind, text := problemType(t, answer); kind != c.problem || len(interim) > 0 {
				t.Errorf("%s: problem %s, interim responses %v", c.what, text, interim)
			}
			s.want(c.what, answer, c.status, append(c.want, "Location: ")...)
		}
		made, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?1", strings.NewReader(strings.Repeat("x", 100)))
		s.want("fill the drive", made, 201)
		for what, headers := range map[string]string{"whole": "Upload-Complete: ?1", "announced": "Upload-Complete: ?0\nUpload-Length: 60"} {
			var body io.Reader
			if what == "whole" {
				body = strings.NewReader(strings.Repeat("x", 60))
			}
			answer, _ := s.draft(8, "POST", "/files/", headers, body)
			if text := s.want("over quota, "+what, answer, 507); !strings.Contains(text, "The drive is full") {
				t.Errorf("over quota, %s: the body does not say so: %q", what, text)
			}
		}
		made, _ = s.draft(8, "POST", "/files/", "Upload-Complete: ?0", nil)
		answer, _ := s.draft(8, "PATCH", made.Header.Get("Location"), "Upload-Complete: ?1\nUpload-Offset: 0", chunks(strings.Repeat("x", 60)))
		s.want("over quota, of unknown length", answer, 507)
	})
}

// The space for a length that a request announces is set aside, also where the request does not complete the upload; only one that says so
// completes it.
func TestDraftSetsSpaceAside(t *testing.T) {
	each(t, drive.Options{Quota: 150, InlineMax: 8}, func(t *testing.T, s *site) {
		reserved := func(what string, want int64) {
			t.Helper()
			if usage, err := s.drives.Usage(t.Context(), s.alice); err != nil || usage.Reserved != want {
				t.Errorf("%s: %+v (%v), want %d reserved", what, usage, err, want)
			}
		}
		first, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?0\nUpload-Length: 100", strings.NewReader("some"))
		s.want("the first one", first, 201, "Upload-Offset: 4", "Upload-Complete: ?0")
		reserved("announced", 100)
		second, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?0", strings.NewReader("some"))
		s.want("one that announces nothing", second, 201)
		reserved("what came", 104)
		over, _ := s.draft(8, "PATCH", second.Header.Get("Location"), "Upload-Complete: ?0\nUpload-Offset: 4\nUpload-Length: 51", strings.NewReader("more"))
		s.want("announced later, over the quota", over, 507, "Upload-Offset: 4")
		later, _ := s.draft(8, "PATCH", second.Header.Get("Location"), "Upload-Complete: ?0\nUpload-Offset: 4\nUpload-Length: 8", strings.NewReader("more"))
		s.want("announced later, and all of it", later, 204, "Upload-Offset: 8", "Upload-Complete: ?0")
		reserved("announced later", 108)
		look, _ := s.draft(8, "HEAD", second.Header.Get("Location"), "", nil)
		s.want("look", look, 204, "Upload-Offset: 8", "Upload-Length: 8", "Upload-Complete: ?0")
		s.want("a client of tus", s.do("HEAD", first.Header.Get("Location"), "", ""), 200, "Upload-Offset: 4", "Upload-Length: ", "Upload-Defer-Length: 1", "Upload-Metadata: ")
		done, _ := s.draft(8, "PATCH", second.Header.Get("Location"), "Upload-Complete: ?1\nUpload-Offset: 8", nil)
		s.want("the end is told", done, 201, "Upload-Complete: ?1")
		reserved("complete", 100)
		longer, _ := s.draft(8, "PATCH", first.Header.Get("Location"), "Upload-Complete: ?1\nUpload-Offset: 4", strings.NewReader("other"))
		if kind, text := problemType(t, longer); kind != "inconsistent-upload-length" {
			t.Errorf("an end that is not the announced one: %s", text)
		}
		gone, _ := s.draft(8, "DELETE", first.Header.Get("Location"), "", nil)
		s.want("DELETE", gone, 204)
		reserved("in the end", 0)
	})
}

// An upload is its owner's: before anything is looked at, and on every method.
func TestDraftAnotherUser(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		made, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?0", strings.NewReader("mine"))
		at := made.Header.Get("Location")
		for _, method := range []string{"HEAD", "PATCH", "DELETE", "GET", "PUT"} {
			answer, _ := s.draft(8, method, at, "As: bob\nUpload-Complete: ?1\nUpload-Offset: 4", nil)
			s.want("bob, "+method, answer, 404)
			answer, _ = s.draft(8, method, at, "As: nobody\nUpload-Complete: ?1\nUpload-Offset: 4", nil)
			s.want("nobody, "+method, answer, 401)
		}
		look, _ := s.draft(8, "HEAD", at, "", nil)
		s.want("look", look, 204, "Upload-Offset: 4")
	})
}

func TestDraftLimits(t *testing.T) {
	var ahead atomic.Int64 // of the clock
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	each(t, drive.Options{MaxFile: 1000, UploadExpiry: time.Hour, Now: now}, func(t *testing.T, s *site) {
		ahead.Store(0)
		s.want("OPTIONS", s.do("OPTIONS", "/files/", "Tus-Resumable: \nAs: nobody", ""), 204,
			"Upload-Limit: max-size=1000, min-size=0", "Accept-Patch: application/partial-upload, "+octetStream)
		for interop, age := range map[int]string{6: "expires", 7: "max-age", 8: "max-age"} {
			made, _ := s.draft(interop, "POST", "/files/", "Upload-Complete: ?0", nil)
			look, _ := s.draft(interop, "HEAD", made.Header.Get("Location"), "", nil)
			patched, _ := s.draft(interop, "PATCH", made.Header.Get("Location"), "Upload-Complete: ?0\nUpload-Offset: 0", strings.NewReader("x"))
			for _, answer := range []*http.Response{made, look, patched} {
				limit, left, _ := strings.Cut(answer.Header.Get("Upload-Limit"), ", "+age+"=")
				seconds, err := strconv.Atoi(left)
				if limit != "max-size=1000, min-size=0" || err != nil || seconds < 3000 || seconds > 3600 {
					t.Errorf("interop %d: Upload-Limit %q", interop, answer.Header.Get("Upload-Limit"))
				}
			}
		}
		made, _ := s.draft(5, "POST", "/files/", "Upload-Complete: ?0", nil)
		s.want("there were none before -04", made, 201, "Upload-Limit: ")
		ahead.Store(int64(2 * time.Hour))
		answer, _ := s.draft(8, "HEAD", made.Header.Get("Location"), "", nil)
		s.want("expired", answer, 410)
		answer, _ = s.draft(8, "PATCH", made.Header.Get("Location"), "Upload-Complete: ?1\nUpload-Offset: 0", nil)
		s.want("expired, append", answer, 410)
		answer, _ = s.draft(3, "HEAD", made.Header.Get("Location"), "", nil)
		s.want("expired (-01)", answer, 404)
		if err := s.drives.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// A version that is not known gets no interim response, and the newest text's answers otherwise.
func TestDraftUnknownVersion(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		for _, interop := range []int{1, 2, 9, 1000} {
			answer, interim := s.draft(interop, "POST", "/files/", "Upload-Complete: ?1", strings.NewReader("hello"))
			s.want(fmt.Sprint(interop), answer, 201, "Upload-Complete: ?1", interopHeader+": ")
			if len(interim) > 0 {
				t.Errorf("version %d: interim responses %v", interop, interim)
			}
			look, _ := s.draft(interop, "HEAD", answer.Header.Get("Location"), "", nil)
			s.want(fmt.Sprint(interop), look, 204, "Upload-Complete: ?1", "Upload-Offset: 5")
		}
		old, _ := s.draft(2, "POST", "/files/", "Upload-Token: :SGVs:", strings.NewReader("hello"))
		s.want("drafts before -01", old, 400)
	})
}

// Content-Disposition, Content-Type and Repr-Digest say what the file is.
func TestDraftRepresentation(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		for _, c := range []struct{ headers, path, mediaType string }{
			{"Content-Disposition: inline; filename=\"a b.txt\"; filename*=UTF-8''%C3%BC.txt", "/ü.txt", "text/plain; charset=utf-8"},
			{"Content-Disposition: attachment; filename=\"../../etc/pass.txt\"", "/pass.txt", "text/plain; charset=utf-8"},
			{"Content-Disposition: attachment; filename=\"C:\\\\dir\\\\win.txt\"\nContent-Type: application/octet-stream", "/win.txt", "text/plain; charset=utf-8"},
			{"Content-Type: image/x-test; a=b", "/upload", "image/x-test; a=b"},
			{"Content-Type: image/x-test\n" + meta("filetype", "image/x-other", "filename", "m"), "/m", "image/x-other"},
		} {
			answer, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?1\n"+c.headers, strings.NewReader("x"))
			s.want(c.headers, answer, 201)
			if n, err := s.drives.Stat(t.Context(), s.alice, drive.Path(c.path)); err != nil || n.MediaType != c.mediaType {
				t.Errorf("%s: %s is %q, %v", c.headers, c.path, n.MediaType, err)
			}
		}
		made, _ := s.draft(8, "POST", "/files/", "Upload-Complete: ?0\nRepr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", nil)
		_, id, _ := strings.Cut(made.Header.Get("Location"), Prefix)
		if u, err := s.drives.PeekUpload(t.Context(), s.alice, id); err != nil || fmt.Sprintf("%x", u.SHA256[:4]) != "e3b0c442" {
			t.Errorf("the digest that the client told: %x, %v", u.SHA256, err)
		}
	})
}
