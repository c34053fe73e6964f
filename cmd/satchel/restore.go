package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/backup"
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
		Use:   "restore PLACE",
		Short: "Make of a backup what the settings name, an empty database and a store",
		Long: `Make of a backup what the settings name, an empty database and a store.

The database may be of the other kind than the one that was backed up, and content may go
to a bucket that came from a disk. Nobody can serve it until it is whole. What was
interrupted goes on when the same command is given again.

` + placeHelp,
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
	cmd.Flags().StringVar(&name, "backup", "", "the `NAME` of a backup at the place, such as 20260131T120000.000Z (default: the newest)")
	return cmd
}

func (p *program) restore(ctx context.Context, c *config.Config, where, name string, pace copying) (err error) {
	place, err := openPlace(ctx, c, where, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	if name, err = chosen(ctx, place, where, name); err != nil {
		return err
	}
	if err := p.restoreRows(ctx, c, place, name); err != nil {
		return err
	}
	from, _ := place.Content()
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

// chosen is the backup of a name, or the newest if the name is empty.
func chosen(ctx context.Context, place backup.Place, where, name string) (string, error) {
	names, err := backup.Names(ctx, place)
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", fmt.Errorf("there is no backup in %s", where)
	}
	if name == "" {
		name = names[len(names)-1]
	}
	if !slices.Contains(names, name) {
		return "", fmt.Errorf("there is no backup %q in %s: there are %s", name, where, strings.Join(names, ", "))
	}
	return name, nil
}

// restoreRows fills the database of the settings, and leaves it marked as one that is not whole. A backup of an older Satchel is brought up to date on the way.
func (p *program) restoreRows(ctx context.Context, c *config.Config, place backup.Place, name string) (err error) {
	scratch, err := os.MkdirTemp("", "satchel-restore-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	own := filepath.Join(scratch, "rows.db")
	if _, err := backup.FetchRows(ctx, place, name, own); err != nil {
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
