package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

// Key names a stage and, once sealed, the blob. It is 1 to 64 characters of [a-z0-9].
type Key string

// Valid reports whether k is spelled as a store takes it.
func (k Key) Valid() bool {
	if len(k) < 1 || len(k) > 64 {
		return false
	}
	for i := 0; i < len(k); i++ {
		if c := k[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

var (
	// ErrNotFound says that a key names no blob (Open), or no stage that can be resumed (Resume).
	ErrNotFound = errors.New("blob: not found")
	// ErrExists says that a key is taken (Stage).
	ErrExists = errors.New("blob: key is taken")
	// ErrShort says that a stage holds fewer bytes than the offset asked for: acknowledged bytes are lost.
	ErrShort = errors.New("blob: stage is shorter than the offset")
	// ErrFull says that the store has no space left.
	ErrFull = errors.New("blob: no space left")
	// ErrAway says that the store does not answer now. Nothing is known of what was asked for, and it may be asked for again.
	ErrAway = errors.New("blob: the store does not answer")
	// ErrKey says that a key is not spelled as Key.Valid asks.
	ErrKey = errors.New("blob: invalid key")
)

// Store keeps blobs. It is safe for use by many goroutines.
type Store interface {
	// Stage begins empty content under key. ErrExists if the key is taken by a stage or a blob.
	Stage(ctx context.Context, key Key) (Stage, error)

	// Resume opens an unsealed stage and cuts it back to offset, the length that the
	// caller has on record; what was written beyond it is dropped. ErrNotFound if there is no
	// such stage, ErrShort if it holds less than offset. A stage that was sealed but not recorded
	// as such (a crash in between) is resumed too when its length is offset: Seal then does nothing. A sealed
	// one that is shorter than offset is ErrShort, and one that is longer is ErrNotFound.
	Resume(ctx context.Context, key Key, offset int64) (Stage, error)

	// Open gives a blob for reading at any position. ErrNotFound if key names no sealed blob.
	// On disk the content is an *os.File, so that the kernel can send it (sendfile).
	Open(ctx context.Context, key Key) (Content, error)

	// OpenStage gives the first size bytes of a stage for reading, as Open does for a blob.
	// It is how full partial uploads are joined. ErrNotFound if there is none or it is sealed, ErrShort if it holds less. What was
	// written and neither synced nor closed need not be there yet.
	OpenStage(ctx context.Context, key Key, size int64) (Content, error)

	// Unseal makes a blob a stage again, durably, so that Resume may cut it back: it undoes a Seal of content that came to nothing.
	// The caller sees to it that nobody knows the blob. A stage stays as it is. Who cannot know whether an Unseal was cut short
	// calls it before Resume. ErrNotFound if key names neither.
	Unseal(ctx context.Context, key Key) error

	// Remove drops a stage or a blob. A key that names nothing is no error.
	Remove(ctx context.Context, key Key) error

	// List calls fn for every stage and blob, in no order, until fn returns an error, which it returns.
	List(ctx context.Context, fn func(Entry) error) error

	// Ready answers nil when the store can be written to and read from now.
	Ready(ctx context.Context) error
}

// Roomy is a Store that knows how much room it has.
type Roomy interface {
	// Space answers within a few seconds, with an answer that may be as old. Its error is Ready's; what is known is answered with it.
	Space(ctx context.Context) (Space, error)
}

// Space is room for content, in bytes. Zero is that it is not known.
type Space struct {
	Free  int64 // for this process
	Total int64
}

// Stage is content being written. It is used by one goroutine at a time.
type Stage interface {
	// Write appends at Offset. On an error the stage is to be closed and resumed at an
	// offset on record. ErrFull when there is no space, ErrNotFound or ErrShort when what was written before is lost; Sync and Seal
	// answer these too.
	io.Writer

	// Append writes the first size bytes of another stage at Offset, and leaves that one as it is. The store copies them where they
	// are, so that none passes through this process where that can be had: on disk the kernel copies, or shares, what is on one
	// file system; a store over HTTP has its server copy (S3: UploadPartCopy). Errors as of Write, and ErrNotFound and ErrShort for
	// the other stage as OpenStage has them; as there, it has to be synced. Bytes that were appended before an error are counted by Offset.
	Append(ctx context.Context, from Key, size int64) error

	// Offset is how many bytes the stage holds.
	Offset() int64

	// Cut drops what was written after offset.
	Cut(offset int64) error

	// Sync makes what was written so far survive a power cut, unless the store was opened relaxed.
	Sync() error

	// Seal makes the stage a durable, immutable blob and closes it, also when it fails. Sealing what is sealed does nothing.
	Seal(ctx context.Context) error

	// Close lets go of the stage and keeps what was written, to be resumed. Closing twice is no error.
	Close() error
}

// Content is a blob, or a full stage, open for reading.
type Content interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// Entry is a stage or blob as List finds it.
type Entry struct {
	Key      Key
	Size     int64
	Modified time.Time // last written; what garbage collection measures its grace time from
	Sealed   bool      // a blob rather than a stage
}

// Sweeper is a Store that may leave bytes behind which no key names: a request to another machine may be done and its answer lost.
type Sweeper interface {
	// Sweep removes such bytes that are older than before, and answers how many objects these were and their bytes.
	Sweep(ctx context.Context, before time.Time) (objects int, bytes int64, err error)
}
