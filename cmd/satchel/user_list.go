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
	return &cobra.Command{
		Use:   "list",
		Short: "List the accounts, oldest first",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withRooms(cmd, p.listUsers)
		},
	}
}

func (p *program) listUsers(ctx context.Context, in *rooms) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USERNAME\tROLE\tSTATE\tCREATED\tE-MAIL\tPHONE")
	for after := ""; ; {
		users, err := in.accounts.Users(ctx, authn.UserFilter{After: after})
		if err != nil {
			return err
		}
		for _, u := range users {
			state := "active"
			if u.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", u.Username, u.Role, state, u.Created.Format(time.RFC3339), cmp.Or(u.Email, "-"), cmp.Or(u.Phone, "-"))
		}
		if len(users) < authn.MaxUsers {
			return table.Flush()
		}
		after = users[len(users)-1].ID
	}
}
