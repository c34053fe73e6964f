package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/disk"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/rowcopy"
)

// A folder of backups holds rows/TIME.db for each backup, a SQLite database whatever the server has, and content/, a store of blobs that they share.
const (
	backupRows    = "rows"
	backupContent = "content"
	backupName    = "20060102T150405.000Z"
)

// backupTries is how often a backup begins anew because content was removed for good between its moment and its copy.
const backupTries = 5

// copying is how fast content is copied.
type copying struct {
	rateText string
	rate     int64
	atOnce   int
}

func (c *copying) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.rateText, "rate", "64MiB", "`SIZE` that is copied a second, 0 for no limit")
	cmd.Flags().IntVar(&c.atOnce, "at-once", 4, "`BLOBS` that are copied at the same time")
}

func (c *copying) check() (err error) {
	if c.rate, err = config.ParseSize(c.rateText); err != nil {
		return usagef("--rate %q: want %w", c.rateText, err)
	}
	if c.atOnce < 1 || c.atOnce > 64 {
		return usagef("--at-once %d: want 1 to 64", c.atOnce)
	}
	return nil
}

func (p *program) backupCommand() *cobra.Command {
	var pace copying
	var keep int
	cmd := &cobra.Command{
		Use:   "backup FOLDER",
		Short: "Copy all rows and content into a folder, while servers run",
		Long: `Copy all rows and content into a folder, while servers run.

The rows are those of one moment, and all content that they name is copied with them;
content that an earlier backup in the folder has is not copied again. Uploads that are
under way are left out. The folder holds what opens every account: keep it safe.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pace.check(); err != nil {
				return err
			}
			if keep < 1 {
				return usagef("--keep %d: want 1 or more", keep)
			}
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			c.Durability = config.DurabilityStrict
			return p.backup(cmd.Context(), c, args[0], keep, pace)
		},
	}
	pace.flags(cmd)
	cmd.Flags().IntVar(&keep, "keep", 7, "`BACKUPS` that stay in the folder; older ones are removed")
	return cmd
}

func (p *program) backup(ctx context.Context, c *config.Config, folder string, keep int, pace copying) (err error) {
	in, err := openRooms(ctx, c, p.commandLog(c), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	store, claim, err := claimBackups(folder)
	if err != nil {
		return err
	}
	defer claim.Close() // it holds nothing
	rows := filepath.Join(folder, backupRows)
	if err := os.MkdirAll(rows, 0o700); err != nil {
		return err
	}
	for try := 1; ; try++ {
		name := time.Now().UTC().Format(backupName)
		copied, err := p.backUpNow(ctx, in, rows, name, drive.Copying{From: in.blobs, To: store, Rate: pace.rate, AtOnce: pace.atOnce})
		if errors.Is(err, errContentGone) && try < backupTries {
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s: %d blobs copied, %s; %d were there.\n", name, copied.Blobs, humanize.IBytes(uint64(copied.Bytes)), copied.Kept)
		return p.forgetBackups(ctx, store, rows, keep)
	}
}

// claimBackups opens the content in a folder of backups for one command at a time, until claim is closed.
func claimBackups(folder string) (store *disk.Store, claim io.Closer, err error) {
	if store, err = disk.Open(filepath.Join(folder, backupContent), disk.Options{}); err != nil {
		return nil, nil, err
	}
	claim, err = store.Claim()
	if errors.Is(err, disk.ErrClaimed) {
		err = fmt.Errorf("another satchel backup or restore is at work on %s", folder)
	}
	return store, claim, err
}

// errContentGone says that what a file held at the moment of the backup was removed for good before it was copied.
var errContentGone = errors.New("content was removed while it was copied")

// backUpNow copies the rows as they are now, and the content that they name. The backup has its name when it is whole.
func (p *program) backUpNow(ctx context.Context, in *rooms, rows, name string, c drive.Copying) (copied drive.Copied, err error) {
	whole, half := filepath.Join(rows, name+".db"), filepath.Join(rows, ".half.db")
	if err := removeDatabase(half); err != nil {
		return copied, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeDatabase(half))
		}
	}()
	db, err := sqldb.Open(ctx, "sqlite:"+half, sqldb.Options{Unlinked: true})
	if err != nil {
		return copied, err
	}
	err = rowcopy.Copy(ctx, in.db, db, rowcopy.Options{Online: true, Without: ledger.Tables()}, func(rowcopy.Progress) {})
	if err == nil {
		copied, err = drive.New(db, c.To, drive.Options{}).CopyBlobs(ctx, c)
	}
	if err = errors.Join(err, db.Close()); err == nil {
		err = holdsItsLog(half)
	}
	if err != nil {
		return copied, err
	}
	if len(copied.Damaged) > 0 {
		return copied, fmt.Errorf("%d blobs do not hold what their rows say, so this is no whole backup: %s", len(copied.Damaged), strings.Join(copied.Damaged, ", "))
	}
	if len(copied.Missing) > 0 {
		return copied, fmt.Errorf("%w, or is lost (satchel fsck tells): %s", errContentGone, strings.Join(copied.Missing, ", "))
	}
	if err := os.Rename(half, whole); err != nil {
		return copied, err
	}
	return copied, errors.Join(syncFolder(rows), syncFolder(filepath.Dir(rows)))
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
	var all []error
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(file + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// backups are the names of those in a folder of rows, from the oldest on.
func backups(rows string) ([]string, error) {
	entries, err := os.ReadDir(rows)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".db")
		if _, err := time.Parse(backupName, name); ok && err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// forgetBackups removes the oldest backups but keep, and the content that only they had.
func (p *program) forgetBackups(ctx context.Context, store *disk.Store, rows string, keep int) (err error) {
	names, err := backups(rows)
	if err != nil || len(names) <= keep {
		return err
	}
	old, kept := names[:len(names)-keep], names[len(names)-keep:]
	for _, name := range old {
		if err := removeDatabase(filepath.Join(rows, name+".db")); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s: removed.\n", name)
	}
	if err := syncFolder(rows); err != nil {
		return err
	}
	var all []*drive.Drives
	for _, name := range kept {
		db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(rows, name+".db"), sqldb.Options{MaxConns: 1})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		all = append(all, drive.New(db, store, drive.Options{}))
	}
	return store.List(ctx, func(e blob.Entry) error {
		for _, d := range all {
			if named, err := d.NamesContent(ctx, e.Key); err != nil || named {
				return err
			}
		}
		return store.Remove(ctx, e.Key)
	})
}
