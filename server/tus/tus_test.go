package tus

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// site is a running door with two users. A request's user is named in the header "As", which stands for the gate.
type site struct {
	t          *testing.T
	url        string
	drives     *drive.Drives
	alice, bob string
}

func each(t *testing.T, o drive.Options, fn func(t *testing.T, s *site)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		rules, err := hooks.NewRules([]string{"*.exe"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := o
		o.Admit = rules.Admit
		s := &site{t: t, drives: drive.New(db, mem.New(), o)}
		ids := map[string]string{}
		for _, name := range []string{"alice", "bob"} {
			id := sqldb.NewID()
			err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
				if _, err := tx.Exec(t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $2, $2, '', 0)`, id, name); err != nil {
					return err
				}
				return s.drives.Create(t.Context(), tx, id)
			})
			if err != nil {
				t.Fatal(err)
			}
			ids[name] = id
		}
		s.alice, s.bob = ids["alice"], ids["bob"]
		door, err := New(Options{Drives: s.drives, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if id := ids[r.Header.Get("As")]; id != "" {
				r = r.WithContext(authn.WithPrincipal(r.Context(), authn.Principal{UserID: id}))
			}
			door.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		s.url = server.URL
		fn(t, s)
		problems, err := s.drives.Check(t.Context())
		if err != nil || len(problems) > 0 {
			t.Errorf("check: %v, %v", problems, err)
		}
	})
}

// do sends a request: headers are "Name: value" lines. Tus-Resumable and As: alice are there unless a line says otherwise.
func (s *site) do(method, path, headers, body string) *http.Response {
	s.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = s.url + path
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("As", "alice")
	if method == "PATCH" {
		r.Header.Set("Content-Type", octetStream)
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
	return answer
}

func (s *site) want(what string, answer *http.Response, status int, headers ...string) (body string) {
	s.t.Helper()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != status {
		s.t.Errorf("%s: status %d, want %d: %s", what, answer.StatusCode, status, text)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if got := answer.Header.Get(name); got != value {
			s.t.Errorf("%s: %s is %q, want %q", what, name, got, value)
		}
	}
	return string(text)
}

func meta(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return "Upload-Metadata: " + strings.Join(out, ",") + "\n"
}

func (s *site) read(path string) string {
	s.t.Helper()
	_, c, err := s.drives.Open(s.t.Context(), s.alice, drive.Path(path))
	if err != nil {
		return fault.KindOf(err).String()
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func TestUpload(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		text := "a text in two parts"
		made := s.do("POST", "/files/", "Upload-Length: 19\n"+meta("filename", "a b.txt", "relativePath", "x/y/a b.txt", "filetype", "text/x-test", "mtime", "1700000000.5"), "")
		s.want("create", made, 201, "Tus-Resumable: 1.0.0", "Cache-Control: no-store")
		at := made.Header.Get("Location")
		if !strings.HasPrefix(at, s.url+"/files/") {
			t.Fatalf("Location %q", at)
		}
		s.want("look", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 0", "Upload-Length: 19", "Cache-Control: no-store")
		s.want("first", s.do("PATCH", at, "Upload-Offset: 0", text[:7]), 204, "Upload-Offset: 7")
		s.want("again", s.do("PATCH", at, "Upload-Offset: 0", text[:7]), 409, "Upload-Offset: 7")
		s.want("too far", s.do("PATCH", at, "Upload-Offset: 9", text[9:]), 409, "Upload-Offset: 7")
		s.want("look", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 7")
		s.want("rest", s.do("PATCH", at, "Upload-Offset: 7", text[7:]), 204, "Upload-Offset: 19")
		s.want("look", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 19", "Upload-Length: 19")
		if got := s.read("/x/y/a b.txt"); got != text {
			t.Errorf("the file holds %q", got)
		}
		n, _ := s.drives.Stat(t.Context(), s.alice, "/x/y/a b.txt")
		if n.MediaType != "text/x-test" || n.Modified.UnixMilli() != 1700000000500 {
			t.Errorf("media type %q, modified %v", n.MediaType, n.Modified)
		}
		s.want("drop", s.do("DELETE", at, "", ""), 204)
		s.want("after it", s.do("HEAD", at, "", ""), 404)
		if got := s.read("/x/y/a b.txt"); got != text {
			t.Errorf("the file went with its upload: %q", got)
		}
	})
}

func TestExtensions(t *testing.T) {
	each(t, drive.Options{InlineMax: 8}, func(t *testing.T, s *site) {
		s.want("options", s.do("OPTIONS", "/files/", "As: nobody\nTus-Resumable: 0.1", ""), 204,
			"Tus-Version: 1.0.0", "Tus-Checksum-Algorithm: sha256,sha512,sha1,md5,crc32c",
			"Tus-Extension: creation,creation-with-upload,creation-defer-length,termination,expiration,checksum,checksum-trailer,concatenation,concatenation-unfinished")

		s.want("creation with upload", s.do("POST", "/files/", "Upload-Length: 5\nContent-Type: "+octetStream+"\n"+meta("filename", "whole"), "hello"), 201, "Upload-Offset: 5")
		half := s.do("POST", "/files/", "Upload-Length: 10\nContent-Type: "+octetStream+"\n"+meta("filename", "half"), "hello")
		s.want("creation with half", half, 201, "Upload-Offset: 5")
		s.want("the rest", s.do("PATCH", half.Header.Get("Location"), "Upload-Offset: 5", "world"), 204)
		s.want("empty", s.do("POST", "/files/", "Upload-Length: 0\n"+meta("filename", "empty"), ""), 201)

		deferred := s.do("POST", "/files/", "Upload-Defer-Length: 1\n"+meta("filename", "deferred"), "")
		at := deferred.Header.Get("Location")
		s.want("deferred", s.do("HEAD", at, "", ""), 200, "Upload-Defer-Length: 1", "Upload-Length: ")
		s.want("deferred, first", s.do("PATCH", at, "Upload-Offset: 0", "0123456789"), 204, "Upload-Offset: 10")
		s.want("deferred, length", s.do("PATCH", at, "Upload-Offset: 10\nUpload-Length: 12", "ab"), 204, "Upload-Offset: 12")

		var parts []string
		for _, text := range []string{"the first part, ", "and more"} {
			part := s.do("POST", "/files/", fmt.Sprintf("Upload-Length: %d\nUpload-Concat: partial\nContent-Type: %s", len(text), octetStream), text)
			s.want("partial", part, 201)
			parts = append(parts, part.Header.Get("Location"))
		}
		final := "Upload-Concat: final;" + strings.Join(parts, " ") + "\n" + meta("filename", "joined")
		s.want("final with a length", s.do("POST", "/files/", final+"Upload-Length: 24", ""), 400)
		s.want("final of another's", s.do("POST", "/files/", final+"As: bob", ""), 404)
		joined := s.do("POST", "/files/", final, "")
		s.want("final", joined, 201)
		s.want("final, look", s.do("HEAD", joined.Header.Get("Location"), "", ""), 200, "Upload-Length: 24", "Upload-Offset: 24")
		s.want("final, patch", s.do("PATCH", joined.Header.Get("Location"), "Upload-Offset: 24", ""), 403)

		s.want("override", s.do("POST", joined.Header.Get("Location"), "X-HTTP-Method-Override: HEAD", ""), 200, "Upload-Offset: 24")
		for path, want := range map[string]string{"/whole": "hello", "/half": "helloworld", "/empty": "", "/deferred": "0123456789ab", "/joined": "the first part, and more"} {
			if got := s.read(path); got != want {
				t.Errorf("%s holds %q, want %q", path, got, want)
			}
		}
	})
}

// What is refused leaves nothing behind and says why.
func TestRefusals(t *testing.T) {
	each(t, drive.Options{MaxFile: 100, Quota: 150}, func(t *testing.T, s *site) {
		if _, _, err := s.drives.Put(t.Context(), s.alice, "/taken", strings.NewReader("x"), drive.PutOptions{Size: 1}); err != nil {
			t.Fatal(err)
		}
		at := s.do("POST", "/files/", "Upload-Length: 10", "").Header.Get("Location")
		for _, c := range []struct {
			what, method, path, headers, body string
			status                            int
			header                            string
		}{
			{"no version", "POST", "/files/", "Tus-Resumable: \nUpload-Length: 1", "", 412, "Tus-Version: 1.0.0"},
			{"unknown version", "PATCH", at, "Tus-Resumable: 0.2.2\nUpload-Offset: 0", "x", 412, "Tus-Version: 1.0.0"},
			{"no version, look", "HEAD", at, "Tus-Resumable: ", "", 412, "Tus-Version: 1.0.0"},
			{"nobody creates", "POST", "/files/", "As: nobody\nUpload-Length: 1", "", 401, ""},
			{"nobody looks", "HEAD", at, "As: nobody", "", 401, ""},
			{"no length", "POST", "/files/", "", "", 400, ""},
			{"negative length", "POST", "/files/", "Upload-Length: -1", "", 400, ""},
			{"both lengths", "POST", "/files/", "Upload-Length: 1\nUpload-Defer-Length: 1", "", 400, ""},
			{"over the file limit", "POST", "/files/", "Upload-Length: 101", "", 413, ""},
			{"metadata that is not Base64", "POST", "/files/", "Upload-Length: 1\nUpload-Metadata: filename nonsense!", "", 400, ""},
			{"a key twice", "POST", "/files/", "Upload-Length: 1\nUpload-Metadata: a YQ==,a YQ==", "", 400, ""},
			{"a name that is a path", "POST", "/files/", "Upload-Length: 1\n" + meta("filename", "../x"), "", 400, ""},
			{"a folder that climbs", "POST", "/files/", "Upload-Length: 1\n" + meta("filename", "x", "folder", "a/../../b"), "", 400, ""},
			{"a time that is none", "POST", "/files/", "Upload-Length: 1\n" + meta("mtime", "yesterday"), "", 400, ""},
			{"a hash that is none", "POST", "/files/", "Upload-Length: 1\n" + meta("sha256", "abcd"), "", 400, ""},
			{"an unknown conflict", "POST", "/files/", "Upload-Length: 1\n" + meta("conflict", "merge"), "", 400, ""},
			{"a taken name", "POST", "/files/", "Upload-Length: 1\n" + meta("filename", "taken", "conflict", "fail"), "", 409, ""},
			{"a rule", "POST", "/files/", "Upload-Length: 1\n" + meta("filename", "Setup.EXE"), "", 403, ""},
			{"a wrong type", "PATCH", at, "Upload-Offset: 0\nContent-Type: text/plain", "x", 415, ""},
			{"a wrong type at creation", "POST", "/files/", "Upload-Length: 1\nContent-Type: text/plain", "x", 415, ""},
			{"no offset", "PATCH", at, "", "x", 400, ""},
			{"a negative offset", "PATCH", at, "Upload-Offset: -1", "x", 400, ""},
			{"more than announced", "PATCH", at, "Upload-Offset: 0", "12345678901", 413, ""},
			{"bytes", "GET", at, "", "", 405, "Allow: OPTIONS, POST, HEAD, PATCH, DELETE"},
			{"the collection", "HEAD", "/files/", "", "", 405, ""},
			{"no such upload", "HEAD", "/files/0000000000000000000000000a", "", "", 404, ""},
			{"no id", "PATCH", "/files/%27%3B--", "Upload-Offset: 0", "x", 404, ""},
			{"a path below", "HEAD", at + "/x", "", "", 404, ""},
		} {
			s.want(c.what, s.do(c.method, c.path, c.headers, c.body), c.status)
			if c.header != "" {
				s.want(c.what, s.do(c.method, c.path, c.headers, c.body), c.status, c.header)
			}
		}
		s.want("nothing was taken", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 0")
		s.want("fill the drive", s.do("POST", "/files/", "Upload-Length: 100\nContent-Type: "+octetStream, strings.Repeat("x", 100)), 201)
		if text := s.want("over quota", s.do("POST", "/files/", "Upload-Length: 60", ""), 507); !strings.Contains(text, "The drive is full") {
			t.Errorf("over quota: the body does not say so: %q", text)
		}
	})
}

// An upload is its owner's: another user finds nothing on any method, and the owner's request under way is not disturbed.
func TestAnotherUser(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		at := s.do("POST", "/files/", "Upload-Length: 10\n"+meta("filename", "f"), "").Header.Get("Location")
		body, writer := io.Pipe()
		ended := make(chan *http.Response)
		go func() {
			r, _ := http.NewRequestWithContext(t.Context(), "PATCH", at, body)
			r.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "As": {"alice"}, "Content-Type": {octetStream}, "Upload-Offset": {"0"}}
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Error(err)
				answer = &http.Response{Body: http.NoBody}
			}
			ended <- answer
		}()
		if _, err := io.WriteString(writer, "hello"); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"HEAD", "PATCH", "DELETE", "GET"} {
			s.want("bob, "+method, s.do(method, at, "As: bob\nUpload-Offset: 0", "evil!"), 404)
		}
		if _, err := io.WriteString(writer, "world"); err != nil {
			t.Fatal(err)
		}
		writer.Close()
		s.want("alice's request", <-ended, 204, "Upload-Offset: 10")
		if got := s.read("/f"); got != "helloworld" {
			t.Errorf("the file holds %q", got)
		}
	})
}

// A client whose connection hangs comes back on a new one: it gets the upload at once, with what the first one brought.
func TestResumeWhileTheFirstHangs(t *testing.T) {
	each(t, drive.Options{InlineMax: 2}, func(t *testing.T, s *site) {
		at := s.do("POST", "/files/", "Upload-Length: 10\n"+meta("filename", "f"), "").Header.Get("Location")
		body, writer := io.Pipe()
		defer writer.Close()
		first := make(chan int, 1)
		go func() {
			r, _ := http.NewRequestWithContext(t.Context(), "PATCH", at, body)
			r.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "As": {"alice"}, "Content-Type": {octetStream}, "Upload-Offset": {"0"}}
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil { // the server may close the connection before all of the answer is read
				first <- 0
				return
			}
			answer.Body.Close()
			first <- answer.StatusCode
		}()
		if _, err := io.WriteString(writer, "hello"); err != nil {
			t.Fatal(err)
		}
		for s.drives.Counts().BytesReceived < 5 { // the server has read them, and waits for more
			time.Sleep(time.Millisecond)
		}
		s.want("look", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 5")
		if status := <-first; status != 423 && status != 0 {
			t.Errorf("the interrupted request was answered with %d; its client could not try again", status)
		}
		s.want("go on", s.do("PATCH", at, "Upload-Offset: 5", "world"), 204, "Upload-Offset: 10")
		if got := s.read("/f"); got != "helloworld" {
			t.Errorf("the file holds %q", got)
		}
	})
}

// A request without a body is over soon, and is not made to let go: who ends an upload, and looks at it at once, has ended it.
func TestADeleteIsNotInterrupted(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		for range 50 {
			at := s.do("POST", "/files/", "Upload-Length: 10\n"+meta("filename", "f"), "").Header.Get("Location")
			var looking sync.WaitGroup
			ended := make(chan struct{})
			for range 4 {
				looking.Go(func() {
					for {
						select {
						case <-ended:
							return
						default:
							s.do("HEAD", at, "", "")
						}
					}
				})
			}
			s.want("end", s.do("DELETE", at, "", ""), 204)
			close(ended)
			looking.Wait()
		}
	})
}

func TestCreationFailsWithAnAddress(t *testing.T) {
	each(t, drive.Options{}, func(t *testing.T, s *site) {
		answer := s.do("POST", "/files/", "Upload-Length: 3\nContent-Type: "+octetStream, "four")
		s.want("too many bytes", answer, 413)
		at := answer.Header.Get("Location")
		s.want("the upload is there all the same", s.do("HEAD", at, "", ""), 200, "Upload-Offset: 0")
	})
}
