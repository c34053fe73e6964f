package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
)

// checking is what is asked of fsck.
type checking struct {
	p      *program
	in     *rooms
	repair bool
	from   string // a folder of backups; empty for none
}

func (p *program) fsckCommand() *cobra.Command {
	f := &checking{p: p}
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Compare rows with each other and with the stored bytes, say what is wrong, and repair it if asked to",
		Long: `Compare rows with each other and with the stored bytes, and say what is wrong. Nothing
is changed without --repair. What a server that is running changes meanwhile may show up.
The contents of files are not read again: their sizes are compared, and what satchel scrub
has found is told.

--repair puts right what can be, also while servers run: each problem is looked at again
when its turn comes. Usage and other counts are counted anew, what nothing refers to any
more is removed as by satchel gc, uploads whose bytes are lost are ended, and content that
is damaged or missing comes back from a backup, if --from names a place of backups that
have it whole. What cannot be repaired is named with the files and whose they are, and
left as it is: no file, version or folder is removed.

The exit code is 0 if nothing is wrong, or not any more; 8 if something is wrong and stays
so; and 1 if not all could be looked at, because the database or the store does not answer.

` + placeHelp,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.from != "" && !f.repair {
				return usagef("--from is where --repair takes content from: give that, too")
			}
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				f.in = in
				return f.run(ctx, c)
			})
		},
	}
	cmd.Flags().BoolVar(&f.repair, "repair", false, "put right what can be")
	cmd.Flags().StringVar(&f.from, "from", "", "a `PLACE` of backups, for content that is damaged or missing")
	return cmd
}

func (f *checking) run(ctx context.Context, c *config.Config) (err error) {
	var originals func(n int) (*drive.Drives, error)
	if f.from != "" {
		b, err := f.p.openBackups(ctx, c, f.from)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.close()) }()
		originals = func(n int) (*drive.Drives, error) { return b.at(ctx, n) }
	}
	problems, err := f.in.drives.Check(ctx)
	if err == nil {
		var more []drive.Problem
		more, err = f.in.drives.Damages(ctx, problems)
		problems = append(problems, more...)
	}
	for _, problem := range problems {
		fmt.Fprintln(f.p.stdout, problem)
	}
	if err == nil && f.repair {
		return f.mend(ctx, problems, originals)
	}
	if err == nil && len(problems) > 0 {
		err = wrongf("%d problems: satchel fsck --repair puts right what can be", len(problems))
	}
	if err == nil {
		fmt.Fprintln(f.p.stdout, "no problems")
	}
	return err
}

// mend repairs the problems, and tells what became of each.
func (f *checking) mend(ctx context.Context, problems []drive.Problem, backup func(n int) (*drive.Drives, error)) error {
	left := 0
	err := f.in.drives.Repair(ctx, problems, drive.Repairing{Backup: backup, Tell: func(r drive.Repaired) error {
		if r.Done != "" {
			_, err := fmt.Fprintf(f.p.stdout, "repaired: %s: %s\n", r.Problem, r.Done)
			return err
		}
		left++
		fmt.Fprintf(f.p.stdout, "left: %s: %s\n", r.Problem, r.Why)
		files, err := nameHolders(ctx, f.in.accounts, r.Holders)
		for _, file := range files {
			fmt.Fprintf(f.p.stdout, "left:     %s\n", file)
		}
		return err
	}})
	if err != nil {
		return err
	}
	removed, err := f.in.drives.GC(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(f.p.stdout, "%d repaired, %d left; %d blobs and %d orphans removed that nothing referred to\n", len(problems)-left, left, removed.Blobs, removed.Orphans)
	if left > 0 {
		return wrongf("%d problems are left", left)
	}
	return nil
}
