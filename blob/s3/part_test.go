package s3

import (
	"bytes"
	"io"
	"testing"
)

func TestTenThousandPartsHoldFiveTebibytes(t *testing.T) {
	o := Options{PartSize: 8 << 20}
	total, last := int64(0), int64(0)
	for number := int32(1); number <= maxParts; number++ {
		size := o.partSize(number)
		if size < last || size < minPart || size > maxPart {
			t.Fatalf("part %d is of %d bytes, after one of %d", number, size, last)
		}
		total, last = total+size, size
	}
	if total < 5<<40 {
		t.Errorf("10,000 parts hold %d bytes", total)
	}
}

// A part that is too large for memory goes on in a file, and reads as it was written.
func TestPendingSpills(t *testing.T) {
	var b pending
	piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	var want []byte
	for range 18 {
		if _, err := b.Write(piece); err != nil {
			t.Fatal(err)
		}
		want = append(want, piece...)
	}
	if b.file == nil || b.memory != nil {
		t.Error("18 MiB are in memory")
	}
	b.truncate(17<<20 + 3)
	if _, err := b.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	want = append(want[:17<<20+3], "end"...)
	for range 2 {
		got, err := io.ReadAll(b.reader())
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes are read, want %d: %v", len(got), len(want), err)
		}
	}
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
}

// However large an object is, it is copied in parts that S3 takes.
func TestCopySize(t *testing.T) {
	for _, size := range []int64{minPart, maxPart, maxPart + 1, 3*maxPart - 1, 5 << 40} {
		for rest := size; rest > 0; {
			n := copySize(rest)
			if n < minPart || n > maxPart {
				t.Errorf("of %d bytes a part of %d is copied", size, n)
			}
			rest -= n
		}
	}
}
