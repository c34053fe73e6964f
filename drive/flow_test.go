package drive

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// A client that sends chunk after chunk resumes nothing; one that goes on after a break does, on whichever process it comes back.
func TestResumedUploadsAreCounted(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		sum := make([]byte, 32)
		u := f.begin(NewUpload{Name: "f", Length: 100, SHA256: sum})
		other := New(f.db, f.blobs, Options{InlineMax: 16, Now: f.o.Now})
		at := int64(0)
		chunk := func(on *Drives) error {
			hold, err := on.HoldUpload(t.Context(), u.ID, func() {})
			if err != nil {
				return err
			}
			defer hold.Release()
			now, err := on.Append(t.Context(), f.alice, u.ID, at, strings.NewReader("12345"), AppendOptions{})
			at = now.Offset
			return err
		}
		broken := func() error {
			now, err := f.send(u, at, io.MultiReader(strings.NewReader("123"), broken{}))
			at = now.Offset
			if !fault.Is(err, fault.Invalid) {
				return fmt.Errorf("a body that broke off: %v", err)
			}
			return nil
		}
		mismatch := func() error {
			if _, err := f.sendVerified(u, at, "12345", fault.New(fault.ChecksumMismatch, "test", "")); !fault.Is(err, fault.ChecksumMismatch) {
				return fmt.Errorf("a checksum that differs: %v", err)
			}
			return nil
		}
		here := func() error { return chunk(f.Drives) }
		for i, step := range []struct {
			what           string
			do             func() error
			resumed, there int64 // counted by this process and the other one
		}{
			{"the first bytes", here, 0, 0},
			{"a chunk", here, 0, 0},
			{"another", here, 0, 0},
			{"bytes that are not what their checksum says", mismatch, 0, 0},
			{"these bytes again", here, 0, 0},
			{"a body that breaks off", broken, 0, 0},
			{"the rest", here, 1, 0},
			{"a chunk after it", here, 1, 0},
			{"somebody asks", func() error { f.Asked(u.ID); return nil }, 1, 0},
			{"a body that breaks off again", broken, 2, 0},
			{"a body that breaks off at once", broken, 3, 0},
			{"wrong bytes after a break", mismatch, 4, 0},
			{"the right ones", here, 4, 0},
			{"another device finds it", func() error {
				found, err := f.Lookup(t.Context(), f.alice, Wanted{SHA256: sum, Size: 100, Folder: Root, Name: "f"})
				if err == nil && found.Upload == nil {
					err = fmt.Errorf("it finds %+v", found)
				}
				return err
			}, 4, 0},
			{"and goes on", here, 5, 0},
			{"another process is asked", func() error { return chunk(other) }, 5, 1},
			{"and once more", func() error { return chunk(other) }, 5, 1},
		} {
			if err := step.do(); err != nil {
				t.Fatalf("%d %s: %v", i, step.what, err)
			}
			if got, there := f.Counts().UploadsResumed, other.Counts().UploadsResumed; got != step.resumed || there != step.there {
				t.Errorf("%d %s: %d and %d are counted, want %d and %d", i, step.what, got, there, step.resumed, step.there)
			}
		}
	})
}

// However many uploads are left in the middle, a bounded number is remembered.
func TestFlowIsBounded(t *testing.T) {
	f := newFlow()
	for n := range 5 * flowBound {
		f.add(fmt.Sprint(n))
	}
	if n := len(f.young) + len(f.old); n > 2*flowBound {
		t.Errorf("%d uploads are remembered", n)
	}
	last := fmt.Sprint(5*flowBound - 1)
	if !f.take(last) || f.take(last) || f.take("0") {
		t.Error("the last one goes on once, and the first one is forgotten")
	}
}
