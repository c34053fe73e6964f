package backup

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/rowcopy"
)

// tries is how often a backup begins anew because content was removed for good between its moment and its copy.
const tries = 5

// Making is what a backup is made of.
type Making struct {
	DB      *sqldb.DB
	Blobs   blob.Store
	Rate    int64         // bytes a second that are copied; 0 is no limit
	AtOnce  int           // blobs that are copied at the same time
	Version string        // of Satchel
	Log     *slog.Logger  // is told of content that is found to be damaged
	Pause   time.Duration // before such content is looked at once more; 0 is that of drive.Options
}

// Made is a backup that was made.
type Made struct {
	Name     string
	Manifest Manifest
	Copied   drive.Copied
	Regained int // contents that are damaged or gone, and were in an earlier backup under another key
}

// errGone says that what a file held at the moment of the backup was removed for good, or mended, before it was copied.
var errGone = errors.New("content was removed while it was copied")

// Make makes a backup while others work. All that was answered before it began is in it, but for uploads that are under way, and content that is damaged or gone and
// that no earlier backup of the place has: the manifest names that. A store that does not answer is an error.
func Make(ctx context.Context, p Place, o Making) (made Made, err error) {
	for try := 1; ; try++ {
		if made, err = makeNow(ctx, p, o); !errors.Is(err, errGone) || try == tries {
			return made, err
		}
	}
}

// makeNow copies the rows as they are now, and the content that they name.
func makeNow(ctx context.Context, p Place, o Making) (made Made, err error) {
	moment := time.Now().UTC()
	if made.Name, err = nameOf(ctx, p, moment); err != nil {
		return made, err
	}
	made.Manifest = Manifest{Format: format, Moment: moment, Satchel: o.Version, Database: string(o.DB.Engine())}
	rows, contents := filepath.Join(p.Workshop(), "rows.db"), filepath.Join(p.Workshop(), "contents")
	defer func() { err = errors.Join(err, removeDatabase(rows), removeIfThere(contents)) }()
	if err := made.copy(ctx, p, o, rows, contents); err != nil {
		return made, err
	}
	m := &made.Manifest
	if m.Rows, err = describe(rows); err != nil {
		return made, err
	}
	if m.Contents, err = describe(contents); err != nil {
		return made, err
	}
	if err := p.Put(ctx, made.Name+contentsEnd, contents); err != nil {
		return made, err
	}
	if err := p.Put(ctx, made.Name+rowsEnd, rows); err != nil {
		return made, err
	}
	m.Made = time.Now().UTC()
	return made, m.put(ctx, p, made.Name)
}

// nameOf names a backup that is made now: by the moment, or so that it comes last where a clock was ahead when others were named. The newest is the one that was made last.
func nameOf(ctx context.Context, p Place, moment time.Time) (string, error) {
	files, err := p.Files(ctx)
	if err != nil {
		return "", err
	}
	name := moment.Format(NameFormat)
	for _, file := range files {
		if other, _ := split(file); other >= name {
			at, err := time.Parse(NameFormat, other)
			if err != nil {
				return "", err
			}
			name = at.Add(time.Millisecond).Format(NameFormat)
		}
	}
	return name, nil
}

// copy copies rows and content, and writes down the keys of that.
func (made *Made) copy(ctx context.Context, p Place, o Making, rows, contents string) error {
	db, err := sqldb.Open(ctx, "sqlite:"+rows, sqldb.Options{Unlinked: true})
	if err != nil {
		return err
	}
	m := &made.Manifest
	err = rowcopy.Copy(ctx, o.DB, db, rowcopy.Options{Online: true, Without: append(ledger.Tables(), drive.InstallationTable)}, func(t rowcopy.Progress) {
		if t.State == rowcopy.Copied {
			m.Tables = append(m.Tables, Table{t.Table, t.Rows, hex.EncodeToString(t.Digest[:])})
		}
	})
	if err == nil {
		m.Step, _, err = db.Step(ctx)
	}
	if err == nil {
		store, checks := p.Content()
		drives := drive.New(db, store, drive.Options{})
		made.Copied, err = drives.CopyBlobs(ctx, drive.Copying{From: o.Blobs, To: store, Rate: o.Rate, AtOnce: o.AtOnce, Checked: checks})
		m.Blobs, m.BlobBytes = made.Copied.Blobs+made.Copied.Kept, made.Copied.Holds
		if err == nil {
			err = made.lack(ctx, p, o, drives)
		}
		if err == nil {
			err = writeKeys(ctx, contents, drives)
		}
	}
	if err = errors.Join(err, db.Close()); err == nil {
		err = holdsItsLog(rows)
	}
	return err
}

// writeKeys writes the keys of all content that the drives' rows name.
func writeKeys(ctx context.Context, path string, drives *drive.Drives) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	err = drives.EachContent(ctx, func(key blob.Key) error {
		_, err := fmt.Fprintln(out, string(key))
		return err
	})
	return errors.Join(err, out.Flush(), file.Close())
}

// holdsItsLog is an error for a closed SQLite file that does not hold what its log does: SQLite says nothing when it could not move that, as on a full disk.
func holdsItsLog(file string) error {
	if _, err := os.Stat(file + "-wal"); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s does not hold all rows: is its disk full?", file))
	}
	return nil
}

// removeDatabase removes a SQLite file and what stands beside it.
func removeDatabase(file string) error {
	return errors.Join(removeIfThere(file), removeIfThere(file+"-wal"), removeIfThere(file+"-shm"))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
