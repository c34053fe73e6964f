package blobtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/satchelhq/satchel/blob"
)

func sealOpens(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello, ")
	sync(t, g)
	write(t, g, "world")
	seal(t, g)
	s.wantBlob(t, "k1", "hello, world")
}

func sealEmpty(t *testing.T, s *subject) {
	s.blob(t, "empty", "")
	s.wantBlob(t, "empty", "")
	s.reopen(t)
	s.wantBlob(t, "empty", "")
}

func sealTwice(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello")
	seal(t, g)
	seal(t, g)
	closeStage(t, g)
	seal(t, g)
	s.wantBlob(t, "k1", "hello")
}

func sealRemoved(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello")
	if err := s.store.Remove(t.Context(), "k1"); err != nil {
		t.Fatal(err)
	}
	if err := g.Seal(t.Context()); err == nil {
		t.Error("Seal made a blob of what was removed")
	}
	s.wantNoBlob(t, "k1")
}

func sealSurvives(t *testing.T, s *subject) {
	s.blob(t, "k1", "hello")
	s.reopen(t)
	s.wantBlob(t, "k1", "hello")
}

func sealWithoutSync(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello")
	closeStage(t, g)
	g = s.resume(t, "k1", 5)
	write(t, g, ", world")
	seal(t, g)
	s.reopen(t)
	s.wantBlob(t, "k1", "hello, world")
}

// sealBig also breaks off at odd places, with a tail that is to be dropped.
func sealBig(t *testing.T, s *subject) {
	random := rand.New(rand.NewPCG(10, 20))
	content := randomString(random, 10<<20)
	g := s.stage(t, "big", "")
	for done := 0; done < len(content); {
		n := min(1+random.IntN(300_000), len(content)-done)
		write(t, g, content[done:done+n])
		done += n
		if random.IntN(8) == 0 {
			sync(t, g)
			write(t, g, "nobody was told of this")
			closeStage(t, g)
			g = s.resume(t, "big", int64(done))
		}
	}
	seal(t, g)
	s.reopen(t)
	s.wantBlob(t, "big", content)
}

func stageInvisible(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello")
	s.wantNoBlob(t, "k1")
	sync(t, g)
	s.wantNoBlob(t, "k1")
	closeStage(t, g)
	s.wantNoBlob(t, "k1")
	s.reopen(t)
	s.wantNoBlob(t, "k1")
}

func stageTaken(t *testing.T, s *subject) {
	for _, key := range []blob.Key{"open", "closed", "sealed"} {
		g := s.stage(t, key, "hello")
		switch key {
		case "closed":
			closeStage(t, g)
		case "sealed":
			seal(t, g)
		}
		_, err := s.store.Stage(t.Context(), key)
		wantError(t, "Stage of a key that is "+string(key), err, blob.ErrExists)
	}
	s.wantBlob(t, "sealed", "hello")
	s.wantStage(t, "closed", "hello")
}

func stageEnded(t *testing.T, s *subject) {
	for _, key := range []blob.Key{"closed", "sealed", "resumed"} {
		g := s.stage(t, key, "hello")
		switch key {
		case "closed":
			closeStage(t, g)
			closeStage(t, g)
			if g.Seal(t.Context()) == nil {
				t.Error("Seal after Close: no error")
			}
		case "sealed":
			seal(t, g)
		case "resumed": // a sealed stage that is resumed is as immutable
			seal(t, g)
			g = s.resume(t, key, 5)
		}
		if n, err := g.Write([]byte("more")); n != 0 || err == nil {
			t.Errorf("Write to a stage that is %s: %d, %v", key, n, err)
		}
		if g.Cut(1) == nil {
			t.Errorf("Cut of a stage that is %s: no error", key)
		}
	}
	s.wantStage(t, "closed", "hello")
	s.wantBlob(t, "sealed", "hello")
	s.wantBlob(t, "resumed", "hello")
}

func stageCut(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello, wurld")
	for _, offset := range []int64{8, 8} { // where it stands already is no error
		if err := g.Cut(offset); err != nil || g.Offset() != offset {
			t.Fatalf("Cut(%d): %v, and the offset is %d", offset, err, g.Offset())
		}
	}
	write(t, g, "orld")
	sync(t, g)
	if err := g.Cut(0); err != nil {
		t.Fatalf("Cut of what was synced: %v", err)
	}
	write(t, g, "bye")
	seal(t, g)
	s.reopen(t)
	s.wantBlob(t, "k1", "bye")
}

func stageCutOutside(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello")
	for _, offset := range []int64{-1, 6} {
		if g.Cut(offset) == nil || g.Offset() != 5 {
			t.Errorf("Cut(%d) of 5 bytes is taken; the offset is %d", offset, g.Offset())
		}
	}
}

func stageConcurrent(t *testing.T, s *subject) {
	const many = 24
	key := func(i int) blob.Key { return blob.Key(fmt.Sprintf("many%02d", i)) }
	content := func(i int) string { return strings.Repeat(string(key(i)), 1000*i) }
	var group errgroup.Group
	for i := range many {
		group.Go(func() error {
			g, err := s.store.Stage(t.Context(), key(i))
			if err != nil {
				return err
			}
			rest := content(i)
			for len(rest) > 0 {
				n := min(5000, len(rest))
				if _, err := g.Write([]byte(rest[:n])); err != nil {
					return err
				}
				rest = rest[n:]
				if err := g.Sync(); err != nil {
					return err
				}
			}
			return g.Seal(t.Context())
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		s.wantBlob(t, key(i), content(i))
	}
}

func resumeAtEnd(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "k1", "hello"))
	g := s.resume(t, "k1", 5)
	write(t, g, ", world")
	seal(t, g)
	s.wantBlob(t, "k1", "hello, world")
}

func resumeBelow(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "k1", "hello, wurld"))
	g := s.resume(t, "k1", 8)
	_, err := s.store.OpenStage(t.Context(), "k1", 9)
	wantError(t, "OpenStage beyond the cut", err, blob.ErrShort)
	write(t, g, "orld")
	closeStage(t, g)
	s.wantStage(t, "k1", "hello, world")
	g = s.resume(t, "k1", 0)
	write(t, g, "bye")
	seal(t, g)
	s.wantBlob(t, "k1", "bye")
}

func resumeBeyond(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "k1", "hello"))
	_, err := s.store.Resume(t.Context(), "k1", 6)
	wantError(t, "Resume beyond the end", err, blob.ErrShort)
	s.wantStage(t, "k1", "hello") // and it is still there
}

func resumeNothing(t *testing.T, s *subject) {
	for _, offset := range []int64{0, 1} {
		_, err := s.store.Resume(t.Context(), "nothing", offset)
		wantError(t, "Resume of nothing", err, blob.ErrNotFound)
	}
}

func resumeNegative(t *testing.T, s *subject) {
	closeStage(t, s.stage(t, "k1", "hello"))
	if _, err := s.store.Resume(t.Context(), "k1", -1); err == nil {
		t.Error("Resume at -1: no error")
	}
	s.wantStage(t, "k1", "hello")
}

// resumeSealed is what a crash between sealing and recording it leads to.
func resumeSealed(t *testing.T, s *subject) {
	s.blob(t, "k1", "hello")
	s.reopen(t)
	for range 2 {
		seal(t, s.resume(t, "k1", 5))
	}
	closeStage(t, s.resume(t, "k1", 5))
	_, err := s.store.Resume(t.Context(), "k1", 4)
	wantError(t, "Resume within a sealed blob", err, blob.ErrNotFound)
	_, err = s.store.Resume(t.Context(), "k1", 6)
	wantError(t, "Resume beyond a sealed blob", err, blob.ErrShort)
	s.wantBlob(t, "k1", "hello")
}

func resumeAfterCrash(t *testing.T, s *subject) {
	g := s.stage(t, "k1", "hello")
	sync(t, g)
	write(t, g, "nobody was told of this")
	s.reopen(t)
	g = s.resume(t, "k1", 5)
	write(t, g, ", world")
	seal(t, g)
	s.reopen(t)
	s.wantBlob(t, "k1", "hello, world")
}

func randomString(random *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return string(b)
}
