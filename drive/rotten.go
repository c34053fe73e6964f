package drive

import (
	"context"
	"errors"
	"io"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// copyRotten copies what can be read of content that is not right: a picture with a wrong bit is better than none.
func (s *Drives) copyRotten(ctx context.Context, c Copying, slow *pace, r keyedRow) (err error) {
	source, err := c.From.Open(ctx, r.key)
	if tellsDamage(err) {
		return nil
	}
	if err != nil {
		return storeError(err, "drive.copyRotten")
	}
	defer source.Close() // it was only read
	stage, err := c.To.Stage(ctx, r.key)
	if err != nil {
		return storeError(err, "drive.copyRotten")
	}
	defer stage.Close()
	read := &lenient{Reader: source}
	if _, err := s.copyTo(stage, paced{read, ctx, slow}); err != nil && !tellsDamage(read.err) {
		return storeError(err, "drive.copyRotten")
	}
	return storeError(stage.Seal(ctx), "drive.copyRotten")
}

// lenient notes why its reader could not be read to the end.
type lenient struct {
	io.Reader
	err error
}

func (l *lenient) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// tellsDamage reports whether an error of reading says that content is damaged, and not only gone or away.
func tellsDamage(err error) bool {
	return err != nil && !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, blob.ErrAway) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// NoteDamage writes down which content is damaged after CopyBlobs has looked at all of it, and nothing else.
func (s *Drives) NoteDamage(ctx context.Context, copied Copied) error {
	damaged := map[string]damage{}
	for _, id := range copied.Missing {
		damaged[id] = contentMissing
	}
	for _, id := range copied.Damaged {
		damaged[id] = contentChanged
	}
	var healed []string
	err := s.db.Each(ctx, `SELECT d.blob_id FROM damaged_blobs d JOIN blobs b ON b.id = d.blob_id WHERE b.content IS NULL`, nil, func(scan sqldb.Scan) error {
		var id string
		err := scan(&id)
		if damaged[id] == contentRight {
			healed = append(healed, id)
		}
		return err
	})
	var all []suspect
	for id, found := range damaged {
		r := scrubRow{keyedRow: keyedRow{key: blob.Key(id)}, stored: true}
		if err == nil {
			r.blobRow, err = s.blobRow(ctx, r.key)
		}
		all = append(all, suspect{r, found})
	}
	if err == nil {
		err = s.keepDamage(ctx, all, healed)
	}
	return fault.Wrap(err, "drive.NoteDamage")
}
