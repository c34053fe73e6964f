package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) userShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show " + loginArg,
		Short: "Show an account and how full its drive is",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				u, err := in.accounts.UserByLogin(ctx, args[0])
				if err != nil {
					return err
				}
				usage, err := in.drives.Usage(ctx, u.ID)
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
				for _, row := range [][2]string{
					{"id", u.ID}, {"username", u.Username}, {"e-mail", cmp.Or(u.Email, "-")}, {"phone", cmp.Or(u.Phone, "-")}, {"role", string(u.Role)},
					{"state", state(u)}, {"created", u.Created.Format(time.RFC3339)},
					{"used", fmt.Sprintf("%d bytes", usage.Used)}, {"open uploads", fmt.Sprintf("%d, for %d bytes", usage.Uploads, usage.Reserved)}, {"quota", showQuota(usage.Quota)},
				} {
					fmt.Fprintf(table, "%s\t%s\n", row[0], terminal(row[1]))
				}
				return table.Flush()
			})
		},
	}
}
