package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
)

func (p *program) userRoleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "role " + loginArg + " user|admin",
		Short: "Make an account an administrator's, or a user's again",
		Args:  usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			role := authn.Role(args[1])
			return p.changeUser(cmd, args[0], func(ctx context.Context, d authn.Administration, u authn.User) (string, error) {
				_, err := d.Change(ctx, u.ID, authn.UserChange{Role: &role})
				return "is now " + map[authn.Role]string{authn.RoleAdmin: "an administrator", authn.RoleUser: "a user"}[role], err
			})
		},
	}
}
