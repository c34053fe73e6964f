package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/sqldb"
)

// bucket is a [Place] in S3. Its objects are on record in a scratch database while it is open.
type bucket struct {
	scratch       string
	db            *sqldb.DB
	rows, content *s3.Store
}

// OpenBucket opens the backups below o.Prefix of a bucket and finds out what is there. Nothing keeps another process from it: the caller sees to
// it that no two make backups there at once.
func OpenBucket(ctx context.Context, o s3.Options) (_ Place, err error) {
	b := &bucket{}
	if b.scratch, err = os.MkdirTemp("", "satchel-backup-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if err := os.Mkdir(b.Workshop(), 0o700); err != nil {
		return nil, err
	}
	if b.db, err = sqldb.Open(ctx, "sqlite:"+filepath.Join(b.scratch, "objects.db"), sqldb.Options{Relaxed: true}); err != nil {
		return nil, err
	}
	if _, err = b.db.Migrate(ctx); err != nil {
		return nil, err
	}
	known := ledger.New(b.db)
	o.Sealed = true
	prefix := o.Prefix
	for at, store := range map[string]**s3.Store{"rows": &b.rows, "content": &b.content} {
		o.Prefix = path.Join(prefix, at)
		if *store, err = s3.Open(ctx, known, o); err != nil {
			return nil, err
		}
		if err = (*store).Objects(ctx, known.Fill); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *bucket) Content() (blob.Store, bool) { return contents{b.content}, true }

// contents is the store of content alone: the record of what is in the bucket has the files, too.
type contents struct{ *s3.Store }

func (c contents) List(ctx context.Context, fn func(blob.Entry) error) error {
	return c.Store.List(ctx, func(e blob.Entry) error {
		if fileOf(e.Key) != "" {
			return nil
		}
		return fn(e)
	})
}

func (b *bucket) Workshop() string { return filepath.Join(b.scratch, "half") }

func (b *bucket) Files(ctx context.Context) (files []string, err error) {
	return files, b.rows.List(ctx, func(e blob.Entry) error {
		if file := fileOf(e.Key); file != "" && e.Sealed {
			files = append(files, file)
		}
		return nil
	})
}

// keyOf is the key of a file, which has to be that of a backup: its name without what keys have not.
func keyOf(file string) (blob.Key, error) {
	name, end := split(file)
	if name == "" {
		return "", fmt.Errorf("backup: %q is no file of a backup", file)
	}
	return blob.Key(strings.ToLower(strings.ReplaceAll(name+end, ".", ""))), nil
}

// fileOf is the file that has a key, or empty if none has.
func fileOf(key blob.Key) string {
	k := strings.ToUpper(string(key))
	if len(k) <= len(keyTime) {
		return ""
	}
	file := k[:15] + "." + k[15:19] + "." + strings.ToLower(k[19:])
	if again, err := keyOf(file); err != nil || again != key {
		return ""
	}
	return file
}

// keyTime is NameFormat as it is in a key.
const keyTime = "20060102t150405000z"

func (b *bucket) Put(ctx context.Context, name, path string) error {
	key, err := keyOf(name)
	if err != nil {
		return err
	}
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close() // it was only read
	if err := b.rows.Remove(ctx, key); err != nil {
		return err
	}
	stage, err := b.rows.Stage(ctx, key)
	if err != nil {
		return err
	}
	if _, err := source.WriteTo(struct{ blob.Stage }{stage}); err != nil {
		return errors.Join(err, stage.Close(), b.rows.Remove(context.WithoutCancel(ctx), key))
	}
	return stage.Seal(ctx)
}

func (b *bucket) Get(ctx context.Context, name, path string) error {
	key, err := keyOf(name)
	if err != nil {
		return err
	}
	source, err := b.rows.Open(ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	defer source.Close() // it was only read
	return write(path, source)
}

func (b *bucket) Remove(ctx context.Context, name string) error {
	key, err := keyOf(name)
	if err != nil {
		return err
	}
	return b.rows.Remove(ctx, key)
}

func (b *bucket) Close() error {
	var err error
	if b.db != nil {
		err = b.db.Close()
	}
	return errors.Join(err, os.RemoveAll(b.scratch))
}
