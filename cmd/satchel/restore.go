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

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/backup"
	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/rowcopy"
)

func (p *program) restoreCommand() *cobra.Command {
	var pace copying
	r := &restoring{p: p}
	cmd := &cobra.Command{
		Use:   "restore PLACE",
		Short: "Make of a backup what the settings name, an empty database and a store",
		Long: `Make of a backup what the settings name, an empty database and a store.

The database may be of the other kind than the one that was backed up, and content may go
to a bucket that came from a disk. Nobody can serve it until it is whole. What was
interrupted goes on when the same command is given again.

Content that the backup does not have, or not as it was, ends it, since nobody should take
for whole what is not; what its manifest says that it lacks does so before anything is copied. With --keep-going all else is restored: what is damaged comes as it
is, and is on record as satchel scrub would have it, with the files that hold it.

The exit code is 0 if all is restored and right, 8 if it is restored and something is wrong
with it, and 1 if it is not restored.

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
			r.pace = pace
			return r.run(cmd.Context(), c, args[0])
		},
	}
	pace.flags(cmd)
	cmd.Flags().BoolVar(&r.keepGoing, "keep-going", false, "restore all else where content is damaged or missing")
	cmd.Flags().StringVar(&r.name, "backup", "", "the `NAME` of a backup at the place, such as 20260131T120000.000Z (default: the newest)")
	return cmd
}

// restoring is what is asked of restore.
type restoring struct {
	p         *program
	pace      copying
	name      string // of the backup; empty is the newest
	keepGoing bool
	asMade    bool // goes past what the manifest says the backup lacks, and past nothing else
}

func (r *restoring) run(ctx context.Context, c *config.Config, where string) (err error) {
	place, err := openPlace(ctx, c, where, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	if r.name, err = chosen(ctx, place, where, r.name); err != nil {
		return err
	}
	return r.fill(ctx, c, place, func(ctx context.Context, db *sqldb.DB, drives *drive.Drives, done restored) error {
		return r.tell(ctx, authn.New(db, authn.Options{}), drives, done.copied, done.problems)
	})
}

// restored is what a restore has brought.
type restored struct {
	manifest backup.Manifest
	tables   []rowcopy.Progress // of the database, each compared with the backup's
	moved    bool               // the rows were of an older Satchel, whose tables were others
	copied   drive.Copied
	problems []drive.Problem
}

// lost are the contents that did not come.
func (done restored) lost() map[string]bool {
	lost := map[string]bool{}
	for _, key := range slices.Concat(done.copied.Missing, done.copied.Damaged) {
		lost[key] = true
	}
	return lost
}

// fill makes of a backup what the settings name, and has told say what came of it.
func (r *restoring) fill(ctx context.Context, c *config.Config, place backup.Place, told func(context.Context, *sqldb.DB, *drive.Drives, restored) error) (err error) {
	done, err := r.rows(ctx, c, place)
	if err != nil {
		return err
	}
	from, _ := place.Content()
	db, err := openAlone(ctx, c.Database, sqldb.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	to, err := openStore(ctx, c, c.Blobs, db, nil, onlyNew)
	if err != nil {
		return err
	}
	drives := drive.New(db, to, drive.Options{Log: r.p.commandLog(c)})
	accounts := authn.New(db, authn.Options{})
	if err := r.notLacking(ctx, drives, accounts, from, done.manifest); err != nil {
		return err
	}
	if done.copied, err = r.content(ctx, drives, from, to, done.manifest); err != nil {
		return err
	}
	if done.problems, err = drives.Check(ctx); err != nil {
		return err
	}
	damaged, err := drives.Damages(ctx, done.problems)
	if err != nil {
		return err
	}
	done.problems = append(done.problems, damaged...)
	// The rows are those of the backup, so these problems were there before: they must not keep anybody from what else there is.
	if err := rowcopy.Finish(ctx, db); err != nil {
		return err
	}
	return told(ctx, db, drives, done)
}

// notLacking refuses a backup that lacks content, by its manifest and still, before anything is copied, unless that is to be gone past.
func (r *restoring) notLacking(ctx context.Context, drives *drive.Drives, accounts *authn.Accounts, from blob.Store, m backup.Manifest) error {
	if r.keepGoing || r.asMade || m.Lacks == 0 {
		return nil
	}
	left := m
	left.Lacking = nil
	for _, l := range m.Lacking {
		c, err := from.Open(ctx, blob.Key(l.Key)) // a later backup may have brought it
		if err == nil {
			left.Lacks--
			err = c.Close()
		} else if errors.Is(err, blob.ErrNotFound) {
			left.Lacking, err = append(left.Lacking, l), nil
		}
		if err != nil {
			return err
		}
	}
	if left.Lacks == 0 {
		return nil
	}
	if err := r.p.nameLacking(ctx, drives, accounts, left); err != nil {
		return err
	}
	return fmt.Errorf("the backup %s lacks %d contents, which were damaged or gone when it was made. With --keep-going all else is restored", r.name, left.Lacks)
}

// content brings the content that the rows name.
func (r *restoring) content(ctx context.Context, drives *drive.Drives, from, to blob.Store, m backup.Manifest) (drive.Copied, error) {
	copied, err := drives.CopyBlobs(ctx, drive.Copying{From: from, To: to, Rate: r.pace.rate, AtOnce: r.pace.atOnce, Verify: true, Rotten: r.keepGoing})
	if err != nil {
		return copied, err
	}
	lost := slices.Concat(copied.Missing, copied.Damaged)
	if r.asMade {
		lost = slices.DeleteFunc(lost, m.Names)
	}
	if len(lost) > 0 && !r.keepGoing {
		return copied, fmt.Errorf("the backup does not hold %d blobs, or not as they were: %s. With --keep-going all else is restored", len(lost), strings.Join(lost[:min(len(lost), maxNamed)], ", "))
	}
	if err := drives.NoteDamage(ctx, copied); err != nil {
		return copied, err
	}
	return copied, drives.SettleRestored(ctx)
}

// tell says what was restored, and what is wrong with it.
func (r *restoring) tell(ctx context.Context, accounts *authn.Accounts, drives *drive.Drives, copied drive.Copied, problems []drive.Problem) error {
	for _, problem := range problems {
		fmt.Fprintln(r.p.stdout, problem)
	}
	err := drives.EachDamaged(ctx, func(d drive.Damaged) error {
		files, err := nameHolders(ctx, accounts, d.Holders)
		for _, file := range files {
			fmt.Fprintf(r.p.stdout, "%s: %s (blob %s)\n", d.Found, file, d.Blob)
		}
		return err
	})
	if err != nil {
		return err
	}
	if lost := len(copied.Missing) + len(copied.Damaged); lost > 0 {
		return wrongf("%s is restored, but for %d contents that the backup does not have, or not as they were: satchel scrub --known names them again", r.name, lost)
	}
	if len(problems) > 0 {
		return wrongf("%s is restored. It had %d problems when it was backed up: satchel fsck tells them again", r.name, len(problems))
	}
	_, err = fmt.Fprintf(r.p.stdout, "%s is restored: %d blobs, %s. Uploads that were under way have to be begun again.\n",
		r.name, copied.Blobs+copied.Kept, humanize.IBytes(uint64(copied.Bytes)))
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

// rows fills the database of the settings, and leaves it marked as one that is not whole. A backup of an older Satchel is brought up to date on the way.
func (r *restoring) rows(ctx context.Context, c *config.Config, place backup.Place) (done restored, err error) {
	scratch, err := os.MkdirTemp("", "satchel-restore-")
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	own := filepath.Join(scratch, "rows.db")
	if done.manifest, err = backup.FetchRows(ctx, place, r.name, own); err != nil {
		return done, err
	}
	source, err := sqldb.Open(ctx, "sqlite:"+own, sqldb.Options{Relaxed: true})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := rowcopy.Whole(ctx, source); err != nil {
		return done, err
	}
	steps, err := source.Migrate(ctx)
	if err != nil {
		return done, err
	}
	done.moved = len(steps) > 0
	target, err := openAlone(ctx, c.Database, sqldb.Options{Unlinked: true})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	err = rowcopy.Copy(ctx, source, target, rowcopy.Options{Without: ledger.Tables(), Apart: []string{drive.InstallationTable}, Unfinished: true}, func(t rowcopy.Progress) {
		if t.State != rowcopy.Copying {
			done.tables = append(done.tables, t)
		}
	})
	if errors.Is(err, rowcopy.ErrNotEmpty) {
		err = fmt.Errorf("%w. A backup is restored to a new database", err)
	}
	return done, err
}
