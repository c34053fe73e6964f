package disk

import (
	"bytes"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/satchelhq/satchel/blob"
)

func eachDurability(b *testing.B, run func(b *testing.B, s *Store)) {
	for _, o := range []Options{{}, {Relaxed: true}} {
		name := "strict"
		if o.Relaxed {
			name = "relaxed"
		}
		b.Run(name, func(b *testing.B) { run(b, must(Open(b.TempDir(), o))) })
	}
}

// store writes size bytes in pieces of at most 128 KiB, syncs and seals them.
func store(b *testing.B, s *Store, key blob.Key, size int) {
	g, err := s.Stage(b.Context(), key)
	if err != nil {
		b.Error(err)
		return
	}
	piece := bytes.Repeat([]byte{'x'}, min(size, 128<<10))
	for size > 0 {
		n, err := g.Write(piece[:min(size, len(piece))])
		if err != nil {
			b.Error(err)
			return
		}
		size -= n
	}
	if err := g.Sync(); err != nil {
		b.Error(err)
	}
	if err := g.Seal(b.Context()); err != nil {
		b.Error(err)
	}
}

// BenchmarkSmall stores 4 KiB, in one goroutine and in 16.
func BenchmarkSmall(b *testing.B) {
	eachDurability(b, func(b *testing.B, s *Store) {
		var n atomic.Int64
		key := func() blob.Key { return blob.Key(fmt.Sprintf("key%09s", strconv.FormatInt(n.Add(1), 36))) }
		b.Run("alone", func(b *testing.B) {
			for b.Loop() {
				store(b, s, key(), 4<<10)
			}
		})
		b.Run("together", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					store(b, s, key(), 4<<10)
				}
			})
		})
	})
}

// BenchmarkBig stores 64 MiB.
func BenchmarkBig(b *testing.B) {
	eachDurability(b, func(b *testing.B, s *Store) {
		const size = 64 << 20
		b.SetBytes(size)
		for b.Loop() {
			store(b, s, "big", size)
			b.StopTimer()
			if err := s.Remove(b.Context(), "big"); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}
