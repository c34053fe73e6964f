package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/moving"
)

// errStayed is the end of an export or import of which some files stayed behind; each was told.
var errStayed = errors.New("some of it stayed behind; the same command goes on with that")

// removal tells what becomes of files that export or import moves, and sums it up.
type removal struct {
	p      *program
	verb   string // what is done to those that move
	dryRun bool
	json   bool
	atOnce int

	next  time.Time // when it is told how far it is
	files int
	bytes int64
}

func (r *removal) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.atOnce, "at-once", 4, "`FILES` that are moved at the same time")
	cmd.Flags().BoolVar(&r.json, "json", false, "one JSON object a line, one for each file")
}

func (r *removal) check() error {
	if r.atOnce < 1 || r.atOnce > 64 {
		return usagef("--at-once %d: want 1 to 64", r.atOnce)
	}
	r.next = time.Now().Add(tellEvery)
	return nil
}

// tell says what became of a file, where that is worth a line: of those that moved only how many there are, now and then, unless nothing is moved yet.
func (r *removal) tell(t moving.Told) {
	if t.Outcome == moving.Moved {
		r.files++
		r.bytes += t.Bytes
	}
	if r.json {
		r.tellJSON(t)
		return
	}
	about := terminal(t.Path)
	if t.User != "" && about != "" {
		about = terminal(t.User) + ": " + about
	} else if about == "" {
		about = terminal(t.User)
	}
	switch {
	case t.Outcome == moving.Noted:
		fmt.Fprintf(r.p.stdout, "%s %s\n", about, sentence(t.Why))
	case t.Why != nil:
		fmt.Fprintf(r.p.stderr, "satchel: %s: %s: %s\n", t.Outcome, about, sentence(t.Why))
	case r.dryRun && t.Outcome == moving.Moved:
		fmt.Fprintf(r.p.stdout, "%s would be %s\n", about, terminal(t.To))
	case !r.dryRun && time.Now().After(r.next):
		r.next = time.Now().Add(tellEvery)
		fmt.Fprintf(r.p.stdout, "%d files %s so far (%s)\n", r.files, r.verb, humanize.IBytes(uint64(r.bytes)))
	}
}

func (r *removal) tellJSON(t moving.Told) {
	line := map[string]any{"result": t.Outcome, "path": t.Path, "bytes": t.Bytes}
	if t.User != "" {
		line["user"] = t.User
	}
	if t.To != "" {
		line["to"] = t.To
	}
	if t.Why != nil {
		line["why"] = sentence(t.Why)
		if refused := (*fault.Error)(nil); errors.As(t.Why, &refused) {
			line["code"], _, _ = fault.Public(t.Why)
		}
	}
	_ = json.NewEncoder(r.p.stdout).Encode(line) // the move is worth more than its progress
}

// end sums up and answers what the command ends with. err is what ended it before its time.
func (r *removal) end(sum moving.Sum, err error) error {
	if r.json {
		_ = json.NewEncoder(r.p.stdout).Encode(map[string]any{"summary": sum, "dry_run": r.dryRun})
	} else {
		text := fmt.Sprintf("%d files %s (%s)", sum.Moved, r.verb, humanize.IBytes(uint64(sum.Bytes)))
		for _, part := range []struct {
			n    int
			word moving.Outcome
		}{{sum.Same, moving.Same}, {sum.Left, moving.Left}, {sum.Failed, moving.Failed}, {sum.Damaged, moving.Damaged}} {
			if part.n > 0 {
				text += fmt.Sprintf(", %d %s", part.n, part.word)
			}
		}
		fmt.Fprintln(r.p.stdout, text+".")
	}
	switch {
	case err != nil:
		return err
	case sum.Damaged > 0:
		return wrongf("content is damaged")
	case sum.Failed > 0:
		return errStayed
	case sum.Changed:
		fmt.Fprintln(r.p.stderr, "satchel: the drive changed while it was read: run the command again for what was made or moved meanwhile")
		return errStayed
	}
	return nil
}
