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

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/rowcopy"
)

func (p *program) restoreCommand() *cobra.Command {
	var pace copying
	var name string
	cmd := &cobra.Command{
		Use:   "restore FOLDER",
		Short: "Make of a backup what the settings name, an empty database and a store",
		Long: `Make of a backup what the settings name, an empty database and a store.

The database may be of the other kind than the one that was backed up, and content may go
to a bucket that came from a disk. Nobody can serve it until it is whole. What was
interrupted goes on when the same command is given again.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pace.check(); err != nil {
				return err
			}
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			if c.BlobsFrom != "" {
				return usagef("blobs_from: a backup is restored to one store: remove the setting")
			}
			c.Durability = config.DurabilityStrict
			return p.restore(cmd.Context(), c, args[0], name, pace)
		},
	}
	pace.flags(cmd)
	cmd.Flags().StringVar(&name, "backup", "", "the `NAME` of a backup in the folder, such as 20260131T120000.000Z (default: the newest)")
	return cmd
}

func (p *program) restore(ctx context.Context, c *config.Config, folder, name string, pace copying) (err error) {
	rows := filepath.Join(folder, backupRows)
	names, err := backups(rows)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no backup in %s", folder)
	}
	if name == "" {
		name = names[len(names)-1]
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("there is no backup %q in %s: there are %s", name, folder, strings.Join(names, ", "))
	}
	from, claim, err := claimBackups(folder)
	if err != nil {
		return err
	}
	defer claim.Close() // it holds nothing
	if err := p.restoreRows(ctx, c, filepath.Join(rows, name+".db")); err != nil {
		return err
	}
	db, err := openAlone(ctx, c.Database, sqldb.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	to, err := openStore(ctx, c, c.Blobs, db, nil)
	if err != nil {
		return err
	}
	drives := drive.New(db, to, drive.Options{Log: p.commandLog(c)})
	copied, err := drives.CopyBlobs(ctx, drive.Copying{From: from, To: to, Rate: pace.rate, AtOnce: pace.atOnce, Verify: true})
	if err != nil {
		return err
	}
	if lost := slices.Concat(copied.Missing, copied.Damaged); len(lost) > 0 {
		return fmt.Errorf("the backup does not hold %d blobs, or not as they were: %s", len(lost), strings.Join(lost, ", "))
	}
	if err := drives.SettleRestored(ctx); err != nil {
		return err
	}
	problems, err := drives.Check(ctx)
	if err != nil {
		return err
	}
	// The rows are those of the backup, so these problems were there before: they must not keep anybody from what else there is.
	if err := rowcopy.Finish(ctx, db); err != nil {
		return err
	}
	for _, problem := range problems {
		fmt.Fprintln(p.stdout, problem)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s is restored. It had %d problems when it was backed up: satchel fsck tells them again", name, len(problems))
	}
	_, err = fmt.Fprintf(p.stdout, "%s is restored: %d blobs, %s. Uploads that were under way have to be begun again.\n",
		name, copied.Blobs+copied.Kept, humanize.IBytes(uint64(copied.Bytes)))
	return err
}

// restoreRows fills the database of the settings, and leaves it marked as one that is not whole. A backup of an older Satchel is brought up to date on the way.
func (p *program) restoreRows(ctx context.Context, c *config.Config, file string) (err error) {
	scratch, err := os.MkdirTemp("", "satchel-restore-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	own := filepath.Join(scratch, "rows.db")
	if err := copyFile(file, own); err != nil {
		return err
	}
	source, err := sqldb.Open(ctx, "sqlite:"+own, sqldb.Options{Relaxed: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := rowcopy.Whole(ctx, source); err != nil {
		return err
	}
	if _, err := source.Migrate(ctx); err != nil {
		return err
	}
	target, err := openAlone(ctx, c.Database, sqldb.Options{Unlinked: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	err = rowcopy.Copy(ctx, source, target, rowcopy.Options{Without: ledger.Tables(), Unfinished: true}, func(rowcopy.Progress) {})
	if errors.Is(err, rowcopy.ErrNotEmpty) {
		return fmt.Errorf("%w. A backup is restored to a new database", err)
	}
	return err
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() // it was only read
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
