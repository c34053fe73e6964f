package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/hooks"
)

func (p *program) eventsCommand() *cobra.Command {
	return group("events", "What the receiver of events has not taken", p.eventsListCommand(), p.eventsRetryCommand(), p.eventsResumeCommand())
}

func (p *program) eventsListCommand() *cobra.Command {
	var f hooks.LetterFilter
	var lines int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List events that wait and those that were given up, newest first",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lines < 1 {
				return usagef("--lines %d: want 1 or more", lines)
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error { return p.printEvents(ctx, in.events, f, lines, asJSON) })
		},
	}
	cmd.Flags().StringVar(&f.State, "state", "", "only those that are `waiting` or dead")
	cmd.Flags().IntVar(&lines, "lines", 100, "at most this many")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

func (p *program) printEvents(ctx context.Context, events *hooks.Events, f hooks.LetterFilter, lines int, asJSON bool) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	if !asJSON {
		standing, err := events.Standing(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%d wait, %d were given up.\n", standing.Waiting, standing.Dead)
		if !standing.Paused.IsZero() {
			fmt.Fprintf(p.stdout, "Nothing is sent since %s, because the receiver answered 410: satchel events resume\n", standing.Paused.UTC().Format(time.RFC3339))
		}
		fmt.Fprintln(table, "ID\tAT\tTYPE\tDRIVE\tTRIES\tSTATE\tFAILURE")
	}
	for left := lines; left > 0; {
		f.Limit = min(left, hooks.MaxLetters)
		all, err := events.Letters(ctx, f)
		if err != nil {
			return err
		}
		for _, l := range all {
			if err := p.printEvent(table, l, asJSON); err != nil {
				return err
			}
			f.After = l.ID
		}
		if left -= len(all); len(all) < f.Limit {
			break
		}
	}
	return table.Flush()
}

func (p *program) printEvent(table *tabwriter.Writer, l hooks.Letter, asJSON bool) error {
	state := "waiting"
	if !l.Dead.IsZero() {
		state = "dead"
	}
	if asJSON {
		return json.NewEncoder(jsonForTerminal{p.stdout}).Encode(map[string]any{
			"id": l.ID, "type": l.Type, "drive": l.DriveID, "sequence": l.Sequence, "node": l.NodeID, "at": l.At.UTC(), "since": l.Since.UTC(),
			"tries": l.Tries, "state": state, "failure": l.Failure,
		})
	}
	_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", l.ID, l.At.UTC().Format(time.RFC3339), l.Type, l.DriveID, l.Tries, state, terminal(l.Failure))
	return err
}

func (p *program) eventsRetryCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry [ID ...]",
		Short: "Send events again: those that are named, or with --all every one that was given up",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return usagef("want ids of events, or --all (%s --help tells more)", cmd.CommandPath())
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				n := int64(len(ids))
				for _, id := range ids {
					if err := in.events.Retry(ctx, id); err != nil {
						return fmt.Errorf("%s: %w", id, err)
					}
				}
				if all {
					var err error
					if n, err = in.events.RetryAll(ctx); err != nil {
						return err
					}
				}
				_, err := fmt.Fprintf(p.stdout, "%d events are sent again by the server.\n", n)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every event that was given up")
	return cmd
}

func (p *program) eventsResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume",
		Short: "Go on sending events after their receiver answered 410",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				paused, err := in.events.Resume(ctx)
				if err != nil {
					return err
				}
				said := "Events are sent already."
				if paused {
					said = "Events are sent again."
				}
				_, err = fmt.Fprintln(p.stdout, said)
				return err
			})
		},
	}
}
