package s3

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// Part is a part of a multipart upload that the store has taken.
type Part struct {
	Number       int32  // rising, perhaps with gaps
	Offset, Size int64  // of its bytes in the content
	ETag         string // S3 is asked for the part with this one when the upload is completed
}

// Record is all that is known of a key.
type Record struct {
	Version int64 // raised by each Save
	Epoch   int64 // raised by each Resume: who has an older one has lost the stage
	Sealed  bool
	// Live says that a process has the stage open, or was killed with it. A part of it may still arrive, so its number is not used again.
	Live bool
	// Settling says that the upload is being completed with the parts on record: nothing may be added to it.
	Settling bool

	Object string // the body, if it has no parts
	Size   int64  // how much of Object counts

	Upload   string // the object that the multipart upload makes
	UploadID string // empty: none is open
	Next     int32  // the number of its next part
	Parts    []Part

	Tail     string // an object that holds what is behind the body
	TailSize int64  // how much of it counts

	Modified time.Time
}

// Entry is a key with its record, without parts.
type Entry struct {
	Key  blob.Key
	Body int64 // bytes before the tail
	Record
}

// ErrLost says that a record is not what it was when it was read.
var ErrLost = errors.New("blob/s3: somebody else has changed the record")

// Ledger keeps records durably.
type Ledger interface {
	// Begin makes a record. blob.ErrExists if there is one.
	Begin(ctx context.Context, key blob.Key, r Record) error
	// Load answers a record with its parts. blob.ErrNotFound if there is none.
	Load(ctx context.Context, key blob.Key) (Record, error)
	// Save replaces a record that still is of the Version of from. The caller has raised that of to. ErrLost if it is not, or is gone.
	Save(ctx context.Context, key blob.Key, from, to Record) error
	// Drop removes a record. One that is not there is no error.
	Drop(ctx context.Context, key blob.Key) error
	// Page answers at most limit entries whose keys are behind after and not behind last, in their order. An empty last is no bound.
	Page(ctx context.Context, after, last blob.Key, limit int) ([]Entry, error)
}

// body is how many bytes are before the tail.
func (r *Record) body() int64 {
	if n := len(r.Parts); n > 0 {
		return r.Parts[n-1].Offset + r.Parts[n-1].Size
	}
	return r.Size
}

func (r *Record) length() int64 { return r.body() + r.TailSize }

// Contiguous reports whether the parts follow each other without a gap.
func (r *Record) Contiguous() bool {
	at, number := int64(0), int32(0)
	for _, p := range r.Parts {
		if p.Offset != at || p.Number <= number || p.Size <= 0 {
			return false
		}
		at, number = at+p.Size, p.Number
	}
	return len(r.Parts) == 0 || r.Size == 0
}

// names are the objects that the record stands on.
func (r *Record) names() []string {
	return slices.DeleteFunc([]string{r.Object, r.Tail, r.Upload}, func(name string) bool { return name == "" })
}

// truncate drops the parts that begin at offset or behind it, and what follows them.
func (r *Record) truncate(offset int64) {
	n, _ := slices.BinarySearchFunc(r.Parts, offset, func(p Part, offset int64) int {
		if p.Offset < offset {
			return -1
		}
		return 1
	})
	r.Parts = slices.Clone(r.Parts[:n])
	r.Tail, r.TailSize = "", 0
	if n == 0 {
		r.Upload, r.UploadID, r.Next = "", "", 0
	}
}
