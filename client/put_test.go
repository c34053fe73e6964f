package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// shelf is a server that takes one upload at a time, and can be told what to do wrong. e2e has the real one.
type shelf struct {
	mu       sync.Mutex
	got      []byte
	length   int64
	sha256   string
	begun    int
	ended    int
	requests []string
	before   func(s *shelf, w http.ResponseWriter, r *http.Request) bool // true: it has answered
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil || s.before != nil && s.before(s, w, r) {
		return
	}
	switch {
	case r.URL.Path == "/api/v1/uploads/lookup":
		if s.begun > s.ended && strings.Contains(string(body), s.sha256) {
			answerJSON(w, found{Status: "partial", Upload: &Upload{URL: "/files/1", Offset: int64(len(s.got))}})
			return
		}
		answerJSON(w, found{Status: "none"})
	case strings.HasPrefix(r.URL.Path, "/api/"):
		sum := sha256.Sum256(s.got)
		answerJSON(w, Node{Size: s.length, SHA256: hexOf(sum[:])})
	case r.Method == http.MethodPost:
		s.begin(w, r, body)
	case r.Method == http.MethodDelete:
		s.ended++
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPatch && r.Header.Get("Upload-Offset") != strconv.Itoa(len(s.got)):
		w.WriteHeader(http.StatusConflict)
	case r.Header.Get("Upload-Length") != "":
		s.length, _ = strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64)
		w.WriteHeader(http.StatusNoContent)
	default:
		if s.length >= 0 {
			w.Header().Set("Upload-Length", strconv.FormatInt(s.length, 10))
		}
		if sum := sha256.Sum256(body); r.Method == http.MethodPatch && r.Header.Get("Upload-Checksum") != "sha256 "+base64.StdEncoding.EncodeToString(sum[:]) {
			w.WriteHeader(statusChecksumMismatch)
			return
		}
		s.got = append(s.got, body...)
		w.Header().Set("Upload-Offset", strconv.Itoa(len(s.got)))
		if r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

// begin makes an upload, with its first bytes if they come along.
func (s *shelf) begin(w http.ResponseWriter, r *http.Request, body []byte) {
	s.length = -1
	if r.Header.Get("Upload-Defer-Length") == "" {
		s.length, _ = strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64)
	}
	for pair := range strings.SplitSeq(r.Header.Get("Upload-Metadata"), ",") {
		if value, ok := strings.CutPrefix(pair, "sha256 "); ok {
			text, _ := base64.StdEncoding.DecodeString(value)
			s.sha256 = string(text)
		}
	}
	s.got, s.begun = body, s.begun+1
	w.Header().Set("Location", "http://elsewhere/files/1")
	w.Header().Set("Upload-Offset", strconv.Itoa(len(s.got)))
	w.WriteHeader(http.StatusCreated)
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var text strings.Builder
	for _, c := range b {
		text.WriteByte(digits[c>>4])
		text.WriteByte(digits[c&15])
	}
	return text.String()
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }

// once is what is done to the first request of a kind only.
func once(method string, do func(s *shelf, w http.ResponseWriter, r *http.Request) bool) func(*shelf, http.ResponseWriter, *http.Request) bool {
	done := false
	return func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
		if done || r.Method != method || strings.HasPrefix(r.URL.Path, "/api/") {
			return false
		}
		done = true
		return do(s, w, r)
	}
}

// Whatever goes wrong on the way, the server gets the file once, and as it is.
func TestPutThroughFailures(t *testing.T) {
	large := make([]byte, 2*block+12345)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(large) // it never fails
	refuse := func(status int) func(*shelf, http.ResponseWriter, *http.Request) bool {
		return func(_ *shelf, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			return true
		}
	}
	for wrong, first := range map[string]struct {
		method string
		gets   func(*shelf, http.ResponseWriter, *http.Request) bool
	}{
		"nothing": {},
		"creation, and no answer": {http.MethodPost, func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
			body, _ := io.ReadAll(r.Body) // it was read before
			s.begin(w, r, body)
			return hangUp(w)
		}},
		"no answer to creation": {http.MethodPost, func(_ *shelf, w http.ResponseWriter, _ *http.Request) bool { return hangUp(w) }},
		"no answer to bytes":    {http.MethodPatch, func(_ *shelf, w http.ResponseWriter, _ *http.Request) bool { return hangUp(w) }},
		"bytes taken, and no answer": {http.MethodPatch, func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
			b, _ := io.ReadAll(r.Body)
			s.got = append(s.got, b...)
			return hangUp(w)
		}},
		"a part taken, and no answer": {http.MethodPatch, func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
			b, _ := io.ReadAll(r.Body)
			s.got = append(s.got, b[:777]...)
			return hangUp(w)
		}},
		"bytes damaged on their way": {http.MethodPatch, refuse(statusChecksumMismatch)},
		"held by another request":    {http.MethodPatch, refuse(http.StatusLocked)},
		"at another offset":          {http.MethodPatch, refuse(http.StatusConflict)},
		"busy":                       {http.MethodPatch, refuse(http.StatusServiceUnavailable)},
		"failed":                     {http.MethodPatch, refuse(http.StatusInternalServerError)},
		"a proxy without its server": {http.MethodPost, refuse(http.StatusBadGateway)},
		"gone": {http.MethodPatch, func(s *shelf, w http.ResponseWriter, _ *http.Request) bool {
			s.ended++
			w.WriteHeader(http.StatusGone)
			return true
		}},
	} {
		for size, content := range map[string][]byte{"large": large, "small": large[:1000]} {
			t.Run(wrong+", "+size, func(t *testing.T) {
				t.Parallel()
				name := filepath.Join(t.TempDir(), "file")
				if err := os.WriteFile(name, content, 0o600); err != nil {
					t.Fatal(err)
				}
				s := &shelf{before: once(first.method, first.gets)}
				c := against(t, s)
				c.o.Patience = time.Minute
				done, err := c.Put(t.Context(), Put{Open: func() (*os.File, error) { return os.Open(name) }, To: "/file", Conflict: Replace})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(s.got, content) || s.begun > s.ended+1 {
					t.Errorf("the server has %d bytes of %d, of %d uploads of which %d have ended", len(s.got), len(content), s.begun, s.ended)
				}
				if most := int64(len(content)) + block; done.Bytes > most {
					t.Errorf("%d bytes were sent, want at most %d", done.Bytes, most)
				}
			})
		}
	}
}

// What the server refuses for good is not tried again.
func TestPutRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for status, kind := range map[int]fault.Kind{
		http.StatusConflict: fault.Exists, http.StatusForbidden: fault.Forbidden, http.StatusRequestEntityTooLarge: fault.TooLarge, http.StatusInsufficientStorage: fault.Full, http.StatusUnauthorized: fault.Unauthenticated,
	} {
		s := &shelf{before: once(http.MethodPost, func(_ *shelf, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "It is not to be.\ncode: no_way\n")
			return true
		})}
		c := against(t, s)
		c.o.Patience = time.Minute
		_, err := c.Put(t.Context(), Put{Open: func() (*os.File, error) { return os.Open(name) }, To: "/file", Conflict: Replace})
		if code, sentence, _ := fault.Public(err); !fault.Is(err, kind) || code != "no_way" || sentence != "It is not to be." {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// A file that is written to while it is sent is begun anew, and the server never gets bytes of two contents.
func TestPutOfAFileThatChanges(t *testing.T) {
	content := make([]byte, 3*block)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(content) // it never fails
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(at int64) {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		content[at]++
		if _, err := file.WriteAt(content[at:at+1], at); err != nil {
			t.Error(err)
		}
	}
	s := &shelf{before: once(http.MethodPatch, func(*shelf, http.ResponseWriter, *http.Request) bool {
		write(2*block + 5) // while the first block is on its way
		return false
	})}
	c := against(t, s)
	put := Put{Open: func() (*os.File, error) { return os.Open(name) }, To: "/file", Conflict: Replace}
	if _, err := c.Put(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.got, content) || s.begun != 2 || s.ended != 1 {
		t.Errorf("%d uploads were begun and %d ended; want 2 and 1, and the new content", s.begun, s.ended)
	}

	c = against(t, &shelf{before: func(_ *shelf, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			write(2*block + 5)
		}
		return false
	}})
	if _, err := c.Put(t.Context(), put); !errors.Is(err, errChanged) {
		t.Errorf("of a file that never rests: %v, want %v", err, errChanged)
	}
}

func TestPatience(t *testing.T) {
	busy := &fault.Error{Kind: fault.Busy, Wait: 7 * time.Second}
	lost := &lostError{io.ErrUnexpectedEOF, true}
	now := time.Now()
	p := patience{limit: time.Minute}
	for i := range 5 {
		wait, ok := p.next(lost, now)
		if least := firstWait << i * 3 / 4; !ok || wait < least || wait > 2*least {
			t.Errorf("wait %d is %s, %v; want %s and its jitter", i, wait, ok, least)
		}
	}
	if wait, ok := p.next(busy, now); !ok || wait < 7*time.Second {
		t.Errorf("Retry-After: 7 is waited for %s, %v", wait, ok)
	}
	if _, ok := p.next(lost, now.Add(time.Minute)); ok {
		t.Error("there is another try after a minute")
	}
	p.gotOn()
	if _, ok := p.next(lost, now.Add(time.Minute)); !ok {
		t.Error("there is no other try though it got on")
	}
	if _, ok := p.next(&fault.Error{Kind: fault.TooMany, Wait: time.Hour}, now); ok {
		t.Error("somebody waits for an hour")
	}
	if _, ok := p.next(fault.New(fault.Forbidden, "", ""), now); ok {
		t.Error("what is forbidden is tried again")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.wait(ctx, lost, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestPlainRefusals(t *testing.T) {
	for text, want := range map[string][2]string{
		"The body is longer than the upload.\ncode: upload_too_long\nrequest: 06h2\n":     {"upload_too_long", "The body is longer than the upload."},
		"name_taken: There is something with this name already. (request 06h2jb0gn1ti)\n": {"name_taken", "There is something with this name already."},
		"Note: this is a sentence.": {"", "Note: this is a sentence."},
		"":                          {"", ""},
	} {
		if code, sentence := plain(text); code != want[0] || sentence != want[1] {
			t.Errorf("%q: %q, %q", text, code, sentence)
		}
	}
}
