package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
)

func (p *program) userListCommand() *cobra.Command {
	var filter authn.UserFilter
	var role string
	var disabled bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts, oldest first",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter.Role = authn.Role(role)
			if cmd.Flags().Changed("disabled") {
				filter.Disabled = &disabled
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error { return p.listUsers(ctx, in, filter) })
		},
	}
	cmd.Flags().StringVar(&filter.Search, "search", "", "only those whose username, e-mail address or phone number begins with `TEXT`")
	cmd.Flags().StringVar(&role, "role", "", "only users or only admins: user or admin")
	cmd.Flags().BoolVar(&disabled, "disabled", false, "only those that are disabled; --disabled=false for the others")
	return cmd
}

func (p *program) listUsers(ctx context.Context, in *rooms, filter authn.UserFilter) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USERNAME\tROLE\tSTATE\tCREATED\tUSED\tQUOTA\tE-MAIL\tPHONE")
	for {
		users, err := in.accounts.Users(ctx, filter)
		if err != nil {
			return err
		}
		ids := make([]string, len(users))
		for i, u := range users {
			ids[i] = u.ID
		}
		usages, err := in.drives.Usages(ctx, ids)
		if err != nil {
			return err
		}
		for _, u := range users {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", terminal(u.Username), u.Role, state(u), u.Created.Format(time.RFC3339),
				usages[u.ID].Used, showQuota(usages[u.ID].Quota), terminal(cmp.Or(u.Email, "-")), cmp.Or(u.Phone, "-"))
		}
		if len(users) < authn.MaxUsers {
			return table.Flush()
		}
		filter.After = users[len(users)-1].ID
	}
}

// state is whether an account can sign in.
func state(u authn.User) string {
	if u.Disabled {
		return "disabled"
	}
	return "active"
}
