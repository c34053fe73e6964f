package main

import (
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/moving"
)

// errStayed is the end of an export or import of which some files stayed behind; each was told.
var errStayed = errors.New("some of it stayed behind; the same command goes on with that")

// movingFlags are those of commands that move files of drives on the server itself.
func movingFlags(cmd *cobra.Command, atOnce *int) {
	cmd.Flags().IntVar(atOnce, "at-once", 4, "`FILES` that are moved at the same time")
}

func checkAtOnce(n int) error {
	if n < 1 || n > 64 {
		return usagef("--at-once %d: want 1 to 64", n)
	}
	return nil
}

// tell says what became of a file, where that is worth a line: not of those that were moved, unless nothing is moved yet.
func (p *program) tell(dryRun bool) func(moving.Told) {
	return func(t moving.Told) {
		about := t.Path
		if t.User != "" && about != "" {
			about = t.User + ": " + about
		} else if about == "" {
			about = t.User
		}
		switch {
		case t.Outcome == moving.Noted:
			fmt.Fprintf(p.stdout, "%s %s\n", terminal(about), sentence(t.Why))
		case t.Why != nil:
			fmt.Fprintf(p.stderr, "satchel: %s: %s: %s\n", t.Outcome, terminal(about), sentence(t.Why))
		case dryRun && t.Outcome == moving.Moved:
			fmt.Fprintf(p.stdout, "%s would be %s\n", terminal(about), terminal(t.To))
		}
	}
}

// sumUp prints what became of all of it and answers what the command ends with. err is what ended it before its time.
func (p *program) sumUp(sum moving.Sum, verb string, err error) error {
	text := fmt.Sprintf("%d files %s (%s)", sum.Moved, verb, humanize.IBytes(uint64(sum.Bytes)))
	for _, part := range []struct {
		n    int
		word moving.Outcome
	}{{sum.Same, moving.Same}, {sum.Left, moving.Left}, {sum.Failed, moving.Failed}, {sum.Damaged, moving.Damaged}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	fmt.Fprintln(p.stdout, text+".")
	switch {
	case err != nil:
		return err
	case sum.Damaged > 0:
		return wrongf("content is damaged")
	case sum.Failed > 0:
		return errStayed
	case sum.Changed:
		fmt.Fprintln(p.stderr, "satchel: the drive changed while it was read: run the command again for what was made or moved meanwhile")
		return errStayed
	}
	return nil
}
