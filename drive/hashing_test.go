package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
)

// paces reads a body in pieces of the sizes that a network gives, the last of them again and again.
type paces struct {
	from  io.Reader
	sizes []int
}

func (p *paces) Read(b []byte) (int, error) {
	n := min(len(b), p.sizes[0])
	if len(p.sizes) > 1 {
		p.sizes = p.sizes[1:]
	}
	return io.ReadFull(p.from, b[:n])
}

// However fast a body comes, what is stored is what was sent and what was hashed.
func TestPourHashesWhatItWrites(t *testing.T) {
	content := make([]byte, 9<<20+12345)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(content)
	whole := sha256.Sum256(content)
	const all = 1 << 30
	for name, sizes := range map[string][]int{
		"all that there is room for": {all},
		"slowly":                     {5000},
		"a packet, then fast":        {1400, 70_000, all},
		"fast, then slowly":          {all, all, all, aside, 3000},
		"around the threshold":       {aside - 1, aside, aside + 1, chunkSize - 1, chunkSize, chunkSize, aside - 1, all},
		"whole buffers now and then": {chunkSize, 1, chunkSize, wideChunk, 1, wideChunk, 60_000},
	} {
		t.Run(name, func(t *testing.T) {
			s, settledTo := New(nil, mem.New(), Options{}), int64(0)
			stage, err := s.blobs.Stage(t.Context(), "key")
			if err != nil {
				t.Fatal(err)
			}
			digest, settled, calls := sha256.New(), sha256.New(), 0
			n, err := s.pour(t.Context(), stage, &paces{bytes.NewReader(content), sizes}, digest, int64(len(content)), func(settle func()) error {
				if calls++; calls%8 != 0 {
					return nil
				}
				settle()
				settled.Write(content[settledTo:stage.Offset()])
				settledTo = stage.Offset()
				if !bytes.Equal(digest.Sum(nil), settled.Sum(nil)) {
					t.Fatalf("after %d bytes the digest is of others", stage.Offset())
				}
				return nil
			})
			if err != nil || n != int64(len(content)) || !bytes.Equal(digest.Sum(nil), whole[:]) {
				t.Errorf("poured %d of %d bytes: %v", n, len(content), err)
			}
			if err := stage.Seal(context.Background()); err != nil {
				t.Fatal(err)
			}
			stored, err := s.blobs.Open(t.Context(), blob.Key("key"))
			if err != nil {
				t.Fatal(err)
			}
			defer stored.Close()
			if got, err := io.ReadAll(stored); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes are stored, or others (%v)", len(got), err)
			}
		})
	}
}
