package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
)

func (p *program) userSignOutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sign-out " + loginArg,
		Short: "End all sessions of an account, at once",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changeUser(cmd, args[0], func(ctx context.Context, d authn.Administration, u authn.User) (string, error) {
				return "is signed out everywhere", d.SignOut(ctx, u.ID)
			})
		},
	}
}
