package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Whatever goes wrong on the way, an input gets there once and as it is, though nobody can read it twice.
func TestPourThroughFailures(t *testing.T) {
	large := make([]byte, 2*block+12345)
	_, _ = rand.NewChaCha8([32]byte{4}).Read(large) // it never fails
	take := func(s *shelf, r *http.Request, most int) {
		b, _ := io.ReadAll(r.Body) // it was read before
		s.got = append(s.got, b[:min(most, len(b))]...)
	}
	status := func(code int) func(*shelf, http.ResponseWriter, *http.Request) bool {
		return func(_ *shelf, w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(code); return true }
	}
	type step = func(*shelf, http.ResponseWriter, *http.Request) bool
	lost := func(_ *shelf, w http.ResponseWriter, _ *http.Request) bool { return hangUp(w) }
	for wrong, first := range map[string]struct {
		method string
		length bool // of the request that tells it
		gets   step
	}{
		"nothing":               {},
		"no answer to creation": {http.MethodPost, false, lost},
		"no answer to bytes":    {http.MethodPatch, false, lost},
		"bytes taken, and no answer": {http.MethodPatch, false, func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
			take(s, r, block)
			return hangUp(w)
		}},
		"a part taken, and no answer": {http.MethodPatch, false, func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
			take(s, r, 777)
			return hangUp(w)
		}},
		"bytes damaged on their way": {http.MethodPatch, false, status(statusChecksumMismatch)},
		"held by another request":    {http.MethodPatch, false, status(http.StatusLocked)},
		"busy":                       {http.MethodPatch, false, status(http.StatusServiceUnavailable)},
		"no answer to the length":    {http.MethodPatch, true, lost},
		"the length known, and no answer": {http.MethodPatch, true, func(s *shelf, w http.ResponseWriter, _ *http.Request) bool {
			s.length = int64(len(s.got))
			return hangUp(w)
		}},
		"held when its length is told": {http.MethodPatch, true, status(http.StatusLocked)},
	} {
		for name, content := range map[string][]byte{"large": large, "of whole blocks": large[:2*block], "a block": large[:block], "small": large[:1000], "empty": nil} {
			if first.gets != nil && name != "large" && name != "small" {
				continue
			}
			t.Run(wrong+", "+name, func(t *testing.T) {
				t.Parallel()
				done := false
				s := &shelf{before: func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
					if done || first.gets == nil || r.Method != first.method || strings.HasPrefix(r.URL.Path, "/api/") || first.length && r.Header.Get("Upload-Length") == "" {
						return false
					}
					done = true
					return first.gets(s, w, r)
				}}
				c := against(t, s)
				c.o.Patience = time.Minute
				sent, err := c.Pour(t.Context(), Pour{From: iotest.HalfReader(bytes.NewReader(content)), To: "/file", Conflict: Replace})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(s.got, content) || s.length != int64(len(content)) || sent.Size != s.length || s.ended > 0 {
					t.Errorf("the server has %d bytes of %d and knows the length %d; %+v; %d uploads were ended", len(s.got), len(content), s.length, sent, s.ended)
				}
			})
		}
	}
}

// What ends the sending of an input ends its upload as well, and never makes a file of half of it.
func TestPourThatFails(t *testing.T) {
	interrupted, interrupt := context.WithCancel(t.Context())
	for name, test := range map[string]struct {
		ctx    context.Context
		from   io.Reader
		before func(s *shelf, w http.ResponseWriter, r *http.Request) bool
		want   func(error) bool
	}{
		"the drive is full": {t.Context(), io.LimitReader(zeros{}, 5*block), func(s *shelf, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPatch && len(s.got) >= 2*block {
				w.WriteHeader(http.StatusInsufficientStorage)
				return true
			}
			return false
		}, func(err error) bool { return fault.Is(err, fault.Full) }},
		"the upload is gone": {t.Context(), io.LimitReader(zeros{}, 5*block), once(http.MethodPatch, func(_ *shelf, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusGone)
			return true
		}), func(err error) bool { return errors.Is(err, errEnded) }},
		"the input fails": {t.Context(), io.MultiReader(io.LimitReader(zeros{}, 2*block), iotest.ErrReader(io.ErrClosedPipe)), nil,
			func(err error) bool { return errors.Is(err, io.ErrClosedPipe) }},
		"the input ends because the command is interrupted": {interrupted, io.MultiReader(io.LimitReader(zeros{}, 4*block), readerFunc(func([]byte) (int, error) {
			interrupt()
			return 0, io.EOF
		})), nil, func(err error) bool { return errors.Is(err, context.Canceled) }},
		"the name is taken when it has ended": {t.Context(), io.LimitReader(zeros{}, 2*block), func(_ *shelf, w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Upload-Length") == "" {
				return false
			}
			w.WriteHeader(http.StatusConflict)
			return true
		}, func(err error) bool { return fault.Is(err, fault.Exists) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{before: test.before}
			c := against(t, s)
			c.o.Patience = time.Minute
			_, err := c.Pour(test.ctx, Pour{From: test.from, To: "/file", Conflict: Replace})
			if !test.want(err) {
				t.Error(err)
			}
			if s.mu.Lock(); s.begun != s.ended || s.length >= 0 {
				t.Errorf("%d uploads were begun and %d ended, of the length %d", s.begun, s.ended, s.length)
			}
			s.mu.Unlock()
		})
	}

	c := against(t, &shelf{before: func(_ *shelf, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/api/v1/files/") {
			return false
		}
		answerJSON(w, Node{Size: 2 * block, SHA256: "of something else"})
		return true
	}})
	if _, err := c.Pour(t.Context(), Pour{From: io.LimitReader(zeros{}, 2*block), To: "/file", Conflict: Replace}); err == nil || !strings.Contains(err.Error(), "is not what was sent") {
		t.Errorf("of other content on record: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
