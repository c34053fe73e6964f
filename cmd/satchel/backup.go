package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/backup"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/turn"
)

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
		Use:   "backup PLACE",
		Short: "Copy all rows and content into a folder or a bucket, while servers run",
		Long: `Copy all rows and content into a folder or a bucket, while servers run.

The rows are those of one moment, and all content that they name is copied with them;
content that an earlier backup at the place has is not copied again. Uploads that are
under way are left out. A place belongs to one installation. It holds what opens every
account: keep it safe.

Content that is damaged or gone is no reason to have no backup: all else is in it, and what
it lacks is named with the files. What an earlier backup at the place has of it stays there
and belongs to the new one.

The exit code is 0 if the backup has everything, 8 if it is made and lacks content, and 1 if
it is not made.

` + placeHelp,
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
	cmd.Flags().IntVar(&keep, "keep", 7, "`BACKUPS` that stay at the place; older ones are removed")
	return cmd
}

// backupJob and drillJob are what backups and drills are on record as, so that every node can tell how old the last one is.
const (
	backupJob = "backup"
	drillJob  = "drill"
)

func (p *program) backup(ctx context.Context, c *config.Config, where string, keep int, pace copying) (err error) {
	if err := placeFits(c, where); err != nil {
		return err
	}
	in, err := openRooms(ctx, c, p.commandLog(c), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	claim, err := claimBackup(c)
	if err != nil {
		return err
	}
	defer claim.Close() // it holds nothing
	var lacks error
	err = onRecord(ctx, in.turns, backupJob, c.BackupEvery, func(ctx context.Context) (n int, err error) {
		m, err := p.backUp(ctx, c, in, where, keep, pace)
		if err == nil && m.Lacks > 0 {
			lacks = wrongf("the backup is made, and lacks %d contents that are damaged or gone: satchel fsck --repair --from an older place mends them, or an upload of the same bytes does", m.Lacks)
		}
		return m.Lacks, err
	})
	return cmp.Or(err, lacks)
}

// turnPatience is how long a turn is waited for that a process which was killed may have.
const turnPatience = 8 * time.Second

// onRecord does a job that somebody asked for, and has it in the database how it went and how much it had to leave out. errBackupRuns if another machine is at it.
func onRecord(ctx context.Context, turns *turn.Turns, job string, every time.Duration, run func(context.Context) (lacks int, err error)) error {
	if err := turns.Wake(ctx, job); err != nil {
		return err
	}
	t, _, err := turns.Begin(ctx, job, max(every, 0))
	for began := time.Now(); t == nil && err == nil; t, _, err = turns.Begin(ctx, job, max(every, 0)) {
		if _, alive := pause(ctx, 250*time.Millisecond, nil); !alive || time.Since(began) > turnPatience {
			return errors.Join(errBackupRuns, ctx.Err())
		}
	}
	if err != nil {
		return err
	}
	within, stop := context.WithCancelCause(ctx) // and not the turn's, whose guard is for updates of this database alone
	defer stop(nil)
	defer context.AfterFunc(t.Context(), func() { stop(turn.ErrLost) })()
	lacks, err := run(within)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = fmt.Errorf("the database did not answer for some seconds, so that another machine may have begun: %w", context.Cause(within))
	}
	if ctx.Err() != nil { // somebody has ended it: it has not failed
		t.Leave()
		return err
	}
	t.Lacks(lacks)
	t.End(max(every, time.Minute), err)
	return err
}

func (p *program) backUp(ctx context.Context, c *config.Config, in *rooms, where string, keep int, pace copying) (m backup.Manifest, err error) {
	place, err := openPlace(ctx, c, where, false)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	made, err := backup.Make(ctx, place, backup.Making{DB: in.db, Blobs: in.blobs, Rate: pace.rate, AtOnce: pace.atOnce, Version: version(), Log: p.commandLog(c)})
	if err != nil {
		return m, err
	}
	m = made.Manifest
	fmt.Fprintf(p.stdout, "%s: %d blobs copied, %s; %d were there.\n", made.Name, made.Copied.Blobs, humanize.IBytes(uint64(made.Copied.Bytes)), made.Copied.Kept)
	if made.Regained > 0 {
		fmt.Fprintf(p.stdout, "%s: %d blobs are damaged or gone and came from earlier backups: satchel fsck --repair --from this place brings them back.\n", made.Name, made.Regained)
	}
	if err := p.nameLacking(ctx, in.drives, in.accounts, m); err != nil {
		return m, err
	}
	removed, err := backup.Forget(ctx, place, keep)
	for _, name := range removed {
		fmt.Fprintf(p.stdout, "%s: removed.\n", name)
	}
	return m, err
}

// maxNamed is how many lacking contents are named with their files.
const maxNamed = 100

// nameLacking names the files whose content a backup lacks, and whose they are.
func (p *program) nameLacking(ctx context.Context, drives *drive.Drives, accounts *authn.Accounts, m backup.Manifest) error {
	for i, l := range m.Lacking {
		if i == maxNamed {
			fmt.Fprintf(p.stdout, "lacking: %d contents more: the manifest has their keys.\n", m.Lacks-maxNamed)
			return nil
		}
		holders, err := drives.Holders(ctx, l.Key)
		if err != nil {
			return err
		}
		files, err := nameHolders(ctx, accounts, holders)
		if err != nil {
			return err
		}
		for _, file := range files {
			fmt.Fprintf(p.stdout, "lacking: %s: %s (blob %s)\n", l.Found, file, l.Key)
		}
	}
	return nil
}
