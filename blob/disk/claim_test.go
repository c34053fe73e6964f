package disk

import (
	"errors"
	"testing"
)

func TestClaimIsOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	open := func() *Store {
		s, err := Open(dir, Options{Relaxed: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first, err := open().Claim()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open().Claim(); !errors.Is(err, ErrClaimed) {
		t.Errorf("a second claim: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := open().Claim()
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	second.Close()
}
