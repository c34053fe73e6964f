package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/satchelhq/satchel/blob"
)

// touchTime is how old the record of a stage becomes while bytes arrive: garbage collection takes it for dead after an hour.
const touchTime = 5 * time.Minute

type stage struct {
	store   *Store
	ctx     context.Context // of who opened it, without its end: every request has a time of its own
	key     blob.Key
	record  Record  // as on record
	pending pending // the bytes behind the record's body
	kept    int64   // how many of them the record's tail holds
	failed  bool    // the last write or Sync: Close does not try again
	closed  bool
	sealed  bool
}

func (s *Store) newStage(ctx context.Context, key blob.Key, r Record) *stage {
	return &stage{store: s, ctx: context.WithoutCancel(ctx), key: key, record: r, sealed: r.Sealed}
}

// loadTail reads what is to be the beginning of the next part.
func (g *stage) loadTail() error {
	n := g.record.TailSize
	if n == 0 {
		return nil
	}
	tail := g.store.newContent([]piece{{g.record.Tail, 0, n}})
	defer tail.Close()
	if _, err := io.CopyN(&g.pending, tail, n); err != nil {
		if errors.Is(err, blob.ErrNotFound) {
			err = fmt.Errorf("%w: the tail is lost: %w", blob.ErrShort, err)
		}
		return err
	}
	g.kept = n
	return nil
}

// Offset is how many bytes the stage holds.
func (g *stage) Offset() int64 { return g.record.body() + g.pending.size }

// Write appends p. It waits for S3 when a part is full.
func (g *stage) Write(p []byte) (n int, err error) {
	if err := g.writable("write"); err != nil {
		return 0, err
	}
	defer g.note(&err)
	for len(p) > 0 {
		size := g.store.o.partSize(max(1, g.record.Next))
		if g.pending.size >= size {
			if err := g.flush(false); err != nil {
				return n, fail("write", g.key, err)
			}
			continue
		}
		m, err := g.pending.Write(p[:min(int64(len(p)), size-g.pending.size)])
		n += m
		p = p[m:]
		if err != nil {
			return n, fail("write", g.key, err)
		}
	}
	if time.Since(g.record.Modified) > touchTime {
		if err := g.save(g.record); err != nil && !errors.Is(err, errReloaded) {
			return n, fail("write", g.key, err)
		}
	}
	return n, nil
}

// note remembers how a write ended.
func (g *stage) note(err *error) { g.failed = *err != nil }

// flush makes the pending bytes a part. settling says that it is the last one.
func (g *stage) flush(settling bool) error {
	err := g.addPart(settling, func(to *Record) (Part, error) {
		return g.store.uploadPart(g.ctx, to, g.pending.reader(), g.pending.size)
	})
	if err == nil {
		g.pending.truncate(0)
		g.kept = 0
	}
	return err
}

// addPart records the part that put makes, behind the body. The tail that was recorded is of bytes that it holds.
func (g *stage) addPart(settling bool, put func(to *Record) (Part, error)) error {
	for {
		to, err := g.withUpload()
		if err != nil {
			return err
		}
		upload := to.UploadID
		part, err := put(&to)
		if err == nil {
			to.Parts = append(to.Parts[:len(to.Parts):len(to.Parts)], part)
			to.Next++
			to.Tail, to.TailSize, to.Settling = "", 0, settling
			err = g.save(to)
		} else if g.aborted(err, &to) {
			err = cmp.Or(g.reload(err), errReloaded)
		}
		if err == nil {
			return nil
		}
		if g.record.UploadID != upload && !unknown(err) {
			_ = g.store.abort(g.ctx, to.Upload, upload) // it was made for this, or it is swept
		}
		if !errors.Is(err, errReloaded) {
			return err
		}
	}
}

// aborted reports whether a part was not taken because its upload is no more. S3 may have cut the connection before it said so, which a gateway in front of
// it tells as 502 or 504.
func (g *stage) aborted(err error, r *Record) bool {
	if errors.Is(err, errNoUpload) {
		return true
	}
	var answer *awshttp.ResponseError
	broken := !errors.As(err, &answer) || slices.Contains([]int{0, http.StatusBadGateway, http.StatusGatewayTimeout}, answer.HTTPStatusCode())
	return broken && errors.Is(g.store.uploadPresent(g.ctx, r.Upload, r.UploadID, once), blob.ErrNotFound)
}

// unknown reports whether what failed may be on record nevertheless.
func unknown(err error) bool {
	return !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, ErrLost) && !errors.Is(err, errReloaded)
}

// errReloaded says that the record had changed, the stage is still ours, and what was to be saved has to be made anew.
var errReloaded = errors.New("blob/s3: the record was settled meanwhile")

// save writes the record. ErrLost if the stage was taken over, blob.ErrNotFound if it was removed.
func (g *stage) save(to Record) error {
	return g.took(g.store.save(g.ctx, g.key, g.record, to))
}

// took makes r the record, if there was no other version of it meanwhile: that is taken then, and errReloaded answered.
func (g *stage) took(r Record, err error) error {
	if errors.Is(err, ErrLost) {
		if err := g.reload(err); err != nil {
			return err
		}
		return errReloaded
	}
	g.record = r
	return err
}

// reload takes the record as it is now: somebody may have settled it, to read it. cause is why it is looked at; it is answered if the
// record has not changed.
func (g *stage) reload(cause error) error {
	r, err := g.store.ledger.Load(g.ctx, g.key)
	if err != nil {
		return err
	}
	if r.Epoch != g.record.Epoch || r.Sealed || r.body() != g.record.body() { // or a save whose answer was lost has moved it on
		return fmt.Errorf("%w: the stage was taken over: %w", ErrLost, cause)
	}
	if r.Version == g.record.Version {
		return fmt.Errorf("%w: the multipart upload was aborted: %w", blob.ErrNotFound, cause)
	}
	if r.Settling {
		r, err = g.store.settle(g.ctx, g.key, r, r, false)
		if errors.Is(err, ErrLost) {
			return g.reload(cause)
		}
		if err != nil {
			return err
		}
	}
	g.record = r
	return nil
}

// withUpload is the record with an open multipart upload that has room for a part. Its body is in parts.
func (g *stage) withUpload() (Record, error) {
	if g.record.Next > maxParts {
		r, err := g.store.settle(g.ctx, g.key, g.record, g.record, false)
		if err != nil {
			return r, err
		}
		g.record = r
	}
	to := g.record
	if to.UploadID != "" {
		return to, nil
	}
	name := g.store.newName(g.key)
	id, err := g.store.createUpload(g.ctx, name)
	if err != nil {
		return to, err
	}
	head := piece{name: to.Object, size: to.Size}
	to.Upload, to.UploadID, to.Next, to.Object, to.Size = name, id, 1, "", 0
	for head.size > 0 {
		var p piece
		p, head = head.split(copySize(head.size))
		part, err := g.store.copyPart(g.ctx, &to, p)
		if err != nil {
			return to, errors.Join(err, g.store.abort(g.ctx, name, id))
		}
		to.Parts = append(to.Parts, part)
		to.Next++
	}
	return to, nil
}

// copySize is how much to copy next of size bytes, so that no part is too small or too large.
func copySize(size int64) int64 {
	parts := (size + maxPart - 1) / maxPart
	return (size + parts - 1) / parts
}

// Sync makes what was written survive: what is no part yet becomes the tail, an object of its own. One that is large is a part at once.
func (g *stage) Sync() (err error) {
	if g.closed {
		return fail("sync", g.key, os.ErrClosed)
	}
	if g.sealed {
		return nil
	}
	defer g.note(&err)
	if err := g.sync(); err != nil {
		return fail("sync", g.key, err)
	}
	return nil
}

func (g *stage) sync() error {
	n := g.pending.size
	if size := g.store.o.partSize(max(1, g.record.Next)); n >= size || (g.record.UploadID != "" && n >= max(minPart, size/2)) {
		return g.flush(false)
	}
	return g.saveTail()
}

func (g *stage) saveTail() error {
	for {
		n := g.pending.size
		if n == g.record.TailSize && n == g.kept {
			return nil
		}
		to := g.record
		to.TailSize = n
		switch {
		case n == 0:
			to.Tail = ""
		case g.kept < n:
			to.Tail = g.store.newName(g.key)
			if err := g.store.put(g.ctx, to.Tail, g.pending.reader(), n); err != nil {
				return err
			}
		}
		err := g.save(to)
		if err == nil {
			g.kept = n
			return nil
		}
		if !unknown(err) && to.Tail != g.record.Tail && to.Tail != "" {
			_ = g.store.delete(g.ctx, to.Tail) // or it is swept
		}
		if !errors.Is(err, errReloaded) {
			return err
		}
		g.kept = min(g.kept, g.record.TailSize)
	}
}

// Close lets go of the stage and keeps what was written, unless Options.Sealed. Whose stage was taken over has nothing to keep.
func (g *stage) Close() error {
	if g.closed {
		return nil
	}
	g.closed = true
	defer g.pending.close() // a file without a name
	if g.sealed || g.failed || g.store.o.Sealed {
		return nil
	}
	err := g.sync()
	if err == nil && g.record.UploadID != "" {
		to := g.record
		to.Live = false
		err = g.save(to)
	}
	if err != nil && unknown(err) {
		return fail("close", g.key, err)
	}
	return nil
}

// writable answers why the stage cannot be written to, or nil.
func (g *stage) writable(op string) error {
	switch {
	case g.closed:
		return fail(op, g.key, os.ErrClosed)
	case g.sealed:
		return fmt.Errorf("blob/s3: %s %s: it is sealed", op, g.key)
	}
	return nil
}
