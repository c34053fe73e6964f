package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// library serves one file as the drive does, and can be told what to do wrong.
type library struct {
	content  []byte
	version  string
	requests int
	ranges   []string
	before   func(l *library, w http.ResponseWriter, r *http.Request) bool // true: it has answered
}

func (l *library) node() Node {
	sum := sha256.Sum256(l.content)
	return Node{Name: "file", Path: "/file", Size: int64(len(l.content)), SHA256: hexOf(sum[:]), ETag: `"` + l.version + `"`, Modified: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		answerJSON(w, l.node())
		return
	}
	l.requests++
	l.ranges = append(l.ranges, r.Header.Get("Range"))
	if l.before != nil && l.before(l, w, r) {
		return
	}
	w.Header().Set("ETag", l.node().ETag)
	http.ServeContent(w, r, "", l.node().Modified, bytes.NewReader(l.content))
}

// half sends the first half of what was asked for and breaks off.
func half(l *library, w http.ResponseWriter, r *http.Request) bool {
	if l.requests > 1 {
		return false
	}
	w.Header().Set("ETag", l.node().ETag)
	w.Header().Set("Content-Length", "3000000")
	_, _ = w.Write(l.content[:1500000]) // the client may have left
	panic(http.ErrAbortHandler)
}

func TestGetThroughFailures(t *testing.T) {
	content := make([]byte, 3_000_000)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(content) // it never fails
	newer := append([]byte("newer"), content...)
	for _, test := range []struct {
		name     string
		before   func(l *library, w http.ResponseWriter, r *http.Request) bool
		part     []byte // what an earlier run left
		want     []byte
		requests int
		fails    string
	}{
		{"nothing", nil, nil, content, 1, ""},
		{"the connection breaks", half, nil, content, 2, ""},
		{"an earlier run left half", nil, content[:1_000_000], content, 1, ""},
		{"an earlier run left all", nil, content, content, 0, ""},
		{"what an earlier run left is damaged", nil, make([]byte, 1_000_000), content, 2, ""},
		{"an earlier run left too much", nil, append(newer, newer...), content, 1, ""},
		{"the file is changed", func(l *library, w http.ResponseWriter, r *http.Request) bool {
			if l.requests == 1 {
				l.content, l.version = newer, "2"
				w.WriteHeader(http.StatusPreconditionFailed)
				return true
			}
			return false
		}, content[:1000], newer, 2, ""},
		{"other bytes come", func(l *library, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(make([]byte, len(l.content))) // the client may have left
			return true
		}, nil, nil, 1, "has not the SHA-256 on record"},
		{"all comes instead of the rest", func(l *library, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(l.content) // the client may have left
			return true
		}, content[:1000], nil, 1, "something else than the rest"},
		{"it is gone", func(_ *library, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusNotFound)
			return true
		}, nil, nil, 1, "404"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := &library{content: content, version: "1", before: test.before}
			c := against(t, l)
			c.o.Patience = time.Minute
			folder := t.TempDir()
			root, err := os.OpenRoot(folder)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			g := Get{From: l.node(), Into: root, Name: "name"}
			if test.part != nil {
				if err := os.WriteFile(filepath.Join(folder, g.partName()), test.part, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err = c.Get(t.Context(), g)
			got, reading := os.ReadFile(filepath.Join(folder, "name"))
			if l.requests != test.requests {
				t.Errorf("%d requests, for %q; want %d", l.requests, l.ranges, test.requests)
			}
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) || reading == nil {
					t.Errorf("%v; want %q, and no file by its name: %v", err, test.fails, reading)
				}
				return
			}
			if err != nil || !bytes.Equal(got, test.want) {
				t.Errorf("%v; %d bytes came of %d", err, len(got), len(test.want))
			}
			entries, err := os.ReadDir(folder)
			if err != nil || len(entries) != 1 {
				t.Errorf("beside it are %v, %v", entries, err)
			}
			info, err := os.Stat(filepath.Join(folder, "name"))
			if err != nil || !info.ModTime().Equal(l.node().Modified) {
				t.Errorf("its time is %v, %v", info.ModTime(), err)
			}
		})
	}
}

// An interrupted Get leaves nothing by the file's name, and the next one goes on.
func TestGetInterrupted(t *testing.T) {
	content := make([]byte, 3_000_000)
	ctx, cancel := context.WithCancel(t.Context())
	l := &library{content: content, version: "1", before: func(l *library, w http.ResponseWriter, r *http.Request) bool {
		if l.requests > 1 {
			return false
		}
		_, _ = w.Write(content[:1_500_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}}
	c := against(t, l)
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	g := Get{From: l.node(), Into: root, Name: "name", Observe: func(m Moment) {
		if m.Phase == Moving && m.At > 1_000_000 {
			cancel()
		}
	}}
	if _, err := c.Get(ctx, g); ctx.Err() == nil || err == nil {
		t.Fatalf("interrupted: %v", err)
	}
	if _, err := root.Stat("name"); err == nil {
		t.Error("a half file has the name of the whole")
	}
	g.Observe = nil
	if done, err := c.Get(t.Context(), g); err != nil || done.Bytes > 2_000_000 || !strings.HasPrefix(l.ranges[1], "bytes=1") {
		t.Errorf("%d bytes came by %q: %v", done.Bytes, l.ranges, err)
	}
}

func TestNoSpaceHere(t *testing.T) {
	err := noSpace(&os.PathError{Op: "write", Path: ".satchel-0.part", Err: syscall.ENOSPC})
	if code, sentence, _ := fault.Public(err); !fault.Is(err, fault.Full) || code != "no_space_here" || !strings.Contains(sentence, "make room") {
		t.Errorf("%v: %s, %q", err, code, sentence)
	}
}
