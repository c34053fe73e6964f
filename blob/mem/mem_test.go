package mem_test

import (
	"errors"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/blobtest"
	"github.com/satchelhq/satchel/blob/mem"
)

func TestContract(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blobtest.Harness {
		s := mem.New()
		return blobtest.Harness{Store: s, Reopen: func(*testing.T) blob.Store { return s }}
	})
}

// TestLimit fills a store of 8 bytes and makes room in each of the ways there are.
func TestLimit(t *testing.T) {
	ctx := t.Context()
	s := mem.NewLimited(8)
	g, err := s.Stage(ctx, "k1")
	if err != nil {
		t.Fatal(err)
	}
	fill := func() {
		t.Helper()
		room := 8 - int(g.Offset())
		if n, err := g.Write([]byte("0123456789")); n != room || !errors.Is(err, blob.ErrFull) {
			t.Fatalf("Write into %d bytes of room: %d, %v", room, n, err)
		}
		if err := s.Ready(ctx); !errors.Is(err, blob.ErrFull) {
			t.Fatalf("Ready of a full store: %v", err)
		}
	}
	fill()
	if err := g.Cut(3); err != nil {
		t.Fatal(err)
	}
	fill()
	if err := s.Remove(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	if g, err = s.Stage(ctx, "k2"); err != nil {
		t.Fatal(err)
	}
	fill()
	if g, err = s.Resume(ctx, "k2", 5); err != nil {
		t.Fatal(err)
	}
	fill()
	if err := g.Seal(ctx); err != nil {
		t.Fatalf("Seal of a full store: %v", err)
	}
}
