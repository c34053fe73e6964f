package moving

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// source is a file here while it is read. Before its end it is looked at whether it is what it was when that began, and what it has to be: whoever reads it
// learns of the end only then.
type source struct {
	file     *os.File
	size     int64
	modified time.Time
	want     string // SHA-256 in hexadecimal; empty for any
	digest   hash.Hash
	read     int64
}

func newSource(file *os.File, want string) (*source, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return &source{file: file, size: info.Size(), modified: info.ModTime(), want: want, digest: sha256.New()}, nil
}

// rewind begins anew.
func (s *source) rewind() error {
	s.digest.Reset()
	s.read = 0
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	s.digest.Write(p[:n])
	s.read += int64(n)
	switch {
	case err == io.EOF:
		if why := s.check(); why != nil {
			return n, why
		}
	case err != nil:
		return n, unreadable(err)
	case s.read > s.size:
		return n, errChanged()
	}
	return n, err
}

// hash reads all of it, and begins anew.
func (s *source) hash(ctx context.Context) (string, error) {
	if _, err := io.CopyBuffer(io.Discard, cancelled{ctx, s}, bufferFor(s.size)); err != nil {
		return "", err
	}
	sum := hex.EncodeToString(s.sum())
	return sum, s.rewind()
}

// sum is the SHA-256 of what was read.
func (s *source) sum() []byte { return s.digest.Sum(nil) }

func (s *source) check() error {
	info, err := s.file.Stat()
	if err != nil {
		return unreadable(err)
	}
	if s.read != s.size || info.Size() != s.size || !info.ModTime().Equal(s.modified) {
		return errChanged()
	}
	if s.want != "" && hex.EncodeToString(s.sum()) != s.want {
		return fault.New(fault.ChecksumMismatch, "moving.source", "It is not what the manifest says: it has another SHA-256.")
	}
	return nil
}

func unreadable(err error) error {
	return &fault.Error{Kind: fault.Invalid, Op: "moving.source", Public: "It cannot be read here: " + err.Error(), Err: err}
}

func errChanged() error {
	return fault.New(fault.Precondition, "moving.source", "It was changed while it was read.").WithCode("changed")
}
