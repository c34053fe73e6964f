package blobtest

import (
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
)

func openRanges(t *testing.T, s *subject) {
	s.blob(t, "k1", "0123456789")
	c, err := s.store.Open(t.Context(), "k1")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		offset int64
		length int
		want   string
		err    error
	}{
		{0, 10, "0123456789", nil},
		{3, 4, "3456", nil},
		{9, 1, "9", nil},
		{7, 5, "789", io.EOF},
		{10, 1, "", io.EOF},
		{99, 1, "", io.EOF},
	} {
		p := make([]byte, r.length)
		n, err := c.ReadAt(p, r.offset)
		if err == io.EOF && n == r.length { // a reader may tell of the end at once
			err = nil
		}
		if string(p[:n]) != r.want || err != r.err {
			t.Errorf("ReadAt %d bytes at %d: %q, %v; want %q, %v", r.length, r.offset, p[:n], err, r.want, r.err)
		}
	}
	if size, err := c.Seek(0, io.SeekEnd); size != 10 || err != nil {
		t.Errorf("Seek to the end: %d, %v", size, err)
	}
	if _, err := c.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	wantContent(t, c, "6789")
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("Read after Close: no error")
	}
}

func openNothing(t *testing.T, s *subject) {
	s.wantNoBlob(t, "nothing")
}

func openTwice(t *testing.T, s *subject) {
	s.blob(t, "k1", "hello")
	first, err := s.store.Open(t.Context(), "k1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, first, 3); err != nil {
		t.Fatal(err)
	}
	s.wantBlob(t, "k1", "hello")
	wantContent(t, first, "lo")
}

func openStage(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello, world")
	sync(t, g)
	for _, want := range []string{"", "hello", "hello, world"} {
		s.wantStage(t, "k1", want)
	}
	c, err := s.store.OpenStage(t.Context(), "k1", 5)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := c.Seek(0, io.SeekEnd); size != 5 || err != nil {
		t.Errorf("Seek to the end: %d, %v; what lies beyond the size is not shown", size, err)
	}
	if n, err := c.ReadAt(make([]byte, 9), 3); n != 2 || err != io.EOF {
		t.Errorf("ReadAt over the end: %d, %v", n, err)
	}
	if _, err := c.Seek(1, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	write(t, g, "!") // the stage goes on while it is read
	wantContent(t, c, "ello")
}

func openStageRefuses(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "k1", "hello"))
	s.blob(t, "sealed", "hello")
	for _, r := range []struct {
		key  blob.Key
		size int64
		want error
	}{
		{"k1", 6, blob.ErrShort},
		{"nothing", 0, blob.ErrNotFound},
		{"sealed", 5, blob.ErrNotFound},
	} {
		_, err := s.store.OpenStage(t.Context(), r.key, r.size)
		wantError(t, "OpenStage of "+string(r.key), err, r.want)
	}
	if _, err := s.store.OpenStage(t.Context(), "k1", -1); err == nil {
		t.Error("OpenStage of -1 bytes: no error")
	}
}

func removeDrops(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "stage", "hello"))
	s.blob(t, "blob", "hello")
	s.blob(t, "other", "stays")
	for _, key := range []blob.Key{"stage", "blob", "nothing", "stage", "blob"} {
		if err := s.store.Remove(t.Context(), key); err != nil {
			t.Errorf("Remove(%q): %v", key, err)
		}
	}
	s.reopen(t)
	for _, key := range []blob.Key{"stage", "blob"} {
		s.wantNoBlob(t, key)
		_, err := s.store.Resume(t.Context(), key, 5)
		wantError(t, "Resume of what was removed", err, blob.ErrNotFound)
		s.blob(t, key, "the key is free again")
	}
	s.wantBlob(t, "other", "stays")
}

func listShows(t *testing.T, s *subject) {
	s.wantList(t, map[blob.Key]blob.Entry{})
	g := s.stage(t, "stage", "hello")
	sync(t, g)
	closeStage(t, g)
	s.blob(t, "blob", "hello, world")
	s.blob(t, "empty", "")
	s.blob(t, "gone", "bye")
	if err := s.store.Remove(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	want := map[blob.Key]blob.Entry{
		"stage": {Key: "stage", Size: 5},
		"blob":  {Key: "blob", Size: 12, Sealed: true},
		"empty": {Key: "empty", Size: 0, Sealed: true},
	}
	s.wantList(t, want)
	s.reopen(t)
	s.wantList(t, want)
}

// wantList compares everything but Modified, which is to be recent.
func (s *subject) wantList(t *testing.T, want map[blob.Key]blob.Entry) {
	t.Helper()
	got := map[blob.Key]blob.Entry{}
	err := s.store.List(t.Context(), func(e blob.Entry) error {
		if _, twice := got[e.Key]; twice {
			t.Errorf("List shows %q twice", e.Key)
		}
		if age := time.Since(e.Modified); age < -time.Hour || age > time.Hour {
			t.Errorf("List says that %q was modified at %v", e.Key, e.Modified)
		}
		e.Modified = time.Time{}
		got[e.Key] = e
		return nil
	})
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("List shows %v, want %v", got, want)
	}
}

func listStops(t *testing.T, s *subject) {
	for _, key := range []blob.Key{"k1", "k2", "k3"} {
		s.blob(t, key, "hello")
	}
	enough := errors.New("enough")
	calls := 0
	err := s.store.List(t.Context(), func(blob.Entry) error {
		calls++
		return enough
	})
	wantError(t, "List", err, enough)
	if calls != 1 {
		t.Errorf("List went on for %d calls after an error", calls)
	}
}

func keysValidated(t *testing.T, s *subject) {
	g := s.stage(t, "valid", "")
	for _, key := range []blob.Key{
		"", ".", "..", "../k1", "a/b", "A", "a.b", "a b", "a\x00", "é", "a\\b", blob.Key(strings.Repeat("a", 65)),
	} {
		_, err := s.store.Stage(t.Context(), key)
		wantError(t, "Stage", err, blob.ErrKey)
		_, err = s.store.Resume(t.Context(), key, 0)
		wantError(t, "Resume", err, blob.ErrKey)
		_, err = s.store.Open(t.Context(), key)
		wantError(t, "Open", err, blob.ErrKey)
		_, err = s.store.OpenStage(t.Context(), key, 0)
		wantError(t, "OpenStage", err, blob.ErrKey)
		wantError(t, "Unseal", s.store.Unseal(t.Context(), key), blob.ErrKey)
		wantError(t, "Append", g.Append(t.Context(), key, 0), blob.ErrKey)
		wantError(t, "Remove", s.store.Remove(t.Context(), key), blob.ErrKey)
	}
}

func keysOfEveryLength(t *testing.T, s *subject) {
	for n := 1; n <= 64; n++ {
		key := blob.Key(strings.Repeat("z", n))
		s.blob(t, key, string(key))
	}
	s.reopen(t)
	for n := 1; n <= 64; n++ {
		key := blob.Key(strings.Repeat("z", n))
		s.wantBlob(t, key, string(key))
	}
}

func ready(t *testing.T, s *subject) {
	for range 3 {
		if err := s.store.Ready(t.Context()); err != nil {
			t.Fatalf("Ready: %v", err)
		}
	}
	s.wantList(t, map[blob.Key]blob.Entry{}) // and nothing is left lying about
}
