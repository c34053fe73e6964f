package blobtest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/satchelhq/satchel/blob"
)

// Harness is one store under test.
type Harness struct {
	// Store is fresh and empty.
	Store blob.Store
	// Reopen opens what Store holds once more, as a restart after a crash does: stages that
	// were not closed stay so. A store that keeps nothing beyond the process returns Store.
	Reopen func(t *testing.T) blob.Store
}

// Run tests the contract of package blob. Every subtest takes a harness of its own from open.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			c.run(t, &subject{Harness: h, store: h.Store})
		})
	}
}

var cases = []struct {
	name string
	run  func(*testing.T, *subject)
}{
	{"Seal/OpensWithItsContent", sealOpens},
	{"Seal/OfNothingIsAnEmptyBlob", sealEmpty},
	{"Seal/TwiceDoesNothing", sealTwice},
	{"Seal/OfARemovedStageFails", sealRemoved},
	{"Seal/SurvivesReopening", sealSurvives},
	{"Seal/WithoutSyncKeepsEverything", sealWithoutSync},
	{"Seal/BigContentInOddPieces", sealBig},
	{"Stage/IsNotFoundByOpen", stageInvisible},
	{"Stage/RefusesATakenKey", stageTaken},
	{"Stage/TakesNothingAfterCloseOrSeal", stageEnded},
	{"Stage/CutDropsTheEnd", stageCut},
	{"Stage/CutOutsideIsRefused", stageCutOutside},
	{"Stage/ManyAtOnce", stageConcurrent},
	{"Append/JoinsStages", appendJoins},
	{"Append/LeavesTheOtherStageAsItIs", appendLeaves},
	{"Append/BigStagesInOddPieces", appendBig},
	{"Append/GoesOnAfterACut", appendAfterCut},
	{"Append/AfterACrashBeginsAgain", appendAfterCrash},
	{"Append/Refuses", appendRefuses},
	{"Append/EndsWithItsContext", appendEnds},
	{"Unseal/MakesAStage", unsealMakes},
	{"Unseal/OfAStageDoesNothing", unsealStage},
	{"Unseal/OfNothingIsNotFound", unsealNothing},
	{"Resume/AtTheEndGoesOn", resumeAtEnd},
	{"Resume/BelowTheEndCuts", resumeBelow},
	{"Resume/BeyondTheEndIsShort", resumeBeyond},
	{"Resume/OfNothingIsNotFound", resumeNothing},
	{"Resume/ANegativeOffsetIsRefused", resumeNegative},
	{"Resume/OfASealedStage", resumeSealed},
	{"Resume/AfterACrash", resumeAfterCrash},
	{"Open/ReadsRanges", openRanges},
	{"Open/OfNothingIsNotFound", openNothing},
	{"Open/TwoReadersDoNotDisturbEachOther", openTwice},
	{"OpenStage/ReadsTheFirstBytes", openStage},
	{"OpenStage/Refuses", openStageRefuses},
	{"Remove/DropsStageAndBlob", removeDrops},
	{"List/ShowsStagesAndBlobs", listShows},
	{"List/StopsAtAnError", listStops},
	{"Keys/AreValidated", keysValidated},
	{"Keys/OfEveryLength", keysOfEveryLength},
	{"Ready/IsNil", ready},
}

// subject is the store with steps that end the test when they fail.
type subject struct {
	Harness
	store blob.Store
}

func (s *subject) reopen(t *testing.T) {
	t.Helper()
	s.store = s.Reopen(t)
}

// stage begins a stage that holds content and is not synced.
func (s *subject) stage(t *testing.T, key blob.Key, content string) blob.Stage {
	t.Helper()
	g, err := s.store.Stage(t.Context(), key)
	if err != nil {
		t.Fatalf("Stage(%q): %v", key, err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("Close of %q: %v", key, err)
		}
	})
	write(t, g, content)
	return g
}

func (s *subject) resume(t *testing.T, key blob.Key, offset int64) blob.Stage {
	t.Helper()
	g, err := s.store.Resume(t.Context(), key, offset)
	if err != nil {
		t.Fatalf("Resume(%q, %d): %v", key, offset, err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("Close of %q: %v", key, err)
		}
	})
	if g.Offset() != offset {
		t.Fatalf("Resume(%q, %d): the offset is %d", key, offset, g.Offset())
	}
	return g
}

// blob makes a sealed blob.
func (s *subject) blob(t *testing.T, key blob.Key, content string) {
	t.Helper()
	seal(t, s.stage(t, key, content))
}

func (s *subject) wantBlob(t *testing.T, key blob.Key, want string) {
	t.Helper()
	c, err := s.store.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("Open(%q): %v", key, err)
	}
	wantContent(t, c, want)
}

func (s *subject) wantStage(t *testing.T, key blob.Key, want string) {
	t.Helper()
	c, err := s.store.OpenStage(t.Context(), key, int64(len(want)))
	if err != nil {
		t.Fatalf("OpenStage(%q, %d): %v", key, len(want), err)
	}
	wantContent(t, c, want)
}

// wantNoBlob checks that Open answers ErrNotFound.
func (s *subject) wantNoBlob(t *testing.T, key blob.Key) {
	t.Helper()
	c, err := s.store.Open(t.Context(), key)
	if err == nil {
		_ = c.Close()
	}
	wantError(t, "Open", err, blob.ErrNotFound)
}

func wantContent(t *testing.T, c blob.Content, want string) {
	t.Helper()
	got, err := io.ReadAll(c)
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatalf("reading: %v", err)
	}
	if !bytes.Equal(got, []byte(want)) {
		t.Fatalf("%d bytes %.40q are read, want %d bytes %.40q", len(got), got, len(want), want)
	}
}

func wantError(t *testing.T, op string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", op, err, want)
	}
}

func write(t *testing.T, g blob.Stage, content string) {
	t.Helper()
	before := g.Offset()
	n, err := g.Write([]byte(content))
	if n != len(content) || err != nil {
		t.Fatalf("Write of %d bytes: %d, %v", len(content), n, err)
	}
	if want := before + int64(n); g.Offset() != want {
		t.Fatalf("after Write the offset is %d, want %d", g.Offset(), want)
	}
}

func sync(t *testing.T, g blob.Stage) {
	t.Helper()
	if err := g.Sync(); err != nil {
		t.Fatalf("Sync: %v", err)
	}
}

func seal(t *testing.T, g blob.Stage) {
	t.Helper()
	if err := g.Seal(t.Context()); err != nil {
		t.Fatalf("Seal: %v", err)
	}
}

func closeStage(t *testing.T, g blob.Stage) {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}
