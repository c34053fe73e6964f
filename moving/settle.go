package moving

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// copyChunk is how many bytes of a file are in memory.
const copyChunk = 256 << 10

// bufferFor is what a file of this size is copied through.
func bufferFor(size int64) []byte { return make([]byte, min(copyChunk, max(0, size)+1)) }

// file writes a file of the drive here. Only what ends the whole run is an error.
func (w *outing) file(ctx context.Context, n drive.Node, p *place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	same, err := w.isThere(ctx, n, p)
	if err == nil && same {
		w.told(n, Same, nil)
		return w.manifest.add(entry(n))
	}
	if err == nil {
		n, err = w.fetch(ctx, n, p)
	}
	switch {
	case err == nil:
		w.told(n, Moved, nil)
		return w.manifest.add(entry(n))
	case ctx.Err() != nil, outOfSpace(err), errors.Is(err, blob.ErrAway), errors.As(err, new(unreachable)):
		return err
	case errors.As(err, new(damaged)):
		w.told(n, Damaged, err)
	case fault.Is(err, fault.NotFound):
		w.told(n, Failed, errMovedAway())
	default:
		w.told(n, Failed, err)
	}
	return nil
}

// damaged is content that is not what its row says.
type damaged struct{ error }

func (d damaged) Unwrap() error { return d.error }

// unreachable is an error of the drive that says nothing of the file.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// isThere reports whether the file is here as it is on the drive.
func (w *outing) isThere(ctx context.Context, n drive.Node, p *place) (bool, error) {
	info, err := p.root.Lstat(n.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, nameTaken("Something that is no regular file has its name here.")
	}
	if info.Size() == n.Size {
		dated := sameTime(info.ModTime(), n.Modified)
		if dated && !w.Verify {
			return true, nil
		}
		right, err := hashes(ctx, p, n)
		if err == nil && right && !dated { // another hand's, or a time that the file system cannot hold
			err = p.root.Chtimes(n.Name, time.Time{}, n.Modified)
		}
		if err != nil || right {
			return right, err
		}
	}
	if !w.Replace {
		return false, nameTaken("Another file has its name here. With --replace it is replaced.")
	}
	return false, nil
}

func hashes(ctx context.Context, p *place, n drive.Node) (bool, error) {
	file, _, err := p.open(n.Name)
	if err != nil {
		return false, err
	}
	defer file.Close() // it was only read
	digest := sha256.New()
	_, err = io.CopyBuffer(digest, cancelled{ctx, file}, bufferFor(n.Size))
	return bytes.Equal(digest.Sum(nil), n.SHA256), err
}

// sameTime compares a time on record, in microseconds, with that of a file here. Some file systems know even seconds only.
func sameTime(here, there time.Time) bool {
	if here.Truncate(time.Microsecond).Equal(there.Truncate(time.Microsecond)) {
		return true
	}
	apart := here.Sub(there).Abs()
	return here.Nanosecond() == 0 && here.Second()%2 == 0 && apart < 2*time.Second
}

// fetch writes a file under a name of its own, and gives it the right one when it is whole. It answers the file as it was written, which may be newer than n.
func (w *outing) fetch(ctx context.Context, n drive.Node, p *place) (drive.Node, error) {
	now, content, err := w.Drives.Open(ctx, w.Drive, n.Path)
	switch {
	case err == nil:
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrShort):
		return n, damaged{fmt.Errorf("its content is missing: %w", err)}
	case errors.As(err, new(*fs.PathError)):
		return n, damaged{fmt.Errorf("its content cannot be read: %w", err)}
	case fault.Is(err, fault.Internal), fault.Is(err, fault.Busy):
		return n, unreachable{err}
	default: // it is gone, or a folder by now
		return n, errMovedAway()
	}
	defer content.Close()
	now.Name = n.Name
	part := partName(n)
	if err := p.root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a run that was killed
		return now, err
	}
	file, err := p.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return now, err
	}
	err = pour(ctx, file, content, now)
	if err == nil {
		err = p.root.Chtimes(part, time.Time{}, now.Modified)
	}
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = p.take(part, n.Name, w.Replace)
	}
	if err != nil {
		err = errors.Join(err, p.root.Remove(part))
	}
	return now, err
}

// partName is the name of a file that is not whole, the same each time. The id is in it since a drive may hold what a killed export of another
// drive has left, which would be removed for it if it were named after the name alone.
func partName(n drive.Node) string {
	sum := sha256.Sum256([]byte(n.ID + "/" + n.Name))
	return partPrefix + hex.EncodeToString(sum[:12]) + partSuffix
}

// pour copies content to a file and compares it with what is on record.
func pour(ctx context.Context, file *os.File, content io.Reader, n drive.Node) error {
	digest, buffer, size := sha256.New(), bufferFor(n.Size), int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := content.Read(buffer)
		digest.Write(buffer[:m])
		size += int64(m)
		if _, err := file.Write(buffer[:m]); err != nil {
			return err
		}
		switch {
		case err == io.EOF && size == n.Size && bytes.Equal(digest.Sum(nil), n.SHA256):
			return nil
		case err == io.EOF:
			return damaged{errors.New("its content is not what it was: it has another SHA-256 than is on record")}
		case errors.Is(err, blob.ErrAway):
			return err
		case err != nil:
			return damaged{fmt.Errorf("its content cannot be read: %w", err)}
		}
	}
}

// cancelled is a reader that ends with a context.
type cancelled struct {
	ctx context.Context
	io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

func outOfSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// noSpace says in a sentence that there is no room here.
func noSpace(err error) error {
	if !outOfSpace(err) {
		return err
	}
	return &fault.Error{Kind: fault.Full, Op: "moving.Out", Code: "no_space_here", Public: "There is no space left on the disk of the folder. Make room and run the command again.", Err: err}
}

func isNoFolder(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}
