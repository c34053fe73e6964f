package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/satchelhq/satchel/blob"
)

// listBatch is how many names of a folder are in memory at a time.
const listBatch = 256

// List calls fn for every stage and blob. Files that the store would not have made are passed
// over. Stages come first, so that one which is sealed meanwhile is seen twice rather than never.
func (s *Store) List(ctx context.Context, fn func(blob.Entry) error) error {
	err := s.listFolder(ctx, s.stageDir(), false, fn)
	if err != nil {
		return err
	}
	return s.listBlobs(ctx, fn)
}

func (s *Store) listBlobs(ctx context.Context, fn func(blob.Entry) error) error {
	return eachName(ctx, s.blobDir(), func(d fs.DirEntry) error {
		if name := d.Name(); !d.IsDir() || len(name) > 2 || !blob.Key(name).Valid() {
			return nil
		}
		return s.listFolder(ctx, filepath.Join(s.blobDir(), d.Name()), true, fn)
	})
}

func (s *Store) listFolder(ctx context.Context, dir string, sealed bool, fn func(blob.Entry) error) error {
	return eachName(ctx, dir, func(d fs.DirEntry) error {
		key := blob.Key(d.Name())
		if !d.Type().IsRegular() || !key.Valid() || sealed && shelfName(key) != filepath.Base(dir) {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // sealed or removed since the name was read
		}
		if err != nil {
			return fmt.Errorf("blob/disk: list: %w", err)
		}
		return fn(blob.Entry{Key: key, Size: info.Size(), Modified: info.ModTime(), Sealed: sealed})
	})
}

// eachName calls fn for every name in a folder, as the folder has them.
func eachName(ctx context.Context, dir string, fn func(fs.DirEntry) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("blob/disk: list: %w", err)
	}
	defer d.Close() //nolint:errcheck // only read from
	for {
		batch, err := d.ReadDir(listBatch)
		for _, entry := range batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(entry); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("blob/disk: list: %w", err)
		}
	}
}
