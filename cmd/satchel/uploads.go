package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

func (a *atPrompt) uploadsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "uploads",
		Short: "List uploads that are under way, from all devices; go on with them, or cancel them",
		Long: `List uploads that are under way, from all devices, newest first.

Running satchel put again goes on by itself, also on another machine that has the same file.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				all, err := c.Uploads(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return printEach(a, all)
				}
				table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tSENT\tEXPIRES\tPATH")
				for _, u := range all {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", terminal(u.ID), showSent(u), showEnd(&u.Expires), terminal(path.Join(u.Folder, u.Name)))
				}
				return table.Flush()
			})
		},
	}
	a.jsonFlag(cmd)
	cmd.AddCommand(a.uploadsResumeCommand(), a.uploadsCancelCommand())
	return cmd
}

func showSent(u client.Upload) string {
	switch {
	case u.Size == nil:
		return showSize(u.Offset)
	case *u.Size == 0:
		return "0 B"
	}
	return fmt.Sprintf("%d%% of %s", u.Offset*100 / *u.Size, showSize(*u.Size))
}

func (a *atPrompt) uploadsResumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume ID FILE",
		Short: "Go on with an upload, whatever its file is called here",
		Args:  usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.transfer(cmd, 1, func(ctx context.Context, c *client.Client, m *mover) error {
				all, err := c.Uploads(ctx)
				if err != nil {
					return err
				}
				u, err := pick(all, args[0])
				if err != nil {
					return err
				}
				info, err := os.Stat(args[1])
				if err != nil {
					return err
				}
				return m.put(ctx, client.Found{Local: args[1], To: path.Join(u.Folder, u.Name), Info: info, Followed: true}, putOptions{resume: &u})
			})
		},
	}
	a.transferFlags(cmd)
	return cmd
}

// pick is the upload with an id.
func pick(all []client.Upload, id string) (client.Upload, error) {
	for _, u := range all {
		if u.ID == id {
			return u, nil
		}
	}
	return client.Upload{}, fault.New(fault.NotFound, "pick", "There is no such upload, or it has ended.")
}

func (a *atPrompt) uploadsCancelCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "cancel ID...",
		Short: "End uploads with what they have received",
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usagef("say which: the ids, or --all")
			}
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				uploads, err := c.Uploads(ctx)
				if err != nil {
					return err
				}
				if all {
					for _, u := range uploads {
						args = append(args, u.ID)
					}
				}
				return a.each(ctx, args, func(id string) error {
					u, err := pick(uploads, id)
					if err != nil {
						return err
					}
					return c.CancelUpload(ctx, u)
				})
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all of them, at most 1000")
	return cmd
}
