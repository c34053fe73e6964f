package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
)

// acceptance is which folders without a mark are taken for the installation's.
type acceptance int

const (
	itsOwn   acceptance = iota // one that holds its content, and an empty one if there is no content
	anyEmpty                   // besides, an empty one, though there is content: that is in another store, or comes now
	onlyNew                    // an empty one, and none that holds anything
)

// openFolder opens a folder of content if it is this installation's, which its mark says. A folder without one is marked if it is accepted: an empty one in place of
// a disk that is not mounted must not be served, nor one of which gc would remove what another installation has.
func openFolder(ctx context.Context, c *config.Config, folder string, db *sqldb.DB, accept acceptance) (*disk.Store, error) {
	id, err := drive.Installation(ctx, db)
	if err != nil {
		return nil, err
	}
	there, err := disk.Peek(ctx, folder)
	if err == nil && there.Mark == "" {
		err = accepts(ctx, folder, id, there.Blobs, db, accept)
	}
	if err == nil && there.Mark != "" && there.Mark != id {
		err = fmt.Errorf("%s holds the content of another installation: its %s says %s, and this database is of %s. Let blobs and database name what belongs together", folder, disk.MarkName, there.Mark, id)
	}
	if err != nil {
		return nil, err
	}
	return disk.Open(folder, disk.Options{Relaxed: c.Relaxed(), Mark: id})
}

// accepts refuses a folder without a mark that is not to be taken for the installation's. holds is some of what it holds.
func accepts(ctx context.Context, folder, id string, holds []blob.Key, db *sqldb.DB, accept acceptance) error {
	stock, err := drive.TakeStock(ctx, db, holds)
	if err != nil {
		return err
	}
	mark := fmt.Sprintf("say so: echo %s > %s", id, filepath.Join(folder, disk.MarkName))
	switch {
	case len(holds) > 0 && accept == onlyNew:
		return fmt.Errorf("%s holds content already: restore into an empty folder. If no server uses it, and its database is lost, %s", folder, mark)
	case stock.Known, len(holds) == 0 && (accept != itsOwn || !stock.Some), !stock.Some && stock.Used:
		return nil
	case len(holds) > 0:
		return fmt.Errorf("%s holds content that this database does not know, so it would be removed as nobody's. Is the database the right one, and the folder? If they are, %s", folder, mark)
	}
	return fmt.Errorf("%s is empty, and the database knows content: is its disk mounted, and is it the right folder? If it is, say so: mkdir -p %[1]s && echo %s > %s", folder, id, filepath.Join(folder, disk.MarkName))
}

// samples is how much content, old and new, is looked for before an empty folder is taken for one of two stores.
const samples = 50

// acceptPair refuses two stores of which one is an empty folder without a mark, as where a disk is not mounted, if the other does not hold what the database knows. The new folder
// of a move is such a one when it begins, and the old one when it was removed afterwards.
func acceptPair(ctx context.Context, c *config.Config, db *sqldb.DB) error {
	var there []blob.Store
	var empty []string
	for _, where := range []string{c.Blobs, c.BlobsFrom} {
		var store blob.Store
		var err error
		if _, remote := config.BlobBucket(where); remote {
			store, err = openStore(ctx, c, where, db, nil, anyEmpty)
		} else {
			folder := config.BlobFolder(where)
			p, broken := disk.Peek(ctx, folder)
			if broken == nil && p.Mark == "" && len(p.Blobs) == 0 {
				empty = append(empty, folder)
				continue
			}
			if err = broken; err == nil {
				store, err = disk.Open(folder, disk.Options{Relaxed: true}) // to be read
			}
		}
		if err != nil {
			return err
		}
		there = append(there, store)
	}
	if len(empty) == 0 {
		return nil
	}
	known, err := drive.Sample(ctx, db, samples)
	if err != nil {
		return err
	}
	for _, key := range known {
		lost, err := isLost(ctx, db, key, there)
		if err != nil {
			return err
		}
		if lost {
			return notThere(ctx, db, empty)
		}
	}
	return nil
}

func notThere(ctx context.Context, db *sqldb.DB, empty []string) error {
	id, err := drive.Installation(ctx, db)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is empty, and the database knows content that is not in the other store either: is its disk mounted, and is it the right folder? If it is, say so: mkdir -p %[2]s && echo %s > %s",
		strings.Join(empty, " and "), empty[0], id, filepath.Join(empty[0], disk.MarkName))
}

// isLost reports whether content that a database knows is in none of these stores.
func isLost(ctx context.Context, db *sqldb.DB, key blob.Key, in []blob.Store) (bool, error) {
	for _, store := range in {
		content, err := store.Open(ctx, key)
		if !errors.Is(err, blob.ErrNotFound) {
			if err == nil {
				err = content.Close()
			}
			return false, err
		}
	}
	stock, err := drive.TakeStock(ctx, db, []blob.Key{key}) // it may be removed by now
	return stock.Known, err
}

// acceptsBucket refuses a bucket with content of which a new database knows nothing: gc would remove it. Its rows say what is whose afterwards.
func acceptsBucket(ctx context.Context, where string, store *s3.Store, db *sqldb.DB, accept acceptance) error {
	fresh, err := ledger.New(db).Empty(ctx)
	if err != nil || !fresh {
		return err
	}
	if accept != onlyNew {
		if stock, err := drive.TakeStock(ctx, db, nil); err != nil || stock.Used {
			return err
		}
	}
	err = store.Objects(ctx, func(_ context.Context, all []s3.Entry) error {
		if len(all) > 0 {
			return errHeld
		}
		return nil
	})
	switch {
	case errors.Is(err, errHeld):
		at, _, _ := strings.Cut(where, "?")
		return fmt.Errorf("%s holds content already, and this database knows none of it, so it would be removed as nobody's: let blobs name another prefix or bucket, or remove what is there", at)
	case err != nil && accept != onlyNew: // it is told where it is asked for
		return nil
	}
	return err
}

// errHeld ends the look at a bucket that holds something.
var errHeld = errors.New("the bucket holds content")
