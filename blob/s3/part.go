package s3

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"io"
	"os"
)

const (
	minPart    = 5 << 20 // S3 takes no smaller part but the last one (Amazon S3 user guide, "multipart upload limits")
	maxPart    = 5 << 30 // and copies no larger one
	maxParts   = 10_000
	inMemory   = 16 << 20 // a larger part waits in a temporary file
	evenParts  = 1000     // parts of the first size
	partGrowth = 136 << 10
)

// partSize is how large the part of a number is to be. The sum of all 10,000 is more than 5 TiB.
func (o *Options) partSize(number int32) int64 {
	return o.PartSize + int64(max(0, number-evenParts))*partGrowth
}

// pending holds the bytes that are not in a part yet.
type pending struct {
	memory []byte
	file   *os.File // instead of memory; it has no name
	size   int64
}

// Write appends. If it fails, nothing of p is held.
func (b *pending) Write(p []byte) (int, error) {
	if b.file == nil && b.size+int64(len(p)) > inMemory {
		if err := b.spill(); err != nil {
			return 0, err
		}
	}
	if b.file != nil {
		if _, err := b.file.WriteAt(p, b.size); err != nil {
			return 0, err
		}
	} else {
		b.memory = append(b.memory[:b.size], p...)
	}
	b.size += int64(len(p))
	return len(p), nil
}

func (b *pending) spill() error {
	file, err := os.CreateTemp("", "satchel-part-")
	if err != nil {
		return err
	}
	err = os.Remove(file.Name())
	if err == nil {
		_, err = file.Write(b.memory[:b.size])
	}
	if err != nil {
		file.Close() // the first error tells more
		return err
	}
	b.file, b.memory = file, nil
	return nil
}

func (b *pending) truncate(size int64) { b.size = size }

// reader reads all of it, as often as it is asked for.
func (b *pending) reader() io.ReadSeeker {
	if b.file != nil {
		return io.NewSectionReader(b.file, 0, b.size)
	}
	return bytes.NewReader(b.memory[:b.size])
}

func (b *pending) close() error {
	b.memory, b.size = nil, 0
	if b.file == nil {
		return nil
	}
	file := b.file
	b.file = nil
	return file.Close()
}

// checksum is the MD5 of a body as the header Content-MD5 has it. The body is at its beginning afterwards.
//
// It is that and no CRC because uploads that were begun with one take copied parts with a sum that differs from service to service
// (versitygw 1.8 gives them the sum of all of their source), and because every service checks it.
func checksum(body io.ReadSeeker) (string, error) {
	sum := md5.New()
	if _, err := io.Copy(sum, body); err != nil {
		return "", err
	}
	_, err := body.Seek(0, io.SeekStart)
	return base64.StdEncoding.EncodeToString(sum.Sum(nil)), err
}
