package blobtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/satchelhq/satchel/blob"
)

func (s *subject) append(t *testing.T, g blob.Stage, from blob.Key, size int64) {
	t.Helper()
	before := g.Offset()
	if err := g.Append(t.Context(), from, size); err != nil {
		t.Fatalf("Append of %d bytes of %q: %v", size, from, err)
	}
	if want := before + size; g.Offset() != want {
		t.Fatalf("after Append the offset is %d, want %d", g.Offset(), want)
	}
}

// appendJoins joins stages that are open, closed and empty, with bytes of its own before, between and after them.
func appendJoins(t *testing.T, s *subject) {
	open := s.stage(t, "open", "two ")
	sync(t, open)
	closeStage(t, s.stage(t, "closed", "three four"))
	closeStage(t, s.stage(t, "empty", ""))
	g := s.stage(t, "whole", "one ")
	s.append(t, g, "open", 4)
	s.append(t, g, "empty", 0)
	s.append(t, g, "closed", 6)
	write(t, g, "and ")
	s.append(t, g, "open", 4) // twice
	s.append(t, g, "closed", 0)
	write(t, g, "again")
	seal(t, g)
	s.wantBlob(t, "whole", "one two three and two again")
	s.reopen(t)
	s.wantBlob(t, "whole", "one two three and two again")
}

// appendLeaves goes on with both stages, each on its own, though a store may share their bytes.
func appendLeaves(t *testing.T, s *subject) {
	part := s.stage(t, "part", "hello")
	sync(t, part)
	g := s.stage(t, "whole", "")
	s.append(t, g, "part", 5)
	s.wantNoBlob(t, "part")
	write(t, part, ", part")
	write(t, g, ", whole")
	sync(t, part)
	seal(t, g)
	s.wantStage(t, "part", "hello, part")
	s.wantBlob(t, "whole", "hello, whole")
	if err := part.Cut(0); err != nil {
		t.Fatalf("Cut: %v", err)
	}
	write(t, part, "HELLO")
	seal(t, part)
	s.wantBlob(t, "part", "HELLO")
	if err := s.store.Remove(t.Context(), "part"); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	s.wantBlob(t, "whole", "hello, whole")
}

func appendBig(t *testing.T, s *subject) {
	random := rand.New(rand.NewPCG(30, 40))
	content := randomString(random, 21<<20)
	g := s.stage(t, "big", "")
	for done := 0; done < len(content); {
		n := min(1+random.IntN(9<<20), len(content)-done)
		closeStage(t, s.stage(t, "part", content[done:done+n]+"more"))
		s.append(t, g, "part", int64(n))
		done += n
		if err := s.store.Remove(t.Context(), "part"); err != nil {
			t.Fatal(err)
		}
	}
	seal(t, g)
	s.reopen(t)
	s.wantBlob(t, "big", content)
}

func appendAfterCut(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "part", "world"))
	g := s.stage(t, "k1", "hello, there")
	if err := g.Cut(7); err != nil {
		t.Fatalf("Cut: %v", err)
	}
	s.append(t, g, "part", 5)
	if err := g.Cut(9); err != nil {
		t.Fatalf("Cut within what was appended: %v", err)
	}
	s.append(t, g, "part", 3)
	seal(t, g)
	s.wantBlob(t, "k1", "hello, wowor")
}

// appendAfterCrash is a join that was cut short: what was there before is resumed, and joined again.
func appendAfterCrash(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "part", ", world"))
	g := s.stage(t, "first", "hello")
	sync(t, g)
	s.append(t, g, "part", 7)
	s.reopen(t)
	g = s.resume(t, "first", 5)
	s.append(t, g, "part", 7)
	seal(t, g)
	s.wantBlob(t, "first", "hello, world")
}

func appendRefuses(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "part", "hello"))
	s.blob(t, "sealed", "hello")
	g := s.stage(t, "k1", "as it was")
	for _, r := range []struct {
		from blob.Key
		size int64
		want error
	}{
		{"part", 6, blob.ErrShort},
		{"nothing", 0, blob.ErrNotFound},
		{"sealed", 5, blob.ErrNotFound},
	} {
		wantError(t, "Append of "+string(r.from), g.Append(t.Context(), r.from, r.size), r.want)
	}
	if g.Append(t.Context(), "part", -1) == nil {
		t.Error("Append of -1 bytes: no error")
	}
	if g.Append(t.Context(), "k1", 9) == nil {
		t.Error("Append of a stage to itself: no error")
	}
	if g.Offset() != 9 {
		t.Errorf("after Append was refused the offset is %d", g.Offset())
	}
	seal(t, g)
	s.wantBlob(t, "k1", "as it was")

	closed := s.stage(t, "closed", "")
	closeStage(t, closed)
	for what, g := range map[string]blob.Stage{"closed": closed, "sealed": g, "resumed": s.resume(t, "sealed", 5)} {
		if g.Append(t.Context(), "part", 5) == nil {
			t.Errorf("Append to a stage that is %s: no error", what)
		}
	}
	s.wantBlob(t, "sealed", "hello")
}

func appendEnds(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "part", "hello"))
	g := s.stage(t, "k1", "as it was")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Append(ended, "part", 5); !errors.Is(err, context.Canceled) {
		t.Errorf("Append with a context that has ended: %v", err)
	}
	if err := g.Cut(9); err != nil {
		t.Fatalf("Cut: %v", err)
	}
	seal(t, g)
	s.wantBlob(t, "k1", "as it was")
}

// unsealMakes takes a blob back and makes another one of its beginning.
func unsealMakes(t *testing.T, s *subject) {
	s.blob(t, "k1", "hello, wurld")
	for range 2 { // the second time as after a crash in between
		if err := s.store.Unseal(t.Context(), "k1"); err != nil {
			t.Fatalf("Unseal: %v", err)
		}
		s.wantNoBlob(t, "k1")
		s.wantStage(t, "k1", "hello, wurld")
		s.wantList(t, map[blob.Key]blob.Entry{"k1": {Key: "k1", Size: 12}})
		s.reopen(t)
	}
	g := s.resume(t, "k1", 8)
	write(t, g, "orld")
	seal(t, g)
	s.reopen(t)
	s.wantBlob(t, "k1", "hello, world")
}

func unsealStage(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello")
	if err := s.store.Unseal(t.Context(), "k1"); err != nil {
		t.Fatalf("Unseal: %v", err)
	}
	write(t, g, ", world")
	seal(t, g)
	s.wantBlob(t, "k1", "hello, world")
}

func unsealNothing(t *testing.T, s *subject) {
	wantError(t, "Unseal", s.store.Unseal(t.Context(), "nothing"), blob.ErrNotFound)
	s.blob(t, "k1", "hello")
	if err := s.store.Remove(t.Context(), "k1"); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Unseal of what was removed", s.store.Unseal(t.Context(), "k1"), blob.ErrNotFound)
	s.wantNoBlob(t, "k1")
}
