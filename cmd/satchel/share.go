package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/fault"
)

func (a *atPrompt) shareCommand() *cobra.Command {
	return group("share", "Links that open a file or folder to whoever has them", a.shareCreateCommand(), a.shareListCommand(), a.shareEndCommand())
}

func (a *atPrompt) shareCreateCommand() *cobra.Command {
	var n client.NewShare
	var drop, password bool
	var expires, largest string
	cmd := &cobra.Command{
		Use:   "create PATH",
		Short: "Make a link, and print it",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n.Path = args[0]
			if drop {
				n.Kind = "drop"
			}
			if n.Expires, err = parseEnd(expires); err != nil {
				return err
			}
			if largest != "" {
				if n.MaxSize, err = config.ParseSize(largest); err != nil {
					return usagef("--max-size %q: want %w", largest, err)
				}
			}
			if password {
				if n.Password, err = a.readPassword(cmd.Context()); err != nil {
					return err
				}
			}
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				s, err := c.MakeShare(ctx, n)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(s)
				}
				_, err = fmt.Fprintln(a.stdout, terminal(s.URL))
				return err
			})
		},
		ValidArgsFunction: a.completePaths,
	}
	cmd.Flags().BoolVar(&drop, "drop", false, "a folder that others put files into, and see nothing of")
	cmd.Flags().StringVar(&n.Name, "name", "", "what visitors are told it is called")
	cmd.Flags().BoolVar(&password, "password", false, "ask for a password that visitors need, or read it from a pipe")
	cmd.Flags().StringVar(&expires, "expires", "", "`WHEN` it ends: in 36h or 7d, or at 2030-01-31 or 2030-01-31T12:00:00Z")
	cmd.Flags().Int64Var(&n.MaxUses, "max-uses", 0, "downloads, or files that are put in; 0 is any number")
	cmd.Flags().StringVar(&largest, "max-size", "", "`SIZE` of the largest file that may be put in, such as 100MiB")
	a.jsonFlag(cmd)
	return cmd
}

// parseEnd reads a time to come; nil is none.
func parseEnd(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	if d, err := config.ParseDuration(text); err == nil && d > 0 {
		at := time.Now().Add(d).UTC()
		return &at, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return &at, nil
		}
	}
	return nil, usagef("--expires %q: want a duration such as 36h or 7d, a day such as 2030-01-31, or a time such as 2030-01-31T12:00:00Z", text)
}

func (a *atPrompt) shareListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the links, newest first",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Shares(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return printEach(a, all)
				}
				table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tKIND\tUSES\tEXPIRES\tPATH\tURL")
				for _, s := range all {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", terminal(s.ID), terminal(s.Kind), showUses(s), showEnd(s.Expires), terminal(showPath(s.Path)), terminal(s.URL))
				}
				return table.Flush()
			})
		},
	}
	a.jsonFlag(cmd)
	return cmd
}

func printEach[T any](a *atPrompt, all []T) error {
	for _, one := range all {
		if err := a.printJSON(one); err != nil {
			return err
		}
	}
	return nil
}

func showUses(s client.Share) string {
	if s.MaxUses == nil {
		return fmt.Sprint(s.Uses)
	}
	return fmt.Sprintf("%d of %d", s.Uses, *s.MaxUses)
}

func showEnd(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return at.Local().Format(time.DateTime)
}

func showPath(path *string) string {
	if path == nil {
		return "(in the trash)"
	}
	return *path
}

func (a *atPrompt) shareEndCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "end ID|URL|PATH...",
		Short: "End links; of a path all there are",
		Args:  usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Shares(ctx)
				if err != nil {
					return err
				}
				return a.each(ctx, args, func(which string) error { return endShares(ctx, c, all, which) })
			})
		},
	}
}

func endShares(ctx context.Context, c *client.Client, all []client.Share, which string) error {
	ended := 0
	for _, s := range all {
		if s.ID != which && s.URL != which && (s.Path == nil || *s.Path != client.Clean(which)) {
			continue
		}
		if err := c.EndShare(ctx, s.ID); err != nil {
			return err
		}
		ended++
	}
	if ended == 0 {
		return fault.New(fault.NotFound, "endShares", "There is no such link.")
	}
	return nil
}
