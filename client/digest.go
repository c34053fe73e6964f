package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// block is how many bytes have a hash of their own, and how many a request carries at most.
const block = 8 << 20

// digest is what a file's content was when it was hashed.
type digest struct {
	size     int64
	modified time.Time           // zero if nobody knows
	whole    string              // SHA-256, in hex
	blocks   [][sha256.Size]byte // of each block: 4 MiB of memory for a file of 1 TiB
}

// time is when the content was made, as an upload's metadata has it.
func (d *digest) time() string {
	if d.modified.IsZero() {
		return ""
	}
	return d.modified.UTC().Format(time.RFC3339Nano)
}

// errChanged is a file that is not what it was when it was hashed.
var errChanged = errors.New("the file changes while it is read")

// digestOf reads a file to its end. told hears how far it is.
func digestOf(ctx context.Context, file *os.File, told func(int64)) (digest, error) {
	info, err := file.Stat()
	if err != nil {
		return digest{}, err
	}
	if !info.Mode().IsRegular() {
		return digest{}, fmt.Errorf("%s is no regular file", file.Name())
	}
	d := digest{size: info.Size(), modified: info.ModTime()}
	whole, part := sha256.New(), sha256.New()
	buffer := make([]byte, min(1<<20, d.size))
	for at := int64(0); at < d.size; {
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		b := buffer[:min(int64(len(buffer)), d.size-at)]
		if _, err := file.ReadAt(b, at); err != nil {
			return d, shrunk(err)
		}
		whole.Write(b)
		part.Write(b)
		if at += int64(len(b)); at%block == 0 || at == d.size {
			d.blocks = append(d.blocks, [sha256.Size]byte(part.Sum(nil)))
			part.Reset()
		}
		told(at)
	}
	d.whole = hex.EncodeToString(whole.Sum(nil))
	return d, nil
}

// shrunk is errChanged for a file that ends before it did.
func shrunk(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errChanged
	}
	return err
}

// blocks reads the content that a digest is of, and nothing else: bytes that are not what was hashed are errChanged.
type blocks struct {
	file   io.ReaderAt
	d      *digest
	buffer []byte
	at     int64 // the block that the buffer holds; -1 for none
}

func newBlocks(file io.ReaderAt, d *digest) *blocks { return &blocks{file: file, d: d, at: -1} }

// read answers at most max bytes from an offset, up to the end of its block, with their SHA-256. They are good until the next read.
func (b *blocks) read(offset, max int64) ([]byte, [sha256.Size]byte, error) {
	if at := offset / block; at != b.at {
		b.at = -1
		if b.buffer == nil {
			b.buffer = make([]byte, min(block, b.d.size))
		}
		whole := b.buffer[:min(block, b.d.size-at*block)]
		if _, err := b.file.ReadAt(whole, at*block); err != nil {
			return nil, [sha256.Size]byte{}, shrunk(err)
		}
		if sha256.Sum256(whole) != b.d.blocks[at] {
			return nil, [sha256.Size]byte{}, errChanged
		}
		b.at = at
	}
	end := min(offset+max, (b.at+1)*block, b.d.size)
	piece := b.buffer[offset-b.at*block : end-b.at*block]
	if int64(len(piece)) == min(block, b.d.size-b.at*block) {
		return piece, b.d.blocks[b.at], nil
	}
	return piece, sha256.Sum256(piece), nil
}
